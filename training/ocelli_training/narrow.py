"""Makes a thin student from a wide one: of every layer the channels that matter most, as a start for training.

How much a channel matters: the size of the weights that make it times the size of those that read it (Li et al. 2017,
"Pruning Filters for Efficient ConvNets", counts the first alone).
"""

import torch
from torch import Tensor, nn

from . import nets
from .fold import folded


@torch.no_grad()
def narrowed(wide: nets.Student, name: str) -> nn.Module:
    """Returns a student of the family, without normalization, with a part of the channels of `wide`, folded too."""
    thin = folded(nets.build(name).eval())
    kept: dict[str, Tensor] = {"image": torch.arange(3)}
    for target, source, maker, readers in _plan(wide, thin):
        mine, theirs = _conv(thin, target), _conv(wide, source)
        if target not in kept:
            n_out = mine.weight.shape[0]
            kept[target] = _best(theirs, [_conv(wide, reader) for reader in readers], n_out)
            # What is added to it must keep the same channels.
            if target == "fine":
                kept["lateral"] = kept[target]
        mine.weight.copy_(theirs.weight[kept[target]][:, kept[maker]])
        mine.bias.copy_(theirs.bias[kept[target]])
    return thin


def _plan(wide: nets.Student, thin: nets.Student) -> list[tuple[str, str, str, list[str]]]:
    """Returns layer, layer of the wide network, layer of the thin one that it reads, wide layers that read it."""
    n, of = len(thin.context), len(wide.context)
    # Of the layers of context the first ones and the last.
    context = [i if i < n - 1 else of - 1 for i in range(n)]
    plan = [
        ("stem", "stem", "image", ["down4"]), ("down4", "down4", "stem", ["down8"]),
        ("down8", "down8", "down4", ["fine"]), ("fine", "fine", "down8", ["down16", "merge"]),
        ("down16", "down16", "fine", ["context.0"]),
    ]  # fmt: skip
    for i, source in enumerate(context):
        reader = "lateral" if i == n - 1 else f"context.{context[i + 1]}"
        plan.append((f"context.{i}", f"context.{source}", f"context.{i - 1}" if i else "down16", [reader]))
    last = f"context.{n - 1}"
    heads = [("score", "score", "merge", []), ("box", "box", "merge", [])]
    return [*plan, ("lateral", "lateral", last, []), ("merge", "merge", "fine", ["score", "box"]), *heads]


def _conv(net: nn.Module, layer: str) -> nn.Conv2d:
    module = net.get_submodule(layer)
    return module if isinstance(module, nn.Conv2d) else module[0]


def _best(made_by: nn.Conv2d, readers: list[nn.Conv2d], n: int) -> Tensor:
    """Returns the indices of the `n` channels that matter most, in their order."""
    if n == made_by.weight.shape[0]:
        return torch.arange(n)
    made = made_by.weight.square().sum((1, 2, 3)).sqrt()
    read = sum(reader.weight.square().sum((0, 2, 3)) for reader in readers).sqrt()
    return (made * read).topk(n).indices.sort().values
