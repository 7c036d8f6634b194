"""Chooses what a training batch shows: which picture, at which scale, which part of it.

Every sample is a function of (seed, step) alone, so that a run continued from a checkpoint sees what the
uninterrupted run would have seen.
"""

import numpy as np
from PIL import Image, ImageOps

from . import augment
from . import boxes as bx
from .annotations import Picture, read_split
from .cache import PixelCache
from .crops import GREY, Crop, Window, cut
from .distort import distorted

# Parts of the 160-pixel crops.
MIX = {"face": 0.58, "scene": 0.10, "negative": 0.12, "quad": 0.10, "inside": 0.10}
# Parts of the sets among the crops around a face.
FACE_SETS = {
    "wider_train": 0.72, "mask_ilc": 0.12, "mask_kaggle853": 0.05, "mask_macwin": 0.04, "helen": 0.03, "afw": 0.04,
}  # fmt: skip
PORTRAIT_SETS = ("allage", "utkface", "helen")
# The face that a crop is cut around gets a size drawn evenly on a log scale from this range, in pixels.
FACE_PX = (16.0, 48.0)
LARGEST_SCALE = 2.0
# A face that can be shown larger than any face a level answers for, in stored pixels.
LARGE_FACE = 60
# Columns of WIDER FACE's attributes, and how much more often its hard faces are drawn.
OCCLUSION, POSE, HARD = 3, 4, 3.0
# With mined examples: the part of missed faces among faces, and of false answers among negatives.
MISSED_PART, FALSE_PART = 0.08, 0.7


