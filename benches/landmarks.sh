#!/bin/sh
# Landmarks over the dev pictures of helen and afw, the whole way (decode, detector, views, points): error and failures.
# Then the time a face on one thread beside the detector's at VGA. Needs the photographs and training/.venv.
set -eu
cd "$(dirname "$0")/.."
data=${OCELLI_DATA:-../shared/faces}
case $data in /*) ;; *) data=$PWD/$data ;; esac
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cargo build --quiet --release -p ocelli-cli -p ocelli-benches
sed -n 's#.*"image": *"\(images/\(helen\|afw\)/[^"]*\)".*#\1#p' "$data/dev.jsonl" > "$out/list"
(cd "$data" && tr '\n' '\0' < "$out/list" | xargs -0 "$OLDPWD/target/release/ocelli" detect --quiet \
    --request landmarks --format jsonl > "$out/answers.jsonl")
OCELLI_DATA=$data training/landmarks.sh evaluate --answers "$out/answers.jsonl"
target/release/landmarks-time
