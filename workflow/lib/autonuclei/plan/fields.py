"""Fields: what the annotation takes as an image of its own, a frame or a block of a large one.

A threshold follows light that changes over a mosaic when each block has its own, and a part of
its blocks holds more nuclei than a network needs to learn from.
"""

import dataclasses
from collections.abc import Collection, Sequence

from autonuclei.labels.blocks import Block, is_large, list_blocks
from autonuclei.plan.samples import Frame, Sample

# Frames of an experiment, or blocks of large ones, in the order of the sheet.
Place = tuple[Sample, Frame]

# Blocks of large frames that an experiment learns from, or one of each where these are more: with
# the default side of a block 100 megapixels, as 24 frames of an ordinary camera.
MOST_BLOCKS = 24
# Steps of points that lie evenly in a square, however many they are (the powers of 1 / 1.3247...,
# the real solution of x^3 = x + 1: M. Roberts, The unreasonable effectiveness of quasirandom
# sequences, 2018).
_STEPS = (0.7548776662466927, 0.5698402909980532)


def list_field_blocks(frame: Frame, block_px: int) -> list[Block]:
    """The blocks in which a large frame is annotated, row by row.

    They have half the side of those of other steps, by default about 2048 px: the size of the
    images that the annotation was tried on.

    Parameters
    ----------
    block_px
        Setting `preprocess.block_px`.
    """
    return list_blocks(frame.shape, block_px // 2)


def list_fields(frame: Frame, block_px: int) -> list[Frame]:
    """The fields of a frame: all blocks of a large one, itself if it is none."""
    if not is_large(frame.shape, block_px):
        return [frame]
    top, _, left, _ = frame.window or (0, 0, 0, 0)
    fields = []
    for number, block in enumerate(list_field_blocks(frame, block_px)):
        height, width = block.shape
        corner = top + block.row, left + block.column
        window = corner[0], corner[0] + height, corner[1], corner[1] + width
        fields.append(
            dataclasses.replace(frame, height=height, width=width, window=window, block=number)
        )
    return fields


def choose_fields(
    places: Sequence[Place],
    block_px: int,
    *,
    most: int = MOST_BLOCKS,
    without: Collection[tuple[str, str]] = (),
) -> list[Place]:
    """The fields of frames: some blocks of each large one, and the others as they are.

    Blocks are spread evenly over the large frames, and over the area of all of them laid on each
    other.

    Parameters
    ----------
    places
        Samples with their frames.
    block_px
        Setting `preprocess.block_px`.
    most
        How many blocks; at least one of each large frame all the same.
    without
        Names of samples and of fields that are not chosen.

    Returns
    -------
    In the order of `places`, blocks in the order of their numbers.
    """
    n_large = sum(is_large(frame.shape, block_px) for _, frame in places)
    wanted = max(most, n_large)
    chosen: list[Place] = []
    seen = n_blocks = 0
    for sample, frame in places:
        fields = list_fields(frame, block_px)
        numbers = list(range(len(fields)))
        if is_large(frame.shape, block_px):
            numbers = _order_blocks(frame, block_px, first=n_blocks)
        free = [i for i in numbers if (sample.name, fields[i].field) not in without]
        if is_large(frame.shape, block_px):
            seen += 1
            share = seen * wanted // n_large - n_blocks
            n_blocks += share
            free = sorted(free[:share])
        chosen += [(sample, fields[i]) for i in free]
    return chosen


def _order_blocks(frame: Frame, block_px: int, *, first: int) -> list[int]:
    """Numbers of the blocks of a large frame, as points from the first on hit them."""
    blocks = list_field_blocks(frame, block_px)
    n_columns = len({block.column for block in blocks})
    n_rows = len(blocks) // n_columns
    hit: dict[int, None] = {}
    point = first
    while len(hit) < len(blocks):
        row, column = (
            int(point * step % 1 * n) for step, n in zip(_STEPS, (n_rows, n_columns), strict=True)
        )
        hit[row * n_columns + column] = None
        point += 1
    return list(hit)
