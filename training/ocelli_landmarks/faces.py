"""Annotated faces and their crops.

A crop is the square about the centre of the face's box, `CROP` times its longer side: what the plugin cuts from the
pyramid. The cache holds a wider square of every face, `WIDE` times the longer side, so that turned and shifted crops
never decode again.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ocelli_training import boxes as bx
from ocelli_training.paths import CACHE, DATA

from .points import N_POINTS

SETS = ("helen", "afw")
CROP = 1.25
WIDE, WIDE_PX = 2.0, 200
# Faces with less between the outer eye corners, in pixels, are too coarse to learn points from.
LEAST_OCULAR = 12
GREY = 128


@dataclass
class Face:
    """One annotated face: box `[x, y, w, h]` as detectors draw it, points `[68, 2]`, in pixels of the picture."""

    image: str
    set: str
    box: np.ndarray
    points: np.ndarray
    # Whether the box is a detector's; else it is drawn from the points.
    detected: bool


def read(split: str, data: Path = DATA) -> list[Face]:
    """Reads the annotated faces of a split, each with the box that a detector gives it."""
    with open(data / f"{split}.jsonl") as lines:
        rows = [row for row in map(json.loads, lines) if row["set"] in SETS]
    known = [face for row in rows for face in _faces(row) if face.detected]
    ratio = np.median([_relative(face) for face in known], 0)
    faces = [face for row in rows for face in _faces(row)]
    for face in faces:
        if not face.detected:
            face.box = box_from_points(face.points, ratio)
    return faces


def _faces(row: dict) -> list[Face]:
    peer = np.asarray(row["peer"] or [], np.float32).reshape(-1, 5)
    peer = peer[peer[:, 4] >= 0.6][:, :4]
    faces = []
    for points in np.asarray(row["landmarks"], np.float32).reshape(-1, N_POINTS, 2):
        overlap = bx.iou(hull(points)[None], peer)[0] if len(peer) else np.zeros(1)
        detected = overlap.max() > 0.4
        box = peer[overlap.argmax()] if detected else hull(points)
        faces.append(Face(row["image"], row["set"], box, points, bool(detected)))
    return faces


def hull(points: np.ndarray) -> np.ndarray:
    """Returns the upright box of the points: brow to chin, without a forehead."""
    low, high = points.min(0), points.max(0)
    return np.concatenate([low, high - low]).astype(np.float32)


def _relative(face: Face) -> np.ndarray:
    x, y, w, h = hull(face.points)
    bx_, by, bw, bh = face.box
    return np.array([(bx_ + bw / 2 - x - w / 2) / w, (by + bh / 2 - y - h / 2) / h, bw / w, bh / h])


def box_from_points(points: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Draws the box that a detector would give, by the median relation of `ratio`."""
    x, y, w, h = hull(points)
    dx, dy, kw, kh = ratio
    cx, cy = x + w * (0.5 + dx), y + h * (0.5 + dy)
    return np.array([cx - kw * w / 2, cy - kh * h / 2, kw * w, kh * h], np.float32)


def square(box: np.ndarray, times: float) -> tuple[float, float, float]:
    """Returns left, top and side of the square about a box."""
    side = float(max(box[2], box[3]) * times)
    return float(box[0] + box[2] / 2 - side / 2), float(box[1] + box[3] / 2 - side / 2), side


def wide_crop(picture: Image.Image, box: np.ndarray) -> np.ndarray:
    """Cuts the wide square about a face, `[WIDE_PX, WIDE_PX, 3]` bytes; grey beyond the border."""
    left, top, side = square(box, WIDE)
    margin = int(np.ceil(side))
    padded = Image.new("RGB", (picture.width + 2 * margin, picture.height + 2 * margin), (GREY,) * 3)
    padded.paste(picture, (margin, margin))
    window = (left + margin, top + margin, left + margin + side, top + margin + side)
    return np.asarray(padded.resize((WIDE_PX, WIDE_PX), Image.Resampling.BILINEAR, window))


@dataclass
class FaceCache:
    """The faces of a split, ready to be cropped: `pixels` `[n, 200, 200, 3]`, `points` in pixels of the wide crop."""

    faces: list[Face]
    pixels: np.ndarray
    points: np.ndarray


def cached(split: str, data: Path = DATA, folder: Path = CACHE) -> FaceCache:
    """Returns the wide crops of a split, cut once."""
    faces = [f for f in read(split, data) if np.linalg.norm(f.points[36] - f.points[45]) >= LEAST_OCULAR]
    path = folder / f"landmarks-{split}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.empty((len(faces), WIDE_PX, WIDE_PX, 3), np.uint8)
        for i, face in enumerate(faces):
            with Image.open(data / face.image) as image:
                pixels[i] = wide_crop(image.convert("RGB"), face.box)
        np.save(path, pixels)
    points = np.stack([_in_wide(face) for face in faces])
    return FaceCache(faces, np.load(path, mmap_mode="r"), points)


def _in_wide(face: Face) -> np.ndarray:
    left, top, side = square(face.box, WIDE)
    return ((face.points - [left, top]) * (WIDE_PX / side)).astype(np.float32)
