"""Measures a library run beside a Python script with OpenCV and YuNet, on one machine, in one run.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    cargo build --release -p ocelli-cli
    venv/bin/python benches/peers/library.py --photos ../shared/faces/images --peers ../shared/peers

The library is a folder of hard links (copies, where links are not possible) to photographs, made outside the repository and
removed at the end. Runs take turns: `ocelli library scan` with each network on one processor core (Linux; what reads files
and keeps the store runs there, too), on one thread and on two, and the script in two processes (`imread`, resize to at
most 640, `FaceDetectorYN`). Prints a Markdown table: photographs a second, and the resident memory after the first 100
photographs.
"""

import argparse
import multiprocessing
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIDE = 640
# The first is the program's own default; memory is watched there.
DETECTORS = ["deep-int8", "deep", "deep-tiny"]
ONE_CORE = "1, one core"
THREADS = [ONE_CORE, "1", "2"] if hasattr(os, "sched_setaffinity") else ["1", "2"]


def make_library(photos, folder, count):
    """Links `count` photographs into `folder`, a hundred a sub-folder; photographs are repeated where there are fewer."""
    found = sorted(p for p in Path(photos).rglob("*.jpg"))
    if not found:
        raise SystemExit(f"{photos}: no photographs (.jpg)")
    step = max(len(found) / count, 1.0)
    chosen = [found[int(ix * step) % len(found)] for ix in range(count)]
    for ix, photo in enumerate(chosen):
        target = folder / f"{ix // 100:04}" / f"{ix:06}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(photo, target)
        except OSError:
            shutil.copyfile(photo, target)
    return sorted(folder.rglob("*.jpg"))


def resident_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("the process has ended")


def scan(ocelli, library, detector, threads, scratch):
    """Seconds of a scan into a fresh store, and samples of (seconds, resident MB)."""
    store = scratch / f"store-{time.monotonic_ns()}"
    command = [ocelli, "library", "scan", library, "--store", store, "--threads", threads[0], "--quiet"]
    command += ["--detector", detector]
    cores = os.sched_getaffinity(0) if ONE_CORE in THREADS else set()
    if threads == ONE_CORE:
        os.sched_setaffinity(0, {max(cores)})  # the child keeps it
    start = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)
    if threads == ONE_CORE:
        os.sched_setaffinity(0, cores)
    samples = []
    while process.poll() is None:
        try:
            samples.append((time.perf_counter() - start, resident_mb(process.pid)))
        except OSError:
            pass
        time.sleep(0.05)
    spent = time.perf_counter() - start
    if process.returncode not in (0, 1):
        raise SystemExit(f"ocelli ended with {process.returncode}")
    shutil.rmtree(store)
    return spent, samples


def begin_peer(model):
    global cv2, detector
    import cv2

    cv2.setNumThreads(1)
    detector = cv2.FaceDetectorYN.create(str(model), "", (SIDE, SIDE), 0.6, 0.3, 5000)


def look(path):
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        return -1
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    if scale < 1:
        picture = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    detector.setInputSize((picture.shape[1], picture.shape[0]))
    faces = detector.detect(picture)[1]
    return 0 if faces is None else len(faces)


def peer(pictures, model):
    start = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with context.Pool(2, begin_peer, (model,)) as pool:
        found = pool.map(look, pictures, chunksize=8)
    return time.perf_counter() - start, sum(n for n in found if n > 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--peers", type=Path, required=True, help="folder with yunet_n_640_640.onnx")
    parser.add_argument("--ocelli", type=Path, default=ROOT / "target/release/ocelli")
    parser.add_argument("-n", type=int, default=2000, help="photographs in the library")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    model = arguments.peers / "yunet_n_640_640.onnx"
    times = {(detector, threads): [] for detector in DETECTORS for threads in THREADS} | {"peer": []}
    memory, faces = [], 0
    with tempfile.TemporaryDirectory(prefix="ocelli-library-") as scratch:
        scratch = Path(scratch)
        library = scratch / "photos"
        pictures = make_library(arguments.photos, library, arguments.n)
        # Everybody reads from the system's cache.
        total = sum(len(p.read_bytes()) for p in pictures)
        for _ in range(arguments.rounds):
            for detector in DETECTORS:
                for threads in THREADS:
                    spent, samples = scan(arguments.ocelli, library, detector, threads, scratch)
                    times[detector, threads].append(spent)
                    if (detector, threads) == (DETECTORS[0], "2"):
                        memory = [mb for at, mb in samples if at >= spent * 100 / max(arguments.n, 100)]
            spent, faces = peer(pictures, model)
            times["peer"].append(spent)
    report(arguments.n, total, times, memory, faces)


def report(n, total, times, memory, faces):
    rate = {name: n / min(spent) for name, spent in times.items()}
    print(f"{n} photographs, {total / 1e6:.0f} MB; fastest of {len(times['peer'])} runs each\n")
    one = "one core" if ONE_CORE in THREADS else "one thread"
    print(f"| run | photographs/s | beside {one} | beside the script |")
    print("| --- | ---: | ---: | ---: |")
    for detector, threads in (name for name in times if name != "peer"):
        own = rate[detector, threads]
        cells = f"{own:.1f} | {own / rate[detector, THREADS[0]]:.2f} | {own / rate['peer']:.2f}"
        n_threads, _, cores = threads.partition(", ")
        where = f", {cores}" if cores else ""
        print(f"| `ocelli library scan --detector {detector} --threads {n_threads}`{where} | {cells} |")
    print(f"| OpenCV and YuNet-n in two processes ({faces} faces) | {rate['peer']:.1f} | | 1.00 |")
    if memory:
        median = statistics.median(memory)
        low, high = min(memory) / median - 1, max(memory) / median - 1
        print(f"\nResident memory on two threads after the first 100: median {median:.1f} MB, {low:+.1%} to {high:+.1%}")


if __name__ == "__main__":
    main()
