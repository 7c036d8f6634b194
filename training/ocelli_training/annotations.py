"""Reads the annotation lines and brings every set to the WIDER box convention.

What the sets call a face differs (see `../shared/faces/README.md`). The boxes of a public detector (`peer`) are
no ground truth; they serve two ends: a peer box without a labelled face beside it marks a region to ignore, and
where the annotation is the hull of landmarks, the peer box over it gives the box in the WIDER convention.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import boxes as bx
from .paths import DATA

# Median offset of centre (in box widths, heights) and ratio of sides, peer box against hand-drawn box, by set:
# how the hand-drawn boxes of these sets differ from the WIDER convention.
HAND_BOX_CORRECTION = {
    "mask_kaggle853": (-0.016, -0.146, 0.953, 1.091),
    "mask_macwin": (-0.001, 0.037, 0.767, 0.822),
}
# Sets whose `faces` are hulls of landmarks, or null.
LANDMARK_SETS = {"helen", "afw", "allage", "utkface"}


@dataclass
class Picture:
    """One annotated picture: `faces` to be found, `ignore` regions where neither answer counts."""

    path: Path
    name: str
    set: str
    width: int
    height: int
    faces: np.ndarray
    ignore: np.ndarray
    complete: bool
    attributes: list | None

    @property
    def negative(self) -> bool:
        """True for pictures of the sets without faces."""
        return self.set.startswith("neg_")


def read_split(split: str, data: Path = DATA, convert: bool = True) -> list[Picture]:
    """Reads `train` or `dev`; without `convert` the hand-drawn boxes stay as annotated."""
    with open(data / f"{split}.jsonl") as lines:
        return [_picture(json.loads(line), data, convert) for line in lines]


def _picture(row: dict, data: Path, convert: bool) -> Picture:
    peer = np.asarray(row.get("peer") or [], np.float32).reshape(-1, 5)
    faces = bx.as_boxes(row["faces"] or [])
    ignore = bx.as_boxes(row.get("ignore") or [])
    if row["set"] in LANDMARK_SETS:
        faces, lost = _faces_from_peer(row, faces, peer)
        ignore = np.concatenate([ignore, lost])
    elif convert and row["set"] in HAND_BOX_CORRECTION:
        faces = _corrected(faces, HAND_BOX_CORRECTION[row["set"]])
    faces = bx.clip(faces, row["width"], row["height"])
    if not row["complete"] and len(peer):
        unlabelled = peer[:, :4]
        if len(faces):
            unlabelled = unlabelled[bx.iou(unlabelled, faces).max(1) < 0.3]
        ignore = np.concatenate([ignore, unlabelled])
    return Picture(
        data / row["image"], row["image"], row["set"], row["width"], row["height"], faces,
        ignore.astype(np.float32), row["complete"], row.get("attr"),
    )  # fmt: skip


def _faces_from_peer(row: dict, hulls: np.ndarray, peer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns faces in the WIDER convention, and regions of faces whose box stays unknown."""
    sure = peer[peer[:, 4] >= 0.6][:, :4]
    if row["faces"] is None:  # one aligned face fills the crop
        whole = bx.as_boxes([0, 0, row["width"], row["height"]])
        return (sure[:1], bx.as_boxes([])) if len(sure) else (bx.as_boxes([]), whole)
    if not len(sure):
        return bx.as_boxes([]), hulls
    overlap = bx.iou(hulls, sure)
    known = overlap.max(1) > 0.3
    return sure[overlap.argmax(1)[known]], hulls[~known]


def _corrected(faces: np.ndarray, correction: tuple[float, float, float, float]) -> np.ndarray:
    dx, dy, kw, kh = correction
    cx = faces[:, 0] + faces[:, 2] * (0.5 + dx)
    cy = faces[:, 1] + faces[:, 3] * (0.5 + dy)
    w, h = faces[:, 2] * kw, faces[:, 3] * kh
    return np.stack([cx - w / 2, cy - h / 2, w, h], 1).astype(np.float32)
