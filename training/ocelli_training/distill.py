"""Teaching: the student imitates the teacher.

Soft targets (Hinton et al. 2015): at every cell, those without annotation too, the student's score follows the
teacher's probability, by the Kullback-Leibler divergence times a power of their distance (`soft_power`): at 2, cells
where both agree hardly count, which suits fresh weights; at 0 it is the plain divergence, for a student that is
already near its teacher. `annotated` weighs the annotation's own score loss beside it. Boxes: where the teacher sees
a face the student's box follows the teacher's. Hints (Romero et al. 2014, FitNets): a 1×1 layer, thrown away
afterwards, maps the student's maps at strides 16 and 8 to the teacher's; the hint fades out over the first half of
the run. Several teachers answer by the mean of their logits and boxes; the first of them gives the hints.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import nets
from .losses import decode, detection_loss, iou_and_giou
from .train import Objective

# Parts of the loss beside the annotation's own.
SOFT, SOFT_BOX, HINT = 1.0, 0.5, 0.5
# The teacher's probability from which its boxes count.
SURE = 0.25
HINTS_END = 0.5


class Teachers(nn.Module):
    """Networks that answer together, by the mean of their logits and boxes."""

    def __init__(self, nets_: list[nn.Module]):
        super().__init__()
        self.nets = nn.ModuleList(nets_)
        self.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def answers(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Returns the maps of the first, for hints, and the scores and boxes of all."""
        maps = [net.features(image) for net in self.nets]
        scores = [net.score(m[1]).float() for net, m in zip(self.nets, maps, strict=True)]
        boxes = [net.box(m[1]).float() for net, m in zip(self.nets, maps, strict=True)]
        return maps[0], torch.stack(scores).mean(0), torch.stack(boxes).mean(0)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Answers as one network of the family does."""
        return self.answers(image)[1:]


class Distillation(Objective):
    """The annotation's loss, soft targets and, if asked, hints."""

    def __init__(
        self, teachers: list[nn.Module], student: str, hints: bool, soft_power: float = 2.0, annotated: float = 1.0
    ):
        super().__init__()
        self.soft_power, self.annotated = soft_power, annotated
        self.teachers = Teachers(teachers)
        self.hints = hints
        if hints:
            probe = torch.zeros(1, 3, 32, 32)
            mine, theirs = nets.build(student).features(probe), self.teachers.nets[0].features(probe)
            self.helpers = nn.ModuleList(
                nn.Conv2d(a.shape[1], b.shape[1], 1) for a, b in zip(mine, theirs, strict=True)
            )

    def __call__(self, net: nn.Module, image: Tensor, batch: dict, part: float) -> dict[str, Tensor]:
        """Returns the parts of the loss, already weighted."""
        with nets.reduced_precision():
            with torch.no_grad():
                hints, their_score, their_box = self.teachers.answers(image)
            maps = net.features(image)
            score, box = net.score(maps[1]), net.box(maps[1])
        score, box = score.float(), box.float()
        parts = detection_loss(score, box, batch["label"], batch["box"])
        parts["score"] = self.annotated * parts["score"]
        parts |= imitation_loss(score, box, their_score, their_box, self.soft_power)
        if self.hints and part < HINTS_END:
            parts["hint"] = (1 - part / HINTS_END) * self._hint_loss(maps, hints)
        return parts

    def _hint_loss(self, mine: tuple[Tensor, ...], theirs: tuple[Tensor, ...]) -> Tensor:
        losses = []
        for helper, a, b in zip(self.helpers, mine, theirs, strict=True):
            scale = b.float().square().mean().clamp(min=1e-6)
            losses.append((helper(a.float()) - b.float()).square().mean() / scale)
        return HINT * sum(losses)


def imitation_loss(
    score: Tensor, box: Tensor, their_score: Tensor, their_box: Tensor, soft_power: float = 2.0
) -> dict[str, Tensor]:
    """Compares logits `[n, 1, g, g]` and boxes `[n, 4, g, g]` with the teacher's."""
    wanted = their_score.sigmoid()
    distance = (score.sigmoid() - wanted).abs() ** soft_power if soft_power else torch.ones_like(wanted)
    cross_entropy = F.binary_cross_entropy_with_logits(score, wanted, reduction="none")
    entropy = F.binary_cross_entropy_with_logits(their_score, wanted, reduction="none")
    certain = wanted[:, 0] > SURE
    weight = wanted[:, 0][certain]
    total = weight.sum().clamp(min=1)
    _, giou = iou_and_giou(decode(box)[certain], decode(their_box)[certain])
    return {
        "soft": SOFT * (distance * (cross_entropy - entropy)).sum() / total,
        "soft_box": SOFT_BOX * ((1 - giou) * weight).sum() / total,
    }


def load_teacher(source: Path) -> nn.Module:
    """Returns the averaged network of a run or that of a model file, normalization folded into the convolutions."""
    from .export import averaged
    from .fold import folded
    from .graph import Interpreter
    from .restore import plain

    if source.suffix == ".safetensors":
        return plain(Interpreter(source))
    return folded(averaged(source / "checkpoint.pt"))
