#!/bin/sh
# Runs every fuzz target for a minute (or the seconds given). Needs cargo-fuzz and a nightly compiler.
set -eu
cd "$(dirname "$0")"
for target in intake buffers; do
    cargo +nightly fuzz run "$target" -- -max_total_time="${1:-60}" -rss_limit_mb=1024 -timeout=10
done
