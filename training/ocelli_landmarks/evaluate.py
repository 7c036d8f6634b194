"""Measures a network on the dev faces, in the detector's own boxes."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from ocelli_training.nets import normalized

from .faces import FaceCache
from .net import points_of
from .points import normalized_errors, summary
from .samples import cut, transform

UPRIGHT = transform(1.0, 0.0, np.zeros(2))


class DevFaces:
    """Crops of a split as the plugin cuts them, or each under a transform of its own."""

    def __init__(self, cache: FaceCache, draw: Callable[[], np.ndarray] | None = None):
        pairs = zip(cache.pixels, cache.points, strict=True)
        crops = [cut(pixels, points, draw() if draw else UPRIGHT) for pixels, points in pairs]
        self.image = torch.from_numpy(np.stack([np.asarray(image) for image, _ in crops]))
        self.truth = np.stack([points for _, points in crops])
        self.sets = np.array([face.set for face in cache.faces])

    def change(self, change: Callable[[Image.Image], Image.Image]) -> None:
        """Changes the pixels of every crop."""
        changed = [np.asarray(change(Image.fromarray(image.numpy()))) for image in self.image]
        self.image = torch.from_numpy(np.stack(changed))

    @torch.inference_mode()
    def answers(self, net) -> tuple[np.ndarray, np.ndarray]:
        """Returns points `[n, 68, 2]`, relative to the crop, and the spread of each face."""
        net.eval()
        parts = [net(normalized(image).contiguous(memory_format=torch.channels_last)) for image in self.image.split(64)]
        return torch.cat([points_of(p) for p, _ in parts]).numpy(), torch.cat([s.flatten() for _, s in parts]).numpy()

    def figures(self, net) -> dict[str, dict[str, float]]:
        """Returns error and failure rate by set, and how the foreseen errors rank the true ones."""
        points, spread = self.answers(net)
        errors = normalized_errors(points, self.truth)
        figures = {name: summary(errors[self.sets == name]) for name in np.unique(self.sets)}
        seen = np.linalg.norm(points - self.truth, axis=-1).mean(1)
        rank = np.corrcoef(np.argsort(np.argsort(seen)), np.argsort(np.argsort(spread)))[0, 1]
        return figures | {"spread": {"rank": round(float(rank), 3)}}
