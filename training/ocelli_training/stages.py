"""Turns a recipe into a run: which samples, which objective."""

import json
from pathlib import Path

from .loader import Batches
from .sampler import Sampler
from .train import Objective, Recipe, Run, train


def run_recipe(folder: Path, recipe: Recipe) -> None:
    """Trains what the recipe says, or continues it."""
    mined = json.loads(Path(recipe.mined).read_text()) if recipe.mined else None
    source = _samples(recipe)(Sampler("train", mined, recipe.varied), recipe.batch, recipe.steps, recipe.seed)
    train(Run(folder, recipe), source, _objective(recipe))


def _samples(recipe: Recipe) -> type[Batches]:
    if recipe.samples == "tiles":
        if recipe.varied:
            raise ValueError("tiles are not varied: a stretched tile no longer holds a face of the tile's size")
        from .tiles import TileBatches

        return TileBatches
    return Batches


def _objective(recipe: Recipe) -> Objective:
    if not recipe.teacher:
        return Objective()
    from .distill import Distillation, load_teacher

    teachers = [load_teacher(Path(source)) for source in recipe.teacher.split(",")]
    return Distillation(teachers, recipe.net, recipe.hints, recipe.soft_power, recipe.annotated)
