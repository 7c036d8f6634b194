"""Starts a run from a model file: puts weights without batch normalization back into networks that have it.

A model file is what survives of a run. Its weights train on in the network that made it: each convolution gets back
weights of a fresh network's size, and its normalization the statistics that such weights give on training crops, with
gain and shift such that both together compute what the file computes.
"""

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from . import nets
from .fold import folded
from .graph import Interpreter
from .grow import GROWN, grown
from .narrow import narrowed

N_BATCHES = 4


def start_weights(path: Path, name: str, crops: list[Tensor] | None = None) -> dict[str, Tensor]:
    """Returns the weights that a run starts from: the average of a checkpoint, or those of a model file.

    `crops` are normalized batches `[n, 3, h, w]`, for the statistics; by default some of the training crops.
    """
    if path.suffix != ".safetensors":
        return torch.load(path, weights_only=True)["average"]
    return unfolded(Interpreter(path), name, crops or training_crops()).state_dict()


def training_crops() -> list[Tensor]:
    """Returns normalized training crops, always the same."""
    from .loader import Batches
    from .sampler import Sampler

    source = Batches(Sampler("train"), 32, N_BATCHES, seed=0)
    return [nets.normalized(source[i]["image"]) for i in range(N_BATCHES)]


@torch.no_grad()
def unfolded(file: Interpreter, name: str, crops: list[Tensor]) -> nn.Module:
    """Returns a network of the family that computes what the file computes, or a thinner one made from it.

    A teacher is grown from the file of `face-student` and computes the same, too.
    """
    if name == "face-teacher":
        if file.graph["name"] != "face-student":
            raise ValueError(f"a teacher grows from face-student, not from {file.graph['name']}")
        return grown(unfolded(file, file.graph["name"], crops), nets.build(name).eval())
    net, source = nets.build(name).eval(), plain(file)
    if name != file.graph["name"]:
        source = narrowed(source, name)
    statistics, inner = _statistics(source, crops), dict(source.named_modules())
    for key, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            _put_back(net, key, module, inner[key], *statistics[key])
    return net


@torch.no_grad()
def blended(net: nn.Module, sources: list[Path]) -> nn.Module:
    """Returns the mean of a network, of the model file that its run started from, and of other runs from that file.

    Weights of one descent lie in one valley, and their mean is often better than each (Wortsman et al. 2022, "Model
    soups"); the file must come back with the statistics with which it started the runs, which are always the same.
    """
    parts = [net.state_dict(), *map(_weights, sources)]
    mean = {k: sum(part[k] for part in parts) / len(parts) if v.is_floating_point() else v for k, v in parts[0].items()}
    net.load_state_dict(mean)
    return net


def _weights(source: Path) -> dict[str, Tensor]:
    """Returns the weights of a run folder or a model file."""
    if source.suffix == ".safetensors":
        return start_weights(source, Interpreter(source).graph["name"])
    return start_weights(source / "checkpoint.pt", "")


@torch.no_grad()
def plain(file: Interpreter) -> nn.Module:
    """Returns the network of a file without normalization."""
    name = file.graph["name"]
    if name not in nets.NETS:
        raise ValueError(f"no network is called {name}; known are {', '.join(nets.NETS)}")
    net = folded(nets.build(name).eval())
    places = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    sources = _convolutions(file)
    if [tuple(weight.shape) for weight, _ in sources] != [tuple(module.weight.shape) for module in places]:
        raise ValueError(f"{file.graph['name']} has other convolutions than the code; train it anew")
    for module, (weight, bias) in zip(places, sources, strict=True):
        module.weight.copy_(weight)
        module.bias.copy_(bias)
    return net


def _convolutions(file: Interpreter) -> list[tuple[Tensor, Tensor]]:
    """Returns weights and biases in order of execution, normalization folded in."""
    from .quantize import fold_file

    flat = fold_file(file)
    nodes = [n for n in flat.graph["nodes"] if n["op"] == "conv2d"]
    return [(flat.tensors[n["weight"]].float(), flat.tensors[n["bias"]].float()) for n in nodes]


@torch.no_grad()
def _statistics(net: nn.Module, crops: list[Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Returns mean and variance of what every convolution answers, its bias left out."""
    sums: dict[str, list[Tensor]] = {}
    hooks = []
    for key, module in net.named_modules():
        if isinstance(module, nn.Conv2d):

            def note(module: nn.Conv2d, _inputs, out: Tensor, key: str = key) -> None:
                own = (out - module.bias[:, None, None]).double()
                moments = [own.mean((0, 2, 3)), own.square().mean((0, 2, 3))]
                sums.setdefault(key, []).append(torch.stack(moments))

            hooks.append(module.register_forward_hook(note))
    for batch in crops:
        net(batch)
    for hook in hooks:
        hook.remove()
    means = {key: torch.stack(rows).mean(0) for key, rows in sums.items()}
    return {key: (m.float(), (s - m.square()).clamp(min=1e-6).float()) for key, (m, s) in means.items()}


def _put_back(net: nn.Module, key: str, conv: nn.Conv2d, source: nn.Conv2d, mean: Tensor, var: Tensor) -> None:
    """Fills one convolution, and the normalization after it where there is one."""
    if conv.bias is not None:
        conv.weight.data.copy_(source.weight)
        conv.bias.data.copy_(source.bias)
        return
    parent, index = key.rsplit(".", 1)
    norm = net.get_submodule(parent)[int(index) + 1]
    n_out, _, kh, kw = conv.weight.shape
    wanted = GROWN * math.sqrt(2 / (n_out * kh * kw))
    factor = wanted / source.weight.square().mean((1, 2, 3)).sqrt().clamp(min=1e-6)
    conv.weight.data.copy_(source.weight * factor[:, None, None, None])
    norm.running_mean.copy_(mean * factor)
    norm.running_var.copy_(var * factor.square())
    norm.weight.data.copy_((norm.running_var + norm.eps).sqrt() / factor)
    norm.bias.data.copy_(source.bias + mean)
