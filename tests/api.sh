#!/usr/bin/env bash
# Calls a running admin with what its OpenAPI document allows and with what it forbids: every
# answer must be one that the document names. Seeded, so that it says the same twice.
#   HERA_TEST_BIN=target/release tests/api.sh
set -euo pipefail

SCHEMATHESIS=4.32.5
# It takes half a minute; a machine may be busy.
MOST_SECONDS=300
BIN=${HERA_TEST_BIN:-target/release}
TOOLS=${CARGO_TARGET_DIR:-target}/schemathesis-$SCHEMATHESIS

fail() { echo "tests/api.sh: $*" >&2; exit 1; }

if [ ! -x "$TOOLS/bin/schemathesis" ]; then
    python3 -m venv "$TOOLS" || fail "python3 -m venv does not work; install python3-venv"
    "$TOOLS/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$SCHEMATHESIS"
fi

FOLDER=$(mktemp -d)
ADMIN=
stop() {
    [ -z "$ADMIN" ] || { kill "$ADMIN" 2>/dev/null && wait "$ADMIN" || true; }
    rm -rf "$FOLDER"
}
trap stop EXIT

export HERA_DATA_DIR=$FOLDER HERA_PORT=$((20000 + RANDOM % 10000)) HERA_CONNECT_PORT=$((30000 + RANDOM % 10000))
URL=http://127.0.0.1:$HERA_PORT
"$BIN/hera-admin" serve --config /dev/null >"$FOLDER/admin.out" 2>&1 &
ADMIN=$!
for _ in $(seq 100); do
    curl -sf "$URL/hera/readyz" >/dev/null && break
    kill -0 "$ADMIN" 2>/dev/null || { cat "$FOLDER/admin.out" >&2; fail "the admin has ended"; }
    sleep 0.1
done
TOKEN=$("$BIN/hera-admin" token create --config /dev/null --user hera --name api-test)

# The stream of a log lasts as long as its run. What the rules of the product refuse beyond the
# document's types (a cron that cannot be read, a missing group) is no fault of either.
cd "$FOLDER"
STATUS=0
timeout "$MOST_SECONDS" "$TOOLS/bin/schemathesis" run "$URL/hera/api/v1/openapi.json" --url "$URL" \
    --header "Authorization: Bearer $TOKEN" --checks all --exclude-checks positive_data_acceptance \
    --exclude-path '/hera/api/v1/runs/{id}/log/stream' --phases examples,coverage,fuzzing \
    --max-examples 25 --request-timeout 10 --seed 1 --no-color >"$FOLDER/report" 2>&1 || STATUS=$?
[ "$STATUS" = 0 ] || cat "$FOLDER/report"
case $STATUS in
0) ;;
124) fail "not done within $MOST_SECONDS s" ;;
*) fail "an answer is not as the document says" ;;
esac
tail -n 3 "$FOLDER/report"
