"""The teacher: large, accurate, never shipped.

Thirty-two convolution layers. Its modules follow Lin, Chen and Yan 2014 ("Network In Network"): a 3×3 convolution whose
answer two 1×1 layers judge at every place; here each module also adds its input, so that depth trains. Three scales
of context (strides 8, 16, 32) meet at stride 8, where two heads give the face score and the box.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from .nets import UpsampleLike, conv_bn_relu, initialize


class NetworkInNetwork(nn.Module):
    """A 3×3 layer and two 1×1 layers, added to the input."""

    def __init__(self, channels: int):
        super().__init__()
        self.look = conv_bn_relu(channels, channels)
        self.judge = conv_bn_relu(channels, channels, kernel=1)
        self.answer = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        nn.init.constant_(self.answer[1].weight, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Keeps the shape."""
        return F.relu(x + self.answer(self.judge(self.look(x))))


class Teacher(nn.Module):
    """Dense detector with the inputs and outputs of `nets.Student`."""

    def __init__(self, widths: tuple[int, ...] = (24, 32, 64, 96, 128)):
        super().__init__()
        w2, w4, w8, w16, w32 = widths
        self.stem = nn.Sequential(conv_bn_relu(3, w2, 2), conv_bn_relu(w2, w4, 2))
        self.at8 = nn.Sequential(conv_bn_relu(w4, w8, 2), NetworkInNetwork(w8), NetworkInNetwork(w8))
        self.at16 = nn.Sequential(conv_bn_relu(w8, w16, 2), *[NetworkInNetwork(w16) for _ in range(3)])
        self.at32 = nn.Sequential(conv_bn_relu(w16, w32, 2), *[NetworkInNetwork(w32) for _ in range(2)])
        self.from32 = nn.Conv2d(w32, w16, 1)
        self.from16 = nn.Conv2d(w16, w8, 1)
        self.up = UpsampleLike()
        self.merge = NetworkInNetwork(w8)
        self.score = nn.Conv2d(w8, 1, 1)
        self.box = nn.Conv2d(w8, 4, 1)
        initialize(self)

    def features(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the maps that serve as hints: stride 16 with its context, stride 8 before the heads."""
        fine = self.at8(self.stem(image))
        middle = self.at16(fine)
        context = middle + self.up(self.from32(self.at32(middle)), middle)
        return context, self.merge(fine + self.up(self.from16(context), fine))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Maps `[n, 3, h, w]`, normalized, to score logits and boxes at stride 8."""
        merged = self.features(image)[1]
        return self.score(merged), self.box(merged)
