"""Training samples: crops turned, shifted, scaled, mirrored, covered and in other light."""

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from ocelli_training.augment import chance, coarser, photometric

from .faces import CROP, GREY, WIDE, WIDE_PX, FaceCache
from .net import SIDE
from .points import MIRRORED

# A crop of `SIDE` pixels shows this many pixels of the wide crop.
SHOWN = WIDE_PX * CROP / WIDE


def transform(scale: float, degrees: float, shift: np.ndarray) -> np.ndarray:
    """Returns the matrix `[2, 3]` from pixels of a crop to pixels of the wide crop.

    `scale` widens the crop, `degrees` turn what it shows clockwise, `shift` moves it, in parts of its side.
    """
    angle = np.deg2rad(degrees)
    k = SHOWN * scale / SIDE
    turn = k * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = WIDE_PX / 2 + SHOWN * shift
    return np.concatenate([turn, (centre - turn @ [SIDE / 2, SIDE / 2])[:, None]], 1)


def cut(pixels: np.ndarray, points: np.ndarray, matrix: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """Cuts a crop; returns it and the points relative to it, -0.5 to 0.5."""
    image = Image.fromarray(pixels).transform(
        (SIDE, SIDE), Image.Transform.AFFINE, matrix.ravel(), Image.Resampling.BILINEAR, fillcolor=(GREY,) * 3
    )
    inside = (points - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    return image, (inside / SIDE - 0.5).astype(np.float32)


def drawn_transform(rng: np.random.Generator) -> np.ndarray:
    """Draws a transform: the jitter of a detector's boxes, and heads that lean up to 40°."""
    degrees = rng.uniform(-40, 40) if chance(rng, 0.5) else rng.normal(0, 10)
    return transform(np.exp(rng.normal(0, 0.09)), degrees, rng.normal(0, 0.045, 2))


def covered(image: Image.Image, rng: np.random.Generator, other: np.ndarray) -> Image.Image:
    """Covers a rectangle with one colour, or with a piece of another crop."""
    w, h = (int(SIDE * rng.uniform(0.15, 0.5)) for _ in range(2))
    x, y = int(rng.uniform(-w / 2, SIDE - w / 2)), int(rng.uniform(-h / 2, SIDE - h / 2))
    if chance(rng, 0.5):
        patch = Image.new("RGB", (w, h), tuple(int(v) for v in rng.integers(0, 256, 3)))
    else:
        left, top = (int(rng.integers(0, WIDE_PX - side)) for side in (w, h))
        patch = Image.fromarray(other[top : top + h, left : left + w])
    image.paste(patch, (x, y))
    return image


class Batches(Dataset):
    """Item `step` is the batch of that step: a function of the seed and the step alone."""

    def __init__(self, cache: FaceCache, batch: int, n_steps: int, seed: int):
        self.cache, self.batch, self.n_steps, self.seed = cache, batch, n_steps, seed

    def __len__(self) -> int:
        return self.n_steps

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng([self.seed, step])
        images = np.empty((self.batch, SIDE, SIDE, 3), np.uint8)
        points = np.empty((self.batch, len(MIRRORED), 2), np.float32)
        for i in range(self.batch):
            images[i], points[i] = self._sample(rng)
        return {"image": torch.from_numpy(images), "points": torch.from_numpy(points)}

    def _sample(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        n = len(self.cache.faces)
        ix = int(rng.integers(n))
        image, points = cut(self.cache.pixels[ix], self.cache.points[ix], drawn_transform(rng))
        if chance(rng, 0.3):
            image = covered(image, rng, self.cache.pixels[int(rng.integers(n))])
        if chance(rng, 0.2):
            image = coarser(image, rng.uniform(0.2, 0.6))
        pixels = np.asarray(photometric(image, rng))
        if chance(rng, 0.5):
            pixels, points = pixels[:, ::-1], points[MIRRORED] * [-1, 1]
        return pixels, points
