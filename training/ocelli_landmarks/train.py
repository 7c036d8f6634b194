"""Trains the network, resumable at any checkpoint."""

import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ocelli_training.loader import batches
from ocelli_training.nets import normalized
from ocelli_training.train import Average, Run, learning_rate, optimizer

from .evaluate import DevFaces
from .net import Landmarks, points_of
from .samples import Batches

LOG_EVERY = 100
# Below this distance, in parts of a face, an error costs its square: annotators agree no better.
SMOOTH = 0.01
SPREAD_WEIGHT = 0.02


@dataclass
class Recipe:
    """Everything that decides a run, and so its result."""

    steps: int = 2600
    batch: int = 64
    seed: int = 1
    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup: int = 300
    ema: float = 0.998
    check_every: int = 500
    save_every: int = 100
    # A checkpoint whose averaged weights this run starts from; empty: fresh weights.
    start: str = ""
    # Ends the run at this step, wherever its cosine stands; 0: at the last one.
    stop: int = 0


def face_size(points: Tensor) -> Tensor:
    """Returns `sqrt(width × height)` of the upright boxes about `[n, 68, 2]`."""
    return (points.amax(1) - points.amin(1)).prod(-1).clamp_min(1e-6).sqrt()


def loss(points: Tensor, spread: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """The mean distance in parts of the face, and how well the network foresees it (Laplace likelihood)."""
    distance = (points_of(points) - truth).square().sum(-1)
    relative = (distance / face_size(truth)[:, None].square() + SMOOTH**2).sqrt() - SMOOTH
    seen, foreseen = distance.detach().sqrt().mean(1), spread.flatten()
    return {"points": relative.mean(), "spread": SPREAD_WEIGHT * (seen * (-foreseen).exp() + foreseen).mean()}


def train(run: Run, source: Batches, dev: DevFaces) -> nn.Module:
    """Trains to the recipe's last step and returns the averaged network."""
    recipe = run.recipe
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    net = Landmarks()
    if recipe.start:
        net.load_state_dict(torch.load(recipe.start, weights_only=True)["average"])
    net = net.to(memory_format=torch.channels_last)
    average, descent, step, seconds = Average(net, recipe.ema), optimizer(net, recipe), 0, 0.0
    if saved := run.load():
        net.load_state_dict(saved["net"])
        average.net.load_state_dict(saved["average"])
        descent.load_state_dict(saved["optimizer"])
        step, seconds = saved["step"], saved["seconds"]
    started, sums = time.time() - seconds, {}
    for batch in batches(source, step):
        for key, value in _descend(net, descent, recipe, step, batch).items():
            sums[key] = sums.get(key, 0.0) + value / LOG_EVERY
        average.update(net, step)
        step, seconds = step + 1, time.time() - started
        last = step in (recipe.steps, recipe.stop)
        if step % LOG_EVERY == 0:
            means = {k: round(v, 5) for k, v in sums.items()}
            run.log(step=step, seconds=round(seconds, 1), lr=learning_rate(recipe, step), **means)
            sums = {}
        if step % recipe.check_every == 0 or last:
            run.log(step=step, seconds=round(seconds, 1), dev=dev.figures(average.net))
        if step % recipe.save_every == 0 or last:
            run.save(
                net=net.state_dict(), average=average.net.state_dict(), optimizer=descent.state_dict(),
                step=step, seconds=seconds,
            )  # fmt: skip
        if last:
            break
    return average.net


def _descend(net: nn.Module, descent, recipe: Recipe, step: int, batch: dict) -> dict[str, float]:
    net.train()
    for group in descent.param_groups:
        group["lr"] = learning_rate(recipe, step)
    image = normalized(batch["image"]).contiguous(memory_format=torch.channels_last)
    parts = loss(*net(image), batch["points"])
    descent.zero_grad()
    sum(parts.values()).backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    descent.step()
    return {k: v.item() for k, v in parts.items()}
