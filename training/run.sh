#!/bin/sh
# One command a stage: training/run.sh cache | student | evaluate | export | … (see README.md).
cd "$(dirname "$0")" || exit 1
exec .venv/bin/python -m ocelli_training "$@"
