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
from .muon import Both
from .restore import start_weights

LOG_EVERY = 100


@dataclass
class Recipe:
    """Everything that decides a run, and so its result."""

    net: str = "face-student"
    steps: int = 12_000
    # If not 0: the run ends after so many minutes of training, sooner than `steps` perhaps, and its learning rate
    # follows the time. For machines whose speed nobody can foretell; such a run cannot be repeated exactly.
    minutes: float = 0.0
    batch: int = 64
    seed: int = 1
    # `adamw` or `muon`.
    optimizer: str = "adamw"
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    warmup: int = 300
    box_weight: float = 1.5
    ema: float = 0.999
    check_every: int = 1000
    save_every: int = 250
    # A checkpoint whose averaged weights this run starts from, or a model file; empty: fresh weights.
    start: str = ""
    # A file of hard negatives and missed faces from `mine`; empty: none.
    mined: str = ""
    # The run folder or model file of the teacher, or several separated by commas, and whether the inner maps of the
    # first serve as hints; empty: no teacher.
    teacher: str = ""
    hints: bool = False
    # With a teacher: the power of the distance that weighs soft targets, and the weight of the annotation's score loss.
    soft_power: float = 2.0
    annotated: float = 1.0
    # Checks use each so many dev pictures.
    dev_every: int = 1
    # `dense` crops or balanced `tiles`.
    samples: str = "dense"
    # Whether crops are also stretched, partly hidden and blurred by movement (`distort`).
    varied: bool = False
    # Parts of the network that keep their weights, separated by commas: the first layers of a trained one, whose
    # large maps cost a fifth of a step.
    frozen: str = ""


def done(recipe: Recipe, step: int, seconds: float) -> float:
    """Returns the part of a run that is done, by steps or by time."""
    by_time = seconds / (60 * recipe.minutes) if recipe.minutes else 0.0
    return min(1.0, max(step / recipe.steps, by_time))


def learning_rate(recipe: Recipe, step: int, seconds: float = 0.0) -> float:
    """Linear warm-up, then a cosine to a hundredth."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    warm = recipe.warmup / recipe.steps
    part = max(0.0, done(recipe, step, seconds) - warm) / max(1e-9, 1 - warm)
    return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, part))))


def optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer | Both:
    """AdamW, or Muon for the convolutions but the heads; normalization factors and biases do not decay."""
    named = dict(net.named_parameters())
    inner = [n for n, p in named.items() if p.ndim == 4 and ".score." not in n and ".box." not in n]
    others = [{"params": [p for p in named.values() if p.ndim <= 1], "weight_decay": 0.0}]
    if recipe.optimizer == "muon":
        rest = [p for n, p in named.items() if p.ndim > 1 and n not in inner]
        groups = [{"params": rest, "weight_decay": recipe.weight_decay}, *others]
        return Both([named[n] for n in inner], groups, recipe.learning_rate, recipe.weight_decay)
    decayed = {"params": [p for p in named.values() if p.ndim > 1], "weight_decay": recipe.weight_decay}
    return torch.optim.AdamW([decayed, *others], recipe.learning_rate, betas=(0.9, 0.99), foreach=True)


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


class Objective:
    """What a run minimizes: here the loss against the hand-drawn boxes. Distillation adds to it."""

    def __init__(self):
        # Modules that learn beside the network and are thrown away after the run.
        self.helpers = nn.ModuleList()

    def __call__(self, net: nn.Module, image: torch.Tensor, batch: dict, part: float) -> dict[str, torch.Tensor]:
        """Returns the parts of the loss; the network in bf16, the loss in f32. `part` of the run is done."""
        with nets.reduced_precision():
            score, box = net(image)
        return detection_loss(score.float(), box.float(), batch["label"], batch["box"])


class State:
    """Everything that a checkpoint holds."""

    def __init__(self, recipe: Recipe, objective: Objective):
        torch.manual_seed(recipe.seed)
        self.net = nets.build(recipe.net)
        if recipe.start:
            self.net.load_state_dict(start_weights(Path(recipe.start), recipe.net))
        self.net = self.net.to(memory_format=torch.channels_last)
        for part in self.frozen(recipe):
            part.requires_grad_(False)
        self.average = Average(self.net, recipe.ema)
        self.helpers = objective.helpers
        self.descent = optimizer(nn.ModuleList([self.net, self.helpers]), recipe)
        self.step, self.seconds = 0, 0.0

    def frozen(self, recipe: Recipe) -> list[nn.Module]:
        """Returns the parts that do not learn."""
        return [self.net.get_submodule(name) for name in recipe.frozen.split(",") if name]

    def restore(self, saved: dict) -> None:
        """Continues where a checkpoint ended."""
        self.net.load_state_dict(saved["net"])
        self.average.net.load_state_dict(saved["average"])
        self.helpers.load_state_dict(saved.get("helpers", {}))
        self.descent.load_state_dict(saved["optimizer"])
        torch.set_rng_state(saved["rng"])
        self.step, self.seconds = saved["step"], saved["seconds"]

    def saved(self) -> dict:
        """Returns the content of a checkpoint."""
        return {
            "net": self.net.state_dict(), "average": self.average.net.state_dict(),
            "helpers": self.helpers.state_dict(), "optimizer": self.descent.state_dict(),
            "rng": torch.get_rng_state(), "step": self.step, "seconds": self.seconds,
        }  # fmt: skip


def train(run: Run, source: Batches, objective: Objective | None = None) -> nn.Module:
    """Trains to the recipe's last step and returns the averaged network."""
    recipe, objective = run.recipe, objective or Objective()
    torch.set_num_threads(1)
    state = State(recipe, objective)
    if saved := run.load():
        state.restore(saved)
    dev = DevSet(recipe.dev_every)
    started, sums, counted = time.time() - state.seconds, {}, 0
    for batch in batches(source, state.step):
        parts = _descend(state, recipe, objective, batch)
        state.step += 1
        counted += 1
        for key, value in parts.items():
            sums[key] = sums.get(key, 0.0) + value
        state.seconds = time.time() - started
        last = done(recipe, state.step, state.seconds) >= 1
        if state.step % LOG_EVERY == 0:
            means = {k: round(v / counted, 4) for k, v in sums.items()}
            rate = learning_rate(recipe, state.step, state.seconds)
            run.log(step=state.step, seconds=round(state.seconds, 1), lr=rate, **means)
            sums, counted = {}, 0
        if state.step % recipe.check_every == 0 or last:
            figures = quick(state.average.net, dev)
            run.log(step=state.step, seconds=round(state.seconds, 1), dev=figures)
            started += figures["seconds"]  # count training time alone
        if state.step % recipe.save_every == 0 or last:
            run.save(**state.saved())
        if last:
            break
    return state.average.net


def _descend(state: State, recipe: Recipe, objective: Objective, batch: dict) -> dict[str, float]:
    """Makes one step and returns the parts of its loss."""
    state.net.train()
    for part in state.frozen(recipe):
        part.eval()
    for group in state.descent.param_groups:
        group["lr"] = learning_rate(recipe, state.step, state.seconds)
    image = nets.normalized(batch["image"]).contiguous(memory_format=torch.channels_last)
    parts = objective(state.net, image, batch, done(recipe, state.step, state.seconds))
    loss = sum(recipe.box_weight * v if k == "box" else v for k, v in parts.items())
    state.descent.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(state.net.parameters(), 10.0)
    state.descent.step()
    state.average.update(state.net, state.step)
    return {k: v.detach().item() for k, v in parts.items()}
