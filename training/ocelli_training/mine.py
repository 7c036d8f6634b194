"""Hard examples: what a network sees wrongly in complete training pictures.

False: an answer where no face is, in pictures whose faces are all boxed. Missed: a face it gives no answer to. The
sampler shows both more often (Sung and Poggio 1998 called it bootstrapping).
"""

import json
from pathlib import Path

import numpy as np
import torch

from . import boxes as bx
from .annotations import Picture, read_split
from .cache import PixelCache
from .detect import Detections, detect

MIN_SCORE = 0.15
MISSED_SCORE = 0.35
SMALLEST_FACE = 16
# A picture may have faces that nobody boxed; it must not fill the list.
MOST_PER_PICTURE = 8


def false_answers(found: Detections, picture: Picture) -> list[tuple[list[float], float]]:
    """Returns boxes and scores that touch no face and no ignored region, or only a part of a far larger face."""
    known = np.concatenate([picture.faces, picture.ignore])
    apart = bx.iou(found.boxes, known).max(1, initial=0) < 0.2
    much_larger = bx.sizes(known)[None, :] > 2.5 * bx.sizes(found.boxes)[:, None]
    apart &= np.where(much_larger, 0, bx.covered(found.boxes, known)).max(1, initial=0) < 0.4
    apart &= found.scores >= MIN_SCORE
    rows = [(b.round(1).tolist(), round(float(s), 3)) for b, s in zip(found.boxes, found.scores, strict=True)]
    return [row for row, keep in zip(rows, apart, strict=True) if keep][:MOST_PER_PICTURE]


def missed_faces(found: Detections, picture: Picture) -> list[list[float]]:
    """Returns the faces without an answer of some certainty."""
    seen = found.boxes[found.scores >= MISSED_SCORE]
    missed = bx.iou(picture.faces, seen).max(1, initial=0) < 0.5
    missed &= bx.sizes(picture.faces) >= SMALLEST_FACE
    return picture.faces[missed].round(1).tolist()


def mine(net: torch.nn.Module, out: Path, limit: int | None = None, every: int = 1) -> None:
    """Scans complete pictures of train, each so many, `limit` at most.

    Writes `{"false": [[name, box, score]…], "missed": [[name, box]…]}`.
    """
    cache = PixelCache("train")
    pictures = [p for p in read_split("train") if p.complete][::every][:limit]
    wrong, missed = [], []
    for picture in pictures:
        found = detect(net, cache.level(picture), 0.05)
        wrong += [[picture.name, box, score] for box, score in false_answers(found, picture)]
        missed += [[picture.name, box] for box in missed_faces(found, picture)]
    wrong.sort(key=lambda row: -row[2])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"false": wrong, "missed": missed}))
    print(f"{len(pictures)} pictures: {len(wrong)} false answers, {len(missed)} missed faces -> {out}")
