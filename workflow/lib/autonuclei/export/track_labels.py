"""The masks of a movie, each nucleus with the number of its track."""

import os
from typing import Any

import numpy as np
import pandas as pd

from autonuclei.errors import InputError
from autonuclei.export.frames import recolour_frames
from autonuclei.io.hyperstack import LARGEST_EXACT, label_dtype, write_image_movie
from autonuclei.io.label_frames import LabelFrames
from autonuclei.io.label_store import DeferredLabels


def write_track_labels(
    path: str | os.PathLike[str],
    tracks: pd.DataFrame,
    *,
    labels: LabelFrames | DeferredLabels,
    n_frames: int,
    pixel_size_um: float | None,
    frame_interval_min: float | None,
) -> np.dtype[Any]:
    """Write the masks of a movie with each nucleus in the number of its track.

    The movie is an ImageJ hyperstack with axes TYX, written page by page and deflated: 16-bit
    up to track 65535, 32-bit float beyond, the only wider type that ImageJ reads.

    Parameters
    ----------
    path
        The TIFF file to write.
    tracks : DataFrame
        Track table; `frame`, `label` and `track` are used.
    labels : sequence of (height, width) int
        The label image of each frame: an array (frames, height, width), a list, a `LabelStore` or
        `DeferredLabels`.
    n_frames : int
    pixel_size_um, frame_interval_min : float or None
        None where unknown.

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
    recoloured = recolour_frames(
        tracks,
        values=tracks["track"].to_numpy(np.int64),
        labels=labels,
        n_frames=n_frames,
        dtype=label_dtype(largest),
    )
    return write_image_movie(
        path,
        recoloured,
        n_frames=n_frames,
        pixel_size_um=pixel_size_um,
        frame_interval_min=frame_interval_min,
        compress=True,
    )
