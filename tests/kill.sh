#!/usr/bin/env bash
# The kill test at full length: a library run is ended by `kill -9` fifty times (or as often as the argument says) at random
# instants and started again; its rows must equal those of an undisturbed run. The tests run a short version of it.
set -euo pipefail
cd "$(dirname "$0")/.."
OCELLI_KILLS="${1:-50}" cargo test --release -p ocelli-cli --test kill -- --nocapture
