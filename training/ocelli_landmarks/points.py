"""The 68 points in the order of iBUG 300-W, and what is measured on them.

The picture's left is the person's right: points 0 to 7, 17 to 21 and 36 to 41 lie on the left of an upright picture.
"""

import numpy as np

N_POINTS = 68
# Outer corners of the eyes: the distance that errors are stated in.
OUTER_CORNERS = (36, 45)


def _mirrored() -> np.ndarray:
    order = np.arange(N_POINTS)
    for first, last in ((0, 16), (17, 26), (31, 35), (48, 54), (55, 59), (60, 64), (65, 67)):
        order[first : last + 1] = np.arange(last, first - 1, -1)
    for left, right in zip((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46), strict=True):
        order[left], order[right] = right, left
    return order


# `points[MIRRORED]` are the points of the mirrored face, in order.
MIRRORED = _mirrored()


def inter_ocular(points: np.ndarray) -> np.ndarray:
    """Returns the distance of the outer eye corners of `[n, 68, 2]`."""
    a, b = OUTER_CORNERS
    return np.linalg.norm(points[:, a] - points[:, b], axis=-1)


def normalized_errors(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the mean distance of a face's points over its inter-ocular distance, one number a face."""
    return np.linalg.norm(found - truth, axis=-1).mean(1) / np.maximum(inter_ocular(truth), 1e-9)


def summary(errors: np.ndarray, limit: float = 0.10) -> dict[str, float]:
    """Returns mean error, failure rate and the area under the curve of errors up to the limit."""
    area = np.clip(1 - np.sort(errors) / limit, 0, None).mean()
    figures = {"nme": errors.mean(), "median": np.median(errors), "failures": (errors > limit).mean(), "auc": area}
    return {k: round(float(v), 4) for k, v in figures.items()}
