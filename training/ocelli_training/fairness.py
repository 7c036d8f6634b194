"""Recall by data part, size, and the attributes of wider_train: who is found less often."""

from pathlib import Path

import numpy as np

from . import boxes as bx
from .calibrate import calibrated
from .detect import Detections
from .evaluate import DevSet
from .graph import Interpreter
from .metrics import MATCH_IOU

ATTRIBUTES = {
    "blur": ["clear", "normal", "heavy"], "expression": ["typical", "exaggerated"],
    "illumination": ["normal", "extreme"], "occlusion": ["none", "partial", "heavy"], "pose": ["typical", "atypical"],
}  # fmt: skip
SIZES = [(10, 20), (20, 40), (40, 80), (80, 160), (160, 1e9)]


def found_faces(found: Detections, faces: np.ndarray, threshold: float, calibration: dict) -> np.ndarray:
    """Returns which faces an answer of enough confidence meets with IoU 0.5."""
    seen = found.boxes[calibrated(found.scores, calibration) >= threshold]
    return bx.iou(faces, seen).max(1, initial=0) >= MATCH_IOU


def recalls(dev: DevSet, found: dict[str, list[Detections]], detector: dict) -> dict[str, list]:
    """Returns `{group: [recall, faces]}`; faces of at least 20 px but for the size groups."""
    rows: dict[str, list[np.ndarray]] = {}
    for name, many in found.items():
        for f, picture in zip(many, dev.by_set[name], strict=True):
            size = bx.sizes(picture.faces)
            hit = found_faces(f, picture.faces, detector["threshold"], detector["calibration"])
            rows.setdefault(f"part: {name}", []).append(hit[size >= 20])
            if name != "wider_train":
                continue
            for low, high in SIZES:
                text = f"{low}–{high} px" if high < 1e9 else f"≥ {low} px"
                rows.setdefault(f"size: {text}", []).append(hit[(size >= low) & (size < high)])
            for i, (attribute, values) in enumerate(ATTRIBUTES.items()):
                given = np.array([a[i] for a in picture.attributes])
                for value, text in enumerate(values):
                    rows.setdefault(f"{attribute}: {text}", []).append(hit[(given == value) & (size >= 20)])
    pooled = {group: np.concatenate(hits) for group, hits in rows.items()}
    return {group: [round(float(h.mean()), 3), len(h)] for group, h in sorted(pooled.items()) if len(h)}


def print_table(model: Path, every: int = 1) -> None:
    """Prints recall at the default threshold."""
    net, dev = Interpreter(model), DevSet(every)
    found = {name: dev.run(net, name) for name in dev.by_set if name not in dev.negative_sets}
    for group, (recall, faces) in recalls(dev, found, net.detector()).items():
        print(f"{group:28} {recall:.3f}  of {faces}")
