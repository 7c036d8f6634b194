"""Writes a trained student as a model file, with recorded answers for the tests of the engine."""

import hashlib
import json
from pathlib import Path

import torch

from . import nets
from .detect import NMS_IOU
from .graph import GraphBuilder, Interpreter, write_tensors
from .paths import MODELS
from .targets import ANCHOR, STRIDE
from .toy import pattern

# Face sizes that the middle of one level answers for, in level pixels.
FACE_PX = [20.0, 40.0]
OUTPUTS = ["score", "box"]


def student_graph(net: nets.Student, name: str, revision: int) -> GraphBuilder:
    """Describes a student node by node; batch normalization is not folded."""
    g = GraphBuilder(name, revision)
    x = g.conv_bn_relu(net.stem, "image", "stem")
    x = g.conv_bn_relu(net.down4, x, "down4")
    x = g.conv_bn_relu(net.down8, x, "down8")
    fine = g.conv_bn_relu(net.fine, x, "fine")
    x = g.conv_bn_relu(net.down16, fine, "down16")
    for i, block in enumerate(net.context):
        x = g.conv_bn_relu(block, x, f"context{i}")
    up = g.node("upsample_nearest2d", [g.conv2d(net.lateral, x, "lateral"), fine], "up")
    merged = g.conv_bn_relu(net.merge, g.node("add", [fine, up], "sum"), "merge")
    g.conv2d(net.score, merged, "score")
    g.conv2d(net.box, merged, "box")
    return g


# What the face plugin must know to read the outputs; `calibrate` sets the last two.
DETECTOR = {
    "stride": STRIDE, "anchor": ANCHOR, "face_px": FACE_PX, "nms_iou": NMS_IOU,
    "threshold": 0.5, "calibration": {"kind": "none"},
}  # fmt: skip


def export(net: nets.Student, name: str, revision: int, folder: Path = MODELS) -> Path:
    """Writes `<name>.safetensors` with f16 weights, and `testdata/<name>.reference.safetensors`."""
    net = net.float().eval()
    path = folder / f"{name}.safetensors"
    graph = student_graph(net, name, revision)
    graph.save(path, OUTPUTS, half=True, detector=DETECTOR)
    image = pattern(61, 47)
    answers = Interpreter(path).run(image)
    check(net, image, answers)
    write_tensors({"image": image, **answers}, folder / "testdata" / f"{name}.reference.safetensors")
    print(f"{path.name}: {path.stat().st_size} bytes, sha-256 {sha256(path)}")
    return path


@torch.inference_mode()
def check(net: nets.Student, image: torch.Tensor, answers: dict[str, torch.Tensor]) -> None:
    """Fails if the file does not say what the network says, but for the rounding of its weights to f16."""
    for name, own in zip(OUTPUTS, net(nets.normalized(image[None])), strict=True):
        difference = (own[0].permute(1, 2, 0) - answers[name]).abs().max().item()
        spread = own.abs().max().item() + 1
        assert difference < 0.01 * spread, f"output {name} of the file differs by {difference}"


def sha256(path: Path) -> str:
    """Returns the digest of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def averaged(checkpoint: Path) -> nets.Student:
    """Returns the averaged network of a run's checkpoint."""
    name = json.loads((checkpoint.parent / "recipe.json").read_text())["net"]
    net = nets.build(name)
    net.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    return net.eval()


def write_run(run: Path, name: str, folder: Path = MODELS) -> None:
    """Writes `<name>.run.json`, what the card tells of the run in that folder: its recipe and its checks on dev."""
    recipe = json.loads((run / "recipe.json").read_text())
    shown = {k: _local(k, v) for k, v in recipe.items() if v not in ("", False)}
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    checks = [[row["step"], round(row["seconds"] / 60), row["dev"]] for row in rows if "dev" in row]
    (folder / f"{name}.run.json").write_text(json.dumps({"recipe": shown, "checks": checks}, indent=1) + "\n")


def _local(key: str, value):
    """Paths without the folders of the machine."""
    if key not in ("start", "mined", "teacher"):
        return value
    paths = [Path(part) for part in value.split(",")]
    return ",".join(path.parent.name if path.name == "checkpoint.pt" else path.name for path in paths)
