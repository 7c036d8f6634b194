#!/bin/sh
# One command a stage of the landmark network: training/landmarks.sh cache | train | export | calibrate | evaluate | card.
cd "$(dirname "$0")" || exit 1
exec .venv/bin/python -m ocelli_landmarks "$@"
