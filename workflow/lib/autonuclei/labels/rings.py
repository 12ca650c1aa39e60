"""Rings around nuclei: a band of cytoplasm that belongs to one nucleus alone."""

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def measure_distance2(labels: Array) -> npt.NDArray[np.float32]:
    """Measure how far each pixel is from the nearest one of another label.

    In the background that is the distance to the nearest nucleus, in a nucleus that to the
    outside of it, be it background or a neighbour that it touches. The border of the image
    does not count.

    Parameters
    ----------
    labels : (height, width) int
        Label image, 0 is background.

    Returns
    -------
    (height, width) float32
        Square of the distance between pixel centres, in px2: whole numbers from 1. Infinite in
        an image of one label or none.
    """
    # Six times as fast as SciPy's, and for all labels at once where none of them is 0.
    from edt import edtsq

    zones = np.ascontiguousarray(labels).astype(np.uint32) + np.uint32(1)
    return np.asarray(edtsq(zones, black_border=False, parallel=1), np.float32)


def find_rings(labels: Array, distance2: Array, *, gap_px: float, ring_px: float) -> Array:
    """Find the ring of each nucleus: the pixels outside of it at a distance.

    A pixel belongs to the ring of its nearest nucleus, and of no other: where nuclei stand
    close, their rings meet halfway and are narrower. So no ring holds a pixel of a nucleus, and
    none comes nearer than the gap to any nucleus. A pixel that is as near to two nuclei is in
    no ring. The numbers of the labels play no part.

    Parameters
    ----------
    labels : (height, width) int
        Label image, 0 is background.
    distance2 : (height, width) float32
        As `measure_distance2` gives it.
    gap_px
        Pixels nearer to a nucleus than this, and at this distance, are left out: there its
        light is blurred into the ring. 0 starts right at the outline.
    ring_px
        Width of the ring.

    Returns
    -------
    (height, width), type of `labels`
        Label image of the rings.
    """
    rings = np.zeros_like(labels)
    near, far = gap_px**2, (gap_px + ring_px) ** 2
    places = np.flatnonzero((labels == 0) & (distance2 > near) & (distance2 <= far))
    if len(places) == 0:
        return rings
    # Pixels at the same distance one after the other: each group is then a slice.
    squares = distance2.ravel()[places].astype(np.min_scalar_type(int(far)))
    places = places[np.argsort(squares, kind="stable")]
    ends = np.cumsum(np.bincount(squares))
    reach = int(gap_px + ring_px)
    width = labels.shape[1] + 2 * reach
    padded = np.pad(labels, reach).ravel()
    rows, columns = np.divmod(places, labels.shape[1])
    padded_places = (rows + reach) * width + columns + reach

    largest = np.iinfo(labels.dtype).max
    high = np.zeros(len(places), labels.dtype)
    low = np.full(len(places), largest, labels.dtype)
    # The nearest pixels of nuclei lie at the offsets whose square is the distance's.
    for dy, dx in itertools.product(range(-reach, reach + 1), repeat=2):
        square = dy * dy + dx * dx
        if not near < square < len(ends):
            continue
        group = slice(ends[square - 1], ends[square])
        found = padded[padded_places[group] + (dy * width + dx)]
        np.maximum(high[group], found, out=high[group])
        np.minimum(low[group], np.where(found == 0, largest, found), out=low[group])
    alone = high == low
    rings.ravel()[places[alone]] = high[alone]
    return rings
