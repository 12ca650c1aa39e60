"""A StarDist network as a package of bioimage.io: weights, test data, description in one zip.

Format 0.5 with its own operations: percentiles before the network, StarDist's non-maximum
suppression after it, so that a reader of the format gives label images.
"""

import hashlib
import io
import json
import os
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from autonuclei.io.files import write_beside
from autonuclei.train.description import PERCENTILES, ModelDescription
from autonuclei.train.layers import INPUT, LayerList
from autonuclei.train.networks import BORDER, MODEL_FILES, SCALE_FILE
from autonuclei.train.onnx_model import OPSET, OUTPUT, write_onnx

# The first that knows the operation `stardist_postprocessing` in the form used here.
FORMAT = "0.5.12"

# Rows and columns of the cover, which shows the image twice.
COVER_PX = 400

CITED = (
    ("Schmidt et al. 2018, Cell Detection with Star-convex Polygons",
     "10.1007/978-3-030-00934-2_30"),
    ("Englbrecht et al. 2021, Automatic image annotation for fluorescent cell nuclei segmentation",
     "10.1371/journal.pone.0250093"),
)  # fmt: skip


def write_package(
    path: str | os.PathLike[str],
    *,
    model_folder: str | os.PathLike[str],
    layers: LayerList,
    description: ModelDescription,
    image: npt.NDArray[Any],
    labels: npt.NDArray[Any],
) -> None:
    """Write the package.

    Parameters
    ----------
    path
        Zip file.
    model_folder
        Of the network; its files come along, for StarDist in Python.
    layers, description
        The network, and how it is used.
    image : (height, width)
        Test image in pixels of the network, not normalised, its sides multiples of the divisor.
    labels : (height, width) int
        What the network, and non-maximum suppression, make of it.
    """
    given = image.astype(np.float32)[None, None]
    # The format's own operation gives channels last, and wants the same of the network.
    made = labels.astype(np.float32)[None, ..., None]
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder, "weights.onnx")
        write_onnx(weights, layers, description, channels_last=True)
        network = weights.read_bytes()
    files = {
        "weights.onnx": network,
        "test_input.npy": _save_array(given),
        "test_output.npy": _save_array(made),
        "cover.png": draw_cover(image, labels),
        "README.md": _write_documentation(description).encode(),
    }
    attached = [name for name in (*MODEL_FILES, SCALE_FILE) if Path(model_folder, name).is_file()]
    files |= {name: Path(model_folder, name).read_bytes() for name in attached}
    described = _describe_package(layers, description, files, attached)
    files["rdf.yaml"] = yaml.safe_dump(described, sort_keys=False, allow_unicode=True).encode()
    with write_beside(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)


