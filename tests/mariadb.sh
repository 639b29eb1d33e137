#!/usr/bin/env bash
# A throw-away MariaDB for the tests, on loopback, in a temporary folder.
#   tests/mariadb.sh start FOLDER   starts it there and prints its URL
#   tests/mariadb.sh stop FOLDER    stops it and removes the folder
#   tests/mariadb.sh run COMMAND…   runs the command with HERA_TEST_MYSQL_URL set, then stops it
set -euo pipefail

fail() { echo "tests/mariadb.sh: $*" >&2; exit 1; }

install_server() {
    PATH=$PATH:/usr/sbin
    if command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null; then
        return
    fi
    command -v apt-get >/dev/null || fail "mariadbd is missing: install MariaDB's server and client library"
    local sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    echo "installing mariadb-server and libmariadb-dev" >&2
    $sudo apt-get update -qq >&2
    # A server that the package would start by itself is not wanted.
    DEBIAN_FRONTEND=noninteractive $sudo env RUNLEVEL=1 apt-get install -y -qq mariadb-server libmariadb-dev >&2
}

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 20000))
        # Nobody answers: free, as far as anybody can know beforehand.
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

start() {
    local folder=$1 port attempt
    install_server
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    local user=()
    [ "$(id -u)" != 0 ] || user=(--user=root)
    mariadb-install-db --no-defaults "${user[@]}" --datadir="$folder/data" \
        --auth-root-authentication-method=normal --skip-test-db >"$folder/install.log" 2>&1 ||
        fail "the data folder could not be made; see $folder/install.log"
    for attempt in 1 2 3; do
        port=$(free_port)
        # Durability of a throw-away server is not worth a disk's time; group commit still is as
        # it is in production. The socket's path must stay short.
        mariadbd --no-defaults "${user[@]}" --datadir="$folder/data" --pid-file="$folder/pid" \
            --socket="$folder/s" --bind-address=127.0.0.1 --port="$port" \
            --innodb-flush-log-at-trx-commit="${HERA_TEST_MYSQL_FLUSH:-2}" --skip-log-bin \
            --max-connections=500 --lower-case-table-names=0 \
            >"$folder/server.log" 2>&1 </dev/null 9>&- &
        local pid=$!
        if wait_until_ready "$pid" "$folder"; then
            mariadb --no-defaults --socket="$folder/s" -uroot -e \
                "CREATE USER 'hera'@'127.0.0.1' IDENTIFIED BY 'hera'; GRANT ALL ON *.* TO 'hera'@'127.0.0.1' WITH GRANT OPTION;" ||
                fail "the user could not be made; see $folder/server.log"
            echo "mysql://hera:hera@127.0.0.1:$port/mysql"
            return
        fi
    done
    fail "the server did not start; see $folder/server.log"
}

wait_until_ready() {
    local pid=$1 folder=$2
    for _ in $(seq 300); do
        kill -0 "$pid" 2>/dev/null || return 1
        if [ -S "$folder/s" ] && mariadb-admin --no-defaults --socket="$folder/s" -uroot ping >/dev/null 2>&1; then
            return 0
        fi
        sleep 0.1
    done
    return 1
}

stop() {
    local folder=$1 pid
    if [ -f "$folder/pid" ]; then
        pid=$(cat "$folder/pid")
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -rf "$folder"
}

case "${1:-}" in
start) start "${2:?name a folder}" ;;
stop) stop "${2:?name the folder}" ;;
run)
    shift
    folder=$(mktemp -d "${TMPDIR:-/tmp}/hera-mariadb.XXXXXX")
    trap 'stop "$folder"' EXIT
    HERA_TEST_MYSQL_URL=$(start "$folder")
    export HERA_TEST_MYSQL_URL HERA_REQUIRE_MYSQL=1
    "$@"
    ;;
*) sed -n '2,5s/^# \?//p' "$0" >&2; exit 2 ;;
esac
