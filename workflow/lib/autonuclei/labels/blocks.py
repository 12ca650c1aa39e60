"""Blocks of a large image: parts that fit into memory and that jobs of a cluster share."""

import itertools
import math
from typing import NamedTuple

# From this many times the pixels of a block on, an image is cut into blocks.
LARGE_BLOCKS = 1.5


class Block(NamedTuple):
    """Part of an image, in px; ends are not included."""

    row: int
    end_row: int
    column: int
    end_column: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.end_row - self.row, self.end_column - self.column

    @property
    def slices(self) -> tuple[slice, slice]:
        """To cut it out of an array."""
        return slice(self.row, self.end_row), slice(self.column, self.end_column)

    @property
    def window(self) -> tuple[int, int, int, int]:
        """As a plain tuple, for `window` of `io.images.read_plane`."""
        return self.row, self.end_row, self.column, self.end_column

    def grow(self, margin: int, shape: tuple[int, ...]) -> "Block":
        """The block with a margin in px on each side, as far as the image of this shape goes."""
        return Block(
            max(0, self.row - margin),
            min(shape[0], self.end_row + margin),
            max(0, self.column - margin),
            min(shape[1], self.end_column + margin),
        )

    def place_in(self, outer: "Block") -> "Block":
        """The same part, counted from the corner of a block that it lies in."""
        return Block(
            self.row - outer.row,
            self.end_row - outer.row,
            self.column - outer.column,
            self.end_column - outer.column,
        )


def is_large(shape: tuple[int, ...], side: int) -> bool:
    """Whether an image is worked on in blocks of this side in px, and not in one piece."""
    return shape[0] * shape[1] > LARGE_BLOCKS * side**2


def list_blocks(shape: tuple[int, ...], side: int) -> list[Block]:
    """Cut an image into blocks, row by row.

    Parameters
    ----------
    shape
        Rows and columns of the image.
    side
        What no side of a block exceeds, in px.

    Returns
    -------
    Blocks that cover the image once; their sizes differ by at most 1 px along each axis.
    """
    rows, columns = (_cut(size, math.ceil(size / side)) for size in shape[:2])
    return [
        Block(row, end_row, column, end_column)
        for row, end_row in itertools.pairwise(rows)
        for column, end_column in itertools.pairwise(columns)
    ]


def _cut(size: int, n: int) -> list[int]:
    """Where each of `n` equal parts of an axis begins, and the end."""
    return [size * i // n for i in range(n + 1)]