class Sampler:
    """Draws crops from a split."""

    def __init__(self, split: str = "train", mined: dict[str, list] | None = None, varied: bool = False):
        self.cache = PixelCache(split)
        pictures = read_split(split)
        self.by_set: dict[str, list[Picture]] = {}
        for picture in pictures:
            self.by_set.setdefault(picture.set, []).append(picture)
        self.empty = [p for p in pictures if p.negative]
        self.portraits = [p for s in PORTRAIT_SETS for p in self.by_set[s] if len(p.faces)]
        self.weighted = {s: _weighted(self.by_set[s]) for s in FACE_SETS}
        self.large = [(p, face) for p in pictures for face in p.faces[bx.sizes(p.faces) >= LARGE_FACE]]
        self.varied = varied
        by_name = {p.name: p for p in pictures}
        # From `mine`: false answers and missed faces, (picture, box) in pixels of the picture.
        mined = mined or {"false": [], "missed": []}
        self.false = [(by_name[row[0]], np.asarray(row[1], np.float32)) for row in mined["false"]]
        self.missed = [(by_name[row[0]], np.asarray(row[1], np.float32)) for row in mined["missed"]]

    def sample(self, rng: np.random.Generator, side: int) -> Crop:
        """Draws a crop of the training mix, its pixels as they are."""
        kind = _pick(rng, MIX)
        return getattr(self, kind)(rng, side)

    def small(self, rng: np.random.Generator, side: int) -> Crop:
        """Draws a face that fills much of a small crop: what the last levels see."""
        return self._close(rng, side, (0.4 * side, min(0.95 * side, FACE_PX[1])))

    def pick_face(self, rng: np.random.Generator) -> tuple[Picture, np.ndarray]:
        """Draws a picture and one of its faces."""
        if self.missed and rng.random() < MISSED_PART:
            return self.missed[rng.integers(len(self.missed))]
        name = _pick(rng, FACE_SETS)
        pictures, weights = self.weighted[name]
        picture = pictures[np.searchsorted(weights, rng.random())]
        weight = _face_weights(picture)
        return picture, picture.faces[rng.choice(len(weight), p=weight / weight.sum())]

    def face(self, rng: np.random.Generator, side: int) -> Crop:
        """Cuts around a face, which may lie anywhere in the crop."""
        picture, face = self.pick_face(rng)
        scale = min(log_uniform(rng, *FACE_PX) / float(np.sqrt(face[2] * face[3])), LARGEST_SCALE)
        if scale * max(picture.width, picture.height) < 0.7 * side:
            return self.quad(rng, side)
        window = Window(*_place(rng, face, scale, side), side, scale)
        if rng.random() < 0.7:
            window = _inward(window, picture)
        return cut(self.cache, picture, window, _angle(rng))

    def inside(self, rng: np.random.Generator, side: int) -> Crop:
        """Cuts from the inside of a large face: ears, eyes and cheeks are no faces."""
        picture, face = self.large[rng.integers(len(self.large))]
        own = float(np.sqrt(face[2] * face[3]))
        scale = min(log_uniform(rng, 72, 360), 1.6 * own) / own
        at = rng.uniform(-0.1, 1.1, 2)
        x = (face[0] + at[0] * face[2]) * scale - side / 2
        y = (face[1] + at[1] * face[3]) * scale - side / 2
        return cut(self.cache, picture, _inward(Window(float(x), float(y), side, scale), picture), _angle(rng))

    def scene(self, rng: np.random.Generator, side: int) -> Crop:
        """Cuts anywhere from a picture whose faces are all boxed, near its own scale."""
        pictures = self.by_set["wider_train"]
        picture = pictures[rng.integers(len(pictures))]
        return self._anywhere(rng, picture, side, log_uniform(rng, 0.3, 1.3))

    def negative(self, rng: np.random.Generator, side: int) -> Crop:
        """Cuts from a picture without faces, or around a mined false answer."""
        if self.false and rng.random() < FALSE_PART:
            # Small indices are the worst errors: the square prefers them.
            picture, box = self.false[int(rng.random() ** 2 * len(self.false))]
            scale = min(log_uniform(rng, *FACE_PX) / float(np.sqrt(box[2] * box[3])), LARGEST_SCALE)
            x, y = _place(rng, box, scale, side)
            return cut(self.cache, picture, Window(x, y, side, scale), _angle(rng))
        picture = self.empty[rng.integers(len(self.empty))]
        return self._anywhere(rng, picture, side, log_uniform(rng, 0.35, 1.6))

    def _anywhere(self, rng: np.random.Generator, picture: Picture, side: int, scale: float) -> Crop:
        x = rng.uniform(*sorted((0, picture.width * scale - side)))
        y = rng.uniform(*sorted((0, picture.height * scale - side)))
        return cut(self.cache, picture, Window(x, y, side, scale), _angle(rng) * 0.5)

    def quad(self, rng: np.random.Generator, side: int) -> Crop:
        """Puts four smaller crops together: close-up pictures would leave most of a crop empty."""
        half, canvas = side // 2, Image.new("RGB", (side, side), GREY)
        faces, ignore = [], []
        for quarter in range(4):
            crop = self.negative(rng, half) if rng.random() < 0.15 else self._close(rng, half, FACE_PX)
            x0, y0 = half * (quarter % 2), half * (quarter // 2)
            canvas.paste(crop.image, (x0, y0))
            shift = np.array([x0, y0, 0, 0], np.float32)
            faces.append(crop.faces + shift)
            ignore.append(bx.clip(crop.ignore, half, half) + shift)
        return Crop(canvas, np.concatenate(faces), np.concatenate(ignore))

    def _close(self, rng: np.random.Generator, side: int, face_px: tuple[float, float]) -> Crop:
        """Cuts around a face that is large in its picture, with as little beyond the picture as can be."""
        if rng.random() < 0.5:
            picture = self.portraits[rng.integers(len(self.portraits))]
            face = picture.faces[rng.integers(len(picture.faces))]
        else:
            picture, face = self.pick_face(rng)
        scale = min(log_uniform(rng, *face_px) / float(np.sqrt(face[2] * face[3])), LARGEST_SCALE)
        x, y = _place(rng, face, scale, side, 0.3)
        return cut(self.cache, picture, _inward(Window(x, y, side, scale), picture), _angle(rng))


def _inward(window: Window, picture: Picture) -> Window:
    """Moves a window so that it shows no more of the outside than it must."""
    x = np.clip(window.x, *sorted((0, picture.width * window.scale - window.side)))
    y = np.clip(window.y, *sorted((0, picture.height * window.scale - window.side)))
    return Window(float(x), float(y), window.side, window.scale)


def _weighted(pictures: list[Picture]) -> tuple[list[Picture], np.ndarray]:
    """Pictures with faces, and the running sum of their weights: the square root of the faces of 12 px or more."""
    with_faces = [p for p in pictures if len(p.faces)]
    weights = np.array([_picture_weight(p) for p in with_faces])
    return with_faces, np.cumsum(weights) / weights.sum()


def _picture_weight(picture: Picture) -> float:
    of_some_size = bx.sizes(picture.faces) >= 12
    return 0.3 + float(np.sqrt((of_some_size * _hardness(picture)).sum()))


def _face_weights(picture: Picture) -> np.ndarray:
    """How often the faces of a picture are drawn: those more that need not grow much, and hard ones."""
    return np.clip(bx.sizes(picture.faces) / 16, 0.05, 1) * _hardness(picture)


def _hardness(picture: Picture) -> np.ndarray:
    """`HARD` for faces turned away or partly hidden, a tenth of all and half of those missed; 1 for others."""
    if picture.attributes is None:
        return np.ones(len(picture.faces))
    attributes = np.asarray(picture.attributes)
    return np.where((attributes[:, OCCLUSION] > 0) | (attributes[:, POSE] > 0), HARD, 1.0)


def _place(
    rng: np.random.Generator, face: np.ndarray, scale: float, side: int, margin: float = 0.06
) -> tuple[float, float]:
    """Returns the window's corner such that the face's centre falls anywhere in the crop but its margin."""
    cx, cy = (face[0] + face[2] / 2) * scale, (face[1] + face[3] / 2) * scale
    return float(cx - rng.uniform(margin, 1 - margin) * side), float(cy - rng.uniform(margin, 1 - margin) * side)


def _angle(rng: np.random.Generator) -> float:
    """Upright mostly; else a little, or evenly up to where another upright orientation takes over."""
    at = rng.random()
    if at < 0.62:
        return 0.0
    return float(np.clip(rng.normal(0, 20), -50, 50) if at < 0.82 else rng.uniform(-58, 58))


def finished(crop: Crop, rng: np.random.Generator, mirrored: bool, varied: bool = False) -> Crop:
    """Changes light and colour of a crop, mirrors it and distorts it if asked."""
    if varied:
        crop = distorted(crop, rng)
    image, side = augment.photometric(crop.image, rng), crop.image.width
    if mirrored:
        return Crop(ImageOps.mirror(image), bx.mirror(crop.faces, side), bx.mirror(crop.ignore, side))
    return Crop(image, crop.faces, crop.ignore)


def _pick(rng: np.random.Generator, parts: dict[str, float]) -> str:
    """Draws a name by its part of the whole."""
    at = rng.random() * sum(parts.values())
    for name, part in parts.items():
        at -= part
        if at < 0:
            return name
    return name


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draws a number evenly on a log scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
