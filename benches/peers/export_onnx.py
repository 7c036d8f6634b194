"""Writes a model file of Ocelli as ONNX: the same graph, NCHW, input already normalized.

    python export_onnx.py ../../models/face-student.safetensors student.onnx
"""

import json
import struct
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def read(path):
    """The tensors (f32) and the graph of a safetensors model file."""
    data = open(path, "rb").read()
    (n,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + n])
    metadata = header.pop("__metadata__")
    kinds = {"F32": np.float32, "F16": np.float16}
    tensors = {}
    for name, info in header.items():
        if info["dtype"] in kinds:
            start, end = info["data_offsets"]
            raw = np.frombuffer(data[8 + n + start : 8 + n + end], kinds[info["dtype"]])
            tensors[name] = raw.reshape(info["shape"]).astype(np.float32)
    return tensors, json.loads(metadata["ocelli.graph"])


def convert(node, add_tensor):
    """ONNX nodes for one node of the graph."""
    op, inputs, output = node["op"], list(node["inputs"]), node["output"]
    simple = {"relu": "Relu", "sigmoid": "Sigmoid", "add": "Add", "global_avg_pool": "GlobalAveragePool"}
    if op == "conv2d":
        names = [node["weight"]] + ([node["bias"]] if node.get("bias") else [])
        kernel = add_tensor(node["weight"]).shape[2:]
        for name in names[1:]:
            add_tensor(name)
        attributes = {"strides": node["stride"], "pads": node["padding"], "group": node.get("groups", 1)}
        return [helper.make_node("Conv", inputs + names, [output], kernel_shape=kernel, **attributes)]
    if op == "batch_norm":
        names = [node[key] for key in ("weight", "bias", "running_mean", "running_var")]
        for name in names:
            add_tensor(name)
        return [helper.make_node("BatchNormalization", inputs + names, [output], epsilon=node["epsilon"])]
    if op == "max_pool2d":
        attributes = {"kernel_shape": node["kernel"], "strides": node["stride"], "pads": node["padding"]}
        return [helper.make_node("MaxPool", inputs, [output], **attributes)]
    if op == "concat":
        return [helper.make_node("Concat", inputs, [output], axis=1)]
    if op == "upsample_nearest2d":
        # Resize to twice the size, then crop to the second input's height and width.
        source, like = inputs
        scales = add_tensor(output + ".scales", np.array([1, 1, 2, 2], np.float32)) and output + ".scales"
        starts, axes = output + ".starts", output + ".axes"
        add_tensor(starts, np.array([0, 0], np.int64))
        add_tensor(axes, np.array([2, 3], np.int64))
        resize = helper.make_node(
            "Resize", [source, "", scales], [output + ".double"], mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        )
        shape = helper.make_node("Shape", [like], [output + ".shape"], start=2)
        crop = helper.make_node("Slice", [output + ".double", starts, output + ".shape", axes], [output])
        return [resize, shape, crop]
    if op in simple:
        return [helper.make_node(simple[op], inputs, [output])]
    raise SystemExit(f"no ONNX for operator {op}")


class Named(np.ndarray):
    """An array that is true even when it holds zeros, so that calls can be chained."""

    def __bool__(self):
        return True


def main(source, target, size=None):
    tensors, graph = read(source)
    initializers = {}

    def add_tensor(name, value=None):
        value = tensors[name] if value is None else value
        initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return value.view(Named)

    nodes = [made for node in graph["nodes"] for made in convert(node, add_tensor)]
    (image,) = graph["inputs"]
    sides = size or ["height", "width"]
    inputs = [helper.make_tensor_value_info(image["name"], TensorProto.FLOAT, [1, image["channels"], *sides])]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, f"{name}.c", f"{name}.h", f"{name}.w"])
        for name in graph["outputs"]
    ]
    body = helper.make_graph(nodes, graph["name"], inputs, outputs, list(initializers.values()))
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, target)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
