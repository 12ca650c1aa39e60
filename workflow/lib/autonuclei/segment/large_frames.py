"""A large frame whose nuclei were found in blocks, as the files of a stretch."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError
from autonuclei.io.images import PlaneReader
from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.io.scratch import copy_image
from autonuclei.segment.block_polygons import read_numbers, read_polygons
from autonuclei.segment.blockwise import draw_in_blocks
from autonuclei.segment.stretches import write_stretch


def write_large_frame(
    numbers: str | os.PathLike[str],
    polygons: Sequence[str | os.PathLike[str]],
    *,
    side: int,
    drawing: Mapping[str, Any],
    folder: str | os.PathLike[str],
    **writing: Any,
) -> None:
    """Draw the nuclei of a large frame, and write them as a stretch of one frame.

    Parameters
    ----------
    numbers
        What was read of it and measured over it (`block_polygons.write_numbers`).
    polygons
        The outlines found in each of its blocks (`block_polygons.write_polygons`).
    side
        Largest side of a block, in px.
    drawing
        `refine_boundaries`, `minimum_sharpness` and `cut_clumps` of `blockwise.draw_in_blocks`.
    folder
        Where images are put while it works: 12 bytes for each pixel, and the image itself.
    **writing
        Other arguments of `stretches.write_stretch`.
    """
    record, known = read_numbers(numbers)

    def read_large(
        read: PlaneReader, frame: int, plane: Mapping[str, Any]
    ) -> tuple[ArrayLike | None, dict[str, Any]]:
        try:
            return read.defer(**plane), record
        except InputError:  # its problem is in the record
            return None, record

    with tempfile.TemporaryDirectory(dir=folder) as scratch:

        def find_nuclei(
            frame: int, image: ArrayLike
        ) -> tuple[ArrayLike, npt.NDArray[np.float64] | None]:
            if known is None or known.is_empty:
                return np.broadcast_to(np.int32(0), image.shape), None
            found = read_polygons(polygons)
            return draw_in_blocks(
                copy_image(image, Path(scratch, "image.raw")),
                found.polygons,
                found.probability,
                noise=known.noise,
                side=side,
                folder=scratch,
                **drawing,
            )

        write_stretch(find_nuclei, read_frame=read_large, **writing)
