"""Average precision of a size band, and counts of false faces.

Protocol. Detections are matched best score first over all pictures, each to the unmatched face of greatest IoU, at
least 0.5. Faces smaller than the band (`sqrt(w * h)` in stored pixels) and `ignore` regions are ignored: a detection
matched to such a face, or with half its area in an ignored region, counts neither way. An unmatched detection that
is itself smaller than the band is dropped too. AP is the area under the precision envelope, all points.
"""

from dataclasses import dataclass

import numpy as np

from . import boxes as bx
from .annotations import Picture
from .detect import Detections

MATCH_IOU = 0.5


@dataclass
class Curve:
    """Precision and recall by falling score."""

    scores: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    n_faces: int
    mean_iou: float

    @property
    def ap(self) -> float:
        """Area under the precision envelope."""
        if not len(self.scores):
            return 0.0
        envelope = np.maximum.accumulate(self.precision[::-1])[::-1]
        return float((np.diff(self.recall, prepend=0) * envelope).sum())


def match(found: Detections, picture: Picture, smallest: float, largest: float = np.inf) -> tuple:
    """Judges one picture's detections: scores, verdicts (1 right, 0 wrong, -1 not counted), IoUs, face count."""
    size = bx.sizes(picture.faces)
    wanted = (size >= smallest) & (size < largest)
    verdicts = np.zeros(len(found.scores), np.int8)
    ious = np.zeros(len(found.scores))
    overlap = bx.iou(found.boxes, picture.faces)
    taken = np.zeros(len(size), bool)
    in_ignored = bx.covered(found.boxes, picture.ignore).max(1, initial=0) >= 0.5
    own_size = bx.sizes(found.boxes)
    for i in np.argsort(-found.scores, kind="stable"):
        free = np.where(taken, 0, overlap[i])
        best = int(free.argmax()) if len(free) else -1
        if best >= 0 and free[best] >= MATCH_IOU:
            taken[best] = True
            verdicts[i] = 1 if wanted[best] else -1
            ious[i] = free[best]
        elif in_ignored[i] or not smallest <= own_size[i] < largest:
            verdicts[i] = -1
    return found.scores, verdicts, ious, int(wanted.sum())


def curve(found: list[Detections], pictures: list[Picture], smallest: float, largest: float = np.inf) -> Curve:
    """Judges all pictures together."""
    parts = [match(f, p, smallest, largest) for f, p in zip(found, pictures, strict=True)]
    scores, verdicts, ious = (np.concatenate([p[i] for p in parts]) for i in range(3))
    n_faces = sum(p[3] for p in parts)
    order = np.argsort(-scores, kind="stable")
    order = order[verdicts[order] >= 0]
    right = np.cumsum(verdicts[order] == 1)
    mean_iou = float(ious[verdicts == 1].mean()) if (verdicts == 1).any() else 0.0
    return Curve(scores[order], right / np.arange(1, len(order) + 1), right / max(n_faces, 1), n_faces, mean_iou)


def false_faces(found: list[Detections], threshold: float) -> float:
    """Returns faces found per picture at a threshold; for pictures without faces."""
    return sum(int((f.scores >= threshold).sum()) for f in found) / max(len(found), 1)
