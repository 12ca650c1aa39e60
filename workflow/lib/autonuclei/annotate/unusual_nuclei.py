"""Nuclei that are unusual: much dimmer than the others, or condensed as in mitosis.

A nucleus of a tenth of the usual brightness may be as real as the others; so may a speck of dirt or
the glow of a nucleus out of focus. What tells them apart is how far an object stands out from the
noise, its shape and its size. The plates and pairs of mitosis are small and less convex, but
bright: a nucleus keeps its chromatin.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.annotate.filtering import FilteredImage
from autonuclei.labels.numbers import keep_labels
from autonuclei.labels.shapes import measure_ellipticity
from autonuclei.settings import AnnotateSettings

Array = npt.NDArray[Any]

# Dim nuclei: contrast over the noise of a pixel, times the root of the area in px.
LEAST_SIGNIFICANCE = 80.0
LEAST_ELLIPTICITY = 0.96
# Of all that stands out as clearly and is as large, so many must have the shape of a nucleus.
# 72 of 79 have in HeLa 01, 32 of 85 in tissue (603x1272 of BBBC038).
LEAST_SHARE = 0.5
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
# Around known objects, in radii of the median one, all light is theirs.
REACH = 0.6


def is_dim_nucleus(
    significance: Array, ellipticity: Array, area: Array, median_area: float
) -> npt.NDArray[np.bool_]:
    """Whether each dim object of an image is clearly a nucleus.

    None is where most of those that stand out as clearly have another shape: tissue and debris,
    some of which are ellipses by chance.

    Parameters
    ----------
    significance, ellipticity, area : (n,)
        Of all dim objects of one image, from `measure_significance` and
        `labels.shapes.measure_ellipticity`; area in px.
    median_area
        Of the nuclei, in px.
    """
    is_usual = (area >= SMALLEST * median_area) & (area <= LARGEST * median_area)
    is_clear = is_usual & (significance >= LEAST_SIGNIFICANCE)
    is_nucleus = is_clear & (ellipticity >= LEAST_ELLIPTICITY)
    return np.asarray(is_nucleus & (is_nucleus.sum() >= LEAST_SHARE * is_clear.sum()))


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
    minimum_area_px: float = AnnotateSettings.minimum_area_px,
) -> npt.NDArray[np.int32]:
    """Find dim nuclei in what is left of an image without the objects that are known.

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
    # SciPy takes 0.2 s to import: a job that only judges objects does without.
    from autonuclei.annotate import boundaries
    from autonuclei.annotate.remainder import take_out

    image = FilteredImage.wrap(image)
    remainder = take_out(image, objects, reach=REACH)
    median_area = remainder.median_area
    found = remainder.find_parts(smoothing_px=smoothing_px, minimum_area_px=minimum_area_px)
    area, ellipticity = measure_ellipticity(found)
    possible = (area >= 0.5 * SMALLEST * median_area) & (ellipticity >= LEAST_BEFORE_DRAWING)
    possible[0] = False
    if not possible.any():
        return np.zeros_like(found)
    found = keep_labels(found, np.flatnonzero(possible))
    found = boundaries.refine_boundaries(remainder.image, found)
    area, ellipticity = measure_ellipticity(found)
    bright = boundaries.measure_brightness(
        remainder.image.blur(boundaries.SMOOTHING_PX), found, np.zeros(len(area), np.float32)
    )
    significance = measure_significance(np.nan_to_num(bright), area, image.noise)
    clear = is_dim_nucleus(significance, ellipticity, area, median_area)
    clear[0] = False
    return np.asarray(keep_labels(found, np.flatnonzero(clear)))
