"""The data of the example: real nuclei that come with StarDist, and a drawn movie with tracks."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from autonuclei.errors import InputError
from autonuclei.example.drawn_movies import DrawnMovie, draw_movie
from autonuclei.example.drawn_nuclei import MovieSettings
from autonuclei.io.files import write_beside
from autonuclei.io.hyperstack import write_image_movie
from autonuclei.io.images import read_header, read_plane

_FIELD_PX = 256
_MOVIE = MovieSettings()
_MOVIE_SEED = 2021


def write_example(folder: str | os.PathLike[str]) -> list[str]:
    """Write the data of the example; what is there and whole is left as it is.

    `nuclei-train.tif` has three fields of 256 x 256 px of the image in the StarDist package
    (Caicedo et al. 2019, Nature Methods 16:1247), `nuclei-test.tif` the fourth; `movie.tif` is
    drawn, 30 frames of 256 x 256 px. `NAME-masks.tif` has the true label images of each,
    `movie-tracks` the true tracks in the layout of the Cell Tracking Challenge.

    Returns
    -------
    list of str
        The names of the files and folders that were written.

    Raises
    ------
    InputError
        The disk is full.
    """
    written = []
    for name, write in _FILES.items():
        path = Path(folder, name)
        if not _is_whole(path):
            write(path)
            written.append(name)
    return written


def _is_whole(path: Path) -> bool:
    if not path.suffix:
        return (path / "man_track.txt").is_file()
    try:
        # Where the end is missing, the last frame is.
        read_plane(path, frame=read_header(path).n_frames - 1)
    except InputError:
        return False
    return True


@cache
def _cut_fields(masks: bool) -> npt.NDArray[Any]:
    """The quarters of the 512 x 512 image of nuclei in the StarDist package, or their masks."""
    from stardist.data import test_image_nuclei_2d

    image = test_image_nuclei_2d(return_mask=True)[int(masks)]
    quarters = image.reshape(2, _FIELD_PX, 2, _FIELD_PX).swapaxes(1, 2)
    return np.asarray(quarters.reshape(4, _FIELD_PX, _FIELD_PX))


@cache
def _draw_movie() -> DrawnMovie:
    return draw_movie(_MOVIE, _MOVIE_SEED)


def _write_stack(
    path: Path,
    pages: npt.NDArray[Any],
    pixel_size_um: float | None = None,
    frame_interval_min: float | None = None,
) -> None:
    write_image_movie(
        path,
        pages,
        n_frames=len(pages),
        pixel_size_um=pixel_size_um,
        frame_interval_min=frame_interval_min,
        compress=True,
    )


def _write_frames(path: Path, frames: npt.NDArray[Any]) -> None:
    _write_stack(path, frames, _MOVIE.pixel_size_um, _MOVIE.interval_min)


def _write_tracks(folder: Path, movie: DrawnMovie) -> None:
    with write_beside(folder) as partial:
        partial.mkdir()
        movie.tracks.to_csv(partial / "man_track.txt", sep=" ", header=False, index=False)
        for frame, labels in enumerate(movie.labels):
            tifffile.imwrite(partial / f"man_track{frame:03d}.tif", labels, compression="zlib")


_FILES: dict[str, Callable[[Path], None]] = {
    "nuclei-train.tif": lambda path: _write_stack(path, _cut_fields(masks=False)[:3]),
    "nuclei-train-masks.tif": lambda path: _write_stack(path, _cut_fields(masks=True)[:3]),
    "nuclei-test.tif": lambda path: _write_stack(path, _cut_fields(masks=False)[3:]),
    "nuclei-test-masks.tif": lambda path: _write_stack(path, _cut_fields(masks=True)[3:]),
    "movie.tif": lambda path: _write_frames(path, _draw_movie().images),
    "movie-masks.tif": lambda path: _write_frames(path, _draw_movie().labels),
    "movie-tracks": lambda path: _write_tracks(path, _draw_movie()),
}
