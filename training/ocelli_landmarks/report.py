"""Figures of a model file on dev, and the card that states them."""

import json
from pathlib import Path

import numpy as np

from ocelli_training.augment import coarser
from ocelli_training.export import sha256
from ocelli_training.graph import Interpreter
from ocelli_training.paths import DATA, TRAINING, WORKSPACE

from .calibrate import GOOD, FileNet, observed
from .evaluate import DevFaces
from .faces import cached, read
from .net import SIDE, Landmarks
from .points import N_POINTS, inter_ocular, normalized_errors, summary
from .samples import transform

REGIONS = {
    "jaw": (0, 17), "brows": (17, 27), "nose": (27, 36), "eyes": (36, 48),
    "outer lips": (48, 60), "inner lips": (60, 68),
}  # fmt: skip


def macs() -> int:
    """Returns the multiplications of one face."""
    total, sides = 0, {"stem": 48, "down4": 24, "fine": 24, "down8": 12, "middle": 12, "down16": 6, "coarse": 6}
    for name, module in Landmarks().named_modules():
        if hasattr(module, "kernel_size"):
            side = sides.get(name.split(".")[0], 3 if name.startswith("down32") else 1)
            total += module.weight.numel() * side * side
    return total


def changed(net: FileNet, matrix=None, change=None, only: str = "helen") -> dict[str, float]:
    """Returns the figures of a set under a transform or a change of the pixels."""
    dev = DevFaces(cached("dev"), (lambda: matrix) if matrix is not None else None)
    if change:
        dev.change(change)
    points, _ = dev.answers(net)
    return summary(normalized_errors(points, dev.truth)[dev.sets == only])


def write_report(model: Path, answers: Path | None = None) -> None:
    """Measures a model file, and where given the answers of `ocelli detect --request landmarks --format jsonl`."""
    net, dev = FileNet(model), DevFaces(cached("dev"))
    points, _ = dev.answers(net)
    errors = normalized_errors(points, dev.truth)
    distance = np.linalg.norm(points - dev.truth, axis=-1) / inter_ocular(dev.truth)[:, None]
    helen = dev.sets == "helen"
    report = {
        "sha256": sha256(model), "bytes": model.stat().st_size,
        "parameters": sum(p.numel() for p in Landmarks().parameters()),
        "macs": macs(), "dev": {name: summary(errors[dev.sets == name]) for name in ("helen", "afw")},
        "regions": {name: round(float(distance[helen, a:b].mean()), 4) for name, (a, b) in REGIONS.items()},
        "changed": {
            "turned 20°": changed(net, transform(1, 20, np.zeros(2))),
            "turned 40°": changed(net, transform(1, 40, np.zeros(2))),
            "box shifted by a tenth": changed(net, transform(1, 0, np.array([0.08, -0.08]))),
            "box a fifth larger": changed(net, transform(1.2, 0, np.zeros(2))),
            "shrunk to a face of 24 pixels": changed(net, change=lambda image: coarser(image, 24 / (SIDE / 1.25))),
        },
        "confidence": reliability(model),
    }  # fmt: skip
    path = model.with_name(f"{model.stem}.report.json")
    kept = json.loads(path.read_text()).get("detected") if path.exists() else None
    detected = end_to_end(answers) if answers else kept
    path.write_text(json.dumps(report | ({"detected": detected} if detected else {}), indent=1) + "\n")
    print(json.dumps(report["dev"]), json.dumps(detected))


def reliability(model: Path) -> list[list[float]]:
    """Returns stated confidence, share of good answers and count, for five bands, over clean and spoilt dev crops."""
    middle, width = json.loads(Interpreter(model).metadata["ocelli.landmarks"])["confidence"]
    foreseen, errors = observed(model)
    stated = 1 / (1 + np.exp(-(middle - foreseen) / width))
    bands = np.minimum((stated * 5).astype(int), 4)
    rows = [(stated[bands == b], errors[bands == b] <= GOOD) for b in range(5)]
    return [[round(float(s.mean()), 3), round(float(g.mean()), 3), len(s)] for s, g in rows if len(s)]


