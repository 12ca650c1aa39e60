"""Label images recoloured by track."""

import os
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.errors import InputError
from autonuclei.io.hyperstack import LARGEST_EXACT, write_image_movie
from autonuclei.labels.numbers import replace_labels

ReadPage = Callable[[int], npt.NDArray[np.generic]]


def recolour_frames(
    tracks: pd.DataFrame,
    *,
    values: npt.NDArray[np.int64],
    read_labels: ReadPage,
    n_frames: int,
    dtype: npt.DTypeLike,
) -> Iterator[npt.NDArray[np.generic]]:
    """Give the label images one by one with each nucleus in the value of its table row.

    Parameters
    ----------
    tracks : DataFrame
        Track table; `frame` and `label` are used.
    values : (n,) int
        The new pixel value of each row, above 0.
    read_labels : callable
        Gives the label image of a frame.
    n_frames : int
    dtype
        Type of the images.

    Raises
    ------
    InputError
        Table and label images do not hold the same nuclei.
    """
    frame = tracks["frame"].to_numpy(np.int64)
    order = np.argsort(frame, kind="stable")
    bounds = np.searchsorted(frame[order], np.arange(n_frames + 1))
    if len(frame) and (frame.min() < 0 or frame.max() >= n_frames):
        raise InputError(
            f"track table: it reaches to frame {frame.max()}, but the label movie has {n_frames} "
            "frames. Use the label movie that the tracks were made from."
        )
    label = tracks["label"].to_numpy(np.int64)
    for number in range(n_frames):
        rows = order[bounds[number] : bounds[number + 1]]
        try:
            yield replace_labels(read_labels(number), label[rows], values[rows], dtype=dtype)
        except KeyError as error:
            raise InputError(
                f"label movie: label {error.args[0]} of frame {number} is in only one of label "
                "movie and track table. Use the label movie that the tracks were made from."
            ) from error


def write_track_labels(
    path: str | os.PathLike[str],
    tracks: pd.DataFrame,
    *,
    read_labels: ReadPage,
    n_frames: int,
    pixel_size_um: float | None,
    frame_interval_min: float | None,
) -> np.dtype[np.generic]:
    """Write the label movie with each nucleus in the number of its track.

    The movie is an ImageJ hyperstack with axes TYX, written page by page and deflated: 16-bit
    up to track 65535, 32-bit float beyond, the only wider type that ImageJ reads.

    Returns
    -------
    dtype
        The type written.

    Raises
    ------
    InputError
        Table and label images do not hold the same nuclei, or there are more tracks than
        32-bit float holds exactly (16,777,216).
    """
    largest = int(tracks["track"].max()) if len(tracks) else 0
    if largest > LARGEST_EXACT:
        raise InputError(
            f"{path}: track number {largest} is above {LARGEST_EXACT}, the most that ImageJ can "
            "show. Split the movie."
        )
    dtype = np.dtype(np.uint16) if largest <= np.iinfo(np.uint16).max else np.dtype(np.float32)
    recoloured = recolour_frames(
        tracks,
        values=tracks["track"].to_numpy(np.int64),
        read_labels=read_labels,
        n_frames=n_frames,
        dtype=dtype,
    )
    return write_image_movie(
        path,
        recoloured,
        n_frames=n_frames,
        pixel_size_um=pixel_size_um,
        frame_interval_min=frame_interval_min,
        compress=True,
    )
