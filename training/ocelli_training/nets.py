"""The networks.

Student: plain 3×3 convolutions, each with batch normalization and ReLU, that halve the picture four times; four
layers at stride 16 give context, their answer returns to stride 8 by doubling and addition, and one more layer and
two 1×1 heads give a score and a box at each cell.
"""

import math

import torch
from torch import Tensor, nn


def conv_bn_relu(n_in: int, n_out: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """Returns convolution, batch normalization and ReLU, padded to keep the size."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)
    )


class UpsampleLike(nn.Module):
    """Doubles height and width by repetition and crops to the size of a second input."""

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        """Returns `x` at the height and width of `like`."""
        doubled = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return doubled[:, :, : like.shape[2], : like.shape[3]]


class Student(nn.Module):
    """The thin dense detector; `widths` are the channels at strides 2, 4, 8 and 16."""

    def __init__(self, widths: tuple[int, int, int, int] = (16, 24, 48, 64), depth: int = 4):
        super().__init__()
        w2, w4, w8, w16 = widths
        self.stem = conv_bn_relu(3, w2, 2)
        self.down4 = conv_bn_relu(w2, w4, 2)
        self.down8 = conv_bn_relu(w4, w8, 2)
        self.fine = conv_bn_relu(w8, w8)
        self.down16 = conv_bn_relu(w8, w16, 2)
        self.context = nn.Sequential(*[conv_bn_relu(w16, w16) for _ in range(depth - 1)])
        self.lateral = nn.Conv2d(w16, w8, 1)
        self.up = UpsampleLike()
        self.merge = conv_bn_relu(w8, w8)
        self.score = nn.Conv2d(w8, 1, 1)
        self.box = nn.Conv2d(w8, 4, 1)
        initialize(self)

    def features(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the maps that hints compare: stride 16 after the context, stride 8 before the heads."""
        fine = self.fine(self.down8(self.down4(self.stem(image))))
        context = self.context(self.down16(fine))
        return context, self.merge(fine + self.up(self.lateral(context), fine))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Maps `[n, 3, h, w]`, normalized, to score logits `[n, 1, h/8, w/8]` and boxes `[n, 4, h/8, w/8]`."""
        merged = self.features(image)[1]
        return self.score(merged), self.box(merged)


def initialize(net: nn.Module) -> None:
    """Draws fresh weights; the heads start calm and near "no face"."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for head in (net.score, net.box):
        nn.init.normal_(head.weight, std=0.01)
    nn.init.constant_(net.score.bias, -math.log(99))  # faces are rare: start at 1 %


def normalized(image: Tensor) -> Tensor:
    """Turns `[n, h, w, 3]` bytes into the network's `[n, 3, h, w]` input, about -1 to 1."""
    return (image.permute(0, 3, 1, 2).float() - 128) * 0.0078125


def reduced_precision() -> torch.autocast:
    """Runs what it wraps in bf16 where the processor computes in it; elsewhere in f32, then five times faster."""
    return torch.autocast("cpu", torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported())


def _teacher() -> nn.Module:
    from .teacher import Teacher

    return Teacher()


NETS = {
    "face-student": lambda: Student(),
    "face-student-tiny": lambda: Student((8, 12, 20, 32), 3),
    "face-teacher": _teacher,
}


def build(name: str) -> nn.Module:
    """Returns a network of the family with fresh weights."""
    return NETS[name]()
