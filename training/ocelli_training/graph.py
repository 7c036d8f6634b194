"""The model file: a graph in JSON beside its tensors, and an interpreter that runs it.

The interpreter executes the *file*, in f32, and shares no code with the networks; what it answers is recorded for
the tests of the engine. Format: `models/README.md`.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

FORMAT = "1"
IMAGE = {"name": "image", "channels": 3, "mean": [128, 128, 128], "scale": [0.0078125, 0.0078125, 0.0078125]}


class GraphBuilder:
    """Collects nodes in order of execution, and their tensors."""

    def __init__(self, name: str, revision: int):
        self.graph = {"name": name, "revision": revision, "inputs": [IMAGE], "nodes": [], "outputs": []}
        self.tensors: dict[str, Tensor] = {}

    def node(self, op: str, inputs: list[str], output: str, **fields) -> str:
        """Adds a node and returns the name of its output."""
        self.graph["nodes"].append({"op": op, "inputs": inputs, "output": output, **fields})
        return output

    def _parameters(self, name: str, module: nn.Module, *keys: str) -> dict[str, str | None]:
        named = {}
        for key in keys:
            value = getattr(module, key)
            named[key] = None if value is None else f"{name}.{key}"
            if value is not None:
                self.tensors[f"{name}.{key}"] = value.detach().float().contiguous()
        return named

    def conv2d(self, module: nn.Conv2d, x: str, name: str, padding: list[int] | None = None) -> str:
        """Adds a convolution; `padding` is top, left, bottom, right."""
        ph, pw = module.padding
        return self.node(
            "conv2d", [x], name, name=name, **self._parameters(name, module, "weight", "bias"),
            stride=list(module.stride), padding=padding or [ph, pw, ph, pw], groups=module.groups,
        )  # fmt: skip

    def batch_norm(self, module: nn.BatchNorm2d, x: str, name: str) -> str:
        """Adds a batch normalization with the statistics of training."""
        keys = self._parameters(name, module, "weight", "bias", "running_mean", "running_var")
        return self.node("batch_norm", [x], name, name=name, **keys, epsilon=module.eps)

    def relu(self, x: str) -> str:
        """Adds a ReLU."""
        return self.node("relu", [x], f"{x}.relu")

    def conv_bn_relu(self, modules: nn.Sequential, x: str, name: str) -> str:
        """Adds the block that the students are made of."""
        conv, norm, _ = modules
        return self.relu(self.batch_norm(norm, self.conv2d(conv, x, name), f"{name}.bn"))

    def linear(self, module: nn.Linear, x: str, name: str) -> str:
        """Adds a full matrix on the channels of a 1×1 map."""
        return self.node("linear", [x], name, name=name, **self._parameters(name, module, "weight", "bias"))

    def save(self, path: Path, outputs: list[str], half: bool, extra: dict | None = None, **metadata) -> None:
        """Writes the file; `half` stores weights as f16, batch statistics stay f32."""
        self.graph["outputs"] = outputs
        tensors = {k: v.half() if half and ".bn." not in k else v for k, v in self.tensors.items()}
        strings = {"ocelli.format": FORMAT, "ocelli.graph": json.dumps(self.graph)}
        strings |= metadata_strings(metadata)
        write_tensors(tensors | (extra or {}), path, strings)


def metadata_strings(metadata: dict) -> dict[str, str]:
    """Returns metadata as a model file holds it: names with our prefix, values as JSON."""
    return {f"ocelli.{k}": json.dumps(v) for k, v in metadata.items()}


def write_tensors(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Writes a safetensors file that everybody may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata)
    path.chmod(0o644)


class Interpreter:
    """Runs a model file on one picture."""

    def __init__(self, path: Path):
        with safe_open(path, "pt") as file:
            self.metadata = file.metadata()
            self.tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
        self.graph = json.loads(self.metadata["ocelli.graph"])

    @torch.inference_mode()
    def run(self, image: Tensor) -> dict[str, Tensor]:
        """Maps a picture `[h, w, 3]` u8 to the named outputs, each `[h', w', c]` f32."""
        (spec,) = self.graph["inputs"]
        x = (image.float() - torch.tensor(spec["mean"])) * torch.tensor(spec["scale"])
        answers = self(x.permute(2, 0, 1)[None])
        names = self.graph["outputs"]
        return {name: a[0].permute(1, 2, 0).contiguous() for name, a in zip(names, answers, strict=True)}

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        """Maps a normalized picture `[1, 3, h, w]` to the outputs in order, as the networks do."""
        values = {self.graph["inputs"][0]["name"]: x}
        for node in self.graph["nodes"]:
            inputs = [values[name] for name in node["inputs"]]
            values[node["output"]] = getattr(self, f"_{node['op']}")(node, *inputs)
        return tuple(values[name] for name in self.graph["outputs"])

    def detector(self) -> dict:
        """Returns what the face plugin knows of this file."""
        return json.loads(self.metadata["ocelli.detector"])

    def rewrite(self, path: Path, **metadata) -> None:
        """Writes the same tensors and graph with other metadata."""
        write_tensors(self.tensors, path, self.metadata | metadata_strings(metadata))

    def _tensor(self, node: dict, key: str) -> Tensor | None:
        return None if node.get(key) is None else self.tensors[node[key]].float()

    def _conv2d(self, node: dict, x: Tensor) -> Tensor:
        top, left, bottom, right = node["padding"]
        weight, bias = self._tensor(node, "weight"), self._tensor(node, "bias")
        return F.conv2d(F.pad(x, (left, right, top, bottom)), weight, bias, node["stride"], groups=node["groups"])

    def _batch_norm(self, node: dict, x: Tensor) -> Tensor:
        weight, bias, mean, var = (self._tensor(node, k) for k in ("weight", "bias", "running_mean", "running_var"))
        return F.batch_norm(x, mean, var, weight, bias, eps=node["epsilon"])

    def _relu(self, _node: dict, x: Tensor) -> Tensor:
        return x.relu()

    def _sigmoid(self, _node: dict, x: Tensor) -> Tensor:
        return x.sigmoid()

    def _max_pool2d(self, node: dict, x: Tensor) -> Tensor:
        top, left, bottom, right = node["padding"]
        padded = F.pad(x, (left, right, top, bottom), value=float("-inf"))
        return F.max_pool2d(padded, node["kernel"], node["stride"])

    def _add(self, _node: dict, a: Tensor, b: Tensor) -> Tensor:
        return a + b

    def _concat(self, _node: dict, *parts: Tensor) -> Tensor:
        return torch.cat(parts, 1)

    def _upsample_nearest2d(self, _node: dict, x: Tensor, like: Tensor) -> Tensor:
        doubled = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return doubled[:, :, : like.shape[2], : like.shape[3]]

    def _global_avg_pool(self, _node: dict, x: Tensor) -> Tensor:
        return x.mean((2, 3), keepdim=True)

    def _linear(self, node: dict, x: Tensor) -> Tensor:
        out = F.linear(x.flatten(1), self._tensor(node, "weight"), self._tensor(node, "bias"))
        return out[:, :, None, None]
