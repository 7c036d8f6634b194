"""Whole jobs from a file to faces: Ocelli beside the image crate, and beside OpenCV with YuNet, in turns in one run.

    cargo build --release -p ocelli-benches
    python benches/peers/whole_job.py --peers ../shared/peers [--threads 1] [--rounds 9]

Makes its pictures from the portrait that the repository carries: 12 and 64 megapixels, baseline and progressive, PNG.
OpenCV's job is imread, resize to 640 on the longer side, FaceDetectorYN with YuNet-n; ours is opening the file and
`DetectFaces` with its default sizes. Needs numpy and opencv-python-headless.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make_pictures(folder):
    import cv2

    portrait = cv2.imread(str(ROOT / "examples/astronaut.png"))
    wide = cv2.hconcat([portrait] * 4)
    sizes = {"12MP": ((4000, 3000), cv2.hconcat([portrait, portrait[:, :171]])), "64MP": ((16000, 4000), wide)}
    files = {}
    for name, (size, picture) in sizes.items():
        large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
        for kind, ending, options in [
            ("baseline", "jpg", [cv2.IMWRITE_JPEG_QUALITY, 88]),
            ("progressive", "jpg", [cv2.IMWRITE_JPEG_QUALITY, 88, cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
            ("png", "png", [cv2.IMWRITE_PNG_COMPRESSION, 3]),
        ]:
            if (name, kind) == ("12MP", "png"):
                continue
            path = Path(folder) / f"{name}-{kind}.{ending}"
            cv2.imwrite(str(path), large, options)
            files[name, kind] = path
    return files


class Ours:
    """The program in its serving mode: a path in, milliseconds out."""

    def __init__(self, program, threads, detector):
        command = [program, "--serve", "--threads", str(threads), "--detector", detector]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, path):
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        milliseconds, faces = self.process.stdout.readline().split()
        return float(milliseconds), int(faces)


class Theirs:
    def __init__(self, model, threads):
        import cv2

        cv2.setNumThreads(threads)
        self.cv2 = cv2
        self.detector = cv2.FaceDetectorYN.create(str(model), "", (640, 480), 0.6, 0.45, 5000)

    def __call__(self, path):
        start = time.perf_counter()
        picture = self.cv2.imread(str(path))
        scale = 640 / max(picture.shape[:2])
        small = self.cv2.resize(picture, None, fx=scale, fy=scale, interpolation=self.cv2.INTER_AREA)
        self.detector.setInputSize((small.shape[1], small.shape[0]))
        _, faces = self.detector.detect(small)
        return (time.perf_counter() - start) * 1e3, 0 if faces is None else len(faces)


def beside_opencv(files, sides, rounds):
    print("| file | engine | fastest ms | median ms | fastest / OpenCV | faces |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for path in [files["12MP", "baseline"], files["64MP", "baseline"]]:
        times = {name: [] for name in sides}
        found = {}
        for _ in range(rounds):
            for name, side in sides.items():
                milliseconds, found[name] = side(path)
                times[name].append(milliseconds)
        reference = min(times["OpenCV 4 + YuNet-n"])
        for name, all_times in times.items():
            all_times.sort()
            fastest, median = all_times[0], all_times[len(all_times) // 2]
            print(f"| {path.stem} | {name} | {fastest:.1f} | {median:.1f} | {fastest / reference:.2f} | {found[name]} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, required=True, help="folder with yunet_n_640_640.onnx")
    parser.add_argument("--program", default=str(ROOT / "target/release/whole-job"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = str(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        files = make_pictures(folder)
        sides = {
            "Ocelli": Ours(arguments.program, arguments.threads, "deep"),
            "Ocelli int8": Ours(arguments.program, arguments.threads, "deep-int8"),
            "OpenCV 4 + YuNet-n": Theirs(arguments.peers / "yunet_n_640_640.onnx", arguments.threads),
        }
        beside_opencv(files, sides, arguments.rounds)
        print(flush=True)
        common = ["--threads", str(arguments.threads), "--rounds", str(arguments.rounds)]
        # A process each: what an earlier file left in the allocator would hide what a later one takes.
        for ix, path in enumerate(files.values()):
            command = [arguments.program, *common, str(path)]
            table = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
            print("\n".join(table if ix == 0 else table[-1:]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
