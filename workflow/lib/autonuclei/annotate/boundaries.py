"""The boundary of each nucleus, at a threshold between its own background and its own brightness.

One threshold for a whole image draws dim nuclei too small and bright ones too large: the
microscope blurs every edge, so that the true one lies part of the way between the background
beside a nucleus and the brightness of that nucleus.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from autonuclei.annotate.filtering import FilteredImage, smooth_noise
from autonuclei.annotate.parts import Part
from autonuclei.labels.blocks import Block
from autonuclei.labels.pieces import fill_label_holes, keep_largest_pieces
from autonuclei.labels.shapes import count_pixels, find_pixels, find_spans

Array = npt.NDArray[Any]

# Standard deviation in px of the Gaussian filter before measuring.
SMOOTHING_PX = 0.7
# Part of the way from background to brightness at which edges lie. A blurred edge lies half-way;
# where brightness falls most steeply above that, it is texture.
HIGHEST_EDGE = 0.5
LOWEST_EDGE = 0.3
N_BINS = 20
# In which the values of a nucleus are counted to find their median.
N_STEPS = 64
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
    area = count_pixels(labels)
    ((_, redrawn),) = redraw_parts(
        [Part.whole(image, labels, len(area))], area, image.noise, reach=reach
    )
    return redrawn


def redraw_parts(
    parts: Iterable[Part], area: Array, noise: float, *, reach: float
) -> Iterator[tuple[Part, npt.NDArray[np.int32]]]:
    """As `refine_boundaries`, for an image in parts.

    Parameters
    ----------
    parts
        Of one image, to be gone through several times.
    area : (n + 1,) int
        Pixels of each label in the whole image.
    noise
        Of the whole image, as `FilteredImage.noise`.
    reach
        As of `refine_boundaries`.

    Yields
    ------
    part
    redrawn : (height, width) int32
        Label image of its window; what it says of labels of other parts is not to be used.
    """
    radius = _typical_radius(area[1:])
    distance = max(1, round(reach * radius))
    dark, darkest = measure_dark(parts, len(area), distance, radius)
    bright = np.full(len(area), np.nan, np.float32)
    slopes = np.zeros((2, N_BINS))
    for part in parts:
        smooth, zones = part.image.blur(SMOOTHING_PX), part.grow(distance)
        # In the core of a part all labels are seen whole, those of other parts too.
        own = measure_brightness(smooth, part.labels, dark, darkest)
        bright[part.owned] = own[part.owned]
        slopes += sum_slopes(smooth, zones, dark, own, part.window, part.core)
    edge = find_edge(slopes)
    thresholds = dark + np.float32(edge) * (bright - dark)
    is_dim = smooth_noise(noise, SMOOTHING_PX) > MOST_NOISE * (bright - dark)
    for part in parts:
        smooth, zones = part.image.blur(SMOOTHING_PX), part.grow(distance)
        # Most of an image lies in no zone.
        inside, own = find_pixels(zones)
        values = smooth.reshape(-1)[inside]
        if is_dim[1:].any():
            # Nuclei that rise little above the noise are smoothed more.
            coarse = part.image.blur(max(SMOOTHING_PX, min(COARSE_PX, COARSE_RADII * radius)))
            values = np.where(is_dim[own], coarse.reshape(-1)[inside], values)
        own[~(values > thresholds[own])] = 0  # those without a threshold, too
        redrawn = np.zeros_like(zones)
        np.put(redrawn, inside, own)
        yield part, fill_label_holes(keep_largest_pieces(redrawn), zones)


def sum_slopes(
    smooth: Array, zones: Array, dark: Array, bright: Array, window: Block, core: Block
) -> Array:
    """How steeply brightness falls, by the part of the way from background to brightness.

    Parameters
    ----------
    smooth, zones : (height, width)
        Smoothed image, and label image of the nuclei and what is around each, of a window.
    dark, bright : (n + 1,)
        Background and brightness by label.
    window, core
        Where the window lies in the image, and the block of which pixels are counted.

    Returns
    -------
    (2, N_BINS) float64
        Number of pixels and sum of their slopes, relative to the contrast of each nucleus.
    """
    # Every fourth row tells the same and takes a quarter of the time: rows 1, 5, ... of the image.
    height, width = smooth.shape
    top = max(1, core.row - window.row)
    top += (1 - window.row - top) % 4
    bottom = min(height - 1, core.end_row - window.row)
    left = max(1, core.column - window.column)
    right = min(width - 1, core.end_column - window.column)
    rows, columns = np.nonzero(zones[top:bottom:4, left:right])
    rows, columns = 4 * rows + top, columns + left
    own = zones[rows, columns]
    contrast = (bright - dark)[own]
    slope = np.hypot(
        smooth[rows + 1, columns] - smooth[rows - 1, columns],
        smooth[rows, columns + 1] - smooth[rows, columns - 1],
    )
    above = smooth[rows, columns] - dark[own]
    use = (above >= 0) & (above < contrast)
    index = (above[use] / contrast[use] * N_BINS).astype(int)
    # Float rounding may put a pixel just below its nucleus' brightness on it.
    index = np.minimum(index, N_BINS - 1)
    count = np.bincount(index, minlength=N_BINS)
    total = np.bincount(index, weights=slope[use] / contrast[use], minlength=N_BINS)
    return np.stack([count, total])


def find_edge(slopes: Array) -> float:
    """Part of the way from background (0) to brightness (1) where brightness falls most steeply.

    One for all nuclei of an image. Slopes are relative to the contrast of each nucleus and
    averaged over the pixels of all nuclei at the same part of the way (`sum_slopes`, summed over
    the image). The edge of a blurred disk lies half-way, that of a nucleus with a halo lower, so
    the result is between `LOWEST_EDGE` and `HIGHEST_EDGE`.
    """
    count, total = slopes
    if not count.any():
        return HIGHEST_EDGE
    steepness = ndi.uniform_filter1d(total / np.maximum(count, 1), 3, mode="nearest")
    steepest = (np.argmax(steepness) + 0.5) / N_BINS
    return float(np.clip(steepest, LOWEST_EDGE, HIGHEST_EDGE))


def measure_background(smooth: Array, zones: Array, radius: float) -> Array:
    """Mean brightness of the background around each nucleus.

    Pixels outside all zones, weighed with a Gaussian of three radii around the nucleus; far from
    any of them it tends to the mean over the image, and without any to the darkest pixel.

    Returns
    -------
    float32 by label; NaN for labels that are absent.
    """
    window = Block(0, smooth.shape[0], 0, smooth.shape[1])
    squares = _Squares(smooth.shape, int(zones.max()) + 1, radius)
    squares.add(smooth, zones, window, window, np.ones(len(squares.places), bool))
    return squares.measure_background()


class _Squares:
    """Sums over squares of an image, of its pixels outside all zones."""

    def __init__(self, shape: tuple[int, ...], n_labels: int, radius: float) -> None:
        # Every other pixel will do where nuclei are many pixels wide.
        self.step = 2 if radius >= 8 else 1
        side = max(1, round(radius / 2 / self.step))
        self.size = side * self.step
        self.sigma = 3 * radius / self.size
        self.little = 1e-3 * side**2
        self.shape = shape
        self.weight = np.zeros([-(-length // self.size) for length in shape], np.float32)
        self.total = np.zeros_like(self.weight)
        # The square in the middle of each zone; -1: there is none.
        self.places = np.full((n_labels, 2), -1)
        self.darkest = np.float32(np.inf)

    def add(self, smooth: Array, zones: Array, window: Block, core: Block, owned: Array) -> None:
        """Add the squares that begin in a core, and the zones of the labels that are owned."""
        starts = (window.row, window.column)
        first = [-(-start // self.size) for start in (core.row, core.column)]
        last = [-(-end // self.size) for end in (core.end_row, core.end_column)]
        seen = tuple(
            slice(i * self.size - start, min(j * self.size, length) - start, self.step)
            for i, j, start, length in zip(first, last, starts, self.shape, strict=True)
        )
        put = tuple(slice(i, j) for i, j in zip(first, last, strict=True))
        if self.weight[put].size:
            outside = zones[seen] == 0
            side = self.size // self.step
            self.weight[put] = _sum_blocks(outside.astype(np.float32), side)
            self.total[put] = _sum_blocks(np.where(outside, smooth[seen], 0), side)
        self.darkest = min(self.darkest, smooth[core.place_in(window).slices].min())
        spans = find_spans(zones, len(owned))
        here = owned & (spans[:, 0, 0] >= 0)
        middle = (spans[here].sum(axis=2) + 2 * np.array(starts)) // 2
        self.places[here] = middle // self.size

    def measure_background(self) -> Array:
        """As `measure_background`, from the squares of the whole image."""
        weight, total = self.weight, self.total
        overall = total.sum() / weight.sum() if weight.any() else self.darkest
        weight = ndi.gaussian_filter(weight, self.sigma, mode="constant")
        total = ndi.gaussian_filter(total, self.sigma, mode="constant")
        around = (total + self.little * overall) / (weight + self.little)
        background = np.full(len(self.places), np.nan, np.float32)
        present = self.places[:, 0] >= 0
        background[present] = around[tuple(self.places[present].T)]
        return background


def measure_dark(
    parts: Iterable[Part], n_labels: int, distance_px: int, radius: float
) -> tuple[Array, np.float32]:
    """Background around each nucleus of an image in parts, and the darkest smoothed pixel."""
    squares: _Squares | None = None
    for part in parts:
        if squares is None:
            squares = _Squares(part.shape, n_labels, radius)
        smooth, zones = part.image.blur(SMOOTHING_PX), part.grow(distance_px)
        squares.add(smooth, zones, part.window, part.core, part.owned)
    assert squares is not None
    return squares.measure_background(), squares.darkest


def _sum_blocks(values: Array, side: int) -> Array:
    """Sums over squares of `side` px."""
    starts = [np.arange(0, length, side) for length in values.shape]
    return np.asarray(np.add.reduceat(np.add.reduceat(values, starts[0], 0), starts[1], 1))


def measure_brightness(
    smooth: Array, labels: Array, dark: Array, darkest: np.float32 | None = None
) -> Array:
    """Median brightness of each nucleus (the lower of two middle pixels).

    Over its pixels above the middle between its background `dark` and its mean, so that labels
    drawn too large do not count as darker.

    Parameters
    ----------
    smooth, labels : (height, width)
        Smoothed image and label image, or a window of both.
    dark : (n + 1,)
        Background by label.
    darkest
        Least value of the whole smoothed image; None: of this one.

    Returns
    -------
    float32 by label; NaN for labels that are absent or no brighter than their background.
    """
    inside, own = find_pixels(labels)
    own = own.astype(np.int64)
    values = smooth.reshape(-1)[inside]
    n = len(dark)
    mean = np.bincount(own, weights=values, minlength=n) / np.maximum(
        np.bincount(own, minlength=n), 1
    )
    bright = values > ((dark + mean) / 2)[own]
    own, values = own[bright], values[bright]
    darkest = smooth.min() if darkest is None else darkest
    median = find_medians(own, values - darkest, n) + darkest
    return np.where(median > dark, median, np.float32(np.nan))


def find_medians(own: Array, values: Array, n_labels: int) -> Array:
    """Median of the values of each label (the lower of two middle ones).

    Values are counted in steps from the least to the largest one of their label. Only those in the
    step of the median are sorted, a twentieth of all.

    Parameters
    ----------
    own, values : (m,) int64, float32
        Label of each value, and the value.
    n_labels
        Labels are smaller than this.

    Returns
    -------
    (n_labels,) float32; NaN for labels without a value.
    """
    low, high = np.full((2, n_labels), np.inf, np.float32)
    np.minimum.at(low, own, values)
    high *= -1
    np.maximum.at(high, own, values)
    width = np.maximum(high - low, np.finfo(np.float32).tiny)
    step = ((values - low[own]) / width[own] * (N_STEPS - 1)).astype(np.int64)
    count = np.bincount(own * N_STEPS + step, minlength=n_labels * N_STEPS)
    count = count.reshape(n_labels, N_STEPS)
    reached = np.cumsum(count, axis=1)
    middle = (reached[:, -1] - 1) // 2
    at = np.argmax(reached > middle[:, None], axis=1)

    near = step == at[own]
    own, values = own[near], values[near]
    values = values[np.lexsort((values, own))]
    label = np.arange(n_labels)
    sorted_here, reached = count[label, at], reached[label, at]
    # Values in the steps below that of the median are not among the sorted ones.
    place = np.cumsum(sorted_here) - reached + middle
    present = sorted_here > 0
    median = np.full(n_labels, np.nan, np.float32)
    median[present] = values[place[present]]
    return median


def _typical_radius(area: Array) -> float:
    """Radius in px of a disk with the median of the areas that are not 0."""
    return float(np.sqrt(np.median(area[area > 0]) / np.pi))


def _rise_above_background(parts: Iterable[Part], n_labels: int, radius: float) -> Array:
    """Brightness of each label above its background; 0 where it is no brighter."""
    dark, darkest = measure_dark(parts, n_labels, max(1, round(REACH * radius)), radius)
    bright = np.full(n_labels, np.nan, np.float32)
    for part in parts:
        own = measure_brightness(part.image.blur(SMOOTHING_PX), part.labels, dark, darkest)
        bright[part.owned] = own[part.owned]
    return np.asarray(np.nan_to_num(bright - dark))


def measure_contrast(image: Array | FilteredImage, labels: Array) -> Array:
    """Brightness of each nucleus above its background.

    Parameters
    ----------
    image, labels : (height, width)
        Grey values and label image.

    Returns
    -------
    In grey values by label, index 0 meaningless; 0 for a nucleus that is no brighter than its
    background.
    """
    area = count_pixels(labels)
    if not area.any():
        return np.zeros(len(area))
    parts = [Part.whole(FilteredImage.wrap(image), labels, len(area))]
    return _rise_above_background(parts, len(area), _typical_radius(area)).astype(np.float64)


def relate_contrast(contrast: Array, area: Array) -> Array:
    """Contrast relative to the typical one of an image.

    Parameters
    ----------
    contrast, area : (n,)
        Of all nuclei of an image, in grey values and px.

    Returns
    -------
    1 is the contrast of the nucleus in which the median pixel of all nuclei lies; 0 for all if
    that one has none.
    """
    if not len(area):
        return np.zeros(0)
    order = np.argsort(contrast)
    typical = contrast[order][np.searchsorted(np.cumsum(area[order]), area.sum() / 2)]
    return np.asarray(contrast / typical) if typical > 0 else np.zeros(len(area))


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
    area = count_pixels(labels)
    part = Part.whole(FilteredImage.wrap(image), labels, len(area))
    return measure_sharpness_of_parts([part], area)


def measure_sharpness_of_parts(parts: Iterable[Part], area: Array) -> Array:
    """As `measure_sharpness`, for an image in parts; `area` has the pixels of each label."""
    area = area.copy()
    area[0] = 0
    sharpness = np.zeros(len(area))
    if not area.any():
        return sharpness
    radius = _typical_radius(area)
    contrast = _rise_above_background(parts, len(area), radius)
    for part in parts:
        places = _find_edges(part.labels)
        own = part.labels.reshape(-1)[places]
        slope = _find_steepest(part.image.blur(SMOOTHING_PX), places)
        order = np.lexsort((slope, own))
        count = np.bincount(own, minlength=len(area))
        present = (count > 0) & (contrast > 0)
        steep = np.zeros(len(area), slope.dtype)
        steep[present] = slope[order][(np.cumsum(count) - count + (3 * count) // 4)[present]]
        present &= part.owned
        sharpness[present] = steep[present] * max(radius, LEAST_RADIUS_PX) / contrast[present]
    return sharpness


def _find_edges(labels: Array) -> npt.NDArray[np.int64]:
    """Flat indices of the pixels of labels that touch another one, or background.

    Where the border of the image cuts a nucleus, it has no edge.
    """
    flat, width = labels.reshape(-1), labels.shape[1]
    inside, own = find_pixels(labels)
    is_edge = flat[np.where(inside >= width, inside - width, inside)] != own
    is_edge |= flat[np.where(inside < flat.size - width, inside + width, inside)] != own
    column = inside % width
    is_edge |= flat[inside - (column > 0)] != own
    is_edge |= flat[inside + (column < width - 1)] != own
    return np.asarray(inside[is_edge])


def _find_steepest(smooth: Array, places: Array) -> Array:
    """The largest slope in the 3 x 3 pixels around each place, a flat index."""
    height, width = smooth.shape
    # Of the pixels around, each once.
    is_near = np.zeros((height + 2, width + 2), bool)
    flat = is_near.reshape(-1)
    wide = width + 2
    centre = (places // width + 1) * wide + places % width + 1
    around = [row * wide + column for row in (-1, 0, 1) for column in (-1, 0, 1)]
    for step in around:
        flat[centre + step] = True
    near = np.flatnonzero(is_near[1:-1, 1:-1])
    row, column = np.divmod(near, width)
    values = smooth.reshape(-1)
    # As numpy.gradient: over two pixels, at the border of the image over one.
    low, high = near - width * (row > 0), near + width * (row < height - 1)
    along = (values[high] - values[low]) / ((high - low) // width).astype(smooth.dtype)
    low, high = near - (column > 0), near + (column < width - 1)
    across = (values[high] - values[low]) / (high - low).astype(smooth.dtype)
    # Beyond the border there is no slope.
    slopes = np.zeros(flat.size, smooth.dtype)
    slopes[(row + 1) * wide + column + 1] = np.hypot(along, across)
    steepest = slopes[centre]
    for step in around:
        np.maximum(steepest, slopes[centre + step], out=steepest)
    return np.asarray(steepest)
