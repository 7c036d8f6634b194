"""Trains a student, resumable at any checkpoint."""

import copy
import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from . import nets
from .evaluate import DevSet, quick
from .loader import Batches, batches
from .losses import detection_loss
from .sampler import Sampler


@dataclass
class Recipe:
    """Everything that decides a run, and so its result."""

    net: str = "face-student"
    steps: int = 12_000
    batch: int = 64
    seed: int = 1
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    warmup: int = 300
    box_weight: float = 1.5
    ema: float = 0.999
    check_every: int = 1000
    save_every: int = 250


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then a cosine to a hundredth."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    part = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * part)))


def optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; convolution weights decay, the rest does not."""
    decayed = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, recipe.learning_rate, betas=(0.9, 0.99), foreach=True)


class Average:
    """Exponential moving average of weights and batch statistics."""

    def __init__(self, net: nn.Module, decay: float):
        self.net, self.decay = copy.deepcopy(net).eval().requires_grad_(False), decay

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        """Moves towards the present weights; faster in the first steps."""
        weight = 1 - min(self.decay, (step + 1) / (step + 10))
        mine, theirs = self.net.state_dict(), net.state_dict()
        floats = [k for k, v in mine.items() if v.is_floating_point()]
        torch._foreach_lerp_([mine[k] for k in floats], [theirs[k] for k in floats], weight)


class Run:
    """A folder with `recipe.json`, `log.jsonl` and the last `checkpoint.pt`."""

    def __init__(self, folder: Path, recipe: Recipe):
        self.folder, self.recipe = folder, recipe
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))

    def log(self, **figures) -> None:
        """Appends a line of figures."""
        with open(self.folder / "log.jsonl", "a") as out:
            out.write(json.dumps(figures) + "\n")

    def save(self, **state) -> None:
        """Replaces the checkpoint as one act."""
        part = self.folder / "checkpoint.part"
        torch.save(state, part)
        os.replace(part, self.folder / "checkpoint.pt")

    def load(self) -> dict | None:
        """Returns the last checkpoint, if there is one."""
        path = self.folder / "checkpoint.pt"
        return torch.load(path, weights_only=True) if path.exists() else None


def train(run: Run, sampler: Sampler, loss_of=None) -> nn.Module:
    """Trains to the recipe's last step and returns the averaged network.

    `loss_of(net, image, batch)` may add to the loss of the annotation (distillation does).
    """
    recipe = run.recipe
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)
    net = nets.build(recipe.net).to(memory_format=torch.channels_last)
    average, step, seconds = Average(net, recipe.ema), 0, 0.0
    descent = optimizer(net, recipe)
    if state := run.load():
        net.load_state_dict(state["net"])
        average.net.load_state_dict(state["average"])
        descent.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        step, seconds = state["step"], state["seconds"]
    dev = DevSet()
    loss_of = loss_of or annotation_loss
    started, sums, counted = time.time() - seconds, {}, 0
    for batch in batches(Batches(sampler, recipe.batch, recipe.steps, recipe.seed), step):
        net.train()
        for group in descent.param_groups:
            group["lr"] = learning_rate(recipe, step)
        image = nets.normalized(batch["image"]).contiguous(memory_format=torch.channels_last)
        parts = loss_of(net, image, batch)
        loss = sum(w * parts[k] for k, w in weights(recipe, parts).items())
        descent.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        descent.step()
        average.update(net, step)
        step += 1
        counted += 1
        for key, value in parts.items():
            sums[key] = sums.get(key, 0.0) + value.detach().item()
        seconds = time.time() - started
        if step % 100 == 0:
            means = {k: round(v / counted, 4) for k, v in sums.items()}
            run.log(step=step, seconds=round(seconds, 1), lr=descent.param_groups[0]["lr"], **means)
            sums, counted = {}, 0
        if step % recipe.check_every == 0 or step == recipe.steps:
            figures = quick(average.net, dev)
            run.log(step=step, seconds=round(seconds, 1), dev=figures)
            started += figures["seconds"]  # count training time alone
        if step % recipe.save_every == 0 or step == recipe.steps:
            run.save(
                net=net.state_dict(), average=average.net.state_dict(), optimizer=descent.state_dict(),
                rng=torch.get_rng_state(), step=step, seconds=seconds,
            )  # fmt: skip
    return average.net


def weights(recipe: Recipe, parts: dict) -> dict[str, float]:
    """Returns the weight of each part of the loss."""
    return {k: recipe.box_weight if k == "box" else 1.0 for k in parts}


def annotation_loss(net: nn.Module, image: torch.Tensor, batch: dict) -> dict[str, torch.Tensor]:
    """Loss against the hand-drawn boxes; the network in bf16, the loss in f32."""
    with torch.autocast("cpu", torch.bfloat16):
        score, box = net(image)
    return detection_loss(score.float(), box.float(), batch["label"], batch["box"])
