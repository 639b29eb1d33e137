#!/usr/bin/env bash
# Kills, stops and cuts off the parts of an installation, and checks that nothing was lost.
#   tests/chaos.sh attack [--seed N] [--faults N]   one attack; a seed repeats its faults
#   tests/chaos.sh soak 1h                          attacks with new seeds until the time is over
#   tests/chaos.sh wakes                            a leader is stopped inside a transaction, and wakes up
#   tests/chaos.sh takeover                         time from kill -9 of the leader to the next dispatch
#   tests/chaos.sh disk [--leader]                  a full disk; needs root
# --admins N and --workers N change the size (3 and 3). Needs MariaDB's server, as ./test.sh deps installs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export CARGO_TARGET_DIR PATH=$PATH:/usr/sbin
if [ -z "${HERA_TEST_BIN:-}" ]; then
    cargo build --release --locked --quiet -p hera-admin -p hera-worker -p hera-chaos
    export HERA_TEST_BIN=$CARGO_TARGET_DIR/release
fi
exec "$HERA_TEST_BIN/hera-chaos" "$@"
