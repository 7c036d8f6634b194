"""An int8 twin of a model file, calibrated after training.

Batch normalization is folded into the convolutions. Weights are signed bytes with one scale an output channel;
the input is the picture's own bytes (zero point 128, scale 1/128: exact); what leaves a ReLU is unsigned bytes, what
leaves a convolution without ReLU signed bytes, one scale a map. The two heads answer in f32. Sums are exact integers,
so that rounding in f32 here shows what an integer engine answers.
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
from .graph import FORMAT, Interpreter, metadata_strings, write_tensors
from .metrics import curve, false_faces
from .pyramid import octaves

N_PICTURES = 96
# Of the values of a map this part may be cut off at the top.
CUT = 1e-4


def quantize(model: Path, every: int = 1) -> Path:
    """Writes `<name>-int8.safetensors` and prints what it costs on dev."""
    folded = fold_file(Interpreter(model))
    twin = model.with_name(f"{model.stem}-int8.safetensors")
    scales = activation_scales(folded)
    tensors = {}
    for node in folded.graph["nodes"]:
        if node["op"] == "conv2d":
            weight = folded.tensors[node["weight"]]
            scale = weight.abs().amax((1, 2, 3)).clamp(min=1e-8) / 127
            tensors[node["weight"]] = (weight / scale[:, None, None, None]).round().to(torch.int8)
            node["weight_scale"] = node["weight"] + "_scale"
            tensors[node["weight_scale"]] = scale
            tensors[node["bias"]] = folded.tensors[node["bias"]]
    strings = {"ocelli.format": FORMAT, "ocelli.graph": json.dumps(folded.graph)}
    strings |= metadata_strings({"detector": folded.detector(), "quantization": {"activations": scales}})
    write_tensors(tensors, twin, strings)
    _print_cost(model, twin, every)
    return twin


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


def _with(net: Interpreter, graph: dict, tensors: dict[str, Tensor], kind: type | None = None) -> Interpreter:
    other = object.__new__(kind or Interpreter)
    other.metadata, other.graph, other.tensors = net.metadata, graph, tensors
    return other


class _Observer(Interpreter):
    """Keeps the upper end of every map."""

    def watch(self) -> None:
        self.tops: dict[str, list[float]] = {}

    def _note(self, node: dict, out: Tensor) -> Tensor:
        values = out.abs().flatten().numpy()
        top = np.partition(values, -max(1, int(CUT * values.size)))[-max(1, int(CUT * values.size))]
        self.tops.setdefault(node["output"], []).append(float(top))
        return out

    def _relu(self, node: dict, x: Tensor) -> Tensor:
        return self._note(node, super()._relu(node, x))

    def _conv2d(self, node: dict, x: Tensor) -> Tensor:
        return self._note(node, super()._conv2d(node, x))

    def _add(self, node: dict, a: Tensor, b: Tensor) -> Tensor:
        return self._note(node, super()._add(node, a, b))


@torch.inference_mode()
def activation_scales(folded: Interpreter) -> dict[str, dict]:
    """Returns `{map: {"scale": s, "signed": bool}}` for every map that is stored in bytes."""
    observer = _with(folded, folded.graph, folded.tensors, _Observer)
    observer.watch()
    cache = PixelCache("train")
    pictures = [p for p in read_split("train") if p.set == "wider_train"]
    for picture in pictures[:: max(1, len(pictures) // N_PICTURES)]:
        for level in octaves(cache.level(picture), 3):
            observer(nets.normalized(torch.from_numpy(np.array(level))[None]))
    rectified = {n["inputs"][0] for n in folded.graph["nodes"] if n["op"] == "relu"}
    scales = {}
    for node in folded.graph["nodes"]:
        name = node["output"]
        stored = node["op"] in ("relu", "add") or (node["op"] == "conv2d" and name not in rectified)
        if stored and name not in folded.graph["outputs"]:
            signed = node["op"] != "relu"
            top = float(np.quantile(observer.tops[name], 0.98))
            scales[name] = {"scale": top / (127 if signed else 255), "signed": signed}
    return scales


class QuantizedInterpreter(Interpreter):
    """Answers as an integer engine does: weights and maps on their grids."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.scales = json.loads(self.metadata["ocelli.quantization"])["activations"]

    def _tensor(self, node: dict, key: str) -> Tensor | None:
        value = super()._tensor(node, key)
        if key == "weight" and "weight_scale" in node:
            value = value * self.tensors[node["weight_scale"]][:, None, None, None]
        return value

    def _stored(self, node: dict, out: Tensor) -> Tensor:
        grid = self.scales.get(node["output"])
        if grid is None:
            return out
        low, high = (-127, 127) if grid["signed"] else (0, 255)
        return (out / grid["scale"]).round().clamp(low, high) * grid["scale"]

    def _conv2d(self, node: dict, x: Tensor) -> Tensor:
        return self._stored(node, super()._conv2d(node, x))

    def _relu(self, node: dict, x: Tensor) -> Tensor:
        return self._stored(node, super()._relu(node, x))

    def _add(self, node: dict, a: Tensor, b: Tensor) -> Tensor:
        return self._stored(node, super()._add(node, a, b))


def _print_cost(model: Path, twin: Path, every: int) -> None:
    dev = DevSet(every)
    for path, net in ((model, Interpreter(model)), (twin, QuantizedInterpreter(twin))):
        found = dev.run(net, "wider_train")
        aps = [round(curve(found, dev.by_set["wider_train"], band).ap, 4) for band in (20, 40)]
        false = false_faces([f for name in dev.negative_sets for f in dev.run(net, name)], 0.5)
        print(f"{path.name}: {path.stat().st_size} bytes, AP >= 20 / 40 px {aps}, false faces a picture {false:.4f}")
