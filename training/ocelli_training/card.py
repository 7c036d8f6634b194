"""Writes a model card: the prose of `cards/<name>.md`, with the figures of the report and the run filled in."""

import json
import subprocess
from pathlib import Path

from . import ablation
from .paths import MODELS, TRAINING


def write_card(model: Path) -> None:
    """Writes `<name>.md` beside the model file; `evaluate` must have run."""
    report = json.loads(model.with_suffix(".report.json").read_text())
    run = json.loads(model.with_suffix(".run.json").read_text())
    source = TRAINING / "cards" / f"{model.stem}.md"
    text = source.read_text() if source.exists() else "# {{name}}\n\n{{facts}}\n\n{{ap}}\n"
    for key, value in fields(model, report, run).items():
        text = text.replace("{{" + key + "}}", value)
    model.with_suffix(".md").write_text(text)
    print(f"wrote {model.with_suffix('.md').name}")


def fields(model: Path, report: dict, run: dict) -> dict[str, str]:
    """Returns what may stand in double braces in the prose."""
    return {
        "name": model.stem, "facts": facts(model, report), "recipe": recipe(run), "ap": ap_table(report),
        "false": false_table(report), "recall": recall_table(report),
        "reliability": reliability_table(report["reliability"]), "crossfit": crossfit_text(report["crossfit"]),
        "crossfit_reliability": reliability_table(report["crossfit"]["reliability"]),
        "roll": _listed(report["roll"], "{} {:.2f}"), "roll_any": _listed(report["roll_any"], "{} {:.2f}"),
        "false_any": "{} in {}".format(*report["false_any"]), "fine": _listed(report["fine"], "{} px {:.3f}"),
        "curve": curve_table(run), "ablation": ablation.table(), "quantized": quantized_table(report),
    }  # fmt: skip


def _listed(figures: dict[str, float], form: str) -> str:
    return ", ".join(form.format(*item) for item in figures.items())


def facts(model: Path, report: dict) -> str:
    """What the file is."""
    point, detector = report["precision_recall"], report["detector"]
    rows = {
        "file": f"`{report['model']}`, {report['bytes']:,} bytes, weights f16",
        "SHA-256": f"`{report['sha256']}`",
        "revision": str(report["revision"]),
        "parameters": f"{report['parameters']:,}",
        "work at 640×480, five octave levels": f"{report['macs_vga'] / 1e9:.3f} GMAC",
        "measured with the code of commit": _commit(),
        "calibration": _calibration(detector["calibration"]),
        "default threshold": f"{detector['threshold']}",
        "at that threshold, faces ≥ 20 px of wider_train": (
            f"precision {point['precision']:.3f}, recall {point['recall']:.3f}" if point else "no answers"
        ),
        "mean IoU of right answers": f"{report['mean_iou']:.3f}",
    }
    return "\n".join(["| | |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in rows.items())])


def _commit() -> str:
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=MODELS, capture_output=True, text=True)
    return f"`{git.stdout.strip()}`"


def _calibration(calibration: dict) -> str:
    if calibration["kind"] == "none":
        return "none"
    return f"confidence = sigmoid(logit / {calibration['t']} + {calibration['b']}), fitted on dev"


def recipe(run: dict) -> str:
    """The recipe of a run as JSON."""
    return "```json\n" + json.dumps(run["recipe"]) + "\n```"


def ap_table(report: dict) -> str:
    """AP by part and size band, with the peer's figure after a stroke."""
    bands = list(report["ap"]["wider_train"])
    peer = report.get("peer_ap", {})
    lines = ["| part | " + " | ".join(f"{b} px" for b in bands) + " |", "| --- " * (len(bands) + 1) + "|"]
    for part, row in report["ap"].items():
        cells = []
        for band in bands:
            mine, theirs = row.get(band), peer.get(part, {}).get(band)
            text = "–" if not mine else f"{mine[0]:.3f}"
            cells.append(text + (f" / {theirs[0]:.3f}" if mine and theirs else "") + (f" ({mine[1]})" if mine else ""))
        lines.append(f"| {part} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def false_table(report: dict) -> str:
    """False faces by set without faces."""
    lines = ["| set | false faces | pictures |", "| --- | --- | --- |"]
    lines += [f"| {k} | {n} | {of} |" for k, (n, of) in report["false_faces"].items()]
    total = [sum(v[i] for v in report["false_faces"].values()) for i in range(2)]
    return "\n".join([*lines, f"| all | {total[0]} | {total[1]} |"])


def quantized_table(report: dict) -> str:
    """The file in f32 beside int8."""
    lines = ["| executed in | AP ≥ 20 px | AP ≥ 40 px |", "| --- | --- | --- |"]
    rows = report["quantized"]
    return "\n".join(lines + [f"| {kind} | {aps[0]:.3f} | {aps[1]:.3f} |" for kind, aps in rows.items()])


def recall_table(report: dict) -> str:
    """Recall by group of faces."""
    lines = ["| group | recall | faces |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {k} | {v:.3f} | {n} |" for k, (v, n) in report["recall"].items()])


def reliability_table(rows: list[list[float]]) -> str:
    """Stated and true confidence."""
    lines = ["| stated | right | answers |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {a:.2f} | {b:.2f} | {n} |" for a, b, n in rows])


def crossfit_text(held_out: dict) -> str:
    """What calibration and threshold give on pictures that did not choose them."""
    n_false, n_pictures = held_out["false_faces"]
    return (
        f"precision {held_out['precision']:.3f}, recall {held_out['recall']:.3f}, {n_false} false faces in "
        f"{n_pictures} pictures without faces, calibration error {held_out['ece']:.3f} (answers of at least 0.1)"
    )


def curve_table(run: dict) -> str:
    """AP over training time."""
    lines = ["| step | minutes | AP ≥ 20 px | AP ≥ 40 px | mean IoU |", "| --- | --- | --- | --- | --- |"]
    for step, minutes, dev in run["checks"]:
        lines.append(f"| {step} | {minutes} | {dev['ap20']:.3f} | {dev['ap40']:.3f} | {dev['mean_iou']:.3f} |")
    return "\n".join(lines)
