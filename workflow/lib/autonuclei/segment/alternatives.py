"""What else could be a nucleus in a frame of a movie: what the network passed over.

Nothing here decides. Whether an alternative is taken is told by the frames before and after
(`autonuclei.track.choice`).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import ndimage as ndi

from autonuclei.annotate import boundaries
from autonuclei.annotate.filtering import FilteredImage
from autonuclei.annotate.remainder import take_out
from autonuclei.annotate.unusual_nuclei import measure_significance
from autonuclei.labels.measurement import OBJECT_COLUMNS, measure_objects
from autonuclei.labels.outlines import list_sides
from autonuclei.labels.shapes import find_pixels, measure_ellipticity, measure_means

Array = npt.NDArray[Any]

TABLE_COLUMNS = (*OBJECT_COLUMNS, "is_known", "touches", "border_px")
# Areas relative to the median one: a plate of mitosis is small.
SMALLEST, LARGEST = 0.1, 2.5
# Far below what a single frame would need (`annotate.unusual_nuclei`).
LEAST_ELLIPTICITY = 0.9
LEAST_SIGNIFICANCE = 20.0
# Around known nuclei, in radii of the median one, all light is theirs.
REACH = 0.15
# Plates and pairs of mitosis are brighter, at their edge too: contrast relative to the median one.
BRIGHT = 0.75


def find_alternatives(image: Array, labels: Array) -> npt.NDArray[np.int32]:
    """Find what could be nuclei in what the known ones leave of an image.

    Parameters
    ----------
    image : (height, width)
        Grey values.
    labels : (height, width) int
        Label image of the known nuclei, numbered without gaps; without any, none is found.

    Returns
    -------
    (height, width) int32
        Label image of both: the known nuclei as they are, the others numbered after them. Parts
        of the image at brightness levels of their own, smaller, less regular and dimmer than one
        frame alone would let pass.
    """
    known = labels.astype(np.int32, order="C")
    if not known.any():
        return known
    whole = FilteredImage(image)
    remainder = take_out(whole, known, reach=REACH)
    median_area = remainder.median_area
    contrast = measure_means(image - remainder.background, known)
    found, n_bright = ndi.label(
        remainder.image.blur(boundaries.SMOOTHING_PX) > BRIGHT * np.median(contrast[1:])
    )
    # Bright parts take the place of others that they touch.
    parts = remainder.find_parts()
    is_hidden = np.zeros(int(parts.max()) + 1, bool)
    is_hidden[parts.reshape(-1)[np.flatnonzero(found)]] = True
    inside, own = find_pixels(parts)
    stays = ~is_hidden[own]
    np.put(found, inside[stays], n_bright + own[stays])
    found = boundaries.refine_boundaries(remainder.image, found)
    area, ellipticity = measure_ellipticity(found)
    contrast = measure_means(remainder.image.values, found)
    significance = measure_significance(contrast, area, whole.noise)
    is_possible = (area >= SMALLEST * median_area) & (area <= LARGEST * median_area)
    is_possible &= (ellipticity >= LEAST_ELLIPTICITY) & (significance >= LEAST_SIGNIFICANCE)
    is_possible[0] = False
    numbers = np.cumsum(is_possible, dtype=np.int32) + known.max()
    inside, own = find_pixels(found)
    chosen = is_possible[own]
    np.put(known, inside[chosen], numbers[own[chosen]])
    return known


def find_touching(labels: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find the neighbour that each object touches most.

    Parameters
    ----------
    labels : (height, width) int
        Label image, numbered without gaps.

    Returns
    -------
    neighbour : (n,) int64
        By label, that of the neighbour with the longest common border; 0 for none.
    length : (n,) int64
        Of that border, in pairs of pixels side by side.
    """
    sides = list_sides(labels)
    sides = sides[:, (sides > 0).all(axis=0)]
    own, neighbour = np.concatenate([sides, sides[::-1]], axis=1)
    places, length = np.unique(np.stack([own, neighbour]), axis=1, return_counts=True)
    longest = np.zeros((2, int(labels.max(initial=0))), np.int64)
    order = np.argsort(length, kind="stable")  # the longest is written last
    longest[:, places[0, order] - 1] = places[1, order], length[order]
    return longest[0], longest[1]


def measure_alternatives(
    image: Array, labels: Array, probability: Array, *, frame: int, pixel_size_um: float | None
) -> tuple[npt.NDArray[np.int32], pd.DataFrame]:
    """Find the alternatives of a frame, and measure them and the known nuclei.

    Parameters
    ----------
    image : (height, width)
        Grey values.
    labels : (height, width) int
        Label image of the known nuclei, numbered without gaps.
    probability : (n,) float
        Of the network, by label.
    frame
    pixel_size_um
        None if it is unknown.

    Returns
    -------
    labels : (height, width) int32
        From `find_alternatives`.
    table : DataFrame
        `TABLE_COLUMNS`: measures of all, `is_known`, and `touches` and `border_px` from
        `find_touching`.
    """
    both = find_alternatives(image, labels)
    n_known, n_both = len(probability), int(both.max(initial=0))
    table = measure_objects(
        both,
        image,
        frame=frame,
        pixel_size_um=pixel_size_um,
        probability=np.append(probability, np.full(n_both - n_known, np.nan)),
    )
    own = table["label"] - 1
    touches, border = find_touching(both)
    return both, table.assign(is_known=own < n_known, touches=touches[own], border_px=border[own])
