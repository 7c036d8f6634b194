"""What the dense detector shall answer at each cell of its grid.

One pyramid level answers for one octave, faces of 20 to 40 pixels; neighbouring levels overlap softly. Faces a
little outside are ignored (a neighbouring level answers for them), and faces far outside count as background, so
that a cheek of a large face is no face.
"""

import numpy as np

from . import boxes as bx

STRIDE = 8
ANCHOR = 28.0
# Face sizes, sqrt(w * h) in level pixels.
ANSWERED = (17.0, 48.0)
IGNORED = (10.0, 66.0)
NEGATIVE, IGNORE = 0, -1


def grid_size(side: int) -> int:
    """Returns the cells along a side of this many pixels."""
    return -(-side // STRIDE)


def assign(faces: np.ndarray, ignore: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels `[g, g]` int8 (1 face, 0 none, -1 ignored) and the boxes `[g, g, 4]` of the positive cells.

    A cell is positive when its centre lies in the middle of a face: at most a quarter of the side, or half a
    stride, from the centre. Where faces compete the nearer centre wins.
    """
    g = grid_size(side)
    centres = (np.arange(g, dtype=np.float32) + 0.5) * STRIDE
    labels = np.zeros((g, g), np.int8)
    for box in _grown(ignore):
        labels[_inside(centres, box)] = IGNORE
    size = bx.sizes(faces)
    outside = (size < ANSWERED[0]) | (size > ANSWERED[1])
    for box in faces[outside & (size >= IGNORED[0]) & (size <= IGNORED[1])]:
        labels[_inside(centres, box)] = IGNORE
    targets = np.zeros((g, g, 4), np.float32)
    nearest = np.full((g, g), np.inf, np.float32)
    for x, y, w, h in faces[~outside]:
        dx = np.abs(centres - (x + w / 2)) / max(0.25 * w, 0.55 * STRIDE)
        dy = np.abs(centres - (y + h / 2)) / max(0.25 * h, 0.55 * STRIDE)
        distance = np.maximum(dx[None, :], dy[:, None])
        taken = (distance <= 1) & (distance < nearest)
        nearest[taken] = distance[taken]
        labels[taken] = 1
        targets[taken] = (x, y, w, h)
    return labels, targets


def _grown(boxes: np.ndarray) -> np.ndarray:
    """Adds a tenth on every side."""
    return boxes + np.stack([-0.1 * boxes[:, 2], -0.1 * boxes[:, 3], 0.2 * boxes[:, 2], 0.2 * boxes[:, 3]], 1)


def _inside(centres: np.ndarray, box: np.ndarray) -> np.ndarray:
    x, y, w, h = box
    columns = (centres >= x) & (centres <= x + w)
    rows = (centres >= y) & (centres <= y + h)
    return rows[:, None] & columns[None, :]
