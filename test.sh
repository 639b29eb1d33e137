#!/usr/bin/env bash
# Runs every check of the project. `./test.sh quick` leaves out what needs another server.
set -euo pipefail
cd "$(dirname "$0")"
cargo fmt --all -- --check
cargo clippy --workspace --all-targets --locked -- -D warnings
cargo test --workspace --locked
