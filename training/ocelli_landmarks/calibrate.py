"""Confidence: how likely the points are good, given the error that the network foresees of itself."""

import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from ocelli_training.graph import Interpreter

from .evaluate import DevFaces
from .faces import cached
from .points import inter_ocular, normalized_errors
from .samples import covered, drawn_transform

GOOD = 0.10
# Passes over the dev faces; all but the first change the crops as training does, so that there are bad answers to
# learn from.
PASSES = 6


def observed(model: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns the logarithm of the foreseen error and the true error of many crops, over the eyes' distance."""
    net, cache = FileNet(model), cached("dev")
    foreseen, errors = [], []
    for i in range(PASSES):
        dev = _changed(cache, np.random.default_rng(i)) if i else DevFaces(cache, None)
        points, spread = dev.answers(net)
        foreseen.append(spread - np.log(np.maximum(inter_ocular(points), 1e-6)))
        errors.append(normalized_errors(points, dev.truth))
    return np.concatenate(foreseen), np.concatenate(errors)


def _changed(cache, rng: np.random.Generator) -> DevFaces:
    """Returns the dev faces as training would show them."""
    dev = DevFaces(cache, lambda: drawn_transform(rng))
    dev.change(lambda image: covered(image, rng, cache.pixels[int(rng.integers(len(cache.faces)))]))
    return dev


def fit(foreseen: np.ndarray, good: np.ndarray) -> list[float]:
    """Fits middle and width of the logistic curve by likelihood."""

    def cost(x: np.ndarray) -> float:
        logit = (x[0] - foreseen) / np.exp(x[1])
        return np.logaddexp(0, np.where(good, -logit, logit)).mean()

    best = minimize(cost, [np.log(GOOD), np.log(0.3)], method="Nelder-Mead").x
    return [round(float(best[0]), 4), max(0.01, round(float(np.exp(best[1])), 4))]


def calibrate(model: Path) -> None:
    """Stores the curve in the model file."""
    foreseen, errors = observed(model)
    file = Interpreter(model)
    settings = json.loads(file.metadata["ocelli.landmarks"])
    settings["confidence"] = fit(foreseen, errors <= GOOD)
    file.rewrite(model, landmarks=settings)
    print(f"confidence {settings['confidence']}, {np.mean(errors > GOOD):.3f} of {len(errors)} answers are bad")


class FileNet:
    """The model file as a network on batches."""

    def __init__(self, model: Path):
        self.file = Interpreter(model)

    def eval(self) -> "FileNet":
        """Is always ready."""
        return self

    def __call__(self, image):
        """Returns the outputs in order."""
        return self.file(image)
