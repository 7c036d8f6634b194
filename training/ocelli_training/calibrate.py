"""Makes the confidence a probability, and chooses the default threshold.

Training aims the score at the IoU of the box, which is lower than the chance that the answer is a face. Two numbers,
`sigmoid(logit / t + b)`, are fitted on dev (Platt 1999) to the verdicts of the evaluation: right when a face of
at least 16 pixels is met with IoU 0.5.
"""

import math
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from .detect import Detections
from .evaluate import DevSet
from .graph import Interpreter
from .metrics import match
from .quantize import fold_file

SMALLEST_FACE = 16
# The default threshold is the least that keeps both promises on dev.
PRECISION, FALSE_PER_PICTURE = 0.95, 0.01


def calibrated(scores: np.ndarray, calibration: dict) -> np.ndarray:
    """Turns raw scores into confidences, as the plugin does."""
    if calibration["kind"] == "none":
        return scores
    return 1 / (1 + np.exp(-(logits(scores) / calibration["t"] + calibration["b"])))


def logits(scores: np.ndarray) -> np.ndarray:
    """Inverts the sigmoid."""
    clipped = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.log(clipped / (1 - clipped))


def verdicts(dev: DevSet, found: dict[str, list[Detections]], smallest: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns raw scores and verdicts (1 or 0) of all counted answers in the complete sets."""
    parts = [
        match(f, p, smallest)[:2] for name, many in found.items() for f, p in zip(many, dev.by_set[name], strict=True)
    ]
    scores, judged = (np.concatenate(column) for column in zip(*parts, strict=True))
    return scores[judged >= 0], judged[judged >= 0]


def fit(scores: np.ndarray, judged: np.ndarray) -> dict:
    """Returns the calibration of greatest likelihood."""
    x = logits(scores)

    def negative_log_likelihood(parameters: np.ndarray) -> float:
        z = x * np.exp(-parameters[0]) + parameters[1]
        return float(np.logaddexp(0, np.where(judged == 1, -z, z)).mean())

    best = minimize(negative_log_likelihood, np.zeros(2), method="Nelder-Mead").x
    return {"kind": "temperature", "t": round(math.exp(best[0]), 4), "b": round(float(best[1]), 4)}


def default_threshold(dev: DevSet, found: dict[str, list[Detections]], calibration: dict) -> float:
    """Returns the least confidence, in steps of 0.01, that keeps both promises."""
    scores, judged = verdicts(dev, {"wider_train": found["wider_train"]}, 20)
    confidence = calibrated(scores, calibration)
    empty = [f for name in dev.negative_sets for f in found[name]]
    wrong = calibrated(np.concatenate([f.scores for f in empty]), calibration)
    for threshold in np.arange(0.05, 1, 0.01):
        precise = judged[confidence >= threshold].mean() >= PRECISION
        if precise and (wrong >= threshold).sum() <= FALSE_PER_PICTURE * len(empty):
            break
    return round(float(threshold), 2)


def calibrate(model: Path, every: int = 1) -> None:
    """Fits and stores calibration and threshold in the model file."""
    file, dev = Interpreter(model), DevSet(every)
    net = fold_file(file)
    found = {name: dev.run(net, name) for name in ["wider_train", *dev.negative_sets]}
    calibration = fit(*verdicts(dev, found, SMALLEST_FACE))
    threshold = default_threshold(dev, found, calibration)
    file.rewrite(model, detector=file.detector() | {"calibration": calibration, "threshold": threshold})
    print(f"{model.name}: {calibration}, threshold {threshold}")
