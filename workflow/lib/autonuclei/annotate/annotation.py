"""Label images of nuclei without a drawn label: threshold and split.

The method of Englbrecht, Ruider and Bausch 2021 (PLOS ONE 16(4): e0250093), with its
constants as arguments. Images in, images and numbers out; files are read elsewhere.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from autonuclei.labels.numbers import number_by_position
from autonuclei.labels.pieces import fill_holes

Array = npt.NDArray[Any]

# Median absolute difference of neighbouring pixels over the standard deviation of the noise.
_NEIGHBOUR_DIFFERENCE = 0.6745 * math.sqrt(2)
# The same for their mean, and the standard deviation of rounding to whole numbers.
_MEAN = 2 / math.sqrt(math.pi)
_ROUNDING = 1 / math.sqrt(12)


def find_foreground(
    image: Array,
    *,
    smoothing_px: float = 1.7,
    threshold_factor: float = 1.0,
    minimum_contrast: float = 0.0,
) -> tuple[Array, float]:
    """Find the pixels of nuclei with one threshold by Otsu (1979) for the whole image.

    Parameters
    ----------
    image
        2-D grey values.
    smoothing_px
        Standard deviation of the Gaussian filter before the threshold.
    threshold_factor
        The threshold is this part of the way from the background (mean below Otsu's
        threshold) to Otsu's threshold; 1 is Otsu's threshold itself.
    minimum_contrast
        Difference between the means above and below the threshold, in standard deviations of
        the noise; below it the image counts as empty.

    Returns
    -------
    foreground
        Boolean mask with holes filled.
    threshold
        Grey value; NaN when the image counts as empty.
    """
    smooth = ndi.gaussian_filter(image, smoothing_px, output=np.float32)
    if smooth.min() == smooth.max():
        return np.zeros(image.shape, bool), float("nan")
    threshold = compute_otsu(smooth)
    above = smooth > threshold
    background = float(smooth[~above].mean())
    if minimum_contrast > 0:
        contrast = float(smooth[above].mean()) - background
        if contrast < minimum_contrast * estimate_noise(image):
            return np.zeros(image.shape, bool), float("nan")
    if threshold_factor != 1:
        threshold = background + threshold_factor * (threshold - background)
        above = smooth > threshold
    return fill_holes(above), threshold


def is_empty(image: Array, minimum_contrast: float) -> bool:
    """Whether an image has no contrast beyond its noise, as in `find_foreground`, but faster.

    Looks at means of 4 x 4 pixels instead of a smoothed image. True if all pixels are equal.
    """
    rows, columns = (size // 4 * 4 for size in image.shape)
    blocks = image[:rows, :columns].reshape(rows // 4, 4, columns // 4, 4)
    means = blocks.mean(axis=(1, 3), dtype=np.float32)
    if means.min() == means.max():
        return True
    above = means > compute_otsu(means)
    contrast = float(means[above].mean() - means[~above].mean())
    return contrast < minimum_contrast * estimate_noise(image[::4])


def compute_otsu(image: Array, n_bins: int = 256) -> float:
    """Otsu's threshold (1979): the grey value that parts an image with the least variance inside.

    Least W0 s0^2 + W1 s1^2 is the same as most W0 W1 (m0 - m1)^2, over the edges of `n_bins`
    equal bins from the darkest to the brightest pixel. W, m and s are share, mean and standard
    deviation of the pixels below and above. Gives the centre of the bin, as scikit-image does.
    """
    counts, edges = np.histogram(image, n_bins)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = image.size - below
    sums = np.cumsum(counts * centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = sums[:-1] / below - (sums[-1] - sums[:-1]) / above
    return float(centres[np.nanargmax(below * above * gap**2)])


def estimate_noise(image: Array) -> float:
    """Standard deviation of pixel noise from the differences of neighbouring pixels.

    The median ignores the few differences that are edges (Rousseeuw and Croux 1993). Where
    most neighbours are equal (a dark image cut off at zero), it is 0 and the mean serves.
    Noise of less than a grey value cannot be told from rounding, whose standard deviation is
    the least that an image of whole numbers gets.
    """
    difference = np.abs(np.diff(image.astype(np.float32), axis=1))
    median = float(np.median(difference))
    noise = median / _NEIGHBOUR_DIFFERENCE if median > 0 else float(difference.mean()) / _MEAN
    return max(noise, _ROUNDING) if image.dtype.kind in "ui" else noise


def split_nuclei(
    foreground: Array,
    *,
    smoothing: float = 0.25,
    minimum_distance: float = 0.75,
    minimum_area_px: int = 10,
) -> Array:
    """Split the foreground into nuclei by a watershed on its distance map.

    Parameters
    ----------
    foreground
        2-D boolean mask.
    smoothing, minimum_distance
        Smoothing of the distance map and least distance between two seeds, in units of the
        nuclear radius, which is taken from the mask itself (`estimate_radius`).
    minimum_area_px
        Smaller pieces are dropped before splitting.

    Returns
    -------
    2-D int32 label image, 1..n in order of position.
    """
    from skimage.segmentation import watershed

    pieces, n_pieces, smooth, seeds = place_seeds(
        foreground,
        smoothing=smoothing,
        minimum_distance=minimum_distance,
        minimum_area_px=minimum_area_px,
    )
    if n_pieces == 0:
        return np.zeros(foreground.shape, np.int32)
    of_piece = pieces[tuple(seeds.T)]
    n_seeds = np.bincount(of_piece, minlength=n_pieces + 1)
    # Most pieces are one nucleus and stay whole, those without a peak too.
    labels = np.where(n_seeds <= 1, np.arange(n_pieces + 1), 0).astype(np.int32)[pieces]
    boxes = ndi.find_objects(pieces)
    n_labels = n_pieces
    for piece in np.flatnonzero(n_seeds > 1):
        box = boxes[piece - 1]
        inside = pieces[box] == piece
        own = seeds[of_piece == piece] - [box[0].start, box[1].start]
        markers = np.zeros(inside.shape, np.int32)
        markers[tuple(own.T)] = np.arange(n_labels + 1, n_labels + len(own) + 1)
        n_labels += len(own)
        labels[box][inside] = watershed(-smooth[box], markers, mask=inside)[inside]
    return number_by_position(labels)


def place_seeds(
    foreground: Array, *, smoothing: float, minimum_distance: float, minimum_area_px: int
) -> tuple[Array, int, Array, Array]:
    """Find the seeds from which `split_nuclei` grows nuclei.

    Returns
    -------
    pieces
        Label image of the connected pieces that are large enough.
    n_pieces
        Their number.
    smooth
        The smoothed distance map.
    seeds
        (n, 2) integer rows and columns.
    """
    pieces, n_pieces = ndi.label(foreground)
    if minimum_area_px > 1 and n_pieces:
        keep = np.bincount(pieces.ravel()) >= minimum_area_px
        keep[0] = False
        foreground = keep[pieces]
        pieces, n_pieces = ndi.label(foreground)
    if n_pieces == 0:
        return pieces, 0, np.zeros(foreground.shape, np.float32), np.zeros((0, 2), np.int64)
    distance = compute_distance(foreground)
    radius = estimate_radius(distance, pieces, n_pieces)
    smooth = ndi.gaussian_filter(distance, smoothing * radius)
    seeds = find_seeds(smooth, foreground, max(1, round(minimum_distance * radius)))
    return pieces, n_pieces, smooth, seeds


def compute_distance(foreground: Array) -> Array:
    """Euclidean distance of each foreground pixel to the background, in px, float32."""
    # Five times as fast as scipy's.
    from edt import edt

    # Without any background the distance is that to the border of the image.
    border = bool(foreground.all())
    return np.asarray(edt(np.ascontiguousarray(foreground), black_border=border, parallel=1))


def estimate_radius(distance: Array, pieces: Array, n_pieces: int) -> float:
    """Typical nuclear radius in px: the inner radius of the piece that the median pixel is in.

    The inner radius of a clump is about that of its nuclei, and weighing by area keeps specks
    from counting as much as nuclei.
    """
    inside = pieces > 0
    of_piece = pieces[inside] - 1
    inner = np.zeros(n_pieces, distance.dtype)
    np.maximum.at(inner, of_piece, distance[inside])
    area = np.bincount(of_piece, minlength=n_pieces)
    order = np.argsort(inner)
    half = np.searchsorted(np.cumsum(area[order]), area.sum() / 2)
    return float(inner[order][half])


def find_seeds(smooth: Array, foreground: Array, minimum_distance: int) -> Array:
    """Local maxima of a smoothed distance map, the highest within `minimum_distance` px.

    Returns
    -------
    (n, 2) integer rows and columns.
    """
    highest = ndi.maximum_filter(smooth, 2 * minimum_distance + 1)
    # A flat top of several pixels is one seed: the one nearest to its middle.
    tops, n_tops = ndi.label((smooth == highest) & foreground, np.ones((3, 3)))
    rows, columns = np.nonzero(tops)
    index = tops[rows, columns] - 1
    size = np.bincount(index, minlength=n_tops)
    middle = [np.bincount(index, weights=axis, minlength=n_tops) / size for axis in (rows, columns)]
    off = np.hypot(rows - middle[0][index], columns - middle[1][index])
    order = np.lexsort((off, index))
    chosen = order[np.unique(index[order], return_index=True)[1]]
    return np.stack([rows[chosen], columns[chosen]], axis=1)
