"""Small networks and their exports, made in a process of their own, since TensorFlow is slow."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

CODE = """
import json, sys
from pathlib import Path
import numpy as np
from autonuclei.annotate.preprocessing import normalize_image
from autonuclei.errors import InputError
from autonuclei.train.description import describe_model
from autonuclei.export.fiji_model import write_saved_model
from autonuclei.train.layers import list_layers
from autonuclei.export.model_check import compare_predictions, run_network, run_saved_model
from autonuclei.settings import TrainSettings
from autonuclei.train.networks import (
    Network, build_model, choose_device, find_polygons, load_model, write_model,
)
from shapes import GRID, draw_disks, photograph

choose_device("cpu", 1)
folder = Path(sys.argv[1])
import keras
keras.utils.set_random_seed(1)
image = photograph(draw_disks((96, 128), GRID, 8))
np.save(folder / "image.npy", image)
normalized = normalize_image(image)

def make(name, **settings):
    model = build_model(TrainSettings(rays=8, **settings))
    # Untrained: its highest outputs are made nuclei, of 6 px radius.
    network = model.keras_model
    found = network.predict(normalized[None, ..., None], verbose=0)[0].astype(np.float64)
    logit = np.log(found / (1 - found))
    factor = 3 / logit.std()
    kernel = network.get_layer("prob").get_weights()[0]
    bias = -factor * np.quantile(logit, 0.97, keepdims=True).ravel()
    network.get_layer("prob").set_weights([factor * kernel, bias])
    kernel, bias = network.get_layer("dist").get_weights()
    network.get_layer("dist").set_weights([kernel, bias + 6])
    write_model(model, {"prob": 0.45, "nms": 0.3}, 1.0, folder / name / "model")
    return model

for name, settings in (
    ("grid1", {"grid": 1}), ("grid2", {"grid": 2}), ("grid4", {"grid": 4}),
    ("mixed", {"grid": 2, "precision": "mixed"}),
):
    model = make(name, **settings)
    if name != "mixed":  # which computes with 16 bits as long as it is not loaded again
        model = load_model(folder / name / "model").model
    layers = list_layers(model)
    about = describe_model(Network(model), name, pixel_size_um=0.65)
    write_saved_model(folder / name / "fiji.zip", layers, about)
    if name == "mixed":
        model = load_model(folder / name / "model").model
    own = run_network(model, normalized)
    corners, found = find_polygons(model, normalized)
    np.savez(
        folder / name / "own.npz", probability=own.probability, distances=own.distances,
        corners=corners, found=found,
    )
    exported = run_saved_model(folder / name / "fiji.zip", normalized, about)
    check = compare_predictions(own, exported, about)
    said = {"check": check, "divisor": layers.divisor, "reach": layers.reach}
    said["overlap"] = int(max(model._axes_tile_overlap("YX")))
    if len(sys.argv) > 2:
        from autonuclei.export.models import export_model
        table = export_model(
            folder / name / "all", folder / name / "model", image, name=name, pixel_size_um=0.65
        )
        said["checks"] = table.to_dict("records")
    (folder / name / "said.json").write_text(json.dumps(said))

from stardist.models import Config2D, StarDist2D
config = Config2D(n_rays=8, grid=(2, 2), unet_batch_norm=True)
try:
    list_layers(StarDist2D(config, name="model", basedir=None))
except InputError as error:
    (folder / "refused.txt").write_text(str(error))
"""


@dataclass(frozen=True)
class ExportedNetwork:
    """One of the networks.

    Attributes
    ----------
    folder
        With `model`, `fiji.zip`, and `all` of `export_model` where ONNX is installed.
    image : (96, 128) uint16
        What it looked at.
    """

    folder: Path
    image: npt.NDArray[Any]

    @cached_property
    def said(self) -> dict[str, Any]:
        """The checks, the divisor, the reach, and what StarDist measures of it (`overlap`)."""
        return dict(json.loads((self.folder / "said.json").read_text()))

    @cached_property
    def own(self) -> dict[str, npt.NDArray[Any]]:
        """What TensorFlow says: `probability` (rows, columns), `distances` (and rays) on the grid,
        and of the nuclei the `corners` (n, 2, rays) and the probability `found` (n,).
        """
        with np.load(self.folder / "own.npz") as stored:
            return dict(stored)


def export_examples(folder: Path, *, with_onnx: bool) -> dict[str, ExportedNetwork]:
    """Make and export the networks; the key tells the grid."""
    tests = Path(__file__).resolve().parent
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(folder), *(["onnx"] if with_onnx else [])],
        capture_output=True,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": os.pathsep.join(
            [str(tests), *filter(None, [os.environ.get("PYTHONPATH")])])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    image = np.load(folder / "image.npy")
    names = ("grid1", "grid2", "grid4", "mixed")
    return {name: ExportedNetwork(folder / name, image) for name in names}
