"""Nuclei that are unusual: much dimmer than the others, or condensed as in mitosis.

A nucleus of a tenth of the usual brightness may be as real as the others; so may a speck of dirt or
the glow of a nucleus out of focus. What tells them apart is how far an object stands out from the
noise, its shape and its size. The plates and pairs of mitosis are small and less convex, but
bright: a nucleus keeps its chromatin.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from autonuclei.annotate import boundaries
from autonuclei.annotate.component_tree import enlarge_labels, find_nuclei_at, reduce_image
from autonuclei.annotate.filtering import FilteredImage
from autonuclei.labels.growth import grow_labels
from autonuclei.labels.numbers import keep_labels
from autonuclei.labels.shapes import measure_ellipticity
from autonuclei.settings import AnnotateSettings

Array = npt.NDArray[Any]

# Dim nuclei: contrast over the noise of a pixel, times the root of the area in px.
LEAST_SIGNIFICANCE = 80.0
LEAST_ELLIPTICITY = 0.96
# Areas relative to the median one.
SMALLEST, LARGEST = 0.5, 2.0
# Condensed nuclei: contrast relative to the typical one, area relative to the median one, the
# product of both, and how much less convex than others.
LEAST_CONTRAST = 1.5
SMALLEST_CONDENSED, LARGEST_CONDENSED = 0.1, 1.2
LEAST_CHROMATIN = 0.3
LESS_SOLID = 0.05
# Before the boundary is drawn at full resolution.
LEAST_BEFORE_DRAWING = 0.9
# Nuclei are looked for at this radius in px, and at so many levels: what is found is drawn anew.
WORKING_RADIUS, N_LEVELS = 5, 15
# Around known objects, in radii of the median one, all light is theirs.
REACH = 0.6
# The background is averaged with a Gaussian so wide, from squares of this side, in radii.
BACKGROUND_RADII, SQUARE_RADII = 3.0, 0.5


def is_dim_nucleus(
    significance: Array, ellipticity: Array, area: Array, median_area: float
) -> npt.NDArray[np.bool_]:
    """Whether each object, however dim, is clearly a nucleus.

    Parameters
    ----------
    significance, ellipticity, area : (n,)
        From `measure_significance` and `labels.shapes.measure_ellipticity`; area in px.
    median_area
        Of the nuclei, in px.
    """
    is_usual = (area >= SMALLEST * median_area) & (area <= LARGEST * median_area)
    return np.asarray(
        is_usual & (significance >= LEAST_SIGNIFICANCE) & (ellipticity >= LEAST_ELLIPTICITY)
    )


def is_condensed(
    relative_contrast: Array, solidity: Array, area: Array, median_area: float, solid: float
) -> npt.NDArray[np.bool_]:
    """Whether each object is as small and as bright as a nucleus in mitosis.

    Parameters
    ----------
    relative_contrast, solidity, area : (n,)
        From `boundaries.relate_contrast` and `labels.measurement.measure_objects`; area in px.
    median_area
        Of the nuclei, in px.
    solid
        Least solidity of the others.
    """
    share = area / median_area
    return np.asarray(
        (relative_contrast >= LEAST_CONTRAST)
        & (share >= SMALLEST_CONDENSED)
        & (share <= LARGEST_CONDENSED)
        & (share * relative_contrast >= LEAST_CHROMATIN)
        & (solidity >= solid - LESS_SOLID)
    )


def measure_significance(contrast: Array, area: Array, noise: float) -> npt.NDArray[np.float64]:
    """How far objects stand out from the noise: that of the mean over their pixels.

    Parameters
    ----------
    contrast, area : (n,)
        Brightness above the background, and area in px.
    noise
        Standard deviation of the noise of a pixel.
    """
    return np.asarray(contrast * np.sqrt(area) / max(noise, np.finfo(np.float32).tiny))


def find_dim_nuclei(
    image: Array | FilteredImage,
    objects: Array,
    *,
    smoothing_px: float = AnnotateSettings.smoothing_px,
    minimum_area_px: int = AnnotateSettings.minimum_area_px,
) -> npt.NDArray[np.int32]:
    """Find dim nuclei in what is left of an image without the objects that are known.

    Levels of brightness for a whole image reach from its background to its brightest nuclei. A
    nucleus of a twentieth of their brightness lies below the lowest of these levels, or in the
    light that others throw around them.

    Parameters
    ----------
    image : (height, width)
        Grey values.
    objects : (height, width) int
        Label image, with at least one object.
    smoothing_px, minimum_area_px
        As in `component_tree.find_nuclei`.

    Returns
    -------
    (height, width) int32
        Label image of clear ones (`is_dim_nucleus`), away from the known objects.
    """
    image = FilteredImage.wrap(image)
    area = np.bincount(objects.ravel())[1:]
    median_area = float(np.median(area[area > 0]))
    radius = np.sqrt(median_area / np.pi)
    taken = grow_labels(objects, max(1, round(REACH * radius))) > 0
    left = image.values - estimate_background(image.values, taken, radius)
    left[taken] = 0
    remainder = FilteredImage(left, noise=image.noise)
    step = max(1, int(radius / WORKING_RADIUS))
    found, _ = find_nuclei_at(
        remainder, step, median_area, smoothing_px, minimum_area_px, n_levels=N_LEVELS
    )
    area, ellipticity = measure_ellipticity(found)
    possible = (area >= 0.5 * SMALLEST * median_area) & (ellipticity >= LEAST_BEFORE_DRAWING)
    possible[0] = False
    if not possible.any():
        return np.zeros_like(found)
    found = keep_labels(found, np.flatnonzero(possible))
    found = boundaries.refine_boundaries(remainder, found)
    area, ellipticity = measure_ellipticity(found)
    bright = boundaries.measure_brightness(
        remainder.blur(boundaries.SMOOTHING_PX), found, np.zeros(len(area), np.float32)
    )
    significance = measure_significance(np.nan_to_num(bright), area, image.noise)
    clear = is_dim_nucleus(significance, ellipticity, area, median_area)
    clear[0] = False
    return np.asarray(keep_labels(found, np.flatnonzero(clear)))


def estimate_background(image: Array, taken: Array, radius: float) -> npt.NDArray[np.float32]:
    """Background at each pixel: the mean of what lies around and is not taken.

    Parameters
    ----------
    image : (height, width)
        Grey values.
    taken : (height, width) bool
        Pixels that are no background.
    radius
        Of a nucleus, in px.
    """
    side = max(1, round(SQUARE_RADII * radius))
    weight = reduce_image(~taken, side)
    total = reduce_image(np.where(taken, 0, image), side)
    overall = total.sum() / max(weight.sum(), 1e-6)
    sigma = BACKGROUND_RADII * radius / side
    little = 1e-3
    weight = ndi.gaussian_filter(weight, sigma, mode="constant") + little
    total = ndi.gaussian_filter(total, sigma, mode="constant") + little * overall
    background = enlarge_labels(total / weight, side)[: image.shape[0], : image.shape[1]]
    return np.asarray(ndi.uniform_filter(background, side), np.float32)