def _describe_package(
    layers: LayerList, description: ModelDescription, files: dict[str, bytes], attached: list[str]
) -> dict[str, Any]:
    def name_file(name: str) -> dict[str, str]:
        return {"source": name, "sha256": hashlib.sha256(files[name]).hexdigest()}

    def describe_axis(name: str, size: Any, **more: Any) -> dict[str, Any]:
        return {"type": "space", "id": name, "size": size} | more

    low, high = PERCENTILES
    sides = {"min": layers.divisor * 4, "step": layers.divisor}
    unit: dict[str, Any] = {}
    if description.network_pixel_um is not None:
        # Readers multiply and divide sizes by it and cut decimals off; 24 bits divide exactly.
        size = float(np.float32(description.network_pixel_um))
        unit = {"unit": "micrometer", "scale": size}
    percentiles = {
        "id": "scale_range",
        "kwargs": {
            "axes": ["channel", "y", "x"],
            "min_percentile": low,
            "max_percentile": high,
            "eps": 1e-20,
        },
    }
    suppression = {
        "id": "stardist_postprocessing",
        "kwargs": {
            "prob_threshold": description.probability_threshold,
            "nms_threshold": description.overlap_threshold,
            "n_rays": description.rays,
            "grid": list(description.grid),
            "b": BORDER,
        },
    }
    return {
        "type": "model",
        "format_version": FORMAT,
        "name": re.sub(r"[^A-Za-z0-9_+() -]", "-", f"Nuclei of {description.name}")[:64],
        "description": "StarDist network that finds nuclei in fluorescence images.",
        "version": "1",
        "documentation": name_file("README.md"),
        "covers": [name_file("cover.png")],
        "cite": [{"text": text, "doi": doi} for text, doi in CITED],
        "tags": [
            "nuclei",
            "2d",
            "fluorescence-light-microscopy",
            "instance-segmentation",
            "stardist",
            "unet",
        ],
        "inputs": [
            {
                "id": INPUT,
                "description": "Grey values in pixels of the network.",
                "axes": [
                    {"type": "batch"},
                    {"type": "channel", "channel_names": ["nuclei"]},
                    describe_axis("y", sides, **unit),
                    describe_axis("x", sides, **unit),
                ],
                "test_tensor": name_file("test_input.npy"),
                "data": {"type": "float32"},
                "preprocessing": [percentiles],
            }
        ],
        "outputs": [
            {
                "id": OUTPUT,
                "description": "Label image: 0 is background, each nucleus has a number.",
                "axes": [
                    {"type": "batch"},
                    *(
                        describe_axis(axis, {"tensor_id": INPUT, "axis_id": axis}, **unit)
                        for axis in "yx"
                    ),
                    {"type": "channel", "channel_names": ["labels"]},
                ],
                "test_tensor": name_file("test_output.npy"),
                "data": {"type": "float32"},
                "postprocessing": [suppression],
            }
        ],
        "weights": {"onnx": name_file("weights.onnx") | {"opset_version": OPSET}},
        "attachments": [name_file(name) for name in attached],
        "config": {
            # The keys by which StarDist itself takes its model out of a package.
            "stardist": {
                "config": json.loads(files["config.json"]),
                "thresholds": json.loads(files["thresholds.json"]),
                "weights": "weights_best.h5",
            },
            "autonuclei": description.to_dict(),
        },
    }


def draw_cover(image: npt.NDArray[Any], labels: npt.NDArray[Any]) -> bytes:
    """A PNG, twice as wide as high: the image, and the image with outlines."""
    from PIL import Image
    from skimage.segmentation import find_boundaries

    side = min(*image.shape, COVER_PX)
    rows, columns = ((size - side) // 2 for size in image.shape)
    part = (slice(rows, rows + side), slice(columns, columns + side))
    low, high = np.percentile(image[part], PERCENTILES)
    grey = np.clip((image[part] - low) / max(high - low, 1e-20), 0, 1)
    plain = np.repeat((255 * grey).astype(np.uint8)[..., None], 3, axis=2)
    outlined = plain.copy()
    outlined[find_boundaries(labels[part], mode="inner")] = (255, 210, 0)
    file = io.BytesIO()
    Image.fromarray(np.hstack([plain, outlined])).save(file, "PNG", optimize=True)
    return file.getvalue()


def _save_array(array: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _write_documentation(description: ModelDescription) -> str:
    lines = [
        f"# Nuclei of {description.name}",
        "",
        "A StarDist network that was trained on images annotated without a drawn label.",
        "",
        "## What to do with an image",
        "",
        *(f"{i}. {step}" for i, step in enumerate(description.list_steps(), 1)),
        "",
        "The package does the percentiles itself. Resize before it sees the image: it works in",
        "pixels of the network. Then the network gives the probability of a nucleus and the",
        f"distances to its outline in {description.rays} directions, and StarDist's non-maximum",
        "suppression makes the label image (probability "
        f"{description.probability_threshold:g}, overlap {description.overlap_threshold:g}).",
        "",
        "In Python, StarDist reads the attached files as a model folder.",
        "",
        "## Validation",
        "",
        "Compare label images of the package with nuclei that were drawn by hand, in images that",
        "the network has not seen: the share of nuclei that overlap by half (F1 at an IoU of 0.5)",
        "is the usual measure.",
        "",
        "## Before you publish it",
        "",
        "The package names no author and no licence, since only you know them: fill in `authors`",
        "and `license` in `rdf.yaml`.",
    ]
    return "\n".join(lines) + "\n"
