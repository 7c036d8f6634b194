#!/usr/bin/env python3
"""Records what pycocotools says about synthetic detections, for tests/oracle.rs.

    pip install numpy==2.4.6 pycocotools==2.0.11
    python make_coco_oracle.py > coco.json

The file holds truths, detections and the twelve numbers of COCOeval, so that the test needs neither Python nor network.
Cases are made by seed: crowded and sparse, ties of score, crowd regions, stated areas unlike the boxes', more than a
hundred detections a picture, no detections, no objects.
"""

import contextlib
import io
import json
import random

import pycocotools
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

NAMES = ["ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"]
NAMES += ["ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large"]


def box(rng, side):
    size = 8.0 * 2.0 ** rng.uniform(0.0, 4.5)
    w, h = size * rng.uniform(0.7, 1.2), size * rng.uniform(0.8, 1.4)
    return [round(v, 2) for v in (rng.uniform(0, side), rng.uniform(0, side), w, h)]


def near(rng, b, wobble):
    x, y, w, h = b
    d = lambda: rng.gauss(0.0, wobble)
    return [round(v, 2) for v in (x + w * d(), y + h * d(), w * (1 + d()), h * (1 + d()))]


def case(seed, images, faces, false_alarms, decimals, crowds=0.0, areas=False):
    rng = random.Random(seed)
    truths, detections, side = [], [], 600
    for image in range(1, images + 1):
        for _ in range(rng.randint(0, faces)):
            b = box(rng, side)
            area = round(b[2] * b[3] * (rng.uniform(0.5, 1.0) if areas else 1.0), 3)
            crowd = int(rng.random() < crowds)
            truths.append({"image_id": image, "bbox": b, "area": area, "iscrowd": crowd})
            for _ in range(rng.choice([0, 1, 1, 1, 2]) * (4 if crowd else 1)):
                found = near(rng, b, 0.12)
                if found[2] > 1 and found[3] > 1:
                    score = round(rng.betavariate(4, 2), decimals)
                    detections.append({"image_id": image, "bbox": found, "score": score})
        for _ in range(rng.randint(0, false_alarms)):
            score = round(rng.betavariate(2, 4), decimals)
            detections.append({"image_id": image, "bbox": box(rng, side), "score": score})
    return {"images": images, "truths": truths, "detections": detections}


def judge(c):
    images = [{"id": i, "width": 700, "height": 700} for i in range(1, c["images"] + 1)]
    anns = [dict(t, id=k + 1, category_id=1) for k, t in enumerate(c["truths"])]
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO()
        gt.dataset = {"images": images, "annotations": anns, "categories": [{"id": 1, "name": "face"}]}
        gt.createIndex()
        dt = gt.loadRes([dict(d, category_id=1) for d in c["detections"]])
        ev = COCOeval(gt, dt, "bbox")
        ev.evaluate()
        ev.accumulate()
        ev.summarize()
    return {n: None if v < 0 else float(v) for n, v in zip(NAMES, ev.stats)}


CASES = {
    "plain": case(1, 40, 4, 5, 6),
    "ties": case(2, 40, 4, 5, 1),
    "crowd_regions": case(3, 40, 5, 4, 6, crowds=0.3),
    "stated_areas": case(4, 40, 4, 4, 6, crowds=0.1, areas=True),
    "crowded": case(5, 4, 60, 150, 3),
    "no_objects": case(6, 5, 0, 4, 6),
    "few": case(7, 2, 2, 1, 6),
}

if __name__ == "__main__":
    import importlib.metadata

    version = importlib.metadata.version("pycocotools")
    cases = {name: dict(c, expected=judge(c)) for name, c in CASES.items()}
    print(json.dumps({"made_by": f"make_coco_oracle.py, pycocotools {version}", "cases": cases}, indent=None, separators=(",", ":")))
