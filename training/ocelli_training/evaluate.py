"""Measures a network on dev."""

import time

import torch

from .annotations import Picture, read_split
from .cache import PixelCache
from .detect import Detections, detect
from .metrics import curve, false_faces

BANDS = (20, 40)


class DevSet:
    """The dev pictures, decoded once; hand-drawn boxes as annotated. `every`: only each so many of a set."""

    def __init__(self, every: int = 1):
        self.cache = PixelCache("dev")
        self.by_set: dict[str, list[Picture]] = {}
        for picture in read_split("dev", convert=False):
            self.by_set.setdefault(picture.set, []).append(picture)
        self.by_set = {name: pictures[::every] for name, pictures in self.by_set.items()}

    def run(self, net, name: str, threshold: float = 0.05, **options) -> list[Detections]:
        """Detects in every picture of a set."""
        return [detect(net, self.cache.level(p), threshold, **options) for p in self.by_set[name]]

    @property
    def negative_sets(self) -> list[str]:
        """The sets of pictures without faces."""
        return [name for name in self.by_set if name.startswith("neg_")]


def quick(net: torch.nn.Module, dev: DevSet) -> dict[str, float]:
    """Returns the figures that training logs: AP on wider_train, false faces on two negative sets."""
    started = time.time()
    if isinstance(net, torch.nn.Module):
        net.eval()
    found = dev.run(net, "wider_train", 0.05)
    out = {}
    for band in BANDS:
        c = curve(found, dev.by_set["wider_train"], band)
        out[f"ap{band}"] = round(c.ap, 4)
    out["mean_iou"] = round(c.mean_iou, 4)
    out["recall20"] = round(float(curve(found, dev.by_set["wider_train"], 20).recall.max(initial=0)), 4)
    negatives = dev.run(net, "neg_hays") + dev.run(net, "neg_imagenet")
    out["false_per_picture"] = round(false_faces(negatives, 0.5), 4)
    out["seconds"] = round(time.time() - started, 1)
    return out
