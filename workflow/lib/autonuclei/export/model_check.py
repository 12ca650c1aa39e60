"""Whether an exported network gives what the network gives, on an image of the experiment."""

import json
import os
import tempfile
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.export.fiji_model import OUTPUT, SIGNATURE, TAG
from autonuclei.labels.drawing import draw_polygons
from autonuclei.labels.matching import compute_metrics, count_matches
from autonuclei.train.description import ModelDescription
from autonuclei.train.layers import INPUT
from autonuclei.train.networks import BORDER

Image = npt.NDArray[np.float32]

# Larger images are checked in their middle only.
LARGEST_SIDE_PX = 512
# Largest difference of a probability, and of a distance in px.
TOLERANCE = 1e-4
# Nuclei are the same where so much of them is.
SAME_IOU = 0.9


@dataclass(frozen=True)
class Prediction:
    """What a network says of an image.

    Attributes
    ----------
    probability : (rows, columns) float32
        On the grid.
    distances : (rows, columns, rays) float32
        In px.
    """

    probability: Image
    distances: Image


def fit_image(image: Image, divisor: int) -> Image:
    """Cut the middle out of a large image, and enlarge it to multiples of the divisor.

    What is added mirrors the image.
    """
    starts = [max(0, (size - LARGEST_SIDE_PX) // 2) for size in image.shape]
    middle = image[tuple(slice(start, start + LARGEST_SIDE_PX) for start in starts)]
    widths = [(0, -size % divisor) for size in middle.shape]
    return np.pad(middle, widths, mode="symmetric")


def run_network(model: Any, image: Image) -> Prediction:
    """Let a StarDist2D model look at an image whose sides fit its divisor."""
    probability, distances = model.keras_model.predict(image[None, ..., None], verbose=0)[:2]
    return Prediction(probability[0, ..., 0], distances[0])


def run_onnx(file: str | os.PathLike[str] | bytes, image: Image, threads: int = 1) -> Prediction:
    """Let an ONNX file of `onnx_model.write_onnx`, or its content, look at an image.

    In ONNX Runtime, on the CPU.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        file if isinstance(file, bytes) else str(file), options, providers=["CPUExecutionProvider"]
    )
    (output,) = session.run(None, {INPUT: image[None, None]})
    usage = json.loads(session.get_modelmeta().custom_metadata_map["stardist"])
    if usage["output_axes"] == "bcyx":
        output = output.transpose(0, 2, 3, 1)
    return Prediction(output[0, ..., 0], output[0, ..., 1:])


def run_package(path: str | os.PathLike[str], image: Image, threads: int = 1) -> Prediction:
    """Let the network of a package of `bioimage_model.write_package` look at an image."""
    with zipfile.ZipFile(path) as file:
        return run_onnx(file.read("weights.onnx"), image, threads)


def run_saved_model(
    path: str | os.PathLike[str], image: Image, description: ModelDescription
) -> Prediction:
    """Let a SavedModel of `fiji_model.write_saved_model` look at an image, in TensorFlow."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(path) as file:
            file.extractall(folder)
        run = tf.saved_model.load(folder, tags=[TAG]).signatures[SIGNATURE]
        output = run(tf.constant(image[None, ..., None]))[OUTPUT].numpy()[0]
    rows, columns = description.grid
    on_grid = output[::rows, ::columns]
    return Prediction(on_grid[..., 0], on_grid[..., 1:])


def find_nuclei(prediction: Prediction, description: ModelDescription) -> npt.NDArray[np.int32]:
    """The label image that StarDist makes of a prediction."""
    from stardist.geometry import dist_to_coord
    from stardist.nms import non_maximum_suppression

    points, probability, distances = non_maximum_suppression(
        np.ascontiguousarray(prediction.distances),
        np.ascontiguousarray(prediction.probability),
        grid=description.grid,
        b=BORDER,
        prob_thresh=description.probability_threshold,
        nms_thresh=description.overlap_threshold,
        verbose=False,
    )
    shape = tuple(
        size * step
        for size, step in zip(prediction.probability.shape, description.grid, strict=True)
    )
    return draw_polygons(dist_to_coord(distances, points), probability, shape)


def compare_predictions(
    own: Prediction, exported: Prediction, description: ModelDescription
) -> dict[str, Any]:
    """How far an export is from the network.

    Returns
    -------
    `probability_difference` and `distance_difference_px` (the largest ones), `n_nuclei` and
    `n_nuclei_exported` after non-maximum suppression, `f1` of the two at an overlap (IoU) of 0.9,
    and `agrees`: differences are at most 1e-4 and all nuclei are the same.
    """
    probability = float(np.abs(own.probability - exported.probability).max())
    distance = float(np.abs(own.distances - exported.distances).max())
    ours, theirs = find_nuclei(own, description), find_nuclei(exported, description)
    n_ours, n_theirs = int(ours.max()), int(theirs.max())
    f1 = 1.0
    if n_ours or n_theirs:
        metrics = compute_metrics(count_matches(ours, theirs, (SAME_IOU,)))
        f1 = float(metrics["f1"].iloc[0])
    return {
        "probability_difference": probability,
        "distance_difference_px": distance,
        "n_nuclei": n_ours,
        "n_nuclei_exported": n_theirs,
        "f1": f1,
        "agrees": probability <= TOLERANCE and distance <= TOLERANCE and f1 == 1.0,
    }
