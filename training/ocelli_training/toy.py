"""A toy network that uses every operation of the model format once, with recorded input and outputs."""

from pathlib import Path

import torch
from torch import nn

from .graph import GraphBuilder, Interpreter
from .paths import MODELS

SEED = 7


def pattern(height: int, width: int) -> torch.Tensor:
    """Returns a picture `[h, w, 3]` u8 made by arithmetic: slopes, stripes and a hash of the position."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    slope = x * 5 + y * 3
    stripes = (x // 3 + y // 5) % 2 * 160 + 40
    noise = (x * x * 31 + y * y * 17 + x * y * 13) * 2654435761 % 2**32 // 2**24
    return torch.stack([slope, stripes, noise], -1).remainder(256).to(torch.uint8)


def build() -> GraphBuilder:
    """Builds the graph with seeded random weights; all sizes along the way are odd at some point."""
    torch.manual_seed(SEED)
    g = GraphBuilder("toy", 1)
    stem = g.relu(g.conv2d(nn.Conv2d(3, 6, 3, 2, 1), "image", "stem"))
    deep = g.conv2d(nn.Conv2d(6, 6, 3, 1, 1, groups=6, bias=False), stem, "depthwise")
    deep = g.relu(g.batch_norm(_used_norm(6), deep, "depthwise.bn"))
    pooled = g.node("max_pool2d", [deep], "pooled", kernel=[2, 2], stride=[2, 2], padding=[0, 0, 1, 1])
    wide = g.conv2d(nn.Conv2d(6, 10, 3, 1), pooled, "wide", padding=[1, 0, 1, 2])
    wide = g.conv2d(nn.Conv2d(10, 6, 1), g.relu(wide), "narrow")
    up = g.node("upsample_nearest2d", [wide, stem], "up")
    total = g.node("add", [up, stem], "total")
    both = g.node("concat", [total, deep], "both")
    g.node("sigmoid", [g.conv2d(nn.Conv2d(12, 5, 1), both, "map.logit")], "map")
    g.linear(nn.Linear(12, 4), g.node("global_avg_pool", [both], "mean"), "vector")
    return g


def _used_norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    norm.weight.data.uniform_(0.5, 1.5)
    norm.bias.data.normal_()
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    return norm


def write(path: Path = MODELS / "testdata" / "toy.safetensors") -> None:
    """Writes the file with `reference.image` `[29, 23, 3]` and one `reference.<output>` each, `[h, w, c]`."""
    outputs = ["map", "vector"]
    build().save(path, outputs, half=False)
    image = pattern(29, 23)
    answers = Interpreter(path).run(image)
    extra = {"reference.image": image} | {f"reference.{k}": v for k, v in answers.items()}
    build().save(path, outputs, half=False, extra=extra)
    print(f"{path.name}: {path.stat().st_size} bytes", {k: list(v.shape) for k, v in extra.items()})
