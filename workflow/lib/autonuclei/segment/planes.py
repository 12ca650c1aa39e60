"""The record of what was read: a row for each frame of a sample, with a checksum of its pixels."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from autonuclei.errors import InputError
from autonuclei.io.images import PlaneReader, check_pixels, digest_plane, find_range
from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.io.scratch import copy_image
from autonuclei.io.tables import concatenate_tables

# What `read_table` must not take for numbers.
TEXT_COLUMNS = ("image", "file", "stamp", "sha256", "problem")


def read_frame(
    read: PlaneReader,
    frame: int,
    plane: Mapping[str, Any],
    scratch: str | os.PathLike[str] | None = None,
) -> tuple[ArrayLike | None, dict[str, Any]]:
    """Read one frame, check its pixels and record both; problems are recorded, not raised.

    Parameters
    ----------
    read
    frame
        Its number in the sample.
    plane
        Arguments of `read`.
    scratch
        File for the pixels of an image that is too large to stand in memory.

    Returns
    -------
    image : (height, width)
        As it was read; black if it was passed over as such, None where it could not be read.
    record
        `frame`, `file` (the first, where each z slice is one), `page` (number of the time point
        in the file), `crop_y_px` and `crop_x_px` (row and column of the stored image at which the
        part that was read begins), `stamp` (of its files when the job was planned), `sha256`
        (`images.digest_plane`), `minimum`, `maximum`, and `problem`, empty where there is none.
    """
    path = plane["path"]
    row, _, column, _ = plane.get("window") or (0, 0, 0, 0)
    record = {
        "frame": frame,
        "file": path if isinstance(path, str) else path[0],
        "page": plane["frame"],
        "crop_y_px": row,
        "crop_x_px": column,
        "stamp": plane.get("stamp") or "",
        "sha256": "",
        "minimum": np.nan,
        "maximum": np.nan,
        "problem": "",
    }
    image: ArrayLike | None = None
    try:
        if scratch is None:
            image = read(**plane)
        else:
            image = copy_image(read.defer(**{**plane, "skip_broken": False}), scratch)
        if read.problem:
            return image, record | {"problem": read.problem}
        minimum, maximum = find_range(image)
        record |= {"sha256": digest_plane(image), "minimum": minimum, "maximum": maximum}
        check_pixels(image, read.name(**plane))
    except InputError as error:
        record["problem"] = str(error)
    return image, record


def join_planes(tables: Sequence[pd.DataFrame], names: Mapping[int, str]) -> pd.DataFrame:
    """One table of the records of all frames, with the name of each in the results as `image`."""
    planes = concatenate_tables(tables)
    planes.insert(1, "image", [names[frame] for frame in planes["frame"]])
    return planes


def list_problems(planes: pd.DataFrame) -> pd.DataFrame:
    """The frames that have a problem: `frame`, `image`, `problem`."""
    return planes.loc[planes["problem"] != "", ["frame", "image", "problem"]]
