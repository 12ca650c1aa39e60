"""The frames of a tracked movie: the label images and the rows of the track table together."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.errors import InputError
from autonuclei.io.label_frames import LabelFrames
from autonuclei.io.label_store import DeferredLabels
from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.numbers import replace_labels


def find_rows(tracks: pd.DataFrame, n_frames: int) -> list[npt.NDArray[np.int64]]:
    """The row numbers of a track table (from 0, whatever its index) in each frame.

    Raises
    ------
    InputError
        The table goes beyond the frames of the movie.
    """
    frame = tracks["frame"].to_numpy(np.int64)
    if len(frame) and (frame.min() < 0 or frame.max() >= n_frames):
        raise InputError(
            f"track table: it has frames {frame.min()} to {frame.max()}, but the movie has "
            f"{n_frames} frames. Use the movie that was tracked."
        )
    order = np.argsort(frame, kind="stable")
    bounds = np.searchsorted(frame[order], np.arange(1, n_frames))
    return np.split(order, bounds)


def recolour_frames(
    tracks: pd.DataFrame,
    *,
    values: npt.NDArray[np.int64],
    labels: LabelFrames | DeferredLabels,
    n_frames: int,
    dtype: npt.DTypeLike,
) -> Iterator[ArrayLike]:
    """Give the label images one by one with each nucleus in the value of its table row.

    Where they are read part by part (`DeferredLabels`), so is what is given.

    Parameters
    ----------
    tracks : DataFrame
        Track table; `frame` and `label` are used.
    values : (n,) int64
        The new pixel value of each row, above 0.
    labels : sequence of (height, width) int
        The label image of each frame: an array (frames, height, width), a list, a `LabelStore` or
        `DeferredLabels`.
    n_frames : int
    dtype
        Type of the images.

    Raises
    ------
    InputError
        Table and label images do not hold the same nuclei.
    """
    number = tracks["label"].to_numpy(np.int64)
    for frame, rows in enumerate(find_rows(tracks, n_frames)):
        try:
            yield replace_labels(labels[frame], number[rows], values[rows], dtype=dtype)
        except KeyError as error:
            raise InputError(
                f"masks: nucleus {error.args[0]} of frame {frame} is in only one of masks and "
                "track table. Use the masks that the tracks were made from."
            ) from error
