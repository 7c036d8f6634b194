#!/usr/bin/env python3
"""The built-in cascade beside OpenCV's default frontal cascade, both in our scanner, on the dev photographs.

    cargo build --release -p ocelli-cli
    python3 benches/peers/cascade_dev.py ../shared/faces

Each part with boxes drawn by hand is judged together with the pictures without faces. A box finds a face of at least 20 pixels
at an IoU of 0.4, after it was scaled and shifted as the median of the detector's right boxes says, since every cascade has a
convention of its own; smaller faces and `ignore` regions count neither way, and a second box on a face is false. Prints
the detection rate at a number of false boxes, and the least lead over all numbers from 10 to 100.
"""

import argparse
import json
import pathlib
import statistics
import sys

from mit_cmu import DETECTORS, ROOT, curve, detect

SHOWN = [5, 10, 20, 31, 50, 78, 95, 100]
PARTS = ["wider_train", "mask_ilc", "mask_kaggle853", "mask_macwin"]
IOU, SMALLEST = 0.4, 20


def iou(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def nearest(box, boxes):
    """(IoU, index) of the box that overlaps most."""
    return max(((iou(box, other), ix) for ix, other in enumerate(boxes)), default=(0.0, None))


def fitted(found, pictures):
    """All boxes, scaled and shifted (in parts of their width) by the medians of those that meet a face."""
    pairs = []
    for name, picture in pictures.items():
        for confidence, box in found.get(name, []):
            overlap, ix = nearest(box, picture["faces"])
            if confidence >= 0.3 and overlap >= 0.3:
                pairs.append((box, picture["faces"][ix]))
    fit = [
        statistics.median(f[2] / b[2] for b, f in pairs),
        statistics.median(f[3] / b[3] for b, f in pairs),
        statistics.median((f[0] + f[2] / 2 - b[0] - b[2] / 2) / b[2] for b, f in pairs),
        statistics.median((f[1] + f[3] / 2 - b[1] - b[3] / 2) / b[2] for b, f in pairs),
    ]

    def moved(box):
        x, y, w, h = box
        cx, cy = x + w / 2 + fit[2] * w, y + h / 2 + fit[3] * w
        return [cx - fit[0] * w / 2, cy - fit[1] * h / 2, fit[0] * w, fit[1] * h]

    return {name: [(confidence, moved(box)) for confidence, box in boxes] for name, boxes in found.items()}


def judge(found, pictures):
    """(confidence, whether a new face was found), by falling confidence over all pictures."""
    events = []
    for name, picture in pictures.items():
        faces, taken = picture["faces"], set()
        for confidence, box in sorted(found.get(name, []), key=lambda f: -f[0]):
            overlap, ix = nearest(box, faces)
            if overlap >= IOU and faces[ix][2] * faces[ix][3] < SMALLEST**2:
                continue
            hit = overlap >= IOU and ix not in taken
            if not hit and any(iou(box, region) >= 0.3 for region in picture["ignore"]):
                continue
            if hit:
                taken.add(ix)
            events.append((confidence, hit))
    return sorted(events, key=lambda e: (-e[0], e[1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--ocelli", default=str(ROOT / "target/release/ocelli"))
    arguments = parser.parse_args()
    lines = [json.loads(line) for line in (arguments.data / "dev.jsonl").read_text().splitlines()]
    wanted = [line for line in lines if line["set"] in PARTS or line["set"].startswith("neg_")]
    files = [str(arguments.data / line["image"]) for line in wanted]
    cascades = {name: flags for name, flags in DETECTORS.items() if name != "deep"}
    # Names of files repeat from part to part.
    detected = {name: {} for name in cascades}
    for part in {line["set"] for line in wanted}:
        chosen = [file for file, line in zip(files, wanted) if line["set"] == part]
        for name, flags in cascades.items():
            found = detect(arguments.ocelli, flags, chosen)
            detected[name] |= {(part, file): boxes for file, boxes in found.items()}
    for part in PARTS:
        in_part = lambda line: line["set"] == part or line["set"].startswith("neg_")
        pictures = {(line["set"], pathlib.Path(line["image"]).name): line for line in wanted if in_part(line)}
        for picture in pictures.values():
            picture["faces"] = picture["faces"] or []
        n_faces = sum(f[2] * f[3] >= SMALLEST**2 for p in pictures.values() for f in p["faces"])
        print(f"| {part}, {len(pictures)} pictures, {n_faces} faces | " + " | ".join(map(str, SHOWN)) + " | at most |")
        print("| --- |" + " --- |" * (len(SHOWN) + 1))
        rates = {}
        for name, found in detected.items():
            points = curve(judge(fitted(found, pictures), pictures))
            rate = lambda n, points=points: 100 * max((h for f, h in points if f <= n), default=0) / n_faces
            rates[name] = rate
            cells = " | ".join(f"{rate(n):.1f}" for n in SHOWN)
            print(f"| {name} | {cells} | {100 * points[-1][1] / n_faces:.1f} ({points[-1][0]}) |")
        ours, theirs = rates.values()
        lead, at = min((ours(n) - theirs(n), n) for n in range(10, 101))
        print(f"\nleast lead from 10 to 100 false boxes: {lead:+.1f} points, at {at}\n")


if __name__ == "__main__":
    sys.exit(main())
