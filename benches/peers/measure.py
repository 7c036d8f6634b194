"""Measures Ocelli's engine beside other engines, in turns, on one machine, in one run.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    cargo build --release -p ocelli-benches
    cargo build --release --manifest-path benches/peers/rust/Cargo.toml      # rten and tract; optional
    venv/bin/python benches/peers/measure.py --peers ../shared/peers         # prints Markdown tables

Every round runs each engine once, so that all meet the same noise; the table gives the median, the
fastest run and the quartiles in milliseconds, and the ratio of medians to ONNX Runtime. ONNX Runtime,
rten and tract are handed floats that are already normalized; Ocelli starts from the bytes of a picture.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

sys.path.insert(0, str(Path(__file__).parent))
import export_onnx

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"VGA": (480, 640), "720p": (720, 1280), "1080p": (1080, 1920)}
LINEAR = [(240, 320), (480, 640), (720, 1280), (1080, 1920), (1440, 2560), (2160, 3840)]


class Process:
    """An engine in a process of its own that answers each line with nanoseconds."""

    def __init__(self, command, environment=None):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    def ask(self, line="run"):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def __call__(self):
        return int(self.ask()) / 1e6

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Timed:
    """A Python call on the clock."""

    def __init__(self, call):
        self.call = call

    def __call__(self):
        start = time.perf_counter_ns()
        self.call()
        return (time.perf_counter_ns() - start) / 1e6

    def close(self):
        pass


def ocelli(arguments, model, size, levels, threads, *flags):
    command = [str(arguments.target / "engine-peer"), str(model), "--height", str(size[0]), "--width", str(size[1])]
    return Process(command + ["--levels", str(levels), "--threads", str(threads), *flags])


def session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def octaves(size, levels):
    return [(max(size[0] >> level, 1), max(size[1] >> level, 1)) for level in range(levels)]


def onnx_runtime(path, size, levels, threads, scale=1.0):
    runtime = session(path, threads)
    name = runtime.get_inputs()[0].name
    pictures = [np.random.rand(1, 3, *side).astype(np.float32) * scale for side in octaves(size, levels)]

    def run():
        for picture in pictures:
            runtime.run(None, {name: picture})

    return Timed(run)


def opencv(path, size, threads):
    import cv2

    cv2.setNumThreads(threads)
    detector = cv2.FaceDetectorYN.create(str(path), "", (size[1], size[0]), 0.6, 0.45, 5000)
    # A slope with little noise: pure noise would make thousands of candidates to merge.
    slope = np.linspace(0, 200, size[1])[None, :, None] + np.random.rand(*size, 3) * 20
    picture = slope.astype(np.uint8)
    return Timed(lambda: detector.detect(picture))


def rust_peer(arguments, engine, model, size, levels, threads):
    import os

    environment = dict(os.environ, RTEN_NUM_THREADS=str(threads))
    command = [str(arguments.rust / "ocelli-peers"), engine, str(model), str(size[0]), str(size[1]), str(levels)]
    return Process(command, environment)


def measure(engines, rounds):
    """Milliseconds of every engine over `rounds` rounds in turns, the first two left out."""
    times = {name: [] for name in engines}
    for turn in range(rounds + 2):
        for name, run in engines.items():
            # ONNX Runtime's idle threads spin for a while after a run and would take a core from the next engine.
            time.sleep(0.05)
            spent = run()
            if turn >= 2:
                times[name].append(spent)
    for run in engines.values():
        run.close()
    return times


def table(title, times, baseline):
    print(f"\n### {title}\n")
    print("| engine | median ms | fastest | quartiles | median / ORT | fastest / ORT |")
    print("| --- | ---: | ---: | --- | ---: | ---: |")
    base = times.get(baseline)
    for name, values in times.items():
        low, middle, high = statistics.quantiles(values, n=4)
        ratios = ("–", "–")
        if base:
            ratios = (f"{middle / statistics.median(base):.2f}", f"{min(values) / min(base):.2f}")
        print(f"| {name} | {middle:.2f} | {min(values):.2f} | {low:.2f}–{high:.2f} | {ratios[0]} | {ratios[1]} |")
    sys.stdout.flush()


def same_network(arguments, onnx, size_name, levels, threads):
    size = SIZES[size_name]
    engines = {
        "ONNX Runtime f32": onnx_runtime(onnx, size, levels, threads),
        "Ocelli f32": ocelli(arguments, arguments.model, size, levels, threads),
        "Ocelli f32, no Winograd": ocelli(arguments, arguments.model, size, levels, threads, "--direct"),
        "Ocelli int8": ocelli(arguments, arguments.model, size, levels, threads, "--int8"),
    }
    if (arguments.rust / "ocelli-peers").exists():
        engines["rten f32"] = rust_peer(arguments, "rten", onnx, size, levels, threads)
        if threads == 1:
            engines["tract f32"] = rust_peer(arguments, "tract", onnx, size, levels, threads)
    title = f"{arguments.model.stem}, {levels} levels from {size_name}, {threads} threads"
    table(title, measure(engines, arguments.rounds), "ONNX Runtime f32")


def whole_detector(arguments, detector, size, threads):
    command = [str(arguments.target / "detector-peer"), str(ROOT / "examples/astronaut.png"), "--detector", detector]
    command += ["--height", str(size[0]), "--width", str(size[1])]
    return Process(command + ["--threads", str(threads)])


def other_detectors(arguments, threads):
    size = SIZES["VGA"]
    yunet = arguments.peers / "yunet_n_dynamic.onnx"
    engines = {
        "YuNet-n in ONNX Runtime": onnx_runtime(yunet, size, 1, threads, 255.0),
        "YuNet-n in OpenCV, with its merging": opencv(arguments.peers / "yunet_n_640_640.onnx", size, threads),
        "Ocelli int8, five levels": ocelli(arguments, arguments.model, size, 5, threads, "--int8"),
        "Ocelli f32, five levels": ocelli(arguments, arguments.model, size, 5, threads),
        "Ocelli int8, whole detector": whole_detector(arguments, "deep-int8", size, threads),
        "Ocelli f32, whole detector": whole_detector(arguments, "deep", size, threads),
    }
    table(f"Beside YuNet-n at VGA, {threads} threads", measure(engines, arguments.rounds), "YuNet-n in ONNX Runtime")


def linear(arguments):
    """Processor time by size: the clock would count other people's work on a shared machine."""
    print("\n### Cost by size, five levels, one thread, processor time\n")
    print("| picture | f32 ms | ns a pixel | int8 ms | ns a pixel |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for size in LINEAR:
        cells = []
        for flags in ((), ("--int8",)):
            engine = ocelli(arguments, arguments.model, size, 5, 1, *flags)
            # Half a second at least: the system moves this clock on in ticks of milliseconds.
            repeats = max(10, 50_000_000 // (size[0] * size[1]))
            busy = min(int(engine.ask(f"busy {repeats}")) / 1e6 for _ in range(4))
            engine.close()
            cells.append(f"{busy:.2f} | {busy * 1e6 / (size[0] * size[1]):.1f}")
        print(f"| {size[1]}×{size[0]} | {cells[0]} | {cells[1]} |")
        sys.stdout.flush()


def layers(arguments):
    """Each layer's rate at VGA, best of some profiles, as a share of the core's measured peak."""
    print("\n### Layers at VGA, one level, one thread, share of the core's peak\n")
    print("| layer | f32 direct GMAC/s | int8 GMAC/s |\n| --- | ---: | ---: |")
    best, peaks = {}, {}
    for kind, flag in (("f32", "--direct"), ("int8", "--int8")):
        engine = ocelli(arguments, arguments.model, SIZES["VGA"], 1, 1, flag)
        for _ in range(arguments.rounds):
            engine.process.stdin.write("profile\n")
            engine.process.stdin.flush()
            while line := engine.process.stdout.readline().strip():
                _, step, nanoseconds, *_, rate, _ = line.split()
                kept = best.setdefault(step, {}).get(kind, (float("inf"), 0))
                best[step][kind] = min(kept, (int(nanoseconds), float(rate)))
        answers = [engine.ask("peak").replace("Some(", "").replace(")", "").split() for _ in range(3)]
        peaks[kind] = max(float(answer[kind == "int8"]) for answer in answers if "None" not in answer)
        engine.close()
    work = {"f32": [0.0, 0.0], "int8": [0.0, 0.0]}
    for step, kinds in best.items():
        if kinds["f32"][1] == 0:
            continue
        cells = []
        for kind in ("f32", "int8"):
            nanoseconds, rate = kinds[kind]
            work[kind][0] += nanoseconds * rate
            work[kind][1] += nanoseconds
            cells.append(f"{rate:.0f} ({rate / peaks[kind]:.0%})")
        print(f"| {step} | {cells[0]} | {cells[1]} |")
    shares = [f"{work[k][0] / work[k][1]:.0f} ({work[k][0] / work[k][1] / peaks[k]:.0%})" for k in ("f32", "int8")]
    print(f"| all, weighted by work | {shares[0]} | {shares[1]} |")
    print(f"\nPeak of the core in the same run: f32 {peaks['f32']:.0f}, int8 {peaks['int8']:.0f} GMAC/s.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "face-student.safetensors")
    parser.add_argument("--target", type=Path, default=ROOT / "target" / "release", help="where engine-peer is")
    parser.add_argument("--rust", type=Path, default=ROOT / "benches/peers/rust/target/release")
    parser.add_argument("--peers", type=Path, help="folder with YuNet's ONNX files")
    parser.add_argument("--rounds", type=int, default=40)
    sections = ["vga", "yunet", "layers", "sizes", "linear"]
    parser.add_argument("--sections", nargs="+", choices=sections, default=sections)
    arguments = parser.parse_args()
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    print(f"{platform.processor() or platform.machine()}, ONNX Runtime {onnxruntime.__version__}, commit {commit.stdout.strip()}")
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "student.onnx"
        export_onnx.main(arguments.model, onnx)
        if "vga" in arguments.sections:
            same_network(arguments, onnx, "VGA", 1, 1)
            same_network(arguments, onnx, "VGA", 5, 1)
        if "yunet" in arguments.sections and arguments.peers:
            other_detectors(arguments, 1)
        if "layers" in arguments.sections:
            layers(arguments)
        if "sizes" in arguments.sections:
            for size in ("VGA", "720p", "1080p"):
                for threads in (1, 2):
                    if (size, threads) != ("VGA", 1):
                        same_network(arguments, onnx, size, 5, threads)
        if "linear" in arguments.sections:
            linear(arguments)


if __name__ == "__main__":
    main()
