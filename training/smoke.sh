#!/bin/sh
# Runs every stage for a few steps, in under three minutes, into a folder that is thrown away.
# Needs the photographs (OCELLI_DATA or ../shared/faces); says so and ends well where they are absent.
set -e
cd "$(dirname "$0")"
data=${OCELLI_DATA:-../../shared/faces}
if [ ! -f "$data/train.jsonl" ]; then
    echo "smoke: skipped, no photographs at $data"
    exit 0
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
few="--steps 6 --warmup 2 --batch 8 --save-every 3 --check-every 6 --dev-every 20"

./run.sh cache
./run.sh student $few --out "$out/student"
./run.sh student $few --steps 9 --out "$out/student"    # continues from the checkpoint
./run.sh student $few --samples tiles --out "$out/on-tiles"
./run.sh student $few --net face-student-tiny --out "$out/tiny"
./run.sh teacher $few --varied --out "$out/teacher"
./run.sh mine --run "$out/teacher" --out "$out/mined.json" --limit 20
./run.sh distill $few --teacher "$out/teacher,../models/face-student.safetensors" --hints --mined "$out/mined.json" \
    --start "$out/student/checkpoint.pt" --out "$out/distilled"
./run.sh ablation --teacher "$out/teacher" --mined "$out/mined.json" --steps 2 --dev-every 20 --out "$out/ablation"
./run.sh student $few --start ../models/face-student.safetensors --net face-student-tiny --frozen stem --out "$out/thinned"
./run.sh judge --runs "$out/teacher" ../models/face-student.safetensors --every 20
./run.sh tiles --run "$out/distilled" --batches 1
./run.sh export --run "$out/distilled" --name smoke --folder "$out"
./run.sh calibrate --model "$out/smoke.safetensors" --every 20
./run.sh quantize --model "$out/smoke.safetensors" --every 20
./run.sh evaluate --model "$out/smoke.safetensors" --every 20 --no-peer
./run.sh fairness --model "$out/smoke.safetensors" --every 20 > "$out/fairness.txt"
./run.sh card --model "$out/smoke.safetensors"
test -s "$out/smoke.md"
echo "smoke: every stage ran"
