"""The examples are what the dry run believed them to be."""

from pathlib import Path

import numpy as np
import pytest

from autonuclei.errors import InputError
from autonuclei.evaluate.masks import read_labels
from autonuclei.example.data import (
    FOLDER,
    list_examples,
    locate_example,
    make_example,
    make_example_tracks,
    read_example_header,
)
from autonuclei.io.images import check_pixels, count_frames, is_label_image, read_header, read_plane

IMAGES = [name for name in list_examples() if not name.endswith("-tracks")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    for name in IMAGES:
        make_example(name, folder / f"{name}.tif")
    return folder


@pytest.mark.parametrize("name", IMAGES)
def test_declared_header_is_that_of_the_file(folder: Path, name: str) -> None:
    declared = read_example_header(locate_example(name))
    written = read_header(folder / f"{name}.tif")
    assert declared is not None
    for field in ("height", "width", "dtype", "n_slices", "n_channels", "is_rgb"):
        assert getattr(written, field) == getattr(declared, field), field
    assert count_frames(written, None) == count_frames(declared, None)
    assert written.pixel_size_um == (
        declared.pixel_size_um and pytest.approx(declared.pixel_size_um)
    )
    assert written.frame_interval_min == (
        declared.frame_interval_min and pytest.approx(declared.frame_interval_min)
    )


@pytest.mark.parametrize("name", [n for n in IMAGES if not n.endswith("-masks")])
def test_images_fit_their_masks(folder: Path, name: str) -> None:
    masks = folder / f"{name}-masks.tif"
    n_frames = read_header(folder / f"{name}.tif").n_frames
    assert read_header(masks).n_frames == n_frames
    for frame in range(0, n_frames, 10):
        image = read_plane(folder / f"{name}.tif", frame=frame)
        check_pixels(image, name)
        labels = read_labels(masks, frame)
        assert labels.shape == image.shape
        assert is_label_image(labels)
        assert len(np.unique(labels)) > 10
        assert image[labels > 0].mean() > 1.5 * image[labels == 0].mean()


def test_same_example_every_time(folder: Path, tmp_path: Path) -> None:
    make_example("movie", tmp_path / "movie.tif")
    assert (tmp_path / "movie.tif").read_bytes() == (folder / "movie.tif").read_bytes()


def test_tracks_are_those_of_the_movie(folder: Path) -> None:
    make_example_tracks(folder / "movie-tracks")
    rows = np.loadtxt(folder / "movie-tracks" / "man_track.txt", dtype=int)
    files = sorted((folder / "movie-tracks").glob("*.tif"))
    assert len(files) == read_header(folder / "movie.tif").n_frames
    for frame, path in enumerate(files):
        labels = np.unique(read_plane(path))
        present = rows[(rows[:, 1] <= frame) & (frame <= rows[:, 2]), 0]
        np.testing.assert_array_equal(labels[labels > 0], np.sort(present))


def test_names() -> None:
    assert locate_example("movie-tracks") == f"{FOLDER}/movie-tracks"
    assert locate_example("movie") == f"{FOLDER}/movie.tif"
    with pytest.raises(InputError, match=r"example:film: no such example. There are: .*movie"):
        locate_example("film")
    assert read_example_header("elsewhere/movie.tif") is None
