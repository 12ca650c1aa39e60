"""The nuclei of neighbouring frames, found or given, as files: label images, what was read."""

import os
from collections.abc import Callable, Mapping
from logging import Logger
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.files import write_beside
from autonuclei.io.hyperstack import label_dtype
from autonuclei.io.images import PlaneReader, find_range
from autonuclei.io.label_store import write_page
from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.io.tables import concatenate_tables, write_table
from autonuclei.segment.planes import read_frame

# From the number of a frame and its image: the label image, and the probability of each label,
# whose entry i belongs to label i + 1; none where no network gave one.
FindNuclei = Callable[[int, Any], tuple[ArrayLike, npt.NDArray[Any] | None]]
# As `planes.read_frame`.
ReadFrame = Callable[[PlaneReader, int, Mapping[str, Any]], tuple[ArrayLike | None, dict[str, Any]]]


def write_stretch(
    find_nuclei: FindNuclei,
    planes: Mapping[int, Mapping[str, Any]],
    *,
    labels: str | os.PathLike[str],
    probability: str | os.PathLike[str],
    record: str | os.PathLike[str],
    is_movie: bool,
    keep_pages: bool,
    skip_unreadable: bool,
    log: Logger,
    read_frame: ReadFrame = read_frame,
) -> None:
    """Read frame after frame, find its nuclei, and write them.

    Parameters
    ----------
    find_nuclei
        Gives the nuclei of an image that can be read.
    planes
        How each frame is read (keyword arguments of `io.images.read_plane`), by its number.
    labels
        TIFF file to write, a page for each frame.
    probability, record
        Tables to write: `frame`, `label`, `probability` of each nucleus that has one, and what was
        read of each frame (`planes.read_frame`).
    is_movie
        Whether a frame may be dark.
    keep_pages
        Whether a frame that cannot be read has an empty page, or none.
    skip_unreadable
        Whether such frames are passed over.
    log
        Takes a line for each frame.
    read_frame
        Reads a frame and tells what was read.

    Raises
    ------
    InputError
        Frames cannot be read and must be; all are told.
    """
    records, tables, problems = [], [], []
    must_end = False
    with (
        write_beside(labels) as partial,
        tifffile.TiffWriter(partial, bigtiff=True) as tiff,
        PlaneReader() as read,
    ):
        for frame, plane in planes.items():
            image, told = read_frame(read, frame, plane)
            records.append(told)
            if told["problem"]:
                log.warning("frame %d: %s", frame, told["problem"])
            # A movie may have a dark frame; a still that is one is a mistake.
            is_dark = told["minimum"] == told["maximum"]
            is_passed_over = bool(told["problem"]) and not (is_movie and is_dark)
            if is_passed_over:
                problems.append(told["problem"])
                must_end |= not skip_unreadable or (keep_pages and image is None)
                if not keep_pages:
                    continue
            if must_end or image is None:
                continue  # the job fails; only the other problems are of interest
            nuclei: ArrayLike
            if is_passed_over:
                nuclei, known = np.broadcast_to(np.int32(0), image.shape), None
            else:
                nuclei, known = find_nuclei(frame, image)
            write_page(tiff, nuclei, label_dtype(int(find_range(nuclei)[1])))
            if known is not None:
                numbers = {"frame": frame, "label": np.arange(1, len(known) + 1)}
                tables.append(pd.DataFrame(numbers | {"probability": known}))
        if must_end:
            raise InputError("\nERROR ".join(problems))
    columns = ("frame", "label", "probability")
    write_table(probability, concatenate_tables(tables, columns))
    write_table(record, pd.DataFrame(records))
