"""Batches by step number, made by a second process."""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from .crops import Crop
from .sampler import Sampler, finished
from .targets import assign, grid_size

SIDE = 160
# Every so many steps a batch of small crops: faces that fill the frame.
SMALL_EVERY = 8
SMALL_SIDES = (24, 32, 40, 56)


# Crops are cut for a group of steps at once and used twice, the second time mirrored and in other light: cutting
# is half of the cost of a sample.
GROUP = 14


class Batches(Dataset):
    """Item `step` is the batch of that step: a function of the seed and the step alone."""

    def __init__(self, sampler: Sampler, batch: int, n_steps: int, seed: int):
        self.sampler, self.batch, self.n_steps, self.seed = sampler, batch, n_steps, seed
        self.group, self.crops, self.order = -1, [], np.zeros(0, int)

    def __len__(self) -> int:
        return self.n_steps

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng([self.seed, step])
        if step % SMALL_EVERY == SMALL_EVERY - 1:
            side = int(rng.choice(SMALL_SIDES))
            crops = [self.sampler.small(rng, side) for _ in range(3 * self.batch)]
            return collate([self._finished(c, rng, rng.random() < 0.5) for c in crops], side)
        n = step - step // SMALL_EVERY  # counts the steps with large crops
        if n // GROUP != self.group:
            self._cut_group(n // GROUP)
        part = self.order[n % GROUP * self.batch :][: self.batch]
        fresh = len(self.crops)
        return collate([self._finished(self.crops[i % fresh], rng, i >= fresh) for i in part], SIDE)

    def _finished(self, crop: Crop, rng: np.random.Generator, mirrored: bool) -> Crop:
        return finished(crop, rng, mirrored, self.sampler.varied)

    def _cut_group(self, group: int) -> None:
        rng = np.random.default_rng([self.seed, group, 1])
        fresh = GROUP * self.batch // 2
        self.crops = [self.sampler.sample(rng, SIDE) for _ in range(fresh)]
        # First use of every crop, then the second one.
        self.order = np.concatenate([rng.permutation(fresh), fresh + rng.permutation(fresh)])
        # Which of the two uses is the mirrored one is drawn by crop.
        swapped = rng.random(fresh) < 0.5
        self.order = np.where(swapped[self.order % fresh], (self.order + fresh) % (2 * fresh), self.order)
        self.group = group


def collate(crops: list, side: int) -> dict[str, torch.Tensor]:
    """Stacks crops to `image` `[n, s, s, 3]` u8, `label` `[n, g, g]` i8 and `box` `[n, g, g, 4]` f32."""
    g = grid_size(side)
    images = np.empty((len(crops), side, side, 3), np.uint8)
    labels = np.empty((len(crops), g, g), np.int8)
    targets = np.empty((len(crops), g, g, 4), np.float32)
    for i, crop in enumerate(crops):
        images[i] = np.asarray(crop.image)
        labels[i], targets[i] = assign(crop.faces, crop.ignore, side)
    return {"image": torch.from_numpy(images), "label": torch.from_numpy(labels), "box": torch.from_numpy(targets)}


def batches(dataset: Batches, first_step: int, workers: int = 1) -> DataLoader:
    """Iterates from a step to the end, in order."""
    steps = range(first_step, len(dataset))
    ahead = {"prefetch_factor": 24, "worker_init_fn": _one_thread} if workers else {}
    return DataLoader(dataset, batch_size=None, sampler=steps, num_workers=workers, **ahead)


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)
