"""Where data, caches and models lie."""

import os
from pathlib import Path

TRAINING = Path(__file__).resolve().parent.parent
WORKSPACE = TRAINING.parent
DATA = Path(os.environ.get("OCELLI_DATA", WORKSPACE.parent / "shared" / "faces"))
CACHE = TRAINING / "cache"
RUNS = TRAINING / "runs"
MODELS = WORKSPACE / "models"
