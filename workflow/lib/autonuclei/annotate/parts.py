"""An image and its labels in parts: the whole in one, or blocks of a large image.

What is measured over an image is a sum over its parts, and each label belongs to one part, which
sees all of it: the result is the same however an image is divided.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.annotate.filtering import FilteredImage
from autonuclei.labels.blocks import Block
from autonuclei.labels.growth import grow_labels

Array = npt.NDArray[Any]


class Part:
    """A block of an image, seen with a margin.

    Attributes
    ----------
    image
        Grey values of the window.
    labels : (height, width) int
        Label image of the window. Labels at its border may go on outside.
    window : Block
        What is seen, in px of the whole image.
    core : Block
        The block itself, in px of the whole image.
    shape
        Rows and columns of the whole image.
    owned : (n + 1,) bool
        By label whether it belongs to this part.
    """

    def __init__(
        self,
        image: FilteredImage,
        labels: Array,
        window: Block,
        core: Block,
        shape: tuple[int, ...],
        owned: npt.NDArray[np.bool_],
    ) -> None:
        self.image = image
        self.labels = labels
        self.window = window
        self.core = core
        self.shape = shape
        self.owned = owned
        self._zones: dict[int, Array] = {}

    @classmethod
    def whole(cls, image: FilteredImage, labels: Array, n_labels: int) -> "Part":
        """An image in one part; `n_labels` is the largest label and 1 for the background."""
        height, width = labels.shape
        block = Block(0, height, 0, width)
        return cls(image, labels, block, block, block.shape, np.ones(n_labels, bool))

    @property
    def inner(self) -> tuple[slice, slice]:
        """Where the core lies in the window."""
        return self.core.place_in(self.window).slices

    def grow(self, distance_px: int) -> Array:
        """The labels grown by a distance in px (`grow_labels`), once for all that need them."""
        if distance_px not in self._zones:
            self._zones = {distance_px: grow_labels(self.labels, distance_px)}
        return self._zones[distance_px]
