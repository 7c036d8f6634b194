#!/bin/sh
# One command a stage of the landmark network: training/landmarks.sh cache | train | export | calibrate | evaluate | card,
# or `all`: every stage as the committed file was made.
cd "$(dirname "$0")" || exit 1
stage() { .venv/bin/python -m ocelli_landmarks "$@"; }
[ "$1" = all ] || { stage "$@"; exit; }
set -e
stage cache
stage train --out runs/landmarks
stage train --out runs/landmarks-1 --start runs/landmarks/checkpoint.pt --seed 2 --steps 3500 --stop 1600 \
    --learning-rate 1.5e-3 --warmup 100
for last in export calibrate evaluate card; do stage "$last" --run runs/landmarks-1; done
