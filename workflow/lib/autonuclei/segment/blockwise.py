"""The nuclei of a large image, drawn block by block from the outlines that the network gave.

What `prediction.predict_nuclei` does behind the network, with the same result: the numbers that
are one for an image are measured over all of it, and each nucleus is looked at in one block, with
a margin so wide that the nucleus and all that is around it are seen whole.
"""

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.annotate import boundaries, clumps
from autonuclei.annotate.filtering import FilteredImage
from autonuclei.annotate.parts import Part
from autonuclei.io.formats.base import Window
from autonuclei.io.lazy_planes import ArrayLike, LazyPlane
from autonuclei.io.scratch import ScratchImage
from autonuclei.labels.blocks import Block, list_blocks
from autonuclei.labels.drawing import draw_polygons
from autonuclei.labels.pieces import keep_largest_pieces
from autonuclei.segment.prediction import REACH, restore_lost
from autonuclei.settings import PredictSettings

Array = npt.NDArray[Any]

# The margin of a block, in extents of the largest outline: a nucleus of another block that reaches
# into the core, its zone and what is around are seen (two extents of it, and half a one for the
# growth of zones). Filters need the pixels more.
MARGIN_EXTENTS, MARGIN_PX = 2.5, 16


class _Parts:
    """The blocks of an image, each as a `Part`, made anew each time they are gone through."""

    def __init__(
        self,
        image: ArrayLike,
        smooth: ArrayLike,
        labels: ArrayLike,
        blocks: Sequence[Block],
        owner: npt.NDArray[np.int64],
        margin: int,
    ) -> None:
        self._image = image
        self._smooth = smooth
        self._labels = labels
        self._blocks = blocks
        self._owner = owner
        self._margin = margin

    def __iter__(self) -> Iterator[Part]:
        shape = self._image.shape
        for number, core in enumerate(self._blocks):
            window = core.grow(self._margin, shape)
            known = {boundaries.SMOOTHING_PX: self._smooth[window.slices]}
            image = FilteredImage(self._image[window.slices], known)
            labels = self._labels[window.slices]
            yield Part(image, labels, window, core, shape, self._owner == number)


def draw_in_blocks(
    image: ArrayLike,
    polygons: Array,
    probability: Array,
    *,
    noise: float,
    side: int,
    folder: str | os.PathLike[str],
    refine_boundaries: bool = PredictSettings.refine_boundaries,
    minimum_sharpness: float | None = PredictSettings.minimum_sharpness,
    cut_clumps: bool = PredictSettings.cut_clumps,
) -> tuple[LazyPlane, npt.NDArray[np.float64]]:
    """Draw the nuclei of a large image.

    Parameters
    ----------
    image
        Raw grey values.
    polygons : (n, 2, rays) float
        Rows and columns of the corners in px, as `prediction.find_polygons` gives them, the most
        probable first.
    probability : (n,) float
    noise
        Of the whole image, as `filtering.estimate_noise`.
    side
        Largest side of a block, in px.
    folder
        Where images are put while it works, three times 4 bytes for each pixel.
    refine_boundaries, minimum_sharpness, cut_clumps
        As of `prediction.predict_nuclei`.

    Returns
    -------
    labels, probability
        As of `prediction.predict_nuclei`; the label image lies in `folder`.
    """
    shape = (image.shape[0], image.shape[1])
    blocks = list_blocks(shape, side)
    owner, extent = _assign_blocks(polygons, blocks, shape)
    margin = math.ceil(MARGIN_EXTENTS * extent) + MARGIN_PX
    labels = ScratchImage(Path(folder, "drawn.raw"), shape, np.int32)
    smooth = ScratchImage(Path(folder, "smooth.raw"), shape, np.float32)
    area = np.zeros(len(polygons) + 1, np.int64)
    for block in blocks:
        drawn = draw_polygons(polygons, probability, shape, block)
        labels[block.slices] = drawn
        area += np.bincount(drawn.ravel(), minlength=len(area))
        window = block.grow(MARGIN_PX, shape)
        blurred = FilteredImage(image[window.slices]).blur(boundaries.SMOOTHING_PX)
        smooth[block.slices] = blurred[block.place_in(window).slices]
    area[0] = 0
    probability = np.asarray(probability, np.float64)
    if refine_boundaries and area.any():
        parts = _Parts(image, smooth, labels, blocks, owner, margin)
        redrawn = ScratchImage(Path(folder, "redrawn.raw"), shape, np.int32)
        area = _redraw(parts, redrawn, area, noise)
        labels.remove()
        labels = redrawn
    parts = _Parts(image, smooth, labels, blocks, owner, margin)
    kept = area > 0
    if minimum_sharpness is not None and kept.any():
        kept &= boundaries.measure_sharpness_of_parts(parts, area) >= minimum_sharpness
    finished = ScratchImage(Path(folder, "finished.raw"), shape, np.int32)
    typical = float(np.median(area[kept])) if cut_clumps and kept.any() else None
    origin, present = _finish(parts, finished, kept, typical)
    # In the order of the labels, and pieces of clumps behind all others.
    order = np.lexsort((origin, np.arange(len(origin)) >= len(kept)))
    order = order[present[order]]
    numbers = np.zeros(len(origin), np.int32)
    numbers[order] = np.arange(1, len(order) + 1)

    def read(window: Window) -> Array:
        return np.asarray(numbers[finished[Block(*window).slices]])

    return LazyPlane(shape, np.int32, read), probability[origin[order] - 1]


