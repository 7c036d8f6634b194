"""The one box convention: `[x, y, w, h]` in pixels, origin top-left, pixel edges at integers.

A face box reaches from the forehead to the chin and from ear to ear, as WIDER FACE draws it. The size of a
face is `sqrt(w * h)`.
"""

import numpy as np


def as_boxes(rows) -> np.ndarray:
    """Returns `[n, 4]` float32 boxes, also for an empty list."""
    return np.asarray(rows, np.float32).reshape(-1, 4)


def sizes(boxes: np.ndarray) -> np.ndarray:
    """Returns `sqrt(w * h)` of each box in pixels."""
    return np.sqrt(np.maximum(boxes[:, 2], 0) * np.maximum(boxes[:, 3], 0))


def _overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns the intersection areas `[n, m]`."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    span = np.clip(bottom_right - top_left, 0, None)
    return span[..., 0] * span[..., 1]


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns intersection over union `[n, m]`."""
    inter = _overlap(a, b)
    union = (a[:, 2] * a[:, 3])[:, None] + (b[:, 2] * b[:, 3])[None, :] - inter
    return inter / np.maximum(union, 1e-9)


def covered(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns the part of each box of `a` that lies in each box of `b`, `[n, m]`."""
    return _overlap(a, b) / np.maximum(a[:, 2] * a[:, 3], 1e-9)[:, None]


def clip(boxes: np.ndarray, width: float, height: float) -> np.ndarray:
    """Cuts boxes to the picture; a box outside gets no area."""
    x0, y0 = np.clip(boxes[:, 0], 0, width), np.clip(boxes[:, 1], 0, height)
    x1 = np.clip(boxes[:, 0] + boxes[:, 2], 0, width)
    y1 = np.clip(boxes[:, 1] + boxes[:, 3], 0, height)
    return np.stack([x0, y0, x1 - x0, y1 - y0], 1).astype(np.float32)


def mirror(boxes: np.ndarray, width: float) -> np.ndarray:
    """Mirrors boxes left to right in a picture of this width."""
    out = boxes.copy()
    out[:, 0] = width - boxes[:, 0] - boxes[:, 2]
    return out


def rotate(boxes: np.ndarray, degrees: float, centre: tuple[float, float]) -> np.ndarray:
    """Turns boxes about a centre, anticlockwise as seen.

    A face is taken as the ellipse inscribed in its box; the result is the upright box of the turned ellipse.
    """
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    cx = boxes[:, 0] + boxes[:, 2] / 2 - centre[0]
    cy = boxes[:, 1] + boxes[:, 3] / 2 - centre[1]
    turned_x = centre[0] + cos * cx + sin * cy
    turned_y = centre[1] - sin * cx + cos * cy
    w, h = boxes[:, 2], boxes[:, 3]
    turned_w = np.sqrt((w * cos) ** 2 + (h * sin) ** 2)
    turned_h = np.sqrt((w * sin) ** 2 + (h * cos) ** 2)
    return np.stack([turned_x - turned_w / 2, turned_y - turned_h / 2, turned_w, turned_h], 1).astype(np.float32)


def non_max_suppression(boxes: np.ndarray, scores: np.ndarray, max_iou: float) -> np.ndarray:
    """Returns the indices kept, best score first: greedy suppression of boxes that overlap a better one."""
    order = np.argsort(-scores, kind="stable")
    kept = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[iou(boxes[best : best + 1], boxes[order])[0] <= max_iou]
    return np.asarray(kept, np.int64)
