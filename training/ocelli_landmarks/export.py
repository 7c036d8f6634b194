"""Writes the trained network as a model file, with recorded answers for the tests of the engine."""

from pathlib import Path

import numpy as np
import torch

from ocelli_training.export import sha256
from ocelli_training.graph import GraphBuilder, Interpreter, write_tensors
from ocelli_training.nets import normalized
from ocelli_training.paths import MODELS
from ocelli_training.toy import pattern

from . import shape
from .faces import CROP, read
from .net import SIDE, Landmarks

NAME = "face-landmarks"
OUTPUTS = ["points", "spread"]


def graph(net: Landmarks, revision: int) -> GraphBuilder:
    """Describes the network node by node; batch normalization is not folded."""
    g = GraphBuilder(NAME, revision)

    def residual(block, x: str, name: str) -> str:
        inner = g.conv_bn_relu(block.first, x, f"{name}.first")
        conv, norm = block.second
        inner = g.batch_norm(norm, g.conv2d(conv, inner, f"{name}.second"), f"{name}.second.bn")
        return g.relu(g.node("add", [x, inner], name))

    x = g.conv_bn_relu(net.stem, "image", "stem")
    x = g.conv_bn_relu(net.down4, x, "down4")
    x = g.conv_bn_relu(net.fine, x, "fine")
    x = residual(net.middle, g.conv_bn_relu(net.down8, x, "down8"), "middle")
    x = residual(net.coarse, g.conv_bn_relu(net.down16, x, "down16"), "coarse")
    x = g.conv_bn_relu(net.down32, x, "down32")
    x = g.conv_bn_relu(net.whole, x, "whole")
    g.conv2d(net.points, x, "points")
    g.conv2d(net.spread, x, "spread")
    return g


def loaded(checkpoint: Path) -> Landmarks:
    """Returns the averaged network of a run's checkpoint."""
    net = Landmarks()
    net.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    return net.eval()


def settings() -> dict:
    """Returns what the plugin must know to cut crops and to read the outputs; `calibrate` sets the confidence."""
    faces = np.stack([face.points for face in read("train")])
    mean = shape.straight(shape.mean_shape(faces), faces)
    # -2.3: a foreseen error of a tenth of the distance between the eye corners.
    return {"side": SIDE, "crop": CROP, "confidence": [-2.3, 0.3], "mean_shape": mean.round(4).tolist()}


def export(net: Landmarks, revision: int, path: Path = MODELS / f"{NAME}.safetensors") -> None:
    """Writes the model with f16 weights, and `testdata/<name>.reference.safetensors` beside it."""
    graph(net, revision).save(path, OUTPUTS, half=True, landmarks=settings())
    image = pattern(SIDE, SIDE)
    answers = Interpreter(path).run(image)
    for name, own in zip(OUTPUTS, net(normalized(image[None])), strict=True):
        off = (own[0].permute(1, 2, 0) - answers[name]).abs().max().item()
        assert off < 0.01, f"output {name} of the file differs by {off}"
    write_tensors({"image": image, **answers}, path.parent / "testdata" / f"{path.stem}.reference.safetensors")
    print(f"{path.name}: {path.stat().st_size} bytes, sha-256 {sha256(path)}")
