#!/usr/bin/env bash
# Runs every check of the project.
#
#   ./test.sh         all: on SQLite and MariaDB, with real processes and a real browser
#   ./test.sh quick   what needs no other server, on SQLite; under 3 minutes once built
#   ./test.sh deps    only installs what the tests need
#
# Nothing is left behind but build results; databases and installations live in temporary folders.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export CARGO_TARGET_DIR

fail() { printf 'test.sh: %s\n' "$*" >&2; exit 1; }

# Runs one named step and says how long it took.
step() {
    local name=$1 from=$SECONDS
    shift
    printf '== %s\n' "$name"
    "$@" || fail "$name failed"
    printf '   %s: %d s\n' "$name" $((SECONDS - from))
}

deps() {
    ./start.sh deps
    local wanted=() tool
    for tool in mariadbd:mariadb-server chromium:chromium node:nodejs npm:npm python3:python3 sudo:sudo; do
        command -v "${tool%%:*}" >/dev/null || [ -x "/usr/sbin/${tool%%:*}" ] || wanted+=("${tool##*:}")
    done
    python3 -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3-venv)
    [ ${#wanted[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || fail "please install: ${wanted[*]} (or what your system calls them)"
    printf 'installing %s\n' "${wanted[*]}"
    local sudo=()
    [ "$(id -u)" = 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get update -qq
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
}

lint() {
    cargo fmt --all -- --check
    cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
}

# Private items are documented too, so links to them hold.
docs() { RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items --locked --quiet; }

# The crates' own tests; those with real processes have a step of their own.
crates() { cargo test --workspace --exclude hera-tests --exclude hera-chaos --locked --quiet; }

build() { cargo build --release --locked --quiet -p hera-admin -p hera-worker -p hera-bench; }

processes() { HERA_TEST_BIN="$CARGO_TARGET_DIR/release" cargo test -p hera-tests --locked --quiet -- "$@"; }

# Parts are killed, stopped and cut off; it starts a MariaDB of its own.
chaos() { PATH=$PATH:/usr/sbin HERA_TEST_BIN="$CARGO_TARGET_DIR/release" cargo test -p hera-chaos --locked --quiet -- --nocapture; }

# The OpenAPI document against the admin that serves it.
api() { HERA_TEST_BIN="$CARGO_TARGET_DIR/release" tests/api.sh; }

browser() {
    (cd tests/e2e && npm ci --silent --no-audit --no-fund)
    node --test tests/e2e/
}

# A package's licence, source or known flaw; the tool takes long to build, so it is not installed here.
deny() {
    if cargo deny --version >/dev/null 2>&1; then cargo deny --locked check
    else printf '   skipped: cargo-deny is not installed\n'
    fi
}

quick() {
    step "format and lints" lint
    step "tests of the crates, SQLite" crates
    step "release build" build
    step "real processes, SQLite" processes sqlite
}

full() {
    step "what the tests need" deps
    step "format and lints" lint
    step "documentation" docs
    MARIADB=$(mktemp -d)
    trap 'tests/mariadb.sh stop "$MARIADB"' EXIT
    HERA_TEST_MYSQL_URL=$(tests/mariadb.sh start "$MARIADB")
    export HERA_TEST_MYSQL_URL HERA_REQUIRE_MYSQL=1
    step "tests of the crates, SQLite and MariaDB" crates
    step "release build" build
    step "real processes, SQLite and MariaDB" processes
    step "chaos" chaos
    step "the API and its document" api
    step "a real browser" browser
    step "licences and advisories" deny
}

case ${1:-full} in
full | quick | deps) "${1:-full}" ;;
*) fail "unknown argument $1; there are full, quick and deps" ;;
esac
printf 'all passed in %d s\n' $SECONDS
