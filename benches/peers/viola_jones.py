#!/usr/bin/env python3
"""What OpenCV's CascadeClassifier finds, and how long it takes: the peer of plugins/face-viola-jones.

    python3 -m pip install 'opencv-python-headless<5'
    python3 benches/peers/viola_jones.py boxes CASCADE.xml OUT.json PICTURE...
    python3 benches/peers/viola_jones.py speed CASCADE.xml PICTURE...

`boxes` writes one JSON object: per picture its grey pixels as a file (PGM, beside OUT.json), so that both sides see the
same numbers, the windows before grouping and the boxes after. The parity test reads it:

    OCELLI_OPENCV_BOXES=OUT.json cargo nextest run -p ocelli-face-viola-jones parity
"""

import json
import pathlib
import statistics
import sys
import time

import cv2

SCALE_FACTOR = 1.1
MIN_NEIGHBORS = 3


def rows(boxes):
    return [[int(v) for v in box] for box in boxes]


def boxes(cascade_path, out_path, pictures):
    cascade = cv2.CascadeClassifier(cascade_path)
    out = pathlib.Path(out_path).resolve()
    found = []
    for number, picture in enumerate(pictures):
        gray = cv2.imread(picture, cv2.IMREAD_GRAYSCALE)
        if gray is None:
            continue
        pixels = out.with_name(f"{out.stem}-{number:04}.pgm")
        cv2.imwrite(str(pixels), gray)
        found.append({
            "pixels": str(pixels),
            "windows": rows(cascade.detectMultiScale(gray, SCALE_FACTOR, 0)),
            "boxes": rows(cascade.detectMultiScale(gray, SCALE_FACTOR, MIN_NEIGHBORS)),
        })
    record = {
        "opencv": cv2.__version__,
        "cascade": str(pathlib.Path(cascade_path).resolve()),
        "scale_factor": SCALE_FACTOR,
        "min_neighbors": MIN_NEIGHBORS,
        "pictures": found,
    }
    out.write_text(json.dumps(record))


def speed(cascade_path, pictures):
    cv2.setNumThreads(1)
    cascade = cv2.CascadeClassifier(cascade_path)
    for picture in pictures:
        gray = cv2.imread(picture, cv2.IMREAD_GRAYSCALE)
        times = []
        for _ in range(9):
            start = time.perf_counter()
            cascade.detectMultiScale(gray, SCALE_FACTOR, MIN_NEIGHBORS)
            times.append((time.perf_counter() - start) * 1e3)
        height, width = gray.shape
        print(f"{picture} {width}x{height} min {min(times):.2f} median {statistics.median(times):.2f} ms, opencv {cv2.__version__}")


def main():
    match sys.argv[1:]:
        case ["boxes", cascade, out, *pictures]:
            boxes(cascade, out, pictures)
        case ["speed", cascade, *pictures]:
            speed(cascade, pictures)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
