"""One reader for all planes of a job: names in messages, planes to pass over, checksums."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.io import images
from autonuclei.io.files import stamp_files
from autonuclei.io.images import PlaneReader, check_pixels, digest_plane, read_movie_page

RNG = np.random.default_rng(0)
MOVIE = RNG.integers(1, 4000, (5, 40, 50)).astype(np.uint16)


def save_movie(path: Path, movie: np.ndarray, **options: object) -> None:
    tifffile.imwrite(path, movie, imagej=True, metadata={"axes": "TYX"}, **options)


def test_a_plane_goes_by_its_frame_where_a_file_has_several(tmp_path: Path) -> None:
    movie, still = tmp_path / "movie.tif", tmp_path / "still.tif"
    save_movie(movie, MOVIE)
    tifffile.imwrite(still, MOVIE[0])
    plane: dict[str, Any] = {"channel": None, "projection": None, "shape": None, "stamp": None}
    with PlaneReader() as read:
        assert read.name(str(movie), 3, **plane) == f"frame 3 of {movie}"
        assert read.name(str(still), **plane) == str(still)
        # Of slices in single files the first speaks for all.
        assert read.name([str(still), str(movie)], projection="max") == str(still)
        with pytest.raises(InputError, match=r"^frame 2 of .*movie.tif: all pixels have .* 0\. "):
            check_pixels(np.zeros((32, 32), np.uint8), read.name(movie, 2))


def test_a_truncated_page_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    with tifffile.TiffWriter(path) as tiff:
        for page in MOVIE:
            tiff.write(page, compression="zlib", contiguous=False, metadata=None)
    with tifffile.TiffFile(path) as tiff:
        start, length = tiff.pages[2].dataoffsets[0], tiff.pages[2].databytecounts[0]
    content = bytearray(path.read_bytes())
    content[start : start + length] = b"\xff" * length
    path.write_bytes(content)
    with PlaneReader() as read:
        with pytest.raises(InputError, match=r"^frame 2 of .*movie.tif: .*damaged"):
            read(path, frame=2)
        np.testing.assert_array_equal(read(path, frame=3), MOVIE[3])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_broken_plane_is_black_where_that_is_chosen(
    tmp_path: Path, bad: float, caplog: pytest.LogCaptureFixture
) -> None:
    movie = MOVIE.astype(np.float32)
    movie[1, 3, 4] = bad
    save_movie(tmp_path / "movie.tif", movie)
    with PlaneReader() as read, caplog.at_level(logging.WARNING):
        # Without the choice the pixels are given as they are, for `check_pixels` to judge.
        np.testing.assert_array_equal(read(tmp_path / "movie.tif", frame=1), movie[1])
        assert not read.problem
        plane = read(tmp_path / "movie.tif", frame=1, skip_broken=True)
        assert plane.dtype == np.float32
        assert plane.shape == (40, 50)
        assert not plane.any()
        assert read.problem.startswith(f"frame 1 of {tmp_path}/movie.tif: has 1 pixels that are")
        assert read.problem in caplog.text
        np.testing.assert_array_equal(
            read(tmp_path / "movie.tif", frame=2, skip_broken=True), movie[2]
        )
        assert not read.problem


def test_only_what_is_broken_is_passed_over(tmp_path: Path) -> None:
    """A file that has changed, or a channel that is not there, is not."""
    path = tmp_path / "movie.tif"
    save_movie(path, MOVIE)
    with PlaneReader() as read:
        with pytest.raises(InputError, match="was changed after this run was planned"):
            read(path, stamp="of another file", skip_broken=True)
        with pytest.raises(InputError, match="has no channel '3'"):
            read(path, channel="3", skip_broken=True)
        with pytest.raises(InputError, match="has no frame 5"):
            read(path, frame=5, skip_broken=True)


def test_the_file_of_a_movie_is_opened_and_stamped_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "movie.tif"
    save_movie(path, MOVIE)
    stamp = stamp_files([path])
    calls: list[str] = []

    def count(name: str) -> None:
        function = getattr(images, name)

        def counted(*given: Any, **options: Any) -> Any:
            calls.append(name)
            return function(*given, **options)

        monkeypatch.setattr(images, name, counted)

    count("open_image")
    count("stamp_files")
    with PlaneReader() as read:
        for frame in (3, 0, 4):
            np.testing.assert_array_equal(read(path, frame=frame, stamp=stamp), MOVIE[frame])
    assert calls == ["open_image", "stamp_files"]


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "<u2", ">f4", "float32"])
def test_a_checksum_is_that_of_the_bytes_of_the_plane(dtype: str) -> None:
    plane = MOVIE[0].astype(dtype)
    expected = hashlib.sha256(plane.astype(plane.dtype.newbyteorder("<")).tobytes()).hexdigest()
    assert digest_plane(plane) == expected
    assert digest_plane(np.asfortranarray(plane)) == expected
    assert digest_plane(plane[::-1]) != expected


def test_missing_frames_of_a_movie_in_files_are_black(tmp_path: Path) -> None:
    for number in (0, 2):
        tifffile.imwrite(tmp_path / f"{number}.tif", np.full((20, 30), number + 1, np.uint16))
    planes = {number: {"path": str(tmp_path / f"{number}.tif")} for number in (0, 2)}
    with PlaneReader() as read:
        pages = [read_movie_page(read, planes, frame, (20, 30)) for frame in range(3)]
    assert [int(page.max()) for page in pages] == [1, 0, 3]
    assert {page.dtype for page in pages} == {np.dtype(np.uint16)}
