"""Square crops at a chosen scale, with the faces of the picture carried along.

Outside the picture a crop is mid-grey, which the network's normalization maps to zero, as its own padding is.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from . import boxes as bx
from .annotations import Picture
from .cache import N_LEVELS, PixelCache

GREY = (128, 128, 128)
# A face cut by the border of a crop stays a face down to this visible part, and is ignored below it.
VISIBLE, HINT = 0.6, 0.2
# ... unless the whole face is so large, in crop pixels, that nothing of it is a face at this scale.
TOO_LARGE = 90


@dataclass
class Crop:
    """A crop and its annotation, in pixels of the crop."""

    image: Image.Image
    faces: np.ndarray
    ignore: np.ndarray


@dataclass
class Window:
    """A square of `side` crop pixels whose top-left corner lies at (`x`, `y`) of the picture scaled by `scale`."""

    x: float
    y: float
    side: int
    scale: float

    def boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Carries boxes of the picture into the crop."""
        return boxes * self.scale - np.array([self.x, self.y, 0, 0], np.float32)


def cut(cache: PixelCache, picture: Picture, window: Window, degrees: float = 0.0) -> Crop:
    """Cuts a window, turned about its centre by `degrees` anticlockwise."""
    if degrees:
        return _cut_turned(cache, picture, window, degrees)
    faces, ignore = framed(window.boxes(picture.faces), window.side)
    return Crop(_render(cache, picture, window), faces, np.concatenate([ignore, window.boxes(picture.ignore)]))


def _cut_turned(cache: PixelCache, picture: Picture, window: Window, degrees: float) -> Crop:
    angle = np.deg2rad(degrees)
    margin = int(np.ceil(window.side * (abs(np.cos(angle)) + abs(np.sin(angle)) - 1) / 2))
    side = window.side + 2 * margin
    wide = Window(window.x - margin, window.y - margin, side, window.scale)
    image = _render(cache, picture, wide).rotate(degrees, Image.Resampling.BILINEAR, fillcolor=GREY)
    image = image.crop((margin, margin, margin + window.side, margin + window.side))

    def carried(boxes: np.ndarray) -> np.ndarray:
        turned = bx.rotate(wide.boxes(boxes), degrees, (side / 2, side / 2))
        return turned - np.array([margin, margin, 0, 0], np.float32)

    faces, ignore = framed(carried(picture.faces), window.side)
    return Crop(image, faces, np.concatenate([ignore, carried(picture.ignore)]))


def framed(faces: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Cuts faces to the crop; returns those still faces, and those of which too little is seen."""
    seen = bx.clip(faces, side, side)
    part = seen[:, 2] * seen[:, 3] / np.maximum(faces[:, 2] * faces[:, 3], 1e-9)
    unsure = (part < VISIBLE) & (part > HINT) & (bx.sizes(faces) < TOO_LARGE)
    return seen[part >= VISIBLE], seen[unsure]


def _render(cache: PixelCache, picture: Picture, window: Window) -> Image.Image:
    """Draws an upright window from the smallest octave that need not grow."""
    k = int(np.clip(np.floor(-np.log2(window.scale) + 1e-6), 0, N_LEVELS - 1))
    level = cache.level(picture, k)
    height, width = level.shape[:2]
    kx, ky = width / picture.width, height / picture.height
    # The part of the window that shows the picture, in whole crop pixels.
    left, top = max(0, int(np.ceil(-window.x))), max(0, int(np.ceil(-window.y)))
    right = min(window.side, int(np.floor(picture.width * window.scale - window.x)))
    bottom = min(window.side, int(np.floor(picture.height * window.scale - window.y)))
    if right - left == window.side == bottom - top:
        canvas = None
    else:
        canvas = Image.new("RGB", (window.side, window.side), GREY)
        if right <= left or bottom <= top:
            return canvas
    box = np.array([left + window.x, top + window.y, right + window.x, bottom + window.y]) / window.scale
    box = np.clip(box * [kx, ky, kx, ky], 0, [width, height, width, height])
    # Copy only the rows and columns that the filter can reach.
    reach = int(np.ceil(kx / window.scale)) + 1
    x0, y0 = max(0, int(box[0]) - reach), max(0, int(box[1]) - reach)
    x1, y1 = min(width, int(np.ceil(box[2])) + reach), min(height, int(np.ceil(box[3])) + reach)
    region = Image.fromarray(np.ascontiguousarray(level[y0:y1, x0:x1]))
    shrunk = region.resize((right - left, bottom - top), Image.Resampling.BILINEAR, tuple(box - [x0, y0, x0, y0]))
    if canvas is None:
        return shrunk
    canvas.paste(shrunk, (left, top))
    return canvas