def _assign_blocks(
    polygons: Array, blocks: Sequence[Block], shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.int64], float]:
    """By label the number of its block, and how far any polygon reaches from its middle in px."""
    if len(polygons) == 0:
        return np.full(1, -1), 0.0
    middle = np.clip(polygons.mean(axis=2), 0, np.array(shape) - 1)
    extent = float(np.abs(polygons - middle[:, :, None]).max())
    rows, columns = (
        np.unique([block[axis] for block in blocks], return_index=False) for axis in (0, 2)
    )
    row = np.searchsorted(rows, middle[:, 0], side="right") - 1
    column = np.searchsorted(columns, middle[:, 1], side="right") - 1
    return np.append(-1, row * len(columns) + column), extent


def _redraw(parts: _Parts, redrawn: ScratchImage, area: Array, noise: float) -> Array:
    """Draw all labels anew, into another image, and count the pixels that each has there."""
    counted = np.zeros_like(area)
    for part, new in boundaries.redraw_parts(parts, area, noise, reach=REACH):
        counted += _put(redrawn, part, restore_lost(part.labels, new), part.owned)
    return counted


def _put(image: ScratchImage, part: Part, labels: Array, owned: Array) -> Array:
    """Write those labels of a window that are owned; the number of pixels of each."""
    own = owned[labels]
    own &= labels > 0
    stored = image[part.window.slices]
    stored[own] = labels[own]
    image[part.window.slices] = stored
    return np.bincount(labels[own], minlength=len(owned))


def _finish(
    parts: _Parts, finished: ScratchImage, kept: Array, typical_area: float | None
) -> tuple[Array, Array]:
    """Leave out labels, cut clumps and keep the largest pieces, into another image.

    Parameters
    ----------
    kept : (n + 1,) bool
        By label.
    typical_area
        Of a nucleus, in px; None: nothing is cut.

    Returns
    -------
    origin : (m + 1,) int
        By label, those of the pieces of clumps included, the label that it was part of.
    present : (m + 1,) bool
        Whether it has any pixel.
    """
    origin = np.arange(len(kept))
    present = np.zeros(len(kept), bool)
    for part in parts:
        labels = np.where((part.owned & kept)[part.labels], part.labels, 0)
        n_before = int(labels.max(initial=0)) + 1
        n_pieces = 0
        if typical_area is not None:
            labels, own_origin = clumps.cut_clumps(labels, typical_area)
            # Pieces get the next numbers of the whole image.
            n_pieces = len(own_origin) - n_before
            numbers = np.append(np.arange(n_before), len(origin) + np.arange(n_pieces))
            labels = numbers[labels]
            origin = np.append(origin, own_origin[n_before:])
        owned = np.append(part.owned, np.zeros(len(origin) - len(kept), bool))
        owned[len(origin) - n_pieces :] = True
        counted = _put(finished, part, keep_largest_pieces(labels), owned)
        present = np.append(present, np.zeros(n_pieces, bool)) | (counted > 0)
    return origin, present
