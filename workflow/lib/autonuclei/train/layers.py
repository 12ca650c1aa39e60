"""A StarDist network as a plain list of its layers, for files of other programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError

Kind = Literal["convolution", "pooling", "upsampling", "concatenation"]
Activation = Literal["linear", "relu", "sigmoid"]

_KINDS: dict[str, Kind] = {
    "Conv2D": "convolution",
    "MaxPooling2D": "pooling",
    "UpSampling2D": "upsampling",
    "Concatenate": "concatenation",
}


@dataclass(frozen=True)
class Layer:
    """One step of the network.

    Attributes
    ----------
    name
        Of the layer; other layers name it as their input.
    kind
        What it does. Poolings take the maximum, upsamplings repeat pixels, concatenations join
        channels.
    inputs
        Names of the layers, or `INPUT`, that it works on.
    factor
        Rows and columns that a pooling makes one, or an upsampling makes of one.
    kernel : (rows, columns, channels in, channels out) float32
        Of a convolution with stride 1 whose result is as large as its input.
    bias : (channels out,) float32
    activation
        Done last.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    factor: tuple[int, int] = (1, 1)
    kernel: npt.NDArray[np.float32] | None = None
    bias: npt.NDArray[np.float32] | None = None
    activation: Activation = "linear"


# The name of the image that goes into the network.
INPUT = "input"


@dataclass(frozen=True)
class LayerList:
    """A network, layer by layer.

    Attributes
    ----------
    layers
        In an order in which they can be computed.
    probability, distances
        Names of the layers that give the probability of a centre (one channel) and the distance
        to the outline in each direction (a channel per ray), both on the grid.
    divisor
        Sides of images are multiples of this, in px.
    reach
        How far a pixel can change the result, in px.
    """

    layers: tuple[Layer, ...]
    probability: str
    distances: str
    divisor: int
    reach: int


def list_layers(model: Any) -> LayerList:
    """Take the network of a StarDist model apart.

    Parameters
    ----------
    model : StarDist2D
        As `networks.load_model` gives it. Weights are taken as float32, whatever the layers
        compute with.

    Raises
    ------
    InputError
        The network has layers that StarDist's own has not, such as batch normalisation.
    """
    network = model.keras_model
    # The tensor that a layer gives is the very one that the next layer takes.
    made_by = {id(network.inputs[0]): INPUT}
    inner = [layer for layer in network.layers if type(layer).__name__ != "InputLayer"]
    made_by |= {id(layer.output): layer.name for layer in inner}
    # The third, where there is one, is of classes.
    probability, distances = (made_by[id(tensor)] for tensor in network.outputs[:2])
    known = {layer.name: _describe_layer(layer, made_by) for layer in inner}
    wanted = _find_needed(known, (probability, distances))
    layers = tuple(layer for name, layer in known.items() if name in wanted)
    return LayerList(layers, probability, distances, *_measure_steps(layers))


def _describe_layer(layer: Any, made_by: dict[int, str]) -> Layer:
    given = layer.input if isinstance(layer.input, list) else [layer.input]
    inputs = tuple(made_by[id(tensor)] for tensor in given)
    kind = _KINDS.get(type(layer).__name__)
    if kind == "convolution":
        kernel, bias = (np.asarray(weights, np.float32) for weights in layer.get_weights())
        activation = layer.activation.__name__
        if (
            activation in ("linear", "relu", "sigmoid")
            and (layer.padding, layer.strides, layer.dilation_rate) == ("same", (1, 1), (1, 1))
            and all(size % 2 for size in kernel.shape[:2])
        ):
            return Layer(layer.name, kind, inputs, (1, 1), kernel, bias, activation)
    elif kind == "pooling" and layer.padding == "valid" and layer.strides == layer.pool_size:
        return Layer(layer.name, kind, inputs, _as_pair(layer.pool_size))
    elif kind == "upsampling" and layer.interpolation == "nearest":
        return Layer(layer.name, kind, inputs, _as_pair(layer.size))
    elif kind == "concatenation":
        return Layer(layer.name, kind, inputs)
    raise InputError(
        f"export.models: the network has a layer that StarDist's own has not ({layer.name}, "
        f"{type(layer).__name__}) and cannot be exported. Train one here, or set it to 'none'."
    )


def _as_pair(factor: Sequence[int]) -> tuple[int, int]:
    rows, columns = factor
    return int(rows), int(columns)


def _find_needed(layers: dict[str, Layer], last: tuple[str, ...]) -> set[str]:
    needed: set[str] = set()
    open_names = list(last)
    while open_names:
        name = open_names.pop()
        if name != INPUT and name not in needed:
            needed.add(name)
            open_names += layers[name].inputs
    return needed


def _measure_steps(layers: tuple[Layer, ...]) -> tuple[int, int]:
    """The divisor and the reach of a network."""
    # Of each layer: px of the image per px of its result, and its reach in px of the image.
    steps, reaches, largest = {INPUT: 1}, {INPUT: 0}, 1
    for layer in layers:
        step = max(steps[name] for name in layer.inputs)
        reach = max(reaches[name] for name in layer.inputs)
        if layer.kernel is not None:
            reach += max(layer.kernel.shape[:2]) // 2 * step
        elif layer.kind == "pooling":
            step *= max(layer.factor)
        elif layer.kind == "upsampling":
            # The pixel that is repeated stands for its neighbours too.
            reach += step - step // min(layer.factor)
            step //= min(layer.factor)
        steps[layer.name], reaches[layer.name] = step, reach
        largest = max(largest, step)
    return largest, max(reaches.values())
