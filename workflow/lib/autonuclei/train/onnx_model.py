"""A StarDist network as an ONNX file, for ONNX Runtime, OpenVINO, OpenCV, QuPath and others."""

import json
import os
from typing import Any

import numpy as np

from autonuclei.io.files import write_beside
from autonuclei.train.description import ModelDescription
from autonuclei.train.layers import INPUT, Layer, LayerList

# Old enough for the programs that read ONNX, new enough to repeat pixels by one operation.
OPSET = 13
IR_VERSION = 8

OUTPUT = "output"


def write_onnx(
    path: str | os.PathLike[str],
    layers: LayerList,
    description: ModelDescription,
    *,
    channels_last: bool = False,
) -> None:
    """Write a network as ONNX (opset 13, float32).

    The input ``input`` is (batch, 1, height, width): normalised images in pixels of the network,
    height and width multiples of the divisor. The output ``output`` is (batch, 1 + rays,
    height / grid, width / grid): the probability, then the distances in px. What else a reader
    needs (`ModelDescription.to_dict`) is JSON in the metadata ``stardist``.

    Parameters
    ----------
    path
        File to write.
    layers
        The network.
    description
        How it is used.
    channels_last
        Whether the output is (batch, height / grid, width / grid, 1 + rays) instead.
    """
    import onnx
    from onnx import TensorProto, helper

    nodes: list[Any] = []
    weights: list[Any] = []
    for layer in layers.layers:
        new_nodes, new_weights = _convert_layer(layer)
        nodes += new_nodes
        weights += new_weights
    joined = [layers.probability, layers.distances]
    result = ["batch", 1 + description.rays, "grid_height", "grid_width"]
    if channels_last:
        nodes.append(helper.make_node("Concat", joined, ["joined"], name="joined", axis=1))
        nodes.append(
            helper.make_node("Transpose", ["joined"], [OUTPUT], name=OUTPUT, perm=[0, 2, 3, 1])
        )
        result = [result[i] for i in (0, 2, 3, 1)]
    else:
        nodes.append(helper.make_node("Concat", joined, [OUTPUT], name=OUTPUT, axis=1))
    image = ["batch", 1, "height", "width"]
    graph = helper.make_graph(
        nodes,
        "stardist",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, image)],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, result)],
        weights,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="autonuclei",
        doc_string=_say_usage(layers, description),
    )
    axes = {"input_axes": "bcyx", "output_axes": "byxc" if channels_last else "bcyx"}
    usage = description.to_dict() | {"divisor": layers.divisor, "reach": layers.reach} | axes
    helper.set_model_props(model, {"stardist": json.dumps(usage)})
    onnx.checker.check_model(model, full_check=True)
    with write_beside(path) as partial:
        onnx.save(model, str(partial))


def _convert_layer(layer: Layer) -> tuple[list[Any], list[Any]]:
    """The nodes of a layer, the last one named like it, and their weights."""
    from onnx import helper, numpy_helper

    name, inputs = layer.name, list(layer.inputs)
    if layer.kernel is not None and layer.bias is not None:
        kernel = np.ascontiguousarray(layer.kernel.transpose(3, 2, 0, 1))
        weights = [
            numpy_helper.from_array(kernel, f"{name}/kernel"),
            numpy_helper.from_array(layer.bias, f"{name}/bias"),
        ]
        rows, columns = layer.kernel.shape[:2]
        is_last = layer.activation == "linear"
        summed = name if is_last else f"{name}/sum"
        convolution = helper.make_node(
            "Conv",
            [*inputs, f"{name}/kernel", f"{name}/bias"],
            [summed],
            name=summed,
            kernel_shape=[rows, columns],
            pads=[rows // 2, columns // 2] * 2,
        )
        if is_last:
            return [convolution], weights
        kind = {"relu": "Relu", "sigmoid": "Sigmoid"}[layer.activation]
        return [convolution, helper.make_node(kind, [summed], [name], name=name)], weights
    rows, columns = layer.factor
    if layer.kind == "pooling":
        size = {"kernel_shape": [rows, columns], "strides": [rows, columns]}
        return [helper.make_node("MaxPool", inputs, [name], name=name, **size)], []
    if layer.kind == "upsampling":
        scales = numpy_helper.from_array(np.array([1, 1, rows, columns], "f4"), f"{name}/scales")
        node = helper.make_node(
            "Resize",
            [*inputs, "", scales.name],
            [name],
            name=name,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        return [node], [scales]
    return [helper.make_node("Concat", inputs, [name], name=name, axis=1)], []


def _say_usage(layers: LayerList, description: ModelDescription) -> str:
    steps = "; ".join(description.list_steps())
    return (
        f"StarDist network of {description.name}. Before: {steps}; enlarge height and width to "
        f"multiples of {layers.divisor}. Output: a channel with the probability of a nucleus and "
        f"{description.rays} with the distances to its outline in px, from the direction of x on, "
        f"towards y, at every {description.grid[0]}th row and {description.grid[1]}th column. "
        "After: non-maximum suppression of StarDist with probability "
        f"{description.probability_threshold:g} and overlap {description.overlap_threshold:g}."
    )
