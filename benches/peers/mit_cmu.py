#!/usr/bin/env python3
"""The ROC of the detectors on the MIT+CMU frontal faces: for measuring only, never for training or choosing.

    cargo build --release -p ocelli-cli
    python3 benches/peers/mit_cmu.py ../shared/faces/cmu_mit [--roc models/face-cascade.roc.json]
    training/.venv/bin/python benches/peers/mit_cmu.py ../shared/faces/cmu_mit --peers ../shared/peers

Runs the built-in cascade, OpenCV's default frontal cascade in the same scanner, and the deep detectors over the 130
pictures, and prints the detection rate at a number of false boxes. `--peers` runs YuNet, too, by the code of `training/`.
Neither YuNet nor ours learnt from these pictures, so that they are the fair ground between both.

A box finds a face where it holds both eyes and the middle of the mouth and is at most 5 eye distances plus 10 pixels wide.
Near to how Viola and Jones and Rowley et al. judged, whose exact rules were never published. Two tables:

- once: a second box on a found face counts for nothing;
- strict: it is false, as in `ocelli compare`.

`--roc` writes every point of the curves: [false boxes, faces found], where the number of faces changes.
"""

import argparse
import json
import math
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def opencv_cascades():
    """The folder of OpenCV's cascades: as said, as Debian's opencv-data has it, else as its Python wheel carries it."""
    system = pathlib.Path("/usr/share/opencv4/haarcascades")
    if said := os.environ.get("OCELLI_OPENCV_CASCADES"):
        return said
    if system.is_dir():
        return str(system)
    try:
        import cv2
    except ImportError:
        sys.exit("OpenCV's cascades are wanted: install opencv-data, or set OCELLI_OPENCV_CASCADES to their folder")
    return cv2.data.haarcascades.rstrip("/")


OPENCV = opencv_cascades()
SHOWN = [5, 10, 20, 31, 50, 65, 78, 95, 110, 167]
DETECTORS = {
    "face-cascade": ["--detector", "viola-jones", "--min-size", "0.001"],
    "OpenCV default": [
        *["--detector", "viola-jones", "--min-size", "0.001", "--min-neighbors", "1"],
        *["--cascade", f"{OPENCV}/haarcascade_frontalface_default.xml"],
    ],
    "deep": ["--detector", "deep", "--min-size", "0.01"],
    "deep-int8": ["--detector", "deep-int8", "--min-size", "0.01"],
    "deep-tiny": ["--detector", "deep-tiny", "--min-size", "0.01"],
}
YUNET = {"YuNet-n": "yunet_n_640_640.onnx", "YuNet-s": "yunet_s_640_640.onnx"}


def detect(ocelli, flags, pictures):
    """Boxes with confidences by picture."""
    command = [ocelli, "detect", "--quiet", "--format", "jsonl", "--min-confidence", "0.0005", *flags, *pictures]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = [json.loads(line) for line in out.splitlines()]
    return {
        pathlib.Path(line["image"]).name: [(o["confidence"], o["pixels"]) for o in line["observations"]]
        for line in lines
    }


def yunet(model, pictures):
    """Boxes with scores by picture, each picture at its own size, by the same code as in the cards' other tables."""
    sys.path.insert(0, str(ROOT / "training"))
    import numpy
    from ocelli_training.peers import YuNet
    from PIL import Image

    net, found = YuNet(model), {}
    for path in pictures:
        faces = net.detect(numpy.asarray(Image.open(path).convert("RGB")))
        found[pathlib.Path(path).name] = list(zip(faces.scores.tolist(), faces.boxes.tolist(), strict=True))
    return found


def by_points(box, picture):
    """The face that the box finds, by its points."""
    x, y, width, height = box
    for ix, p in enumerate(picture["landmarks6"]):
        eyes = math.hypot(p[0] - p[2], p[1] - p[3])
        holds = all(x <= u <= x + width and y <= v <= y + height for u, v in (p[0:2], p[2:4], p[8:10]))
        if holds and width <= 5 * eyes + 10:
            return ix
    return None


def judge(found, pictures, criterion):
    """(confidence, whether a new face was found), by falling confidence over all pictures."""
    events = []
    for name, picture in pictures.items():
        taken = set()
        for confidence, box in sorted(found.get(name, []), key=lambda f: -f[0]):
            face = by_points(box, picture)
            again = face in taken
            if again and criterion == "once":
                continue
            if face is not None:
                taken.add(face)
            events.append((confidence, face is not None and not again))
    # Of equal confidences the false ones first: nobody could choose among them.
    return sorted(events, key=lambda e: (-e[0], e[1]))


def curve(events):
    """[false boxes, faces found] wherever more faces are found; the last point is the end."""
    points, false, hits = [], 0, 0
    for _, hit in events:
        if hit:
            hits += 1
        else:
            points.append([false, hits])
            false += 1
    points.append([false, hits])
    last = len(points) - 1
    return [p for ix, p in enumerate(points) if ix in (0, last) or p[1] != points[ix - 1][1]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--ocelli", default=str(ROOT / "target/release/ocelli"))
    parser.add_argument("--roc", type=pathlib.Path)
    parser.add_argument("--peers", type=pathlib.Path, help="folder of YuNet's files; needs training/.venv with requirements-peers.txt")
    arguments = parser.parse_args()
    lines = (arguments.data / "boxes.jsonl").read_text().splitlines()
    pictures = {pathlib.Path(p["image"]).name: p for p in map(json.loads, lines)}
    files = [str(arguments.data / p["image"]) for p in pictures.values()]
    n_faces = sum(len(p["faces_head"]) for p in pictures.values())
    print(f"{len(pictures)} pictures, {n_faces} faces; detection rate in % at a number of false boxes\n")
    detected = {name: detect(arguments.ocelli, flags, files) for name, flags in DETECTORS.items()}
    if arguments.peers:
        detected |= {name: yunet(arguments.peers / model, files) for name, model in YUNET.items()}
    roc = {"pictures": len(pictures), "faces": n_faces}
    for criterion in ("once", "strict"):
        print(f"| {criterion} | " + " | ".join(map(str, SHOWN)) + " | at most |")
        print("| --- |" + " --- |" * (len(SHOWN) + 1))
        for name, found in detected.items():
            points = curve(judge(found, pictures, criterion))
            roc.setdefault(criterion, {})[name] = points
            last, most = points[-1]
            rate = lambda n: f"{100 * max(h for f, h in points if f <= n) / n_faces:.1f}" if n <= last else "–"
            print(f"| {name} | " + " | ".join(map(rate, SHOWN)) + f" | {100 * most / n_faces:.1f} ({last}) |")
        print()
    if arguments.roc:
        arguments.roc.write_text(json.dumps(roc, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    sys.exit(main())
