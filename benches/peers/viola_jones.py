#!/usr/bin/env python3
"""What OpenCV's CascadeClassifier finds, and how long it takes: the peer of plugins/face-viola-jones.

    python3 -m pip install 'opencv-python-headless<5'
    python3 benches/peers/viola_jones.py record
    python3 benches/peers/viola_jones.py boxes CASCADE.xml OUT.json PICTURE...
    python3 benches/peers/viola_jones.py speed CASCADE.xml PICTURE...

`record` writes plugins/face-viola-jones/tests/parity/opencv.json: what OpenCV finds in the pictures that the parity
test makes. The cascade files come from the package opencv-data, or from OCELLI_OPENCV_CASCADES; the pictures with faces
of the training collection are recorded where the test kit finds its folder (OCELLI_DATA).

`boxes` writes one JSON object for pictures of one's own: per picture its grey pixels as a file (PGM, beside OUT.json), so
that both sides see the same numbers, the windows before grouping and the boxes after. The parity test reads it:

    OCELLI_OPENCV_BOXES=OUT.json cargo test -p ocelli-face-viola-jones --test parity

`speed` prints the processor time of one picture on one thread, OpenCV's `detectMultiScale` and `ocelli detect` in turns, all
of ours included: reading the file, levels, integral images, scan, grouping. It needs target/release/ocelli, or OCELLI.
OCELLI_CASCADE names another cascade for our side.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import cv2

SCALE_FACTOR = 1.1
MIN_NEIGHBORS = 3
ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORDING = ROOT / "plugins/face-viola-jones/tests/parity/opencv.json"
CASCADES = os.environ.get("OCELLI_OPENCV_CASCADES", "/usr/share/opencv4/haarcascades")
OCELLI = os.environ.get("OCELLI", str(ROOT / "target/release/ocelli"))
# Runs of each side, in turns, and pictures in a run of ours.
ROUNDS, COPIES = 9, 11
# Stumps, trees, another object, and the older format; the photographs are recorded for the first only.
RECORDED = [
    "haarcascade_frontalface_default.xml",
    "haarcascade_frontalface_alt2.xml",
    "haarcascade_profileface.xml",
    "haarcascade_licence_plate_rus_16stages.xml",
]


def rows(boxes):
    """In an order of their own, since threads find them in any."""
    return sorted([int(v) for v in box] for box in boxes)


def found(cascade, gray):
    return {
        "windows": rows(cascade.detectMultiScale(gray, SCALE_FACTOR, 0)),
        "boxes": rows(cascade.detectMultiScale(gray, SCALE_FACTOR, MIN_NEIGHBORS)),
    }


def record():
    with tempfile.TemporaryDirectory() as folder:
        example = ["cargo", "run", "--quiet", "-p", "ocelli-face-viola-jones", "--example", "parity_scenes"]
        subprocess.run([*example, "--", folder], cwd=ROOT, check=True)
        folder = pathlib.Path(folder)
        scenes = json.loads((folder / "scenes.json").read_text())
        cascades = {}
        for name in RECORDED:
            cascade = cv2.CascadeClassifier(str(pathlib.Path(CASCADES) / name))
            chosen = [s for s in scenes if s["group"] == "portraits" or name == RECORDED[0]]
            cascades[name] = [
                {k: s[k] for k in ("group", "name", "pixels")}
                | found(cascade, cv2.imread(str(folder / s["file"]), cv2.IMREAD_GRAYSCALE))
                for s in chosen
            ]
            counts = [sum(len(s[kind]) for s in cascades[name]) for kind in ("windows", "boxes")]
            print(f"{name}: {len(chosen)} pictures, {counts[0]} windows, {counts[1]} boxes")
    head = {"opencv": cv2.__version__, "scale_factor": SCALE_FACTOR, "min_neighbors": MIN_NEIGHBORS}
    compact = {"separators": (",", ":"), "ensure_ascii": False}
    lines = [
        f"{json.dumps(name)}:[\n" + ",\n".join(json.dumps(s, **compact) for s in scenes) + "\n]"
        for name, scenes in cascades.items()
    ]
    text = json.dumps(head, **compact)[:-1] + ',"cascades":{\n' + ",\n".join(lines) + "\n}}\n"
    RECORDING.write_text(text)


def boxes(cascade_path, out_path, pictures):
    cascade = cv2.CascadeClassifier(cascade_path)
    out = pathlib.Path(out_path).resolve()
    pictures_found = []
    for number, picture in enumerate(pictures):
        gray = cv2.imread(picture, cv2.IMREAD_GRAYSCALE)
        if gray is None:
            continue
        pixels = out.with_name(f"{out.stem}-{number:04}.pgm")
        cv2.imwrite(str(pixels), gray)
        pictures_found.append({"pixels": str(pixels)} | found(cascade, gray))
    answer = {
        "opencv": cv2.__version__,
        "cascade": str(pathlib.Path(cascade_path).resolve()),
        "scale_factor": SCALE_FACTOR,
        "min_neighbors": MIN_NEIGHBORS,
        "pictures": pictures_found,
    }
    out.write_text(json.dumps(answer))


def children_seconds():
    times = os.times()
    return times.children_user + times.children_system


def ours(cascade_path, copies):
    """Processor seconds of `ocelli detect` over copies of one picture."""
    before = children_seconds()
    cascade_path = os.environ.get("OCELLI_CASCADE", cascade_path)
    flags = ["--detector", "viola-jones", "--cascade", cascade_path, "--min-size", "0.001", "--threads", "1"]
    subprocess.run([OCELLI, "detect", "--quiet", *flags, *copies], check=True, stdout=subprocess.DEVNULL)
    return children_seconds() - before


def speed(cascade_path, pictures):
    cv2.setNumThreads(1)
    cascade = cv2.CascadeClassifier(cascade_path)
    for picture in pictures:
        gray = cv2.imread(picture, cv2.IMREAD_GRAYSCALE)
        with tempfile.TemporaryDirectory() as folder:
            names = [f"{folder}/{number:02}.pgm" for number in range(COPIES)]
            for name in names:
                cv2.imwrite(name, gray)
            theirs, mine = [], []
            for _ in range(ROUNDS):
                start = time.process_time()
                cascade.detectMultiScale(gray, SCALE_FACTOR, MIN_NEIGHBORS)
                theirs.append(time.process_time() - start)
                # Start of the program and reading of the cascade cancel out: eleven pictures less one.
                mine.append((ours(cascade_path, names) - ours(cascade_path, names[:1])) / (COPIES - 1))
        theirs, mine = 1e3 * statistics.median(theirs), 1e3 * statistics.median(mine)
        height, width = gray.shape
        print(f"{picture} {width}x{height}: OpenCV {cv2.__version__} {theirs:.1f} ms, ours {mine:.1f} ms, ratio {mine / theirs:.2f}")


def main():
    match sys.argv[1:]:
        case ["record"]:
            record()
        case ["boxes", cascade, out, *pictures]:
            boxes(cascade, out, pictures)
        case ["speed", cascade, *pictures]:
            speed(cascade, pictures)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
