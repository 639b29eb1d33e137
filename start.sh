#!/usr/bin/env bash
# Builds and runs one installation on this machine: hera-admin and one hera-worker.
#
#   ./start.sh                            build, start both, stay in the foreground; Ctrl-C stops both
#   ./start.sh -d [--watch]               the same in the background; --watch restarts a part that dies
#   ./start.sh start|restart [admin|worker] [--watch]
#   ./start.sh stop|status [admin|worker]
#   ./start.sh install                    write systemd units
#   ./start.sh deps                       only install what the build needs
#
# `stop` and Ctrl-C end the running scripts; `restart` leaves them running. The HERA_… variables of
# README.md are honoured, so several installations can run side by side.
set -euo pipefail

CALLED_FROM=$PWD
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
absolute() { case $1 in /*) printf '%s\n' "$1" ;; *) printf '%s\n' "$CALLED_FROM/$1" ;; esac; }

# Relative paths of the caller mean the caller's folder; the programs run in this one.
[ -z "${HERA_DATA_DIR:-}" ] || { HERA_DATA_DIR=$(absolute "$HERA_DATA_DIR"); export HERA_DATA_DIR; }
[ -z "${CARGO_TARGET_DIR:-}" ] || { CARGO_TARGET_DIR=$(absolute "$CARGO_TARGET_DIR"); export CARGO_TARGET_DIR; }
DATA=${HERA_DATA_DIR:-$ROOT/data}
BIN=${CARGO_TARGET_DIR:-$ROOT/target}/release
READY_SECONDS=60
STOP_SECONDS=40
cd "$ROOT"

say() { printf '%s\n' "$*"; }
fail() { printf 'start.sh: %s\n' "$*" >&2; exit 1; }

# ---- what the build needs ------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else fail "this needs root: $*"
    fi
}

deps() {
    # A toolchain installed for this user may not be in a bare PATH.
    [ ! -d "$HOME/.cargo/bin" ] || PATH=$HOME/.cargo/bin:$PATH
    local wanted=() tool
    for tool in cc:build-essential curl:curl python3:python3 pkg-config:pkg-config; do
        command -v "${tool%%:*}" >/dev/null || wanted+=("${tool##*:}")
    done
    [ -e /usr/include/mariadb/mysql.h ] || [ -e /usr/include/mysql/mysql.h ] || wanted+=(libmariadb-dev)
    command -v cargo >/dev/null || wanted+=(rustup)
    if [ ${#wanted[@]} -gt 0 ]; then
        command -v apt-get >/dev/null || fail "please install: ${wanted[*]} (or what your system calls them)"
        say "installing ${wanted[*]}"
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates "${wanted[@]}" >/dev/null ||
            fail "apt-get could not install ${wanted[*]}; if it is rustup that is missing, install Rust as its site says and start again"
    fi
    # rust-toolchain.toml names the toolchain; this fetches it if it is not there.
    cargo --version >/dev/null || fail "cargo does not work; install the Rust toolchain that rust-toolchain.toml names"
}

build() {
    deps
    cargo build --release --locked --quiet -p hera-admin -p hera-worker
}

# ---- processes -----------------------------------------------------------------------------

# When the process started, in clock ticks since boot: with the pid it names one process for good.
born() {
    local stat fields
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -ra fields <<<"${stat##*) }"
    echo "${fields[19]}"
}

# Prints the pid of a part if it runs and is the process that this script started.
pid_of() {
    local pid
    pid=$(cat "$DATA/$1.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
    [ "$(born "$pid")" = "$(cat "$DATA/.$1.born" 2>/dev/null)" ] || return 1
    # A zombie has ended.
    ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null || return 1
    echo "$pid"
}

remember() { echo "$2" >"$DATA/$1.pid"; born "$2" >"$DATA/.$1.born"; }
forget() { rm -f "$DATA/$1.pid" "$DATA/.$1.born"; }

# The value of a setting, wherever it was set.
setting() { "$BIN/hera-admin" config get "$1"; }
url() {
    local host
    host=$(setting server.address)
    case $host in 0.0.0.0 | ::) host=127.0.0.1 ;; *:*) host="[$host]" ;; esac
    echo "http://$host:$(setting server.port)/hera"
}

launch() {
    local part=$1 pid
    if pid=$(pid_of "$part"); then say "hera-$part runs already (pid $pid)"; return; fi
    mkdir -p "$DATA/logs" 2>/dev/null || fail "the data folder $DATA cannot be made; set HERA_DATA_DIR to one that can"
    # A session of its own: the terminal's Ctrl-C reaches only this script, which ends the parts in order.
    # A shell's background processes ignore SIGINT, and would hand that down to every script.
    setsid env --default-signal=INT,QUIT "$BIN/hera-$part" serve >>"$DATA/logs/$part.out" 2>&1 </dev/null &
    remember "$part" $!
}

# Waits until a part serves; says why if it does not.
await() {
    local part=$1 url=$2 deadline=$((SECONDS + READY_SECONDS))
    until ready "$part" "$url"; do
        if ! pid_of "$part" >/dev/null; then
            forget "$part"
            tail -n 5 "$DATA/logs/$part.out" >&2
            fail "hera-$part ended at its start; more in $DATA/logs/$part.out"
        fi
        [ $SECONDS -lt $deadline ] || fail "hera-$part is not ready after $READY_SECONDS s; see $DATA/logs/$part.out"
        sleep 0.1
    done
}

ready() {
    case $1 in
    admin) curl -sf -o /dev/null --noproxy '*' "$2/readyz" ;;
    # A worker is ready when an admin counts it, if the admin is of this machine.
    worker) ! pid_of admin >/dev/null || curl -sf --noproxy '*' "$2/metrics" | grep -q '^hera_workers [1-9]' ;;
    esac
}

start() {
    local part url
    url=$(url)
    for part in $1; do
        launch "$part"
        await "$part" "$url"
    done
    case $1 in *admin*) load_example "$url" ;; esac
}

# Loads the example once per data folder.
load_example() {
    [ ! -e "$DATA/.example-loaded" ] || return 0
    "$BIN/hera-admin" apply examples \
        --define "example.home=$ROOT/examples" --define "example.output=$DATA/example" >/dev/null ||
        fail "the example pipeline could not be loaded; see $DATA/logs/admin.out"
    touch "$DATA/.example-loaded"
}

# Ends a part with a signal and waits until it is gone.
end() {
    local part=$1 signal=$2 pid deadline=$((SECONDS + STOP_SECONDS))
    pid=$(pid_of "$part") || { forget "$part"; return 0; }
    kill "-$signal" "$pid" 2>/dev/null || true
    while pid_of "$part" >/dev/null; do
        [ $SECONDS -lt $deadline ] || fail "hera-$part (pid $pid) has not ended within $STOP_SECONDS s; see $DATA/logs/$part.out"
        sleep 0.1
    done
    forget "$part"
}

# The admin first: it ends the runs through the workers, and records that.
stop() {
    local part watcher
    if [ "$1" = "admin worker" ] && watcher=$(pid_of watch); then kill "$watcher" 2>/dev/null || true; forget watch; fi
    for part in $1; do end "$part" INT; done
}

restart() {
    local part
    for part in $1; do end "$part" TERM; done
    start "$1"
}

# Starts again what dies, until it is ended itself.
watch() {
    local part
    while :; do
        sleep 1
        for part in admin worker; do
            # No pid file: stopped on purpose.
            if [ -e "$DATA/$part.pid" ] && ! pid_of "$part" >/dev/null; then
                say "$(date '+%F %T') hera-$part has died; starting it again"
                launch "$part"
            fi
        done
    done
}

launch_watch() {
    ! pid_of watch >/dev/null || return 0
    setsid bash "$ROOT/start.sh" watch-parts >>"$DATA/logs/watch.out" 2>&1 </dev/null &
    remember watch $!
}

status() {
    local part pid all=0 ready
    for part in $1; do
        if ! pid=$(pid_of "$part"); then say "hera-$part: not running"; all=3; continue; fi
        case $part in
        admin)
            ready=$(curl -s --noproxy '*' "$(url)/readyz" || true)
            say "hera-admin: pid $pid, web port $(setting server.port), worker port $(setting hera.connectPort), $(role "$ready")"
            ;;
        worker) say "hera-worker: pid $pid, joins $(setting hera.adminAddress)" ;;
        esac
    done
    return $all
}

role() {
    case $1 in
    *'"leading":true'*) echo leader ;;
    *'"ready":true'*) echo follower ;;
    *) echo "not ready" ;;
    esac
}

welcome() {
    say ""
    say "HERA is at $(url)"
    if [ -n "${HERA_ADMIN_PASSWORD:-}" ]; then
        say "Log in as hera with the password of HERA_ADMIN_PASSWORD."
    else
        say "Log in as hera / biadmin; change the password before you open another address than 127.0.0.1."
    fi
    say "Logs: $DATA/logs"
}

foreground() {
    local gone part told=""
    trap 'trap - INT TERM; say ""; say "stopping"; stop "admin worker"; exit 0' INT
    trap 'trap - INT TERM; end worker TERM; end admin TERM; exit 0' TERM
    say "Ctrl-C stops both."
    while :; do
        # Interruptible, unlike a bare sleep.
        sleep 1 & wait $! || true
        gone=""
        for part in admin worker; do
            pid_of "$part" >/dev/null && continue
            gone+=" $part"
            [[ -e $DATA/$part.pid && " $told " != *" $part "* ]] || continue
            told+=" $part"
            say "hera-$part has ended; see $DATA/logs/$part.out. ./start.sh start $part starts it again"
        done
        [ "$gone" != " admin worker" ] || exit 1
    done
}

# ---- systemd -------------------------------------------------------------------------------

install_units() {
    local dir scope=() part
    if [ "$(id -u)" = 0 ]; then dir=${HERA_SYSTEMD_DIR:-/etc/systemd/system}
    else dir=${HERA_SYSTEMD_DIR:-$HOME/.config/systemd/user}; scope=(--user)
    fi
    build
    mkdir -p "$dir" "$DATA"
    # Passwords and tokens may be among the variables.
    (umask 077; env | grep '^HERA_' | grep -v '^HERA_SYSTEMD_DIR=' >"$DATA/hera.env" || true)
    for part in admin worker; do unit "$part" >"$dir/hera-$part.service"; say "wrote $dir/hera-$part.service"; done
    say "Start them with: systemctl ${scope[*]:+${scope[*]} }daemon-reload && systemctl ${scope[*]:+${scope[*]} }enable --now hera-admin hera-worker"
}

unit() {
    cat <<UNIT
[Unit]
Description=HERA $1
After=network-online.target$([ "$1" = worker ] && echo " hera-admin.service")
Wants=network-online.target

[Service]
ExecStart=$BIN/hera-$1 serve
WorkingDirectory=$ROOT
EnvironmentFile=-$DATA/hera.env
Restart=on-failure
RestartSec=1
# Running scripts outlive a restart of the worker.
KillMode=process

[Install]
WantedBy=$([ "$(id -u)" = 0 ] && echo multi-user.target || echo default.target)
UNIT
}

# ---- the command line ----------------------------------------------------------------------

command=foreground parts="admin worker" watching=""
for argument in "$@"; do
    case $argument in
    -d) command=start ;;
    --watch) watching=yes ;;
    start | stop | restart | status | install | deps | watch-parts) command=$argument ;;
    admin | worker) parts=$argument ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "unknown argument $argument; ./start.sh --help tells what there is" ;;
    esac
done

case $command in
deps) deps ;;
install) install_units ;;
status) status "$parts" ;;
stop) stop "$parts" ;;
watch-parts) watch ;;
restart) build; restart "$parts" ;;
start)
    build
    start "$parts"
    [ -z "$watching" ] || launch_watch
    [ "$parts" != "admin worker" ] || welcome
    ;;
foreground)
    build
    start "$parts"
    [ -z "$watching" ] || launch_watch
    welcome
    foreground
    ;;
esac
