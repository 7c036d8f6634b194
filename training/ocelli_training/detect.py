"""Runs a detector over a whole picture in Python, the way the engine does."""

from dataclasses import dataclass

import numpy as np
import torch

from . import boxes as bx
from .losses import decode
from .nets import normalized
from .pyramid import octaves

N_LEVELS = 5
NMS_IOU = 0.4
MAX_CANDIDATES = 2000


@dataclass
class Detections:
    """Faces found in one picture, best first: `boxes` `[n, 4]` as x, y, w, h in its pixels."""

    boxes: np.ndarray
    scores: np.ndarray


@torch.inference_mode()
def detect(net: torch.nn.Module, pixels: np.ndarray, threshold: float = 0.02, levels: int = N_LEVELS) -> Detections:
    """Scans the octave pyramid of a picture, `[h, w, 3]` bytes, and merges over all levels."""
    height, width = pixels.shape[:2]
    boxes, scores = [], []
    for level in octaves(pixels, levels):
        if min(level.shape[:2]) < 2:
            break
        score, box = net(normalized(torch.from_numpy(np.array(level))[None]).contiguous(memory_format=torch.channels_last))
        score, corners = score[0, 0].sigmoid().float(), decode(box.float())[0]
        keep = score > threshold
        corners = corners[keep].numpy()
        scale = np.array([width / level.shape[1], height / level.shape[0]] * 2, np.float32)
        boxes.append(np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1) * scale)
        scores.append(score[keep].numpy())
    boxes, scores = np.concatenate(boxes), np.concatenate(scores)
    best = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    boxes, scores = boxes[best], scores[best]
    kept = bx.non_max_suppression(boxes, scores, NMS_IOU)
    return Detections(boxes[kept], scores[kept])
