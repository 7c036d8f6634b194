"""Measures a model file on dev and writes `<name>.report.json` beside it, from which the card is made."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from . import boxes as bx
from . import cost, fairness, quantize
from .calibrate import SMALLEST_FACE, calibrated, verdicts
from .crossfit import crossfit, reliability_rows
from .detect import Detections, detect
from .evaluate import DevSet
from .export import sha256
from .graph import Interpreter
from .metrics import curve

BANDS = [(10, np.inf), (20, np.inf), (40, np.inf), (20, 40), (40, 80), (80, 160), (160, np.inf)]
ROLLS, TURNED_ROLLS = (0, 15, 30, 45, 60, 90), (0, 45, 90, 180)
# Turned pictures are many: each so many of helen.
ROLL_EVERY = 9


def write_report(model: Path, peer: bool = True, every: int = 1) -> dict:
    """Measures everything the card states."""
    file, dev = Interpreter(model), DevSet(every)
    net, detector = quantize.fold_file(file), file.detector()
    found = {name: dev.run(net, name) for name in dev.by_set}
    with_faces = {k: v for k, v in found.items() if k not in dev.negative_sets}
    report = {
        "model": model.name, "sha256": sha256(model), "bytes": model.stat().st_size,
        "revision": file.graph["revision"], "detector": detector,
        "parameters": sum(v.numel() for k, v in file.tensors.items() if "running" not in k),
        "macs_vga": cost.graph_macs(file), "ap": ap_table(dev, with_faces),
        "mean_iou": curve(found["wider_train"], dev.by_set["wider_train"], 20).mean_iou,
        "false_faces": false_table(dev, found, detector),
        "precision_recall": operating_point(dev, found, detector),
        "reliability": reliability(dev, found, detector["calibration"]),
        "crossfit": crossfit(dev, found),
        "recall": fairness.recalls(dev, with_faces, detector), "roll": rolls(net, dev, detector, ROLLS),
        "roll_any": rolls(net, dev, detector, TURNED_ROLLS, any_orientation=True),
        "false_any": turned_false(net, dev, detector), "fine": fine(net, dev),
        "quantized": quantize.measured(file, dev) if "ocelli.quantization" in file.metadata else {},
    }  # fmt: skip
    if peer:
        from . import peers

        theirs = peers.run(dev)
        report["peer_ap"] = ap_table(dev, {k: theirs[k] for k in with_faces})
    model.with_suffix(".report.json").write_text(json.dumps(report, indent=1, default=float))
    print(json.dumps(report["ap"]["wider_train"]), report["false_faces"])
    return report


def band_name(low: float, high: float) -> str:
    """Names a band of face sizes."""
    return f"≥ {low}" if np.isinf(high) else f"{low}–{high}"


def ap_table(dev: DevSet, found: dict[str, list[Detections]]) -> dict[str, dict]:
    """Returns AP and number of faces by set and band."""
    table = {}
    for name, many in found.items():
        curves = {band_name(*b): curve(many, dev.by_set[name], *b) for b in BANDS}
        table[name] = {b: [round(c.ap, 4), c.n_faces] for b, c in curves.items() if c.n_faces}
    return table


def false_table(dev: DevSet, found: dict[str, list[Detections]], detector: dict) -> dict[str, list]:
    """Returns faces found at the default threshold and number of pictures, by set without faces."""
    counts = {}
    for name in dev.negative_sets:
        scores = np.concatenate([f.scores for f in found[name]])
        confidence = calibrated(scores, detector["calibration"])
        counts[name] = [int((confidence >= detector["threshold"]).sum()), len(found[name])]
    return counts


def operating_point(dev: DevSet, found: dict[str, list[Detections]], detector: dict) -> dict[str, float]:
    """Returns precision and recall on wider_train, faces of at least 20 px, at the default threshold."""
    c = curve(found["wider_train"], dev.by_set["wider_train"], 20)
    n = int((calibrated(c.scores, detector["calibration"]) >= detector["threshold"]).sum())
    return {"precision": round(float(c.precision[n - 1]), 4), "recall": round(float(c.recall[n - 1]), 4)} if n else {}


def reliability(dev: DevSet, found: dict[str, list[Detections]], calibration: dict) -> list[list[float]]:
    """Returns by tenth of confidence: mean confidence, part that is right, number of answers."""
    scores, judged = verdicts(dev, {k: found[k] for k in ["wider_train", *dev.negative_sets]}, SMALLEST_FACE)
    return reliability_rows(calibrated(scores, calibration), judged)


def rolls(net: Interpreter, dev: DevSet, detector: dict, angles: tuple[int, ...], **options) -> dict[str, float]:
    """Returns recall on turned helen pictures, both ways pooled, at the default threshold."""
    out = {}
    for degrees in angles:
        hits = []
        for picture in dev.by_set["helen"][::ROLL_EVERY]:
            for sign in (1, -1):
                image = Image.fromarray(dev.cache.level(picture)).rotate(sign * degrees, Image.Resampling.BILINEAR)
                centre = (picture.width / 2, picture.height / 2)
                faces = bx.rotate(picture.faces, sign * degrees, centre)
                found = detect(net, np.asarray(image), **options)
                hits.append(fairness.found_faces(found, faces, detector["threshold"], detector["calibration"]))
        out[f"±{degrees}°"] = round(float(np.concatenate(hits).mean()), 3)
    return out


def turned_false(net: Interpreter, dev: DevSet, detector: dict) -> list[int]:
    """Returns false faces at the default threshold, all four orientations searched, and pictures without faces."""
    found = [f for name in dev.negative_sets for f in dev.run(net, name, any_orientation=True)]
    scores = np.concatenate([f.scores for f in found])
    return [int((calibrated(scores, detector["calibration"]) >= detector["threshold"]).sum()), len(found)]


def fine(net: Interpreter, dev: DevSet) -> dict[str, float]:
    """Returns AP on wider_train with one more level, twice as large as the picture."""
    found = dev.run(net, "wider_train", fine=True)
    return {band_name(*b): round(curve(found, dev.by_set["wider_train"], *b).ap, 4) for b in BANDS[:3]}
