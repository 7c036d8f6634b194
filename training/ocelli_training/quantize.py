"""Calibrates a model file for int8 execution: the range of every value, stored in its metadata.

The engine makes the bytes itself: weights signed, one scale an output channel; values unsigned, `real = (byte -
zero_point) * scale` over their range; sums exact. Here the same grids are simulated in f32 to measure what they cost.
Ranges come from training pictures; the rarest values are cut off, which makes the grid finer for all others.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from . import nets
from .annotations import read_split
from .cache import PixelCache
from .evaluate import DevSet
from .graph import Interpreter
from .metrics import curve
from .pyramid import octaves

N_PICTURES = 96
# Of the values of a map this part may be cut off at either end; of the pictures, this part of their maps' ends.
CUT, PICTURE_CUT = 1e-4, 0.02


def quantize(model: Path, every: int = 1) -> None:
    """Stores the ranges in the model file and prints what int8 costs on dev."""
    net = Interpreter(model)
    net.rewrite(model, quantization={"ranges": value_ranges(fold_file(net))})
    print(f"{model.name}: AP of faces from 20 px, from 40 px: {measured(Interpreter(model), DevSet(every))}")


def measured(net: Interpreter, dev: DevSet) -> dict[str, list[float]]:
    """Returns AP on wider_train, faces from 20 and from 40 px, by how the file is executed."""
    aps = {}
    for name, runner in {"f32": fold_file(net), "int8": in_bytes(net)}.items():
        found = dev.run(runner, "wider_train")
        aps[name] = [round(curve(found, dev.by_set["wider_train"], band).ap, 4) for band in (20, 40)]
    return aps


def in_bytes(net: Interpreter) -> Interpreter:
    """Returns the network of a calibrated file as the engine executes it in int8."""
    folded = fold_file(net)
    runner = _with(folded, folded.graph, folded.tensors, BytesInterpreter)
    runner.take(json.loads(net.metadata["ocelli.quantization"])["ranges"])
    return runner


def fold_file(net: Interpreter) -> Interpreter:
    """Returns the network without batch normalization; every convolution has a bias."""
    nodes, tensors = [], {}
    normalized = {n["inputs"][0]: n for n in net.graph["nodes"] if n["op"] == "batch_norm"}
    for node in net.graph["nodes"]:
        if node["op"] == "batch_norm":
            continue
        node = dict(node)
        if node["op"] == "conv2d":
            weight = net.tensors[node["weight"]].float()
            bias = net.tensors[node["bias"]].float() if node["bias"] else torch.zeros(len(weight))
            if norm := normalized.get(node["output"]):
                gain, shift, mean, var = (
                    net.tensors[norm[k]].float() for k in ("weight", "bias", "running_mean", "running_var")
                )
                factor = gain / (var + norm["epsilon"]).sqrt()
                weight, bias = weight * factor[:, None, None, None], (bias - mean) * factor + shift
                node["output"] = norm["output"]
            node["bias"] = node["name"] + ".bias"
            tensors[node["weight"]], tensors[node["bias"]] = weight, bias
        nodes.append(node)
    return _with(net, net.graph | {"nodes": nodes}, tensors)


def _with(net: Interpreter, graph: dict, tensors: dict[str, Tensor], kind: type = Interpreter) -> Interpreter:
    other = object.__new__(kind)
    other.metadata, other.graph, other.tensors = net.metadata, graph, tensors
    return other


class _Observed(Interpreter):
    """Hands every value, by name, to `see`, which returns what goes on."""

    def see(self, name: str, value: Tensor) -> Tensor:
        raise NotImplementedError

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        values = {self.graph["inputs"][0]["name"]: x}
        for node in self.graph["nodes"]:
            inputs = [values[name] for name in node["inputs"]]
            out = getattr(self, f"_{node['op']}")(node, *inputs)
            values[node["output"]] = self.see(node["output"], out)
        return tuple(values[name] for name in self.graph["outputs"])


class Observer(_Observed):
    """Keeps the ends of every value, picture by picture."""

    ends: dict[str, list[tuple[float, float]]]

    def see(self, name: str, value: Tensor) -> Tensor:
        """Notes the ends, less the rarest values."""
        flat = value.flatten().numpy()
        rare = int(CUT * flat.size)
        ordered = np.partition(flat, [rare, flat.size - 1 - rare])
        self.ends.setdefault(name, []).append((float(ordered[rare]), float(ordered[flat.size - 1 - rare])))
        return value


class BytesInterpreter(_Observed):
    """Answers as the engine does in int8: weights and values on their grids."""

    def take(self, ranges: dict[str, list[float]]) -> None:
        """Takes up the ranges and rounds the weights."""
        fused = {n["inputs"][0] for n in self.graph["nodes"] if n["op"] == "relu"}
        # The outputs are floats; what a ReLU takes in never exists as bytes.
        self.ranges = {k: v for k, v in ranges.items() if k not in fused and k not in self.graph["outputs"]}
        self.tensors = dict(self.tensors)
        for node in self.graph["nodes"]:
            if node["op"] == "conv2d":
                weight = self.tensors[node["weight"]]
                scale = weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-8) / 127
                self.tensors[node["weight"]] = (weight / scale).round() * scale

    def see(self, name: str, value: Tensor) -> Tensor:
        """Rounds a value to its bytes and back."""
        if name not in self.ranges:
            return value
        low, high = min(self.ranges[name][0], 0.0), max(self.ranges[name][1], 0.0)
        scale = (high - low) / 127 or 1.0
        zero = round(-low / scale)
        return ((value / scale + zero).round().clamp(0, 127) - zero) * scale


@torch.inference_mode()
def value_ranges(folded: Interpreter) -> dict[str, list[float]]:
    """Returns `{value: [least, greatest]}` over training pictures and their octaves."""
    observer = _with(folded, folded.graph, folded.tensors, Observer)
    observer.ends = {}
    cache = PixelCache("train")
    pictures = [p for p in read_split("train") if p.set == "wider_train"]
    for picture in pictures[:: max(1, len(pictures) // N_PICTURES)]:
        for level in octaves(cache.level(picture), 3):
            observer(nets.normalized(torch.from_numpy(np.array(level))[None]))
    ranges = {}
    for name, ends in observer.ends.items():
        low, high = np.array(ends).T
        ranges[name] = [
            round(float(np.quantile(low, PICTURE_CUT)), 5),
            round(float(np.quantile(high, 1 - PICTURE_CUT)), 5),
        ]
    return ranges
