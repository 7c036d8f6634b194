"""What training minimizes.

Score: quality focal loss (Li et al. 2020, "Generalized Focal Loss"): the target of a positive cell rises with the IoU
of its own box with the face, so that the order of scores rewards exact boxes. Box: 1 - GIoU (Rezatofighi et al. 2019).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .targets import ANCHOR, STRIDE

POOR_IOU, GOOD_IOU = 0.2, 0.7


def decode(box: Tensor) -> Tensor:
    """Turns box outputs `[n, 4, h, w]` into corners `[n, h, w, 4]` (x0, y0, x1, y1) in level pixels."""
    n, _, h, w = box.shape
    dx, dy, lw, lh = box.permute(1, 0, 2, 3)
    cx = (torch.arange(w, device=box.device) + 0.5 + dx) * STRIDE
    cy = ((torch.arange(h, device=box.device) + 0.5)[:, None] + dy) * STRIDE
    half_w, half_h = ANCHOR / 2 * lw.clamp(-4, 4).exp(), ANCHOR / 2 * lh.clamp(-4, 4).exp()
    return torch.stack([cx - half_w, cy - half_h, cx + half_w, cy + half_h], -1)


def iou_and_giou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Compares corner boxes pair by pair, `[n, 4]` each."""
    inside = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - inside
    iou = inside / union.clamp(min=1e-6)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


def quality_of(iou: Tensor) -> Tensor:
    """Returns the score wanted of a cell whose box meets its face so well: 0 at IoU 0.2, 1 from 0.7 on."""
    return ((iou - POOR_IOU) / (GOOD_IOU - POOR_IOU)).clamp(0, 1)


def detection_loss(score: Tensor, box: Tensor, label: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Returns the parts of the loss, each divided by the number of positive cells.

    `score` `[n, 1, g, g]` logits, `box` `[n, 4, g, g]`, `label` `[n, g, g]`, `target` `[n, g, g, 4]` as x, y, w, h.
    """
    score, positive = score[:, 0], label == 1
    n_positive = positive.sum().clamp(min=1)
    faces = target[positive]
    iou, giou = iou_and_giou(decode(box)[positive], torch.cat([faces[:, :2], faces[:, :2] + faces[:, 2:]], 1))
    quality = torch.zeros_like(score)
    quality[positive] = quality_of(iou.detach())
    probability = score.sigmoid()
    cross_entropy = F.binary_cross_entropy_with_logits(score, quality, reduction="none")
    focal = cross_entropy * (probability - quality).abs().square() * (label >= 0)
    return {"score": focal.sum() / n_positive, "box": (1 - giou).sum() / n_positive}
