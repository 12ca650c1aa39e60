"""A trained network in ONNX Runtime, on the CPU: TensorFlow takes seconds to start."""

import hashlib
import itertools
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.train.description import ModelDescription
from autonuclei.train.layers import INPUT, list_layers
from autonuclei.train.onnx_model import write_onnx

Image = npt.NDArray[np.float32]

# In the folder of a model, beside StarDist's files.
ONNX_FILE = "network.onnx"
# Of the network and the files of StarDist that it was made from.
DIGEST_FILE = "network.sha256"
# StarDist takes distances of less as these, in px.
LEAST_DISTANCE = 1e-3


def write_onnx_network(
    folder: Path, model: Any, thresholds: Mapping[str, float], scale: float, *, name: str
) -> None:
    """Write the network of a StarDist2D model beside its weights, which lie in the folder.

    Parameters
    ----------
    folder
        Of the model, maybe under another name while it is written.
    thresholds
        `prob` and `nms`.
    scale
        Pixels of the network per pixel of the images.
    name
        What the model is called in the file.
    """
    rows, columns = model.config.grid
    description = ModelDescription(
        name=name,
        rays=int(model.config.n_rays),
        grid=(int(rows), int(columns)),
        probability_threshold=float(thresholds["prob"]),
        overlap_threshold=float(thresholds["nms"]),
        scale=scale,
    )
    write_onnx(folder / ONNX_FILE, list_layers(model), description)
    (folder / DIGEST_FILE).write_text(_hash_model(folder))


def fits_weights(folder: str | os.PathLike[str]) -> bool:
    """Whether the folder has an `ONNX_FILE` made from the weights and thresholds that it has."""
    folder = Path(folder)
    digest = folder / DIGEST_FILE
    return (
        (folder / ONNX_FILE).is_file()
        and digest.is_file()
        and digest.read_text() == _hash_model(folder)
    )


def _hash_model(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (ONNX_FILE, "weights_best.h5", "thresholds.json", "config.json"):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


class OnnxNetwork:
    """A network that ONNX Runtime computes.

    Parameters
    ----------
    folder
        Of a model with an `ONNX_FILE`, as `networks.write_model` writes it.
    scale
        Pixels of the network per pixel of the images.
    threads
        CPU threads.
    border
        Points of the grid along the border of the image that are no centre of a nucleus.
    """

    def __init__(
        self, folder: str | os.PathLike[str], *, scale: float, threads: int, border: int
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that wait must not take the processor from those that work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(Path(folder, ONNX_FILE)), options, providers=["CPUExecutionProvider"]
        )
        # What a tile needed is given back, since the next one needs pieces of other sizes: a third
        # less memory at its peak.
        self._one_tile = onnxruntime.RunOptions()
        self._one_tile.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._usage = _read_usage(self._session)
        self.version = onnxruntime.__version__
        # Sides of images are multiples of this, and how far a pixel can change the result, in px.
        self.divisor = int(self._usage.divisor)
        self.reach = int(self._usage.reach)
        self.scale = scale
        self.border = border

    def find_polygons(
        self,
        image: Image,
        *,
        minimum_probability: float | None = None,
        overlap: float | None = None,
        tiles: tuple[int, int] = (1, 1),
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Find the nuclei of an image; parameters and result are those of `Network`'s."""
        probability, distances = self.compute_grid(image, tiles)
        return self.suppress(
            probability,
            distances,
            image.shape,
            minimum_probability=minimum_probability,
            overlap=overlap,
        )

    def suppress(
        self,
        probability: Image,
        distances: Image,
        shape: tuple[int, ...],
        *,
        minimum_probability: float | None = None,
        overlap: float | None = None,
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Choose the nuclei of an image of this shape from what `compute_grid` gives."""
        from stardist.geometry import dist_to_coord
        from stardist.nms import non_maximum_suppression_sparse

        usage = self._usage
        least = usage.probability_threshold if minimum_probability is None else minimum_probability
        is_centre = probability > least
        if self.border:
            inner = np.zeros_like(is_centre)
            inner[self.border : -self.border, self.border : -self.border] = True
            is_centre &= inner
        points = np.argwhere(is_centre) * np.array(usage.grid)
        is_inside = (points < shape).all(axis=1)  # and not in what was added
        found = non_maximum_suppression_sparse(
            np.maximum(LEAST_DISTANCE, distances[is_centre][is_inside]),
            probability[is_centre][is_inside],
            points[is_inside],
            nms_thresh=usage.overlap_threshold if overlap is None else overlap,
            verbose=False,
        )
        points, kept, rays = found[0], found[1], found[2]
        return dist_to_coord(rays, points), kept

    def compute_grid(self, image: Image, tiles: tuple[int, int] = (1, 1)) -> tuple[Image, Image]:
        """Probability (rows, columns) and distances (rows, columns, rays) on the grid."""
        usage = self._usage
        options = None if tiles == (1, 1) else self._one_tile
        widths = [(0, -size % usage.divisor) for size in image.shape]
        padded = np.pad(image, widths, mode="reflect")
        grid = usage.grid
        shape = tuple(size // step for size, step in zip(padded.shape, grid, strict=True))
        result = np.empty((1 + usage.rays, *shape), np.float32)
        # What is cut off a tile at its sides, so that it sees all that can change what is kept.
        margin = math.ceil(usage.reach / usage.divisor) * usage.divisor
        for rows in _cut(padded.shape[0], tiles[0], usage.divisor):
            for columns in _cut(padded.shape[1], tiles[1], usage.divisor):
                seen = [
                    slice(max(0, part.start - margin), min(size, part.stop + margin))
                    for part, size in zip((rows, columns), padded.shape, strict=True)
                ]
                (output,) = self._session.run(None, {INPUT: padded[*seen][None, None]}, options)
                kept, placed = [], []
                for part, around, step in zip((rows, columns), seen, grid, strict=True):
                    start, stop = part.start // step, part.stop // step
                    offset = around.start // step
                    kept.append(slice(start - offset, stop - offset))
                    placed.append(slice(start, stop))
                result[:, *placed] = output[0][:, *kept]
        return result[0], np.moveaxis(result[1:], 0, -1)


def _read_usage(session: Any) -> SimpleNamespace:
    """What `onnx_model.write_onnx` says of a network in its file."""
    return SimpleNamespace(**json.loads(session.get_modelmeta().custom_metadata_map["stardist"]))


def _cut(size: int, n_parts: int, divisor: int) -> list[slice]:
    """Parts of an axis of about equal size, each a multiple of the divisor."""
    n_steps = size // divisor
    n_parts = min(n_parts, n_steps)
    ends = [n_steps * i // n_parts * divisor for i in range(n_parts + 1)]
    return [slice(start, stop) for start, stop in itertools.pairwise(ends)]
