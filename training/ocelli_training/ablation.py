"""What each part of the recipe brings: the same student, trained equally long, one part added at a time."""

import json
from pathlib import Path

from .paths import RUNS
from .stages import run_recipe
from .train import Recipe


def variants(
    teacher: Path, mined: Path, steps: int, dev_every: int = 1, net: str = "face-student"
) -> dict[str, Recipe]:
    """Returns the four recipes in order."""
    common = {"net": net, "steps": steps, "check_every": max(500, steps // 3), "seed": 5, "dev_every": dev_every}
    taught = common | {"teacher": str(teacher)}
    return {
        "no teacher": Recipe(**common),
        "soft targets": Recipe(**taught),
        "+ hints": Recipe(**taught, hints=True),
        "+ mining": Recipe(**taught, hints=True, mined=str(mined)),
    }


def folder_name(variant: str) -> str:
    """Returns where a variant's run lies."""
    return variant.replace("+ ", "").replace(" ", "-")


def ablate(out: Path, teacher: Path, mined: Path, steps: int, dev_every: int = 1, net: str = "face-student") -> None:
    """Trains the variants that are not done and prints the table."""
    for name, recipe in variants(teacher, mined, steps, dev_every, net).items():
        run_recipe(out / folder_name(name), recipe)
    print(table(out))


def table(out: Path = RUNS / "ablation") -> str:
    """Returns the table of dev figures of the variants that have been trained."""
    lines = ["| recipe | AP ≥ 20 px | AP ≥ 40 px | false faces a picture |", "| --- | --- | --- | --- |"]
    for name in variants(Path(), Path(), 1):
        log = out / folder_name(name) / "log.jsonl"
        rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        checks = [row["dev"] for row in rows if "dev" in row]
        if checks:
            last = checks[-1]
            lines.append(f"| {name} | {last['ap20']:.3f} | {last['ap40']:.3f} | {last['false_per_picture']:.3f} |")
    return "\n".join(lines)
