"""The network: plain 3×3 convolutions down to a 3×3 map, a valid convolution that sees all of it, two 1×1 heads.

Input: a square crop of `SIDE` pixels. Outputs, on a 1×1 map: `points`, x and y of 68 points relative to the crop
(-0.5 is its left or top edge, 0.5 its right or bottom edge), and `spread`, the logarithm of the mean error that the
network expects of itself, as a fraction of the crop's side.
"""

import torch
from torch import Tensor, nn

from ocelli_training.nets import conv_bn_relu

from .points import N_POINTS

SIDE = 96


class Residual(nn.Module):
    """Two convolutions beside a straight way."""

    def __init__(self, n: int):
        super().__init__()
        self.first, self.second = conv_bn_relu(n, n), conv_bn_relu(n, n)[:2]

    def forward(self, x: Tensor) -> Tensor:
        """Keeps shape."""
        return torch.relu(x + self.second(self.first(x)))


class Landmarks(nn.Module):
    """`widths` are the channels at strides 2, 4, 8, 16, 32 and of the vector before the heads."""

    def __init__(self, widths: tuple[int, ...] = (16, 24, 40, 64, 128, 256)):
        super().__init__()
        w2, w4, w8, w16, w32, vector = widths
        self.stem = conv_bn_relu(3, w2, 2)
        self.down4 = conv_bn_relu(w2, w4, 2)
        self.fine = conv_bn_relu(w4, w4)
        self.down8 = conv_bn_relu(w4, w8, 2)
        self.middle = Residual(w8)
        self.down16 = conv_bn_relu(w8, w16, 2)
        self.coarse = Residual(w16)
        self.down32 = conv_bn_relu(w16, w32, 2)
        self.whole = nn.Sequential(nn.Conv2d(w32, vector, 3, bias=False), nn.BatchNorm2d(vector), nn.ReLU())
        self.points = nn.Conv2d(vector, 2 * N_POINTS, 1)
        self.spread = nn.Conv2d(vector, 1, 1)
        nn.init.normal_(self.points.weight, std=0.01)
        nn.init.constant_(self.spread.bias, -3)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Maps `[n, 3, 96, 96]`, normalized, to points `[n, 136, 1, 1]` and spread `[n, 1, 1, 1]`."""
        x = self.fine(self.down4(self.stem(image)))
        x = self.coarse(self.down16(self.middle(self.down8(x))))
        vector = self.whole(self.down32(x))
        # The second head learns what the first cannot, without bending the features to it.
        return self.points(vector), self.spread(vector.detach())


def points_of(answer: Tensor) -> Tensor:
    """Returns `[n, 68, 2]` of the first output."""
    return answer.flatten(1).unflatten(1, (N_POINTS, 2))
