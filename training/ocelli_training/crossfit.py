"""How good calibration and threshold are on pictures that did not choose them: five-fold cross-fitting.

Both are fitted on dev, so that figures on dev flatter them. Here the pictures of every set are dealt into five
parts; each is judged by what the other four choose.
"""

from types import SimpleNamespace

import numpy as np

from .calibrate import SMALLEST_FACE, calibrated, default_threshold, fit, verdicts
from .detect import Detections
from .evaluate import DevSet

N_PARTS = 5


def crossfit(dev: DevSet, found: dict[str, list[Detections]]) -> dict:
    """Returns the reliability of held-out answers, their calibration error, and what held-out thresholds give."""
    found = {k: v for k, v in found.items() if k == "wider_train" or k in dev.negative_sets}
    confidences, judged, counts = [], [], np.zeros(5, int)
    for part in range(N_PARTS):
        others, their_found = _dealt(dev, found, lambda i, part=part: i % N_PARTS != part)
        held, held_found = _dealt(dev, found, lambda i, part=part: i % N_PARTS == part)
        calibration = fit(*verdicts(others, their_found, SMALLEST_FACE))
        threshold = default_threshold(others, their_found, calibration)
        scores, right = verdicts(held, held_found, SMALLEST_FACE)
        confidences.append(calibrated(scores, calibration))
        judged.append(right)
        counts += _counts(held, held_found, calibration, threshold)
    n_false, n_pictures, n_right, n_answers, n_faces = (int(n) for n in counts)
    confidence, right = np.concatenate(confidences), np.concatenate(judged)
    rows = reliability_rows(confidence, right)
    return {
        "reliability": rows, "ece": calibration_error(rows), "false_faces": [n_false, n_pictures],
        "precision": round(n_right / max(n_answers, 1), 4), "recall": round(n_right / max(n_faces, 1), 4),
    }  # fmt: skip


def _dealt(dev: DevSet, found: dict, keep) -> tuple[SimpleNamespace, dict]:
    def some(rows: list) -> list:
        return [row for i, row in enumerate(rows) if keep(i)]

    part = SimpleNamespace(
        by_set={k: some(dev.by_set[k]) for k in found}, negative_sets=[k for k in found if k in dev.negative_sets]
    )
    return part, {k: some(v) for k, v in found.items()}


def _counts(dev: SimpleNamespace, found: dict, calibration: dict, threshold: float) -> list[int]:
    """Returns false faces, pictures without faces; of wider_train right answers, answers, faces from 20 px."""
    empty = [f for name in dev.negative_sets for f in found[name]]
    n_false = sum(int((calibrated(f.scores, calibration) >= threshold).sum()) for f in empty)
    scores, right = verdicts(dev, {"wider_train": found["wider_train"]}, 20)
    sure = calibrated(scores, calibration) >= threshold
    n_faces = sum(int((np.sqrt(p.faces[:, 2] * p.faces[:, 3]) >= 20).sum()) for p in dev.by_set["wider_train"])
    return [n_false, len(empty), int((right[sure] == 1).sum()), int(sure.sum()), n_faces]


def reliability_rows(confidence: np.ndarray, judged: np.ndarray) -> list[list[float]]:
    """Returns by tenth of confidence: mean confidence, part that is right, number of answers."""
    rows = []
    for low in np.arange(0, 1, 0.1):
        inside = (confidence >= low) & (confidence < low + 0.1)
        if inside.any():
            part = [confidence[inside].mean(), judged[inside].mean()]
            rows.append([*(round(float(v), 3) for v in part), int(inside.sum())])
    return rows


def calibration_error(rows: list[list[float]], least: float = 0.1) -> float:
    """Returns the mean distance of stated and true, by answers; those below `least` would drown the others."""
    rows = [row for row in rows if row[0] >= least]
    return round(sum(n * abs(a - b) for a, b, n in rows) / max(1, sum(row[2] for row in rows)), 4)
