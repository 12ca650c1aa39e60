"""A StarDist network as a SavedModel of TensorFlow 1, for Fiji's StarDist and TrackMate-StarDist.

The plugins run TensorFlow 1.15 in Java. It cannot read what TensorFlow 2 writes, since nodes of
variables have attributes that it does not know. So the graph is written node by node: weights are
constants, and operations have the attributes that they had in TensorFlow 1.
"""

import os
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError
from autonuclei.io.files import write_beside
from autonuclei.train.description import PERCENTILES, ModelDescription
from autonuclei.train.layers import INPUT, Layer, LayerList
from autonuclei.train.networks import BORDER

# What the plugins ask for.
TAG = "serve"
SIGNATURE = "serving_default"
OUTPUT = "output"
# The version of graphs that TensorFlow 1.12 wrote, and all later ones read.
GRAPH_VERSION = 27


def write_saved_model(
    path: str | os.PathLike[str], layers: LayerList, description: ModelDescription
) -> None:
    """Write a network as a zipped SavedModel.

    The input is (batch, height, width, 1), the output (batch, height, width, 1 + rays): as large as
    the image, since the plugins want that. The probability stands at the points of the grid and is
    0 between them; distances are repeated.

    Raises
    ------
    InputError
        The network shrinks or enlarges rows by another factor than columns.
    """
    from tensorflow.core.framework import types_pb2
    from tensorflow.core.protobuf import saved_model_pb2

    graph = _Graph()
    graph.add("Placeholder", INPUT, [], dtype=np.float32, shape=(-1, -1, -1, 1))
    for layer in layers.layers:
        graph.add_layer(layer)
    step = _find_block(description.grid)
    probability, distances = layers.probability, layers.distances
    if step > 1:
        graph.add_constant("empty", np.array([[0, 0], [0, 0], [0, 0], [0, step * step - 1]], "i4"))
        graph.add("Pad", "sparse", [probability, "empty"], T=np.float32, Tpaddings=np.int32)
        probability = graph.spread("full_probability", "sparse", step)
        distances = graph.repeat("full_distances", distances, step)
    graph.join(OUTPUT, [probability, distances])

    saved = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add()
    meta.meta_info_def.tags.append(TAG)
    meta.graph_def.CopyFrom(graph.definition)
    signature = meta.signature_def[SIGNATURE]
    signature.method_name = "tensorflow/serving/predict"
    for tensors, name, channels in (
        (signature.inputs, INPUT, 1),
        (signature.outputs, OUTPUT, 1 + description.rays),
    ):
        tensors[name].name = f"{name}:0"
        tensors[name].dtype = types_pb2.DT_FLOAT
        for size in (-1, -1, -1, channels):
            tensors[name].tensor_shape.dim.add(size=size)
    with write_beside(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("saved_model.pb", saved.SerializeToString())


def _find_block(factor: Sequence[int]) -> int:
    rows, columns = factor
    if rows != columns:
        raise InputError(
            f"export.models: a network with the factors {rows} x {columns} cannot be exported for "
            "Fiji, only one with the same in rows and columns. Leave 'fiji' out."
        )
    return rows


class _Graph:
    """A graph of TensorFlow 1, node by node."""

    def __init__(self) -> None:
        from tensorflow.core.framework import graph_pb2

        self.definition = graph_pb2.GraphDef()
        self.definition.versions.producer = GRAPH_VERSION

    def add(self, operation: str, name: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node; of arrays, types, numbers and tuples of numbers its attributes are made."""
        from tensorflow.core.framework import attr_value_pb2

        node = self.definition.node.add(name=name, op=operation, input=inputs)
        for key, value in attributes.items():
            attribute = attr_value_pb2.AttrValue()
            if key == "shape":
                for size in value:
                    attribute.shape.dim.add(size=size)
            elif isinstance(value, np.ndarray):
                attribute.tensor.dtype = _name_type(value.dtype.type)
                for size in value.shape:
                    attribute.tensor.tensor_shape.dim.add(size=size)
                attribute.tensor.tensor_content = value.tobytes()
            elif isinstance(value, type):
                attribute.type = _name_type(value)
            elif isinstance(value, tuple):
                attribute.list.i.extend(value)
            elif isinstance(value, str):
                attribute.s = value.encode()
            else:
                attribute.i = value
            node.attr[key].CopyFrom(attribute)
        return name

    def add_constant(self, name: str, value: npt.NDArray[Any]) -> str:
        return self.add("Const", name, [], dtype=value.dtype.type, value=value)

    def add_layer(self, layer: Layer) -> None:
        """Add the nodes of a layer; the last one has its name."""
        name, inputs = layer.name, layer.inputs
        if layer.kernel is not None and layer.bias is not None:
            is_last = layer.activation == "linear"
            summed = name if is_last else f"{name}/sum"
            kernel = self.add_constant(f"{name}/kernel", layer.kernel)
            bias = self.add_constant(f"{name}/bias", layer.bias)
            self.add(
                "Conv2D",
                f"{name}/convolution",
                [*inputs, kernel],
                T=np.float32,
                strides=(1, 1, 1, 1),
                padding="SAME",
            )
            self.add("BiasAdd", summed, [f"{name}/convolution", bias], T=np.float32)
            if not is_last:
                kind = {"relu": "Relu", "sigmoid": "Sigmoid"}[layer.activation]
                self.add(kind, name, [summed], T=np.float32)
        elif layer.kind == "pooling":
            size = (1, *layer.factor, 1)
            self.add(
                "MaxPool", name, inputs, T=np.float32, ksize=size, strides=size, padding="VALID"
            )
        elif layer.kind == "upsampling":
            self.repeat(name, inputs[0], _find_block(layer.factor))
        else:
            self.join(name, inputs)

    def join(self, name: str, inputs: Sequence[str]) -> str:
        """Join channels."""
        axis = self.add_constant(f"{name}/axis", np.array(3, np.int32))
        n = len(inputs)
        return self.add("ConcatV2", name, [*inputs, axis], N=n, T=np.float32, Tidx=np.int32)

    def repeat(self, name: str, given: str, factor: int) -> str:
        """Make each pixel a block of pixels.

        Written as copies of the channels that are spread, since a resize of unknown size needs
        nodes that compute with shapes.
        """
        return self.spread(name, self.join(f"{name}/copies", [given] * factor**2), factor)

    def spread(self, name: str, given: str, factor: int) -> str:
        """Lay groups of channels out as the pixels of a block."""
        return self.add("DepthToSpace", name, [given], T=np.float32, block_size=factor)


def _name_type(kind: type) -> int:
    """The number of a type in files of TensorFlow."""
    from tensorflow.core.framework import types_pb2

    names: dict[type, int] = {np.float32: types_pb2.DT_FLOAT, np.int32: types_pb2.DT_INT32}
    return names[kind]


def write_macro(
    path: str | os.PathLike[str], model_name: str, description: ModelDescription
) -> None:
    """Write a macro for Fiji that runs the plugin with this model on the active image.

    Parameters
    ----------
    path
        The macro; the zipped model lies beside it.
    model_name
        File name of the zipped model.
    description
        Gives thresholds, percentiles and the scale.
    """
    low, high = PERCENTILES
    radius = description.background_radius_px
    ball = f'run("Subtract Background...", "rolling={radius:g}");\n' if radius else ""
    text = _MACRO.format(
        experiment=description.name,
        steps="".join(f"//   - {step}\n" for step in description.list_steps()),
        model_name=model_name,
        scale=description.scale,
        ball=ball,
        low=low,
        high=high,
        probability=description.probability_threshold,
        overlap=description.overlap_threshold,
        border=BORDER * max(description.grid),
    )
    with write_beside(path) as partial:
        partial.write_text(text, encoding="utf-8")


# Braces of the macro itself are doubled. The plugin splits its arguments at commas.
_MACRO = """\
// Finds nuclei in the active image with the StarDist network of {experiment}.
// Needs the update sites CSBDeep and StarDist. What is done to the image first:
{steps}\
model = getDirectory("macro") + "{model_name}";
if (!File.exists(model)) model = File.openDialog("Choose {model_name}");
// The plugin takes a backslash for the beginning of a special character.
model = replace(model, "\\\\", "/");
scale = {scale:.6g};
original = getTitle();
width = getWidth();
height = getHeight();
run("Duplicate...", "title=for_stardist duplicate");
{ball}\
if (scale != 1)
    run("Size...", "width=" + round(width * scale) + " height=" + round(height * scale)
        + " average interpolation=Bilinear");
rename("for_stardist");
run("Command From Macro", "command=[de.csbdresden.stardist.StarDist2D], args=["
    + "'input':'for_stardist', 'modelChoice':'Model (.zip) from File', 'modelFile':'" + model
    + "', 'normalizeInput':'true', 'percentileBottom':'{low}', 'percentileTop':'{high}', "
    + "'probThresh':'{probability:.6g}', 'nmsThresh':'{overlap:.6g}', "
    + "'outputType':'Label Image', 'nTiles':'1', 'excludeBoundary':'{border}', "
    + "'roiPosition':'Automatic', 'verbose':'false', 'showCsbdeepProgress':'false', "
    + "'showProbAndDist':'false'], process=[false]");
if (scale != 1)
    run("Size...", "width=" + width + " height=" + height + " interpolation=None");
rename("nuclei of " + original);
"""
