#!/usr/bin/env bash
# Builds, checks and measures everything that wants a graphics device, in one go of under eight minutes.
#
#   benches/gpu.sh                     build here (needs cargo), then check and measure
#   benches/gpu.sh --pack FOLDER       build only, and put what the other machine needs into FOLDER
#   benches/gpu.sh --prebuilt FOLDER   check and measure with what --pack left there; needs no compiler
#
# OCELLI_ADAPTER: part of the adapter's name. OCELLI_DATA: folder with dev.jsonl, for the agreement on photographs.
# GPU_QUICK=1: small sizes and short rows, to try the script out on a software adapter.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-$(mktemp -d)}"

build() { # paths of the three programs, a line each
  cd "$root"
  cargo build --release -q -p ocelli-benches --features gpu --bin gpu
  cargo build --release -q -p ocelli-cli --features gpu
  cargo test --release -q -p ocelli-gpu --test kernels --no-run --message-format json |
    sed -n 's/.*"executable":"\([^"]*kernels-[^"]*\)".*/\1/p' | tail -1 > target/kernels-path
  printf '%s\n' "$root/target/release/gpu" "$root/target/release/ocelli" "$(cat target/kernels-path)"
}

case "${1:-}" in
  --pack)
    mkdir -p "$2"
    mapfile -t programs < <(build)
    cp "${programs[0]}" "$2/gpu"; cp "${programs[1]}" "$2/ocelli"; cp "${programs[2]}" "$2/kernels"
    cp "$root/examples/astronaut.png" "$root/benches/gpu.sh" "$2/"
    echo "packed into $2"; exit ;;
  --prebuilt) folder=$(cd "$2" && pwd); gpu=$folder/gpu; ocelli=$folder/ocelli; kernels=$folder/kernels; picture=$folder/astronaut.png ;;
  *) mapfile -t programs < <(build); gpu=${programs[0]}; ocelli=${programs[1]}; kernels=${programs[2]}; picture=$root/examples/astronaut.png ;;
esac

adapter=(); [ -n "${OCELLI_ADAPTER:-}" ] && adapter=(--adapter "$OCELLI_ADAPTER")
data=(); [ -n "${OCELLI_DATA:-}" ] && data=(--data "$OCELLI_DATA")
quick=(); [ -n "${GPU_QUICK:-}" ] && quick=(--sizes 160x120 --batches 1,2 --seconds 1 --most 3)

echo "## Kernels"; timeout 240 "$kernels"
echo "## Command"; "$ocelli" devices
"$ocelli" detect --device cpu "$picture" | tee /tmp/ocelli-cpu.txt
"$ocelli" detect --device gpu "${adapter[@]}" "$picture" | diff - /tmp/ocelli-cpu.txt && echo "the same faces"
echo "## f32"; timeout 150 "$gpu" --picture "$picture" "${adapter[@]}" "${data[@]}" "${quick[@]}"
echo "## f16"; timeout 150 "$gpu" --half --picture "$picture" "${adapter[@]}" "${data[@]}" "${quick[@]}"
