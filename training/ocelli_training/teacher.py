"""The teacher: large, accurate, never shipped.

The student, wider and deeper: thirty-eight convolution layers. What it adds is modules after Lin, Chen and Yan 2014
("Network In Network"), a 3×3 convolution whose answer two 1×1 layers judge at every place, and a third scale of context
at stride 32. Its layers keep the student's names, so that it can start from a student's weights (`grow`).
"""

import torch.nn.functional as F
from torch import Tensor, nn

from .nets import Student, conv_bn_relu, initialize


class NetworkInNetwork(nn.Module):
    """A 3×3 layer and two 1×1 layers, added to the input; it starts as the identity, so that depth trains."""

    def __init__(self, channels: int):
        super().__init__()
        self.look = conv_bn_relu(channels, channels)
        self.judge = conv_bn_relu(channels, channels, kernel=1)
        self.answer = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        nn.init.zeros_(self.answer[1].weight)

    def forward(self, x: Tensor) -> Tensor:
        """Keeps the shape."""
        return F.relu(x + self.answer(self.judge(self.look(x))))


def modules(channels: int, n: int) -> nn.Sequential:
    """Returns `n` modules in a row."""
    return nn.Sequential(*[NetworkInNetwork(channels) for _ in range(n)])


class Teacher(Student):
    """Dense detector with the inputs and outputs of `nets.Student`; `widths` from stride 2 to stride 32."""

    def __init__(self, widths: tuple[int, ...] = (16, 24, 64, 96, 128)):
        super().__init__(widths[:4])
        _, _, w8, w16, w32 = widths
        self.deeper8, self.deeper16, self.deeper_merge = modules(w8, 2), modules(w16, 3), modules(w8, 1)
        self.at32 = nn.Sequential(conv_bn_relu(w16, w32, 2), *modules(w32, 2))
        self.from32 = nn.Conv2d(w32, w16, 1)
        initialize(self)
        nn.init.zeros_(self.from32.weight)

    def features(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the maps that serve as hints: stride 16 with its context, stride 8 before the heads."""
        fine = self.deeper8(self.fine(self.down8(self.down4(self.stem(image)))))
        middle = self.deeper16(self.context(self.down16(fine)))
        context = middle + self.up(self.from32(self.at32(middle)), middle)
        merged = self.merge(fine + self.up(self.lateral(context), fine))
        return context, self.deeper_merge(merged)
