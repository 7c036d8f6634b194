"""Runs a detector over a whole picture in Python, the way the engine does."""

from dataclasses import dataclass

import numpy as np
import torch

from . import boxes as bx
from . import nets
from .losses import decode
from .pyramid import octaves, resized

N_LEVELS = 5
NMS_IOU = 0.4
MAX_CANDIDATES = 2000


@dataclass
class Detections:
    """Faces found in one picture, best first: `boxes` `[n, 4]` as x, y, w, h in its pixels."""

    boxes: np.ndarray
    scores: np.ndarray


@torch.inference_mode()
def detect(
    net,
    pixels: np.ndarray,
    threshold: float = 0.05,
    levels: int = N_LEVELS,
    fine: bool = False,
    any_orientation: bool = False,
) -> Detections:
    """Scans the octave pyramid of a picture, `[h, w, 3]` bytes, and merges over all levels.

    `net` maps a normalized picture to score logits and boxes. `fine` adds a level twice as large, for small faces;
    `any_orientation` searches the picture turned by 90, 180 and 270 degrees, too.
    """
    found = []
    for quarters in range(4 if any_orientation else 1):
        turned = np.ascontiguousarray(np.rot90(pixels, -quarters))
        boxes, scores = _scan_levels(net, turned, threshold, levels, fine)
        found.append((turned_back(boxes, quarters, pixels.shape[1], pixels.shape[0]), scores))
    boxes, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    best = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    boxes, scores = boxes[best], scores[best]
    kept = bx.non_max_suppression(boxes, scores, NMS_IOU)
    return Detections(boxes[kept], scores[kept])


def _scan_levels(net, pixels: np.ndarray, threshold: float, levels: int, fine: bool) -> tuple[np.ndarray, np.ndarray]:
    height, width = pixels.shape[:2]
    images = octaves(pixels, levels)
    if fine:
        images.insert(0, resized(pixels, 2 * width, 2 * height))
    found = [_scan(net, image, threshold, width, height) for image in images if min(image.shape[:2]) > 1]
    boxes, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return boxes, scores


def turned_back(boxes: np.ndarray, quarters: int, width: int, height: int) -> np.ndarray:
    """Returns boxes, found after so many quarter turns clockwise, in the picture of this size as it stood."""
    x, y, w, h = boxes.T
    if quarters == 1:
        columns = [y, height - x - w, h, w]
    elif quarters == 2:
        columns = [width - x - w, height - y - h, w, h]
    elif quarters == 3:
        columns = [width - y - h, x, h, w]
    else:
        columns = [x, y, w, h]
    return np.stack(columns, 1)


def _scan(net, image: np.ndarray, threshold: float, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the boxes of one level, in pixels of a picture of this width and height, and their scores."""
    batch = nets.normalized(torch.from_numpy(np.array(image))[None])
    score, box = net(batch.contiguous(memory_format=torch.channels_last))
    score, corners = score[0, 0].sigmoid().float(), decode(box.float())[0]
    keep = score > threshold
    corners = corners[keep].numpy()
    scale = np.array([width / image.shape[1], height / image.shape[0]] * 2, np.float32)
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1) * scale, score[keep].numpy()
