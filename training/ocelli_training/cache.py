"""Decodes every picture once into one flat file of RGB bytes, so that training never decodes.

Each picture is stored with its smaller octaves: a crop that shrinks starts from the next larger level, which is
cheaper and closer to what the engine shows the network.
"""

import json
import os
import time

import numpy as np
from PIL import Image

from .annotations import Picture, read_split
from .paths import CACHE
from .pyramid import octaves

N_LEVELS = 5


def build(split: str) -> None:
    """Writes `cache/<split>.rgb` and its index; does nothing where they are complete."""
    index_path = CACHE / f"{split}.json"
    if index_path.exists():
        return
    CACHE.mkdir(exist_ok=True)
    started, offset, index = time.time(), 0, {}
    with open(CACHE / f"{split}.rgb.part", "wb") as out:
        for picture in read_split(split):
            with Image.open(picture.path) as image:
                pixels = np.asarray(image.convert("RGB"))
            assert pixels.shape == (picture.height, picture.width, 3), picture.name
            index[picture.name] = []
            for level in octaves(pixels, N_LEVELS):
                index[picture.name].append([offset, *level.shape[:2]])
                out.write(level.tobytes())
                offset += level.size
    os.replace(out.name, CACHE / f"{split}.rgb")
    index_path.write_text(json.dumps(index))
    print(f"cached {len(index)} pictures of {split}, {offset / 1e6:.0f} MB, {time.time() - started:.0f} s")


class PixelCache:
    """Random access to the decoded pictures of a split, through a memory map."""

    def __init__(self, split: str):
        self.bytes = np.memmap(CACHE / f"{split}.rgb", np.uint8, "r")
        self.index = json.loads((CACHE / f"{split}.json").read_text())

    def level(self, picture: Picture, k: int = 0) -> np.ndarray:
        """Returns octave `k` of the picture, `[h, w, 3]` sRGB bytes."""
        offset, height, width = self.index[picture.name][k]
        return self.bytes[offset : offset + height * width * 3].reshape(height, width, 3)
