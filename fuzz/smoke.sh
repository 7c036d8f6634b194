#!/bin/sh
# Runs every fuzz target for a minute (or the seconds given): by cargo-fuzz where it and a nightly compiler are installed,
# otherwise as seeded mutations through the same functions on the stable compiler.
set -eu
cd "$(dirname "$0")"
if cargo fuzz --version >/dev/null 2>&1 && cargo +nightly --version >/dev/null 2>&1; then
    for target in intake buffers; do
        cargo +nightly fuzz run "$target" -- -max_total_time="${1:-60}" -rss_limit_mb=1024 -timeout=10
    done
else
    cd .. && cargo run --release -p ocelli-image --features "${FEATURES:-qoi,tga,hdr,exr,heic,jxl}" --example smoke -- "${1:-60}"
fi
