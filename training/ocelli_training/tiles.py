"""Balanced tiles: half of them show a face in the middle, half show none.

The article trains on tiles of the receptive field's size, one answer a tile. Our student's receptive field is 159
pixels, so a tile is one 160-pixel crop of which only the middle cell is judged. A fully convolutional network judges
400 cells in the time of one tile (the lesson of OverFeat, Sermanet et al. 2013), so **dense crops train the
detector**; tiles serve to compare the two ways of training, and to measure the plain yes or no of a network on
balanced classes, free of scanning, merging and thresholds.
"""

import numpy as np
import torch

from . import boxes as bx
from . import nets
from .crops import Crop, Window, cut
from .loader import SIDE, Batches, collate
from .sampler import FACE_PX, Sampler, finished, log_uniform
from .targets import IGNORE, STRIDE, grid_size

# The judged cell: the one whose centre lies nearest to the tile's centre, down and right of it.
MIDDLE = grid_size(SIDE) // 2


class TileBatches(Batches):
    """Batches of tiles, faces and others in turn."""

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng([self.seed, step, 2])
        tiles = [(positive if i % 2 else negative)(self.sampler, rng) for i in range(self.batch)]
        batch = collate([finished(t, rng, False) for t in tiles], SIDE)
        others = torch.ones_like(batch["label"], dtype=torch.bool)
        others[:, MIDDLE, MIDDLE] = False
        batch["label"][others] = IGNORE
        return batch


def positive(sampler: Sampler, rng: np.random.Generator) -> Crop:
    """Cuts a tile with a face in its middle, off by up to a quarter of its side."""
    picture, face = sampler.pick_face(rng)
    scale = min(log_uniform(rng, 18, FACE_PX[1] - 2) / float(np.sqrt(face[2] * face[3])), 2.0)
    middle = (MIDDLE + 0.5) * STRIDE
    dx, dy = rng.uniform(-0.2, 0.2, 2) * scale * face[2:]
    x = (face[0] + face[2] / 2) * scale + dx - middle
    y = (face[1] + face[3] / 2) * scale + dy - middle
    return cut(sampler.cache, picture, Window(float(x), float(y), SIDE, scale))


def negative(sampler: Sampler, rng: np.random.Generator) -> Crop:
    """Cuts a tile without a face over its middle, from pictures whose faces are all boxed."""
    while True:
        crop = sampler.scene(rng, SIDE) if rng.random() < 0.5 else sampler.negative(rng, SIDE)
        middle = bx.as_boxes([(MIDDLE + 0.5) * STRIDE - 2, (MIDDLE + 0.5) * STRIDE - 2, 4, 4])
        known = np.concatenate([crop.faces, crop.ignore])
        if bx.covered(middle, known).max(initial=0) == 0:
            return crop


@torch.inference_mode()
def accuracy(net: torch.nn.Module, split: str = "dev", n_batches: int = 16, seed: int = 3) -> dict[str, float]:
    """Judges balanced tiles: area under the ROC curve, and accuracy at the best threshold."""
    tiles = TileBatches(Sampler(split), 64, n_batches, seed)
    scores, truths = [], []
    for batch in (tiles[i] for i in range(n_batches)):
        logits = net(nets.normalized(batch["image"]))[0][:, 0, MIDDLE, MIDDLE]
        judged = batch["label"][:, MIDDLE, MIDDLE]
        scores.append(logits[judged != IGNORE])
        truths.append(judged[judged != IGNORE])
    scores, truths = torch.cat(scores).numpy(), torch.cat(truths).numpy()
    order = np.argsort(scores)
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1)
    n_faces, n_others = int(truths.sum()), int((1 - truths).sum())
    auc = (ranks[truths == 1].sum() - n_faces * (n_faces + 1) / 2) / (n_faces * n_others)
    below = np.cumsum(np.where(truths[order] == 1, -1, 1))
    best = (n_faces + max(0, below.max())) / len(order)
    return {"tiles": len(order), "auc": round(float(auc), 4), "accuracy": round(float(best), 4)}
