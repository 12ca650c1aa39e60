"""Instance masks of images with a trained StarDist model, in the pixels of the raw images."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.annotate import boundaries, clumps
from autonuclei.annotate.filtering import FilteredImage
from autonuclei.annotate.preprocessing import normalize_image, preprocess_image, rescale_image
from autonuclei.labels.drawing import draw_polygons
from autonuclei.labels.numbers import keep_labels
from autonuclei.labels.pieces import keep_largest_pieces
from autonuclei.segment.memory import LARGEST_TILE
from autonuclei.settings import PredictSettings, PreprocessSettings, list_steps
from autonuclei.train.networks import Network
from autonuclei.train.onnx_network import OnnxNetwork

Array = npt.NDArray[Any]

# How far the outline of the network may grow, in radii of the median nucleus.
REACH = 0.3


def predict_nuclei(
    network: Network | OnnxNetwork,
    image: Array,
    *,
    preprocess: PreprocessSettings | None = None,
    megapixels_per_tile: float = LARGEST_TILE,
    minimum_probability: float | None = None,
    refine_boundaries: bool = PredictSettings.refine_boundaries,
    minimum_sharpness: float | None = PredictSettings.minimum_sharpness,
    cut_clumps: bool = PredictSettings.cut_clumps,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Find the nuclei of one raw image.

    Parameters
    ----------
    network : Network or OnnxNetwork
        As `load_model` or `load_network` gives it.
    image : (height, width)
        Raw grey values of any real type.
    preprocess
        Section `preprocess` of the configuration, the same as in training; None: the image is
        used as it is. Its `crop` is for those who read images, and not done here.
    megapixels_per_tile
        Larger images are predicted in tiles, in pixels of the network.
    minimum_probability
        Nuclei of less are left out; None: the threshold of the model.
    refine_boundaries
        Whether each nucleus is drawn anew at a level of brightness found in the image
        (`redraw_nuclei`).
    minimum_sharpness
        Nuclei whose edge is less steep are left out (`boundaries.measure_sharpness`); None: all
        stay.
    cut_clumps
        Whether touching nuclei that the network takes for one are cut between their notches
        (`clumps.cut_clumps`). The pieces keep its probability.

    Returns
    -------
    labels : (height, width) int32
        Label image.
    probability : (n,) float64
        probability[i] belongs to label i + 1.
    """
    preprocess = preprocess or PreprocessSettings()
    prepared = normalize_image(preprocess_image(image, **list_steps(preprocess)))
    if network.scale != 1:
        prepared = rescale_image(prepared, network.scale)
    polygons, probability = network.find_polygons(
        prepared,
        minimum_probability=minimum_probability,
        tiles=count_tiles(prepared.shape, megapixels_per_tile),
    )
    polygons = place_polygons(polygons, image.shape, prepared.shape)
    return draw_nuclei(
        image,
        polygons,
        probability,
        refine_boundaries=refine_boundaries,
        minimum_sharpness=minimum_sharpness,
        cut_clumps=cut_clumps,
    )


def draw_nuclei(
    image: Array,
    polygons: Array,
    probability: Array,
    *,
    refine_boundaries: bool = PredictSettings.refine_boundaries,
    minimum_sharpness: float | None = PredictSettings.minimum_sharpness,
    cut_clumps: bool = PredictSettings.cut_clumps,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Make a label image of the outlines that the network gave.

    `blockwise.draw_in_blocks` does the same for an image that is too large for one piece.

    Parameters
    ----------
    image : (height, width)
        Raw grey values.
    polygons : (n, 2, rays) float
        Rows and columns of the corners in px of it.
    probability : (n,) float
    refine_boundaries, minimum_sharpness, cut_clumps
        As of `predict_nuclei`.

    Returns
    -------
    labels, probability
        As of `predict_nuclei`.
    """
    labels = draw_polygons(polygons, probability, image.shape)
    filtered = FilteredImage(image)
    if refine_boundaries:
        labels = redraw_nuclei(filtered, labels)
    if minimum_sharpness is not None and labels.any():
        sharpness = boundaries.measure_sharpness(filtered, labels)
        labels = keep_labels(labels, np.flatnonzero(sharpness >= minimum_sharpness))
    probability = np.asarray(probability, dtype=np.float64)
    if cut_clumps:
        labels, origin = clumps.cut_clumps(labels)
        probability = probability[origin[1:] - 1]
    # Last, since a cut may leave a few pixels of a nucleus on the far side of its notch.
    return tidy_labels(labels, probability)


def redraw_nuclei(image: Array | FilteredImage, labels: Array) -> Array:
    """Draw the nuclei of a label image where the image has their boundaries.

    The network knows where a nucleus is, and its outline to a pixel or two, since it predicts on
    a grid; the level of brightness at the edge tells the rest (`boundaries.refine_boundaries`).
    Nuclei that are no brighter than what is around them stay as they are.
    """
    return restore_lost(labels, boundaries.refine_boundaries(image, labels, reach=REACH))


def restore_lost(labels: Array, redrawn: Array) -> Array:
    """Put back those labels of which no pixel was left when they were drawn anew."""
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


def place_polygons(
    polygons: Array, shape: tuple[int, ...], prepared_shape: tuple[int, ...]
) -> Array:
    """Move polygons from the rescaled image to the raw one.

    Both grids count pixel centres at whole numbers, and cover the same area.

    Parameters
    ----------
    polygons : (n, 2, rays)
        Rows and columns of the corners in px, as StarDist gives them; n may be 0.
    shape, prepared_shape
        Rows and columns of the raw image and of the one that the network looked at.

    Returns
    -------
    (n, 2, rays) float64
    """
    scale = np.divide(prepared_shape, shape)[:, None]
    return (np.asarray(polygons, np.float64) + 0.5) / scale - 0.5


def tidy_labels(labels: Array, probability: Array) -> tuple[Array, Array]:
    """Keep the largest piece of each label and number them 1..n without gaps.

    A nucleus that another one covers wholly is gone; one that another one cuts in two keeps
    its larger half, since a label in two pieces is two objects to most programs.
    """
    largest = keep_largest_pieces(labels)
    present = np.flatnonzero(np.bincount(largest.ravel()))
    present = present[present > 0]
    numbers = np.zeros(int(present.max(initial=0)) + 1, np.int32)
    numbers[present] = np.arange(1, len(present) + 1)
    return numbers[largest], probability[present - 1]
