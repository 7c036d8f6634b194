"""Grows a network into a wider and deeper one that at first computes the same (Chen et al. 2016, "Net2Net").

Unlike there, new channels are fresh ones that nobody reads yet, instead of copies: the weights that read them are zero
and learn. Deeper parts must start as the identity by themselves.
"""

import torch
from torch import nn

# Weights grow while they train; those put in are this many times as large as fresh ones, so that steps are as small
# beside them as they were at the end of the run.
GROWN = 2.0


@torch.no_grad()
def grown(small: nn.Module, large: nn.Module) -> nn.Module:
    """Puts the weights of `small` into the layers of the same name in `large`, which must not be narrower."""
    layers = dict(large.named_modules())
    for key, source in small.named_modules():
        if isinstance(source, nn.Conv2d):
            _widen(layers[key], source)
        elif isinstance(source, nn.BatchNorm2d):
            n = source.num_features
            for name, values in source.state_dict().items():
                if values.ndim:
                    layers[key].state_dict()[name][:n] = values
    return large


def _widen(conv: nn.Conv2d, source: nn.Conv2d) -> None:
    n_out, n_in = source.weight.shape[:2]
    conv.weight[n_out:] *= GROWN
    conv.weight[:n_out, n_in:] = 0
    conv.weight[:n_out, :n_in] = source.weight
    if source.bias is not None:
        conv.bias[:n_out] = source.bias