def end_to_end(answers: Path, data: Path = DATA) -> dict[str, dict[str, float]]:
    """Measures the command's answers; a face without points counts as failed."""
    lines = [json.loads(line) for line in answers.read_text().splitlines()]
    found = {Path(line["image"]).name: line["observations"] for line in lines}
    figures = {}
    for name in ("helen", "afw"):
        faces = [face for face in read("dev", data) if face.set == name and Path(face.image).name in found]
        errors = [_error(face.points, found[Path(face.image).name]) for face in faces]
        seen = np.array([e for e in errors if e is not None])
        if len(errors):
            failed = (np.array([e is None or e > 0.1 for e in errors])).mean()
            missed = sum(e is None for e in errors)
            figures[name] = summary(seen) | {
                "failures": round(float(failed), 4),
                "faces": len(errors),
                "missed": missed,
            }
    return figures


def _error(truth: np.ndarray, observations: list[dict]) -> float | None:
    """Returns the error of the nearest face, if there is one whose middle lies within the eyes' distance."""
    points = np.array([o["pixels"] for o in observations if o["kind"] == "face_landmarks"]).reshape(-1, N_POINTS, 2)
    if not len(points):
        return None
    apart = np.linalg.norm(points.mean(1) - truth.mean(0), axis=-1)
    nearest = apart.argmin()
    if apart[nearest] > inter_ocular(truth[None])[0]:
        return None
    return float(normalized_errors(points[nearest][None], truth[None])[0])


def _curve_row(check: dict) -> list:
    helen = check["dev"]["helen"]
    return [check["step"], helen["nme"], helen["failures"]]


def write_card(model: Path, run: Path) -> None:
    """Fills the card's template with the report and the run's settings."""
    report = json.loads(model.with_name(f"{model.stem}.report.json").read_text())
    recipe = json.loads((run / "recipe.json").read_text())
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    checks = [line for line in log if "dev" in line]
    revision = json.loads(Interpreter(model).metadata["ocelli.graph"])["revision"]
    facts = {
        "file": f"`{model.name}`, {report['bytes'] / 1e6:.2f} MB, f16",
        "sha-256": f"`{report['sha256']}`", "revision": revision,
        "parameters": f"{report['parameters']:,}", "multiplications": f"{report['macs'] / 1e6:.1f} million a face",
    }  # fmt: skip

    def row(name: str, f: dict) -> list:
        return [name, f"{f['nme']:.4f}", f"{f['median']:.4f}", f"{100 * f['failures']:.1f} %", f.get("faces", "")]

    dev = [row(f"{name}, boxes of YuNet", f) for name, f in report["dev"].items()]
    dev += [row(f"{name}, `ocelli detect`", f) for name, f in (report.get("detected") or {}).items()]
    values = {
        "facts": table(["", ""], list(facts.items())),
        "dev": table(["set", "NME", "median", "failures at 0.10", "faces"], dev),
        "regions": table(list(report["regions"]), [[f"{v:.4f}" for v in report["regions"].values()]]),
        "changed": table(["helen", "NME", "median", "failures", ""], [row(n, f) for n, f in report["changed"].items()]),
        "confidence": table(["stated", "true", "crops"], report["confidence"]),
        "recipe": ", ".join(f"{k} {v}" for k, v in recipe.items()),
        "curve": table(["step", "helen NME", "failures"], [_curve_row(check) for check in checks]),
    }  # fmt: skip
    text = (TRAINING / "cards" / f"{model.stem}.md").read_text()
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    target = model.with_suffix(".md")
    target.write_text(text)
    print(target.relative_to(WORKSPACE) if target.is_relative_to(WORKSPACE) else target)


def table(head: list, rows: list) -> str:
    """Returns a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
