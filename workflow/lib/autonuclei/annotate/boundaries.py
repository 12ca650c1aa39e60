"""The boundary of each nucleus, at a threshold between its own background and its own brightness.

One threshold for a whole image draws dim nuclei too small and bright ones too large: the
microscope blurs every edge, so that the true one lies part of the way between the background
beside a nucleus and the brightness of that nucleus.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from autonuclei.annotate.filtering import FilteredImage, smooth_noise
from autonuclei.labels.pieces import fill_label_holes, keep_largest_pieces

Array = npt.NDArray[Any]

# Standard deviation in px of the Gaussian filter before measuring.
SMOOTHING_PX = 0.7
# Part of the way from background to brightness at which edges lie. A blurred edge lies half-way;
# where brightness falls most steeply above that, it is texture.
HIGHEST_EDGE = 0.5
LOWEST_EDGE = 0.3
N_BINS = 20
# How far nuclei may grow, in radii of the median nucleus.
REACH = 0.6
# Where smoothing leaves noise of more than this part of a nucleus' contrast, its edge would fray:
# it is smoothed more, with this standard deviation in px and at most in radii.
MOST_NOISE = 0.05
COARSE_PX, COARSE_RADII = 1.5, 0.25
# Optics blur the edges of small nuclei as wide as they are: their radius counts as this many px.
LEAST_RADIUS_PX = 5.0


def refine_boundaries(
    image: Array | FilteredImage, labels: Array, *, reach: float = REACH
) -> npt.NDArray[np.int32]:
    """Draw each nucleus anew at a threshold of its own.

    Parameters
    ----------
    image : (height, width)
        Grey values. A `FilteredImage` where several steps look at the same image.
    labels : (height, width) int
        Label image; numbers may have gaps.
    reach
        How far nuclei may grow, in radii of the median nucleus.

    Returns
    -------
    (height, width) int32
        Label image. Numbers stay; a nucleus that nowhere reaches its threshold is dropped. Each
        nucleus is one 4-connected piece without holes, within the pixels that were its own or
        nearer to it than to its neighbours.
    """
    if not labels.any():
        return labels.astype(np.int32)
    image = FilteredImage.wrap(image)
    smooth = image.blur(SMOOTHING_PX)
    radius = _typical_radius(np.bincount(labels.ravel())[1:])
    zones = grow_labels(labels, max(1, round(reach * radius)))
    dark = measure_background(smooth, zones, radius)
    bright = measure_brightness(smooth, labels, dark)
    edge = find_edge(smooth, zones, dark, bright)
    thresholds = dark + np.float32(edge) * (bright - dark)
    thresholds[0] = np.inf
    is_dim = smooth_noise(image.noise, SMOOTHING_PX) > MOST_NOISE * (bright - dark)
    if is_dim[1:].any():
        # Nuclei that rise little above the noise are smoothed more.
        coarse = image.blur(max(SMOOTHING_PX, min(COARSE_PX, COARSE_RADII * radius)))
        smooth = np.where(is_dim[zones], coarse, smooth)
    inside = np.where(smooth > thresholds[zones], zones, 0)
    return fill_label_holes(keep_largest_pieces(inside), zones)


def find_edge(smooth: Array, zones: Array, dark: Array, bright: Array) -> float:
    """Part of the way from background (0) to brightness (1) where brightness falls most steeply.

    One for all nuclei of an image. Slopes are relative to the contrast of each nucleus and
    averaged over the pixels of all nuclei at the same part of the way. The edge of a blurred disk
    lies half-way, that of a nucleus with a halo lower, so the result is between `LOWEST_EDGE` and
    `HIGHEST_EDGE`.

    Parameters
    ----------
    smooth, zones : (height, width)
        Smoothed image, and label image of the nuclei and what is around each.
    dark, bright : (n + 1,)
        Background and brightness by label.
    """
    # Every fourth row tells the same and takes a quarter of the time.
    rows, columns = np.nonzero(zones[1:-1:4, 1:-1])
    rows, columns = 4 * rows + 1, columns + 1
    own = zones[rows, columns]
    contrast = (bright - dark)[own]
    slope = np.hypot(
        smooth[rows + 1, columns] - smooth[rows - 1, columns],
        smooth[rows, columns + 1] - smooth[rows, columns - 1],
    )
    above = smooth[rows, columns] - dark[own]
    use = (above >= 0) & (above < contrast)
    if not use.any():
        return HIGHEST_EDGE
    index = (above[use] / contrast[use] * N_BINS).astype(int)
    # Float rounding may put a pixel just below its nucleus' brightness on it.
    index = np.minimum(index, N_BINS - 1)
    count = np.bincount(index, minlength=N_BINS)
    total = np.bincount(index, weights=slope[use] / contrast[use], minlength=N_BINS)
    steepness = ndi.uniform_filter1d(total / np.maximum(count, 1), 3, mode="nearest")
    steepest = (np.argmax(steepness) + 0.5) / N_BINS
    return float(np.clip(steepest, LOWEST_EDGE, HIGHEST_EDGE))


def grow_labels(labels: Array, distance_px: int) -> Array:
    """Grow labels into the background by a distance; where two meet, both stop. int32.

    Steps to 4 and to 8 neighbours take turns, which grows octagons, close to disks. Only pixels
    on the front are looked at: several times as fast as a distance map of the whole image.
    """
    grown = np.pad(labels.astype(np.int32), 1, constant_values=-1)
    flat, width = grown.reshape(-1), grown.shape[1]
    straight = (-width, -1, 1, width)
    around = (*straight, -width - 1, -width + 1, width - 1, width + 1)
    inside = np.flatnonzero(flat > 0)
    front = inside[np.any([flat[inside + shift] == 0 for shift in straight], axis=0)]
    for step in range(distance_px):
        reached = []
        for shift in around if step % 2 else straight:
            free = front[flat[front + shift] == 0]
            flat[free + shift] = flat[free]
            reached.append(free + shift)
        front = np.concatenate(reached)
    return np.asarray(grown[1:-1, 1:-1])


def measure_background(smooth: Array, zones: Array, radius: float) -> Array:
    """Mean brightness of the background around each nucleus.

    Pixels outside all zones, weighed with a Gaussian of three radii around the nucleus; far from
    any of them it tends to the mean over the image, and without any to the darkest pixel.

    Returns
    -------
    float32 by label; NaN for labels that are absent.
    """
    # Every other pixel will do where nuclei are many pixels wide.
    step = 2 if radius >= 8 else 1
    side = max(1, round(radius / 2 / step))
    block = side * step
    outside = zones[::step, ::step] == 0
    weight = _sum_blocks(outside.astype(np.float32), side)
    total = _sum_blocks(np.where(outside, smooth[::step, ::step], 0), side)
    overall = total.sum() / weight.sum() if weight.any() else smooth.min()
    sigma = 3 * radius / block
    weight = ndi.gaussian_filter(weight, sigma, mode="constant")
    total = ndi.gaussian_filter(total, sigma, mode="constant")
    little = 1e-3 * side**2
    around = (total + little * overall) / (weight + little)
    background = np.full(int(zones.max()) + 1, np.nan, np.float32)
    for label, box in enumerate(ndi.find_objects(zones), start=1):
        if box is not None:
            row, column = ((side.start + side.stop - 1) // 2 // block for side in box)
            background[label] = around[row, column]
    return background


def _sum_blocks(values: Array, side: int) -> Array:
    """Sums over squares of `side` px."""
    starts = [np.arange(0, length, side) for length in values.shape]
    return np.asarray(np.add.reduceat(np.add.reduceat(values, starts[0], 0), starts[1], 1))


def measure_brightness(smooth: Array, labels: Array, dark: Array) -> Array:
    """Median brightness of each nucleus (the lower of two middle pixels).

    Over its pixels above the middle between its background `dark` and its mean, so that labels
    drawn too large do not count as darker.

    Returns
    -------
    float32 by label; NaN for labels that are absent or no brighter than their background.
    """
    inside = np.flatnonzero(labels)
    own = labels.reshape(-1)[inside].astype(np.int64)
    values = smooth.reshape(-1)[inside]
    n = len(dark)
    mean = np.bincount(own, weights=values, minlength=n) / np.maximum(np.bincount(own), 1)
    bright = values > ((dark + mean) / 2)[own]
    own, values = own[bright], values[bright]
    median = np.full(n, np.nan, np.float32)
    if len(own):
        darkest = smooth.min()
        # The bits of floats that are not negative sort as the floats do: one sort for all labels.
        order = np.sort(own << 32 | (values - darkest).view(np.int32))
        count = np.bincount(own, minlength=n)
        present = count > 0
        middle = (np.cumsum(count) - count + (count - 1) // 2)[present]
        median[present] = order[middle].astype(np.int32).view(np.float32) + darkest
    return np.where(median > dark, median, np.float32(np.nan))


def _typical_radius(area: Array) -> float:
    """Radius in px of a disk with the median of the areas that are not 0."""
    return float(np.sqrt(np.median(area[area > 0]) / np.pi))


def _rise_above_background(smooth: Array, labels: Array, radius: float) -> Array:
    """Brightness of each label above its background; 0 where it is no brighter."""
    zones = grow_labels(labels, max(1, round(REACH * radius)))
    dark = measure_background(smooth, zones, radius)
    return np.asarray(np.nan_to_num(measure_brightness(smooth, labels, dark) - dark))


def measure_contrast(image: Array | FilteredImage, labels: Array) -> Array:
    """Brightness of each nucleus above its background, relative to the typical one of the image.

    Parameters
    ----------
    image, labels : (height, width)
        Grey values and label image.

    Returns
    -------
    By label, index 0 meaningless: 1 is the contrast of the nucleus in which the median pixel of
    all nuclei lies; 0 for one that is no brighter than its background.
    """
    area = np.bincount(labels.ravel())
    area[0] = 0
    if not area.any():
        return np.zeros(len(area))
    smooth = FilteredImage.wrap(image).blur(SMOOTHING_PX)
    contrast = _rise_above_background(smooth, labels, _typical_radius(area)).astype(np.float64)
    order = np.argsort(contrast)
    typical = contrast[order][np.searchsorted(np.cumsum(area[order]), area.sum() / 2)]
    return contrast / typical if typical > 0 else np.zeros(len(area))


def measure_sharpness(image: Array | FilteredImage, labels: Array) -> Array:
    """How steep the edge of each nucleus is.

    The slope of the brightness along the outline (a quarter of it is steeper), times the radius
    of the median nucleus, over the contrast of the nucleus. The edge of a disk of radius r that is
    blurred with a standard deviation s has r / (s sqrt(2 pi)); light from out of focus, which has
    no edge, is near 0.

    Parameters
    ----------
    image, labels : (height, width)
        Grey values and label image.

    Returns
    -------
    By label, index 0 meaningless; 0 for one that is no brighter than its background.
    """
    area = np.bincount(labels.ravel())
    area[0] = 0
    sharpness = np.zeros(len(area))
    if not area.any():
        return sharpness
    smooth = FilteredImage.wrap(image).blur(SMOOTHING_PX)
    radius = _typical_radius(area)
    contrast = _rise_above_background(smooth, labels, radius)
    around = np.pad(labels, 1, constant_values=-1)
    shifted = (around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:])
    # Where the border of the image cuts a nucleus, it has no edge.
    is_edge = np.any([(near != labels) & (near >= 0) for near in shifted], axis=0) & (labels > 0)
    slope = ndi.maximum_filter(np.hypot(*np.gradient(smooth)), 3)[is_edge]
    own = labels[is_edge]
    order = np.lexsort((slope, own))
    count = np.bincount(own, minlength=len(area))
    present = (count > 0) & (contrast > 0)
    steep = slope[order][(np.cumsum(count) - count + (3 * count) // 4)[present]]
    sharpness[present] = steep * max(radius, LEAST_RADIUS_PX) / contrast[present]
    return sharpness
