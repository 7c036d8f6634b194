"""The octave pyramid as the engine builds it.

Level `k` has the longer side `round(L / 2**k)` and the other side in proportion, at least 1. Each level is made
from the one above with an antialiased triangle filter (`Convolution(Bilinear)` of fast_image_resize).
"""

import numpy as np
from PIL import Image


def level_size(width: int, height: int, k: int) -> tuple[int, int]:
    """Returns width and height of level `k` of a picture whose level 0 has this size."""
    longer = max(width, height)
    target = max(1, _round(longer / 2**k))
    return max(1, _round(width * target / longer)), max(1, _round(height * target / longer))


def _round(x: float) -> int:
    return int(np.floor(x + 0.5))


def resized(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Returns `[height, width, 3]` bytes, by the antialiased triangle filter."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def octaves(top: np.ndarray, n_levels: int) -> list[np.ndarray]:
    """Returns `n_levels` levels, level 0 being `top` itself."""
    height, width = top.shape[:2]
    levels = [top]
    for k in range(1, n_levels):
        levels.append(resized(levels[-1], *level_size(width, height, k)))
    return levels
