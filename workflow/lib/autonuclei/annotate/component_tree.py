"""Nuclei as connected parts of the image at brightness levels of their own.

One threshold for a whole image misses dim nuclei, joins bright neighbours and fails on tissue.
The parts of an image above each of many levels form a tree: a part at one level lies inside one
part at the level below (Salembier, Oliveras and Garrido 1998). Of all parts that could be
nuclei, those are taken that together explain most of the image as ellipses of one size. What is
looked for needs neither a threshold nor an example.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.annotate.filtering import FilteredImage, blur_image, enlarge, smooth_noise
from autonuclei.labels.pieces import join_runs
from autonuclei.labels.shapes import fit_pixels, sum_pixels
from autonuclei.settings import AnnotateSettings

Array = npt.NDArray[Any]

N_LEVELS = 30
# An ellipticity of 1 is a full ellipse; two touching disks have 0.89.
LEAST_ELLIPTICITY = 0.8
# Areas relative to the typical one: full score between these, none at half and 1.5 times them.
SMALLEST, LARGEST = 0.25, 4.0
# An object cut by the border may be this much smaller.
CUT_BY_BORDER = 8.0
# How far a part rises above what it is joined to: times the noise, and of its own brightness.
NOISE_STEPS = 4.0
LEAST_RISE = 0.05
# The outline of a part lies at least at this part of its rise.
LEAST_LEVEL = 0.45
# Gaps inside a nucleus, relative to its area.
LARGEST_HOLE = 0.3
# Radius in px at which nuclei are looked for; larger ones do not need every pixel.
WORKING_RADIUS = 8


@dataclass(frozen=True)
class Tree:
    """Parts of an image above several levels; all arrays but the last two are by part.

    `level` and `peak` are grey values, `parent` is an index, -1 at the lowest level. Parts are
    numbered level by level from the lowest, which begin at `start`. `highest` is an image: at each
    pixel the part of the highest level that it is in, -1 for none.
    """

    area: Array
    ellipticity: Array
    peak: Array
    level: Array
    parent: Array
    at_border: Array
    start: Array
    highest: Array

    def steps(self) -> Iterator[Array]:
        """Indices of the parts of each level, from the lowest level up."""
        for begin, end in zip(self.start[:-1], self.start[1:], strict=True):
            yield np.arange(begin, end)


def find_nuclei(
    image: Array | FilteredImage,
    area: float | None = None,
    *,
    smoothing_px: float = AnnotateSettings.smoothing_px,
    minimum_area_px: float = AnnotateSettings.minimum_area_px,
) -> tuple[Array, float]:
    """Find nuclei at levels of their own.

    Parameters
    ----------
    image : (height, width)
        Grey values.
    area
        Typical area of a nucleus in px, about; None: from `estimate_area`.
    smoothing_px
        Standard deviation of the Gaussian filter, in px.
    minimum_area_px
        Smaller parts are no nuclei.

    Returns
    -------
    labels : (height, width) int32
        Label image, 1..n; nuclei do not touch each other.
    area : float
        Typical area of a nucleus in px; NaN without any.
    """
    image = FilteredImage.wrap(image)
    if area is None:
        area = estimate_area(image, smoothing_px=smoothing_px, minimum_area_px=minimum_area_px)
    if np.isnan(area):
        return np.zeros(image.values.shape, np.int32), area
    return find_nuclei_at(image, choose_step(area), area, smoothing_px, minimum_area_px)


def estimate_area(
    image: FilteredImage,
    *,
    smoothing_px: float = AnnotateSettings.smoothing_px,
    minimum_area_px: float = AnnotateSettings.minimum_area_px,
) -> float:
    """Typical area of what is found while it may have any, in px; parameters of `find_nuclei`."""
    step = 2 if min(image.values.shape) >= 512 else 1
    return find_nuclei_at(image, step, None, smoothing_px, minimum_area_px)[1]


def choose_step(area: float, radius_px: int = WORKING_RADIUS) -> int:
    """How many px of an image become one where a nucleus of an area (px) gets a radius.

    1 if it is smaller, or NaN.
    """
    return 1 if np.isnan(area) else max(1, int(np.sqrt(area / np.pi) / radius_px))


def find_nuclei_at(
    image: FilteredImage,
    step: int,
    area: float | None,
    smoothing_px: float,
    minimum_area_px: float,
    n_levels: int = N_LEVELS,
) -> tuple[Array, float]:
    """`find_nuclei` on means of `step` x `step` px, with the typical area if it is known."""
    shape = image.values.shape
    small = image.reduce(step)
    smooth = blur_image(small.values, smoothing_px)
    if smooth.min() == smooth.max():
        return np.zeros(shape, np.int32), float("nan")
    noise = smooth_noise(small.noise, smoothing_px)
    background, levels = choose_levels(smooth, noise, n_levels)
    own = None if area is None else area / step**2
    tree = build_tree(smooth, levels, 0 if own is None else LARGEST_HOLE * own)
    rise = measure_rise(tree, background)
    score = score_ellipses(tree.ellipticity, tree.area, own, tree.at_border)
    height = tree.peak - background
    least = np.maximum(NOISE_STEPS * noise, LEAST_RISE * height)
    possible = (tree.area * step**2 >= minimum_area_px) & (rise >= least)
    # Below, the halo joins neighbours and smooths every shape.
    possible &= tree.level >= tree.peak - (1 - LEAST_LEVEL) * rise
    possible &= tree.peak - tree.level >= NOISE_STEPS * noise
    value = np.where(possible, score * np.sqrt(tree.area) * rise, 0)
    chosen = choose_parts(tree, value)
    if not chosen.any():
        return np.zeros(shape, np.int32), float("nan")
    typical = _weighted_median(tree.area[chosen], value[chosen]) * step**2
    return enlarge(draw_parts(tree, chosen), step, shape), typical


def choose_levels(smooth: Array, noise: float, n_levels: int = N_LEVELS) -> tuple[float, Array]:
    """Background of an image and levels above it, closer to each other where it is dark.

    The background is the median of what lies below Otsu's threshold.
    """
    from skimage.filters import threshold_otsu

    background = float(np.median(smooth[smooth <= float(threshold_otsu(smooth))]))
    height = float(np.percentile(smooth, 99.95)) - background
    lowest = max(3 * noise, 0.02 * height)
    roots = np.linspace(np.sqrt(lowest), np.sqrt(max(height, lowest)), n_levels, endpoint=False)
    return background, (background + roots**2).astype(np.float32)


def build_tree(smooth: Array, levels: Array, largest_hole: float) -> Tree:
    """Connected parts (4 neighbours) above each level, and which lies in which.

    Holes of up to `largest_hole` px count as inside. Parts of a level lie in those of the level
    below, so only the pixels of these are looked at, and what is summed over the pixels of a part
    comes from the parts in it. (scikit-image's `max_tree` takes ten times as long.)
    """
    # The rim is no part, and no gap leads out of the image.
    highest = np.full([size + 2 for size in smooth.shape], np.iinfo(np.int32).max, np.int32)
    highest[1:-1, 1:-1] = -1
    of_pixel, width = highest.reshape(-1), highest.shape[1]
    pixels, values = np.flatnonzero(of_pixel < 0), smooth.ravel()
    parents: list[Array] = []
    start = [0]
    lowest = -1  # part of the level below
    for level in levels:
        is_inside = values > level
        if largest_hole > 0:
            gaps = np.flatnonzero(~is_inside)
            is_inside[gaps] = _find_holes(pixels[gaps], of_pixel, width, lowest, largest_hole)
        pixels, values = pixels[is_inside], values[is_inside]
        piece, n, first, length = _label_pixels(pixels, width)
        parent = np.full(n, -1)
        parent[piece] = of_pixel[first]
        parents.append(parent)
        lowest = start[-1]
        of_pixel[pixels] = np.repeat(piece + lowest, length)
        start.append(lowest + n)
    highest = np.ascontiguousarray(highest[1:-1, 1:-1])
    parent = np.concatenate(parents)
    inside = np.flatnonzero(highest >= 0)
    own = highest.reshape(-1)[inside]
    sums = sum_pixels(inside, own, start[-1] - 1, smooth.shape[1])
    peak = np.full(start[-1], -np.inf, np.float32)
    np.maximum.at(peak, own, smooth.reshape(-1)[inside])
    at_border = np.zeros(start[-1] + 1, bool)
    for edge in (highest[0], highest[-1], highest[:, 0], highest[:, -1]):
        at_border[edge] = True  # the last one is that of no part
    for begin, end in reversed(list(itertools.pairwise(start))[1:]):
        parts = np.arange(begin, end)
        for values in sums:
            np.add.at(values, parent[parts], values[parts])
        np.maximum.at(peak, parent[parts], peak[parts])
        np.logical_or.at(at_border, parent[parts], at_border[parts])
    area, ellipticity = fit_pixels(sums)
    return Tree(
        area=area,
        ellipticity=ellipticity,
        peak=peak,
        level=np.repeat(levels, np.diff(start)),
        parent=parent,
        at_border=at_border[:-1],
        start=np.array(start),
        highest=highest,
    )


def _label_pixels(pixels: Array, width: int) -> tuple[Array, int, Array, Array]:
    """4-connected pieces of pixels, flat indices in order, by run: piece, first pixel, length."""
    begins = np.flatnonzero(np.diff(pixels, prepend=-2) != 1)
    first, length = pixels[begins], np.diff(begins, append=len(pixels))
    piece, n = join_runs(first, length, np.zeros(len(first), bool), width)
    return piece, n, first, length


def _find_holes(
    pixels: Array, of_pixel: Array, width: int, lowest: int, largest_hole: float
) -> Array:
    """Which pixels lie in gaps of at most so many px that do not lead out of the level below.

    That level has the parts from `lowest` on.
    """
    piece, n, _, length = _label_pixels(pixels, width)
    is_hole = np.bincount(piece, weights=length, minlength=n) <= largest_hole
    own = np.repeat(piece, length)
    for shift in (-width, -1, 1, width):
        is_hole[own[of_pixel[pixels + shift] < lowest]] = False
    return np.asarray(is_hole[own])


def score_ellipses(
    ellipticity: Array, area: Array, typical_area: float | None, at_border: Array
) -> Array:
    """How well each object passes for a nucleus, from 0 to 1, by its shape and its size."""
    score = np.clip((ellipticity - LEAST_ELLIPTICITY) / (1 - LEAST_ELLIPTICITY), 0, 1)
    if typical_area is None:
        return np.asarray(score)
    size = area / typical_area
    size = np.where(at_border, np.maximum(size, np.minimum(1, CUT_BY_BORDER * size)), size)
    rising = (size - SMALLEST / 2) / (SMALLEST / 2)
    falling = (1.5 * LARGEST - size) / (0.5 * LARGEST)
    return np.asarray(score * np.clip(np.minimum(rising, falling), 0, 1))


def measure_rise(tree: Tree, background: float) -> Array:
    """How far the peak of each part stands out, as the prominence of a mountain.

    Height of the peak above the level at which the part is joined to a higher peak, or above the
    background for the highest peak of all that is connected.
    """
    rise = np.zeros(len(tree.area))
    for parts in tree.steps():
        parent = tree.parent[parts]
        joined = np.where(
            tree.peak[parts] >= tree.peak[parent],
            rise[parent],
            tree.peak[parts] - tree.level[parent],
        )
        rise[parts] = np.where(parent < 0, tree.peak[parts] - background, joined)
    return rise


def choose_parts(tree: Tree, value: Array) -> Array:
    """The parts, none inside another, whose values have the largest sum (boolean by part)."""
    best_inside = np.zeros(len(value))
    chosen = np.zeros(len(value), bool)
    for parts in reversed(list(tree.steps())):
        chosen[parts] = (value[parts] > 0) & (value[parts] >= best_inside[parts])
        best = np.maximum(value[parts], best_inside[parts])
        has_parent = tree.parent[parts] >= 0
        np.add.at(best_inside, tree.parent[parts][has_parent], best[has_parent])
    covered = np.zeros(len(value), bool)
    for parts in list(tree.steps())[1:]:
        parent = tree.parent[parts]
        covered[parts] = covered[parent] | chosen[parent]
    return chosen & ~covered


def draw_parts(tree: Tree, chosen: Array) -> Array:
    """Label image (int32, 1..n) of the chosen parts, none of which is inside another."""
    number = np.append(np.where(chosen, np.cumsum(chosen), 0), 0).astype(np.int32)
    for parts in list(tree.steps())[1:]:
        # Within a chosen part none is chosen.
        number[parts] = np.maximum(number[parts], number[tree.parent[parts]])
    return np.asarray(number[tree.highest])


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values)
    half = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(values[order][half])
