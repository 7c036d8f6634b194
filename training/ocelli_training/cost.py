"""Counts multiplications: what a network costs on a picture with all its octave levels."""

import torch
from torch import nn

from .pyramid import level_size

VGA = (640, 480)


@torch.inference_mode()
def macs(net: nn.Module, width: int, height: int) -> int:
    """Returns the multiply-accumulates of all convolutions for one picture, one level."""
    total, hooks = 0, []

    def count(module: nn.Conv2d, _inputs, output: torch.Tensor) -> None:
        nonlocal total
        total += output[0].numel() * module.weight[0].numel()

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(count))
    net(torch.zeros(1, 3, height, width))
    for hook in hooks:
        hook.remove()
    return total


def pyramid_macs(net: nn.Module, size: tuple[int, int] = VGA, levels: int = 5) -> int:
    """Returns the multiply-accumulates of a picture with all octave levels."""
    return sum(macs(net, *level_size(*size, k)) for k in range(levels))


def parameters(net: nn.Module) -> int:
    """Returns the number of weights, biases and normalization factors that training fits."""
    return sum(p.numel() for p in net.parameters())


def convolutions(net: nn.Module) -> int:
    """Returns the number of convolution layers."""
    return sum(isinstance(m, nn.Conv2d) for m in net.modules())
