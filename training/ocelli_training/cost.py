"""Counts multiplications: what a network costs on a picture with all its octave levels."""

import torch
from torch import nn

from .graph import Interpreter
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


def graph_macs(interpreter: Interpreter, size: tuple[int, int] = VGA, levels: int = 5) -> int:
    """Returns the same for a model file."""
    total = 0

    class Counter(Interpreter):
        def __init__(self):
            self.metadata, self.tensors, self.graph = interpreter.metadata, interpreter.tensors, interpreter.graph

        def _conv2d(self, node: dict, x: torch.Tensor) -> torch.Tensor:
            nonlocal total
            out = super()._conv2d(node, x)
            total += out[0].numel() * self.tensors[node["weight"]][0].numel()
            return out

    with torch.inference_mode():
        for k in range(levels):
            width, height = level_size(*size, k)
            Counter()(torch.zeros(1, 3, height, width))
    return total


def parameters(net: nn.Module) -> int:
    """Returns the number of weights, biases and normalization factors that training fits."""
    return sum(p.numel() for p in net.parameters())


def convolutions(net: nn.Module) -> int:
    """Returns the number of convolution layers."""
    return sum(isinstance(m, nn.Conv2d) for m in net.modules())
