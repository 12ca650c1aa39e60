"""Built-in example data: real nuclei that come with StarDist, and a drawn movie.

An example is known before it is made, so that a dry run shows the whole workflow: its size is
declared here, and the rule `make_example` writes the file.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError
from autonuclei.io.files import write_beside
from autonuclei.io.hyperstack import write_image_movie
from autonuclei.io.images import ImageHeader

Array = npt.NDArray[Any]

FOLDER = "resources/example"
TRACKS = "movie-tracks"

FIELD_PX = 256
_STILLS = ImageHeader(FIELD_PX, FIELD_PX, "uint16", "TYX", n_frames=3)
_STILL = ImageHeader(FIELD_PX, FIELD_PX, "uint16", "YX")
_MOVIE = ImageHeader(
    256, 256, "uint16", "TYX", n_frames=30, pixel_size_um=0.5, frame_interval_min=5.0
)
MOVIE_SEED = 2021


def _cut_stardist_image(fields: slice, labels: bool) -> Array:
    """Fields of the 512 x 512 nuclei image in the StarDist package: quarters 0 to 3."""
    from stardist.data import test_image_nuclei_2d

    image = test_image_nuclei_2d(return_mask=True)[int(labels)]
    quarters = image.reshape(2, FIELD_PX, 2, FIELD_PX).swapaxes(1, 2)
    return np.asarray(quarters.reshape(4, FIELD_PX, FIELD_PX)[fields])


def _draw_movie(labels: bool) -> Array:
    from autonuclei.example.drawn_movies import Settings, draw_movie

    movie = draw_movie(Settings(), MOVIE_SEED)
    return movie.labels if labels else movie.images


_EXAMPLES: dict[str, tuple[ImageHeader, Callable[[], Array]]] = {
    "nuclei-train": (_STILLS, lambda: _cut_stardist_image(slice(0, 3), False)),
    "nuclei-train-masks": (_STILLS, lambda: _cut_stardist_image(slice(0, 3), True)),
    "nuclei-test": (_STILL, lambda: _cut_stardist_image(slice(3, 4), False)),
    "nuclei-test-masks": (_STILL, lambda: _cut_stardist_image(slice(3, 4), True)),
    "movie": (_MOVIE, lambda: _draw_movie(False)),
    "movie-masks": (_MOVIE, lambda: _draw_movie(True)),
}


def list_examples() -> list[str]:
    """Names that may stand behind ``example:`` in the sample sheet."""
    return [*_EXAMPLES, TRACKS]


def locate_example(name: str) -> str:
    """The file of an example, which need not be there yet.

    Raises
    ------
    InputError
        There is no example of this name.
    """
    if name == TRACKS:
        return f"{FOLDER}/{name}"
    if name not in _EXAMPLES:
        raise InputError(
            f"example:{name}: no such example. There are: {', '.join(list_examples())}."
        )
    return f"{FOLDER}/{name}.tif"


def read_example_header(path: str) -> ImageHeader | None:
    """The header of an example's file; None when the path is not one."""
    name = Path(path).stem
    return _EXAMPLES[name][0] if name in _EXAMPLES and locate_example(name) == path else None


def make_example(name: str, path: str | os.PathLike[str]) -> None:
    """Write an example as an ImageJ TIFF."""
    header, make = _EXAMPLES[name]
    pages = make().reshape(header.n_frames, header.height, header.width)
    write_image_movie(
        path,
        pages,
        n_frames=header.n_frames,
        pixel_size_um=header.pixel_size_um,
        frame_interval_min=header.frame_interval_min,
        compress=True,
    )


def make_example_tracks(folder: str | os.PathLike[str]) -> None:
    """Write the true tracks of the drawn movie in the Cell Tracking Challenge layout."""
    import tifffile

    from autonuclei.example.drawn_movies import Settings, draw_movie

    movie = draw_movie(Settings(), MOVIE_SEED)
    with write_beside(folder) as partial:
        partial.mkdir()
        movie.tracks.to_csv(partial / "man_track.txt", sep=" ", header=False, index=False)
        for frame, labels in enumerate(movie.labels):
            tifffile.imwrite(partial / f"man_track{frame:03d}.tif", labels, compression="zlib")
