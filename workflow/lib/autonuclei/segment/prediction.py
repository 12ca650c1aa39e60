"""Instance masks of images with a trained StarDist model, in the pixels of the raw images."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.annotate.boundaries import measure_sharpness, refine_boundaries
from autonuclei.annotate.clumps import cut_clumps
from autonuclei.annotate.filtering import FilteredImage
from autonuclei.annotate.preprocessing import normalize_image, preprocess_image, rescale_image
from autonuclei.labels.drawing import draw_polygons
from autonuclei.labels.numbers import keep_labels
from autonuclei.labels.pieces import keep_largest_pieces
from autonuclei.train.training import BORDER

Array = npt.NDArray[Any]

# Memory of a prediction job, TensorFlow included, in MB: a base, and per megapixel of the image
# and of a tile. Measured peaks on the CPU (grid 2, 32 rays): 1024 x 1024 1.1 GB, 2048 x 2048
# 2.2 GB, 4096 x 4096 6.4 GB in one tile and 3.6 GB in tiles of 4.2 megapixels.
BASE_MB = 800
IMAGE_MB = 100
TILE_MB = 320

# How far the outline of the network may grow, in radii of the median nucleus.
REACH = 0.3


def predict_nuclei(
    model: Any,
    image: Array,
    *,
    preprocess: Mapping[str, Any],
    megapixels_per_tile: float,
    scale: float = 1.0,
    least_probability: float | None = None,
    refine: bool = False,
    least_sharpness: float | None = None,
    cut: bool = False,
) -> tuple[Array, Array]:
    """Find the nuclei of one raw image.

    Parameters
    ----------
    model
        As `networks.load_model` gives it.
    image
        2-D raw grey values.
    preprocess
        Keyword arguments of `preprocessing.preprocess_image`, the same as in training.
    megapixels_per_tile
        Larger images are predicted in tiles, in pixels of the network.
    scale
        Pixels of the network per pixel of the preprocessed image (`networks.read_scale`).
    least_probability
        Nuclei of less are left out; None: the threshold of the model.
    refine
        Whether each nucleus is drawn anew at a level of brightness found in the image
        (`redraw_nuclei`).
    least_sharpness
        Nuclei whose edge is less steep are left out (`boundaries.measure_sharpness`); None: all
        stay.
    cut
        Whether touching nuclei that the network takes for one are cut between their notches
        (`clumps.cut_clumps`). The pieces keep its probability.

    Returns
    -------
    labels
        int32 label image of the shape of `image`; 0 outside the crop.
    probability
        float64, probability[i] belongs to label i + 1.
    """
    prepared = normalize_image(preprocess_image(image, **preprocess))
    if scale != 1:
        prepared = rescale_image(prepared, scale)
    tiles = count_tiles(prepared.shape, megapixels_per_tile)
    _, found = model.predict_instances(
        prepared,
        n_tiles=tiles,
        prob_thresh=least_probability,
        predict_kwargs=BORDER,
        show_tile_progress=False,
        return_labels=False,
    )
    outlines = place_outlines(found["coord"], image.shape, prepared.shape, preprocess.get("crop"))
    labels = draw_polygons(outlines, found["prob"], image.shape)
    filtered = FilteredImage(image)
    if refine:
        labels = redraw_nuclei(filtered, labels)
    if least_sharpness is not None and labels.any():
        labels = keep_labels(
            labels, np.flatnonzero(measure_sharpness(filtered, labels) >= least_sharpness)
        )
    probability = np.asarray(found["prob"], dtype=np.float64)
    if cut:
        labels, origin = cut_clumps(labels)
        probability = probability[origin[1:] - 1]
    # Last, since a cut may leave a few pixels of a nucleus on the far side of its notch.
    return tidy_labels(labels, probability)


def redraw_nuclei(image: Array | FilteredImage, labels: Array) -> Array:
    """Draw the nuclei of a label image where the image has their boundaries.

    The network knows where a nucleus is, and its outline to a pixel or two, since it predicts on
    a grid; the level of brightness at the edge tells the rest (`boundaries.refine_boundaries`).
    Nuclei that are no brighter than what is around them stay as they are.
    """
    redrawn = refine_boundaries(image, labels, reach=REACH)
    kept = np.zeros(int(labels.max(initial=0)) + 1, bool)
    kept[redrawn.ravel()] = True
    lost = (redrawn == 0) & ~kept[labels]
    return np.where(lost, labels, redrawn).astype(labels.dtype)


def count_tiles(shape: tuple[int, ...], megapixels_per_tile: float) -> tuple[int, int]:
    """Rows and columns of tiles, so that none is larger than the limit."""
    side = math.sqrt(megapixels_per_tile * 1e6)
    if shape[0] * shape[1] <= side * side:
        return (1, 1)
    return (max(1, math.ceil(shape[0] / side)), max(1, math.ceil(shape[1] / side)))


def estimate_memory(image_megapixels: float, tile_megapixels: float) -> float:
    """Memory in MB that a prediction job needs."""
    return BASE_MB + IMAGE_MB * image_megapixels + TILE_MB * tile_megapixels


def fit_tile(memory_mb: float, image_megapixels: float) -> float:
    """Megapixels that a tile may have with this much memory; at least half of one."""
    return max(0.5, (memory_mb - BASE_MB - IMAGE_MB * image_megapixels) / TILE_MB)


def place_outlines(
    outlines: Array,
    shape: tuple[int, ...],
    prepared_shape: tuple[int, ...],
    crop: tuple[int, int, int, int] | None,
) -> Array:
    """Move outlines from the cropped and rescaled image to the raw one.

    `outlines` is (n, 2, rays), as StarDist gives it; n may be 0. Both grids count pixel centres
    at whole numbers, and cover the same area.
    """
    outlines = np.asarray(outlines, dtype=np.float64)
    rows = slice(*(crop[:2] if crop else (0, shape[0]))).indices(shape[0])
    columns = slice(*(crop[2:] if crop else (0, shape[1]))).indices(shape[1])
    placed = np.empty_like(outlines)
    for axis, (start, end, _) in enumerate((rows, columns)):
        scale = prepared_shape[axis] / (end - start)
        placed[:, axis] = (outlines[:, axis] + 0.5) / scale - 0.5 + start
    return placed


def tidy_labels(labels: Array, probability: Array) -> tuple[Array, Array]:
    """Keep the largest piece of each label and number them 1..n without gaps.

    A nucleus that another one covers wholly is gone; one that another one cuts in two keeps
    its larger half, since a label in two pieces is two objects to most programs.
    """
    from skimage.segmentation import relabel_sequential

    tidy, _, origin = relabel_sequential(keep_largest_pieces(labels))
    return tidy.astype(np.int32), probability[np.asarray(origin)[1:] - 1]
