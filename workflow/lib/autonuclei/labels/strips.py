"""Strips of rows of a large image, so that what is computed on the way needs little memory.

A frame of a microscope is one strip. What is measured of whole nuclei is measured strip by strip
as in one piece: a nucleus belongs to the strip that its first row lies in.
"""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.blocks import Block

Array = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]

# A strip has about so many pixels, but not too few rows, whatever the width of the image.
STRIP_PX, FEWEST_ROWS = 2**22, 128


class Share(NamedTuple):
    """A strip of a label image and the nuclei that belong to it.

    Attributes
    ----------
    core : Block
        The strip.
    block : Block
        The strip and all pixels of its nuclei, with a margin.
    owned : (n + 1,) bool
        By label, whether the nucleus belongs to the strip.
    """

    core: Block
    block: Block
    owned: Flags


class Strip(NamedTuple):
    """Rows of a label image with all pixels of the nuclei that belong to it.

    Attributes
    ----------
    block : Block
        What is seen.
    labels : (height, width) int
        Label image of that part; nuclei of other strips are whole or cut.
    owned : (n + 1,) bool
        By label, whether the nucleus belongs to the strip.
    """

    block: Block
    labels: Array
    owned: Flags

    @property
    def own_labels(self) -> Array:
        """The label image without the nuclei of other strips."""
        if self.owned[1:].all():
            return self.labels
        owned = self.owned[self.labels.astype(np.intp, copy=False)]
        return np.where(owned, self.labels, 0).astype(self.labels.dtype)


def list_strips(shape: tuple[int, ...], *, multiple: int = 1) -> list[Block]:
    """Cut an image into strips of rows.

    Parameters
    ----------
    shape
        Rows and columns of the image.
    multiple
        Strips begin at multiples of so many rows.
    """
    height, width = shape[:2]
    if height * width <= STRIP_PX:
        return [Block(0, height, 0, width)]
    rows = max(FEWEST_ROWS, STRIP_PX // max(1, width))
    rows = max(1, rows // multiple) * multiple
    ends = [*range(0, height, rows), height]
    return [Block(first, end, 0, width) for first, end in itertools.pairwise(ends)]


def hold(image: ArrayLike) -> ArrayLike:
    """An image of one strip as an array, so that it is read once; a larger one stays as it is."""
    return image[:, :] if len(list_strips(image.shape)) == 1 else image


def cut_strips(image: ArrayLike) -> Iterator[tuple[Block, Array]]:
    """The strips of an image one by one, each with its pixels."""
    for block in list_strips(image.shape):
        yield block, image[block.slices]


def take_pixels(image: ArrayLike, places: Array) -> Array:
    """The values at flat places of an image, in their order."""
    width = image.shape[1]
    values = np.empty(len(places), image.dtype)
    for block, strip in cut_strips(image):
        inside = (places >= block.row * width) & (places < block.end_row * width)
        values[inside] = strip.ravel()[places[inside] - block.row * width]
    return values


def count_pixels(labels: ArrayLike) -> npt.NDArray[np.int64]:
    """Count the pixels of each label, (n + 1,); index 0 is the background."""
    total = np.zeros(1, np.int64)
    for _, strip in cut_strips(labels):
        counts = np.bincount(strip.ravel(), minlength=len(total))
        counts[: len(total)] += total
        total = counts
    return total


def list_shares(labels: ArrayLike, *, margin: int = 0) -> list[Share]:
    """Give each nucleus to the strip that its first row lies in.

    Parameters
    ----------
    labels : (height, width) int
        Label image.
    margin
        Rows that are seen above and below the strip and its nuclei.
    """
    strips = list_strips(labels.shape)
    if len(strips) == 1:
        owned = np.ones(int(labels[strips[0].slices].max(initial=0)) + 1, np.bool_)
        owned[0] = False
        return [Share(strips[0], strips[0], owned)]
    first, end = _find_rows(labels, strips)
    strip_of = np.searchsorted([strip.row for strip in strips], first, side="right") - 1
    shares = []
    for number, core in enumerate(strips):
        owned = (strip_of == number) & (end > 0)
        last = int(end[owned].max(initial=core.end_row))
        block = core._replace(end_row=last).grow(margin, labels.shape)
        shares.append(Share(core, block, owned))
    return shares


def share_out(labels: ArrayLike, *, margin: int = 0) -> Iterator[Strip]:
    """The strips of `list_shares` one by one, each with its pixels."""
    for share in list_shares(labels, margin=margin):
        yield Strip(share.block, labels[share.block.slices], share.owned)


def _find_rows(labels: ArrayLike, strips: list[Block]) -> tuple[Array, Array]:
    """First row of each label and the one behind its last, by label; 0 and 0 if it is absent."""
    from scipy import ndimage as ndi

    first, end = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for strip in strips:
        boxes = ndi.find_objects(labels[strip.slices].astype(np.int64, copy=False))
        missing = max(0, len(boxes) + 1 - len(first))
        first, end = np.pad(first, (0, missing)), np.pad(end, (0, missing))
        for label, box in enumerate(boxes, start=1):
            if box is not None:
                if end[label] == 0:
                    first[label] = strip.row + box[0].start
                end[label] = strip.row + box[0].stop
    return first, end


def find_median(values: list[Array]) -> float:
    """The median of the values of several arrays of one type; NaN without any."""
    n = sum(part.size for part in values)
    if n == 0:
        return np.nan
    if values[0].dtype not in (np.uint8, np.uint16):
        return float(np.median(np.concatenate(values)))
    # Counted, the values need no copy and no order.
    largest = np.iinfo(values[0].dtype).max
    ends = np.cumsum(sum(np.bincount(part.ravel(), minlength=largest + 1) for part in values))
    middle = np.searchsorted(ends, [(n - 1) // 2, n // 2], side="right")
    return float(middle.mean())
