"""Nuclei as connected parts of the image at brightness levels of their own.

One threshold for a whole image misses dim nuclei, joins bright neighbours and fails on tissue.
The parts of an image above each of many levels form a tree: a part at one level lies inside one
part at the level below (Salembier, Oliveras and Garrido 1998). Of all parts that could be
nuclei, those are taken that together explain most of the image as ellipses of one size. What is
looked for needs neither a threshold nor an example.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from autonuclei.annotate.filtering import FilteredImage, smooth_noise
from autonuclei.labels.shapes import measure_pixels
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

    `level` and `peak` are grey values, `parent` is an index, -1 at the lowest level.
    """

    area: Array
    ellipticity: Array
    peak: Array
    level: Array
    parent: Array
    at_border: Array
    start: Array
    pieces: list[Array]

    def steps(self) -> Iterator[Array]:
        """Indices of the parts of each level, from the lowest level up."""
        for begin, end in zip(self.start[:-1], self.start[1:], strict=True):
            yield np.arange(begin, end)


def find_nuclei(
    image: Array | FilteredImage,
    *,
    smoothing_px: float = AnnotateSettings.smoothing_px,
    minimum_area_px: int = AnnotateSettings.minimum_area_px,
) -> tuple[Array, float]:
    """Find nuclei at levels of their own.

    Parameters
    ----------
    image : (height, width)
        Grey values.
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
    shape = image.values.shape
    step = 2 if min(shape) >= 512 else 1
    _, area = _find_at(image, step, None, smoothing_px, minimum_area_px)
    if np.isnan(area):
        return np.zeros(shape, np.int32), area
    step = max(1, int(np.sqrt(area / np.pi) / WORKING_RADIUS))
    return _find_at(image, step, area, smoothing_px, minimum_area_px)


def _find_at(
    image: FilteredImage, step: int, area: float | None, smoothing_px: float, minimum_area_px: int
) -> tuple[Array, float]:
    """`find_nuclei` on means of `step` x `step` px, with the typical area if it is known."""
    shape = image.values.shape
    small = reduce_image(image.values, step)
    smooth = ndi.gaussian_filter(small, smoothing_px) if smoothing_px else small
    if smooth.min() == smooth.max():
        return np.zeros(shape, np.int32), float("nan")
    noise = smooth_noise(image.noise / step, smoothing_px)
    background, levels = choose_levels(smooth, noise)
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
    labels = np.repeat(np.repeat(draw_parts(tree, chosen), step, 0), step, 1)
    typical = _weighted_median(tree.area[chosen], value[chosen]) * step**2
    return labels[: shape[0], : shape[1]], typical


def reduce_image(image: Array, step: int) -> Array:
    """Means of `step` x `step` px as float32; edge pixels are repeated to fill the last ones."""
    values = image.astype(np.float32)
    if step == 1:
        return values
    values = np.pad(values, [(0, -size % step) for size in values.shape], mode="edge")
    rows, columns = (size // step for size in values.shape)
    return np.asarray(values.reshape(rows, step, columns, step).mean(axis=(1, 3)))


def choose_levels(smooth: Array, noise: float) -> tuple[float, Array]:
    """Background of an image and levels above it, closer to each other where it is dark.

    The background is the median of what lies below Otsu's threshold.
    """
    from skimage.filters import threshold_otsu

    background = float(np.median(smooth[smooth <= float(threshold_otsu(smooth))]))
    height = float(np.percentile(smooth, 99.95)) - background
    lowest = max(3 * noise, 0.02 * height)
    roots = np.linspace(np.sqrt(lowest), np.sqrt(max(height, lowest)), N_LEVELS, endpoint=False)
    return background, (background + roots**2).astype(np.float32)


def build_tree(smooth: Array, levels: Array, largest_hole: float) -> Tree:
    """Connected parts (4 neighbours) above each level, and which lies in which.

    Holes of up to `largest_hole` px count as inside. Level by level, since scikit-image's
    `area_closing` and `max_tree` take 9 s where this takes 1 (1 megapixel, 30 levels).
    """
    found: dict[str, list[Array]] = {
        name: [] for name in ("area", "ellipticity", "peak", "level", "parent", "at_border")
    }
    start = [0]
    pieces: list[Array] = []
    for level in levels:
        above = smooth > level
        if largest_hole > 0:
            gaps, n_gaps = ndi.label(~above)
            is_hole = np.bincount(gaps.ravel(), minlength=n_gaps + 1) <= largest_hole
            is_hole[0] = False
            above |= is_hole[gaps]
        piece, n = ndi.label(above)
        inside = np.flatnonzero(piece)
        own = piece.ravel()[inside]
        area, ellipticity = measure_pixels(inside, own, n, piece.shape[1])
        peak = np.zeros(n + 1, np.float32)
        np.maximum.at(peak, own, smooth.ravel()[inside])
        parent = np.full(n + 1, -1)
        if pieces:
            parent[own] = pieces[-1].ravel()[inside] + (start[-2] - 1)
        at_border = np.zeros(n + 1, bool)
        for edge in (piece[0], piece[-1], piece[:, 0], piece[:, -1]):
            at_border[edge] = True
        columns = (area, ellipticity, peak, np.full(n + 1, level), parent, at_border)
        for values, column in zip(found.values(), columns, strict=True):
            values.append(column[1:])
        start.append(start[-1] + n)
        pieces.append(piece)
    joined = {name: np.concatenate(values) for name, values in found.items()}
    return Tree(**joined, start=np.array(start), pieces=pieces)


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
    """Label image (int32, 1..n) of the chosen parts."""
    number = np.where(chosen, np.cumsum(chosen), 0).astype(np.int32)
    labels = np.zeros(tree.pieces[0].shape, np.int32)
    for parts, piece in zip(tree.steps(), tree.pieces, strict=True):
        labels = np.maximum(labels, np.append(np.int32(0), number[parts])[piece])
    return labels


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values)
    half = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(values[order][half])
