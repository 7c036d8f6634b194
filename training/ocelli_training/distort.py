"""Changes of pixels that move or hide parts of faces; boxes follow. For runs that ask for more variety."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import boxes as bx
from .augment import chance, coarser
from .crops import Crop, framed

# The longest stretch of one axis.
STRETCH = 1.2
# The part of a face that is hidden, along the side from which it is.
HIDDEN = (0.2, 0.5)


def distorted(crop: Crop, rng: np.random.Generator) -> Crop:
    """Stretches, hides or blurs; about half of all crops stay as they are."""
    if chance(rng, 0.3):
        crop = stretched(crop, rng)
    if chance(rng, 0.25) and len(crop.faces):
        crop = hidden(crop, rng)
    image = crop.image
    if chance(rng, 0.06):
        image = image.filter(motion(rng))
    elif chance(rng, 0.06):
        image = coarser(image, rng.uniform(0.25, 0.5))
    return Crop(image, crop.faces, crop.ignore)


def stretched(crop: Crop, rng: np.random.Generator) -> Crop:
    """Enlarges a part of the crop along one axis, as a face between two aspects."""
    side, factor = crop.image.width, rng.uniform(1, STRETCH)
    scale, shown = np.ones(2), np.array([side, side], float)
    axis = int(rng.integers(2))
    scale[axis], shown[axis] = factor, side / factor
    corner = rng.uniform(0, 1, 2) * (side - shown)
    box = (*corner, *(corner + shown))
    image = crop.image.resize((side, side), Image.Resampling.BILINEAR, box)

    def carried(boxes: np.ndarray) -> np.ndarray:
        moved = (boxes - np.array([*corner, 0, 0])) * np.array([*scale, *scale])
        return moved.astype(np.float32)

    faces, unsure = framed(carried(crop.faces), side)
    return Crop(image, faces, np.concatenate([unsure, carried(crop.ignore)]))


def hidden(crop: Crop, rng: np.random.Generator) -> Crop:
    """Lays a patch of the crop's own background, or of one colour, over a side of one face."""
    x, y, w, h = crop.faces[rng.integers(len(crop.faces))]
    part = rng.uniform(*HIDDEN)
    # left, right, top, bottom: things in front of faces come from below more often than from above.
    where = rng.choice(4, p=[0.28, 0.28, 0.14, 0.3])
    grown = np.array([x - 0.15 * w, y - 0.15 * h, x + 1.15 * w, y + 1.15 * h])
    edge = [x + part * w, x + (1 - part) * w, y + part * h, y + (1 - part) * h][where]
    grown[[2, 0, 3, 1][where]] = edge
    left, top, right, bottom = (int(v) for v in np.round(grown))
    size = (max(1, right - left), max(1, bottom - top))
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    if chance(rng, 0.5):
        draw.rectangle((0, 0, *size), fill=255)
    else:
        draw.rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), min(size) // 2, fill=255)
    image = crop.image.copy()
    image.paste(_patch(crop, size, rng), (left, top), mask)
    return Crop(image, crop.faces, crop.ignore)


def _patch(crop: Crop, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    side = crop.image.width
    if chance(rng, 0.7) and size[0] < side and size[1] < side:
        x, y = (int(rng.integers(side - s)) for s in size)
        seen = bx.iou(np.array([[x, y, *size]], np.float32), np.concatenate([crop.faces, crop.ignore]))
        if not seen.any():
            return crop.image.crop((x, y, x + size[0], y + size[1]))
    return Image.new("RGB", size, tuple(int(v) for v in rng.integers(0, 256, 3)))


def motion(rng: np.random.Generator) -> ImageFilter.Kernel:
    """Returns the blur of a short straight movement."""
    angle, kernel = rng.uniform(0, np.pi), np.zeros((5, 5))
    for at in np.linspace(-2, 2, 17):
        kernel[round(2 + at * np.sin(angle)), round(2 + at * np.cos(angle))] += 1
    return ImageFilter.Kernel((5, 5), kernel.ravel().tolist(), kernel.sum())
