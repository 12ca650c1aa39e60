"""Images that are read part by part: the same pixels, numbers and refusals as in one piece."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.io import hyperstack, label_store, lazy_planes
from autonuclei.io.hyperstack import write_image_movie
from autonuclei.io.images import (
    PlaneReader,
    check_pixels,
    digest_plane,
    find_range,
    is_label_image,
    open_plane,
    read_plane,
)  # fmt: skip
from autonuclei.io.label_images import LabelReader
from autonuclei.io.label_store import DeferredLabels, LabelStore, open_pages, write_page
from autonuclei.io.lazy_planes import LazyPlane, iterate_bands
from autonuclei.labels.numbers import replace_labels
from shapes import draw_squares

IMAGE = np.random.default_rng(5).integers(1, 4000, (70, 90)).astype(np.uint16)
LABELS = draw_squares((70, 90), [(2, 3), (30, 40), (60, 80)], 9)
UNITS: dict[str, Any] = {"pixel_size_um": None, "frame_interval_min": None}


@pytest.fixture
def small_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands of 7 rows, strips of 8, and tiles of 16 px where an image has more than 100."""
    monkeypatch.setattr(lazy_planes, "_BAND_PX", 700)
    monkeypatch.setattr(lazy_planes, "_BAND_ROWS", 7)
    monkeypatch.setattr(hyperstack, "_ONE_STRIP_PX", 100)
    monkeypatch.setattr(hyperstack, "_STRIP_ROWS", 8)
    monkeypatch.setattr(label_store, "_ONE_PIECE_PX", 100)
    monkeypatch.setattr(label_store, "_TILE", 16)


def test_parts_of_a_plane(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, np.stack([IMAGE, IMAGE + 1]), photometric="minisblack", tile=(16, 16))
    with open_plane(path=str(path), frame=1) as plane:
        assert (plane.shape, plane.dtype, plane.ndim) == ((70, 90), np.uint16, 2)
        np.testing.assert_array_equal(plane[10:20, 30:], IMAGE[10:20, 30:] + 1)
        np.testing.assert_array_equal(plane[-5:, :-80], IMAGE[-5:, :-80] + 1)
        np.testing.assert_array_equal(np.asarray(plane), IMAGE + 1)
        assert plane[5:5, :].shape == (0, 90)
        with pytest.raises(ValueError, match="left out"):
            plane[::2, :]
    # A window is a plane of its own.
    with open_plane(path=str(path), frame=0, window=(10, 60, 20, 90)) as plane:
        assert plane.shape == (50, 70)
        np.testing.assert_array_equal(plane[1:4, 2:9], IMAGE[11:14, 22:29])


def test_two_planes_of_one_reader(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("a.tif", "b.tif")]
    for number, path in enumerate(paths):
        tifffile.imwrite(path, IMAGE + number)
    with PlaneReader() as read:
        first, second = (read.defer(path=path) for path in paths)
        np.testing.assert_array_equal(second[:, :] - first[:, :], np.ones_like(IMAGE))


def test_a_wrong_choice_is_told_when_a_plane_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, np.stack([IMAGE, IMAGE]), photometric="minisblack")
    with pytest.raises(InputError, match="has no frame 2"), open_plane(path=str(path), frame=2):
        pass
    with pytest.raises(InputError, match="changed after"), open_plane(path=str(path), stamp="no"):
        pass


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_checks_give_the_same_in_bands(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [IMAGE.astype(dtype), LABELS.astype(dtype), (IMAGE % 2).astype(dtype)]
    in_bands = [(digest_plane(one), find_range(one), is_label_image(one)) for one in images]
    monkeypatch.setattr(lazy_planes, "_BAND_PX", 10**9)
    assert in_bands == [(digest_plane(one), find_range(one), is_label_image(one)) for one in images]
    assert [one[2] for one in in_bands] == [False, True, False]


@pytest.mark.usefixtures("small_bands")
def test_a_fault_in_the_last_band_is_found() -> None:
    image = IMAGE.astype(np.float32)
    image[69, 1] = np.nan
    with pytest.raises(InputError, match="has 1 pixels that are NaN"):
        check_pixels(image, "a.tif")


def test_bands_cover_an_image_once() -> None:
    for width, multiple, n in ((10, 1, 1), (2**24, 1, 1100), (2**21, 100, 11), (2**20, None, 3)):
        image = np.broadcast_to(np.arange(1100)[:, None], (1100, width))
        bands = list(iterate_bands(image, multiple))
        assert len(bands) == n
        assert all(len(band) % (multiple or 512) == 0 for band in bands[:-1])
        rows = np.concatenate([band[:, 0] for band in bands])
        np.testing.assert_array_equal(rows, np.arange(1100))


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize("compress", [False, True])
def test_a_movie_is_written_in_bands(tmp_path: Path, compress: bool) -> None:
    path = tmp_path / "movie.tif"
    pages = [LazyPlane(LABELS.shape, np.int32, lambda w: LABELS[w[0] : w[1], w[2] : w[3]])] * 2
    assert write_image_movie(path, pages, n_frames=2, compress=compress, **UNITS) == np.float32
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_imagej
        assert not tiff.pages.first.is_tiled  # ImageJ refuses tiles
        assert tiff.pages.first.rowsperstrip == (8 if compress else 70)
        np.testing.assert_array_equal(tiff.asarray(), [LABELS, LABELS])
    with LabelStore(path) as store:
        page = store.defer(1)
        np.testing.assert_array_equal(page[20:41, 35:90], LABELS[20:41, 35:90])
        assert page.dtype == page[:1, :1].dtype == np.int32


@pytest.mark.usefixtures("small_bands")
def test_a_number_that_imagej_rounds_is_found_in_the_last_band(tmp_path: Path) -> None:
    labels = LABELS.astype(np.int64)
    labels[69, 89] = 2**24 + 1
    with pytest.raises(InputError, match=r"frame 0 holds the value 16777217"):
        write_image_movie(tmp_path / "movie.tif", [labels], n_frames=1, **UNITS)


@pytest.mark.usefixtures("small_bands")
def test_pages_for_own_use_are_in_tiles(tmp_path: Path) -> None:
    path = tmp_path / "stretch.tif"
    with tifffile.TiffWriter(path, bigtiff=True) as stack:
        write_page(stack, LABELS, np.uint16)
        write_page(stack, LABELS[:9, :10], np.uint16)
        write_page(stack, LABELS * 2, np.uint16)
    with tifffile.TiffFile(path) as tiff:
        assert [page.is_tiled for page in tiff.pages] == [True, False, True]
    parts = [(page.shape, page.dtype, page[3:70, 5:]) for page in open_pages([path])]
    assert [part[:2] for part in parts] == [
        ((70, 90), np.uint16), ((9, 10), np.uint16), ((70, 90), np.uint16),
    ]  # fmt: skip
    np.testing.assert_array_equal(parts[2][2], LABELS[3:, 5:] * 2)


def test_masks_of_stills_by_parts(tmp_path: Path) -> None:
    names = {0: "a", 3: "b"}
    for number, name in names.items():
        path = tmp_path / f"{name}.tif"
        page = (LABELS * (number + 1)).astype(np.uint16)
        write_image_movie(path, [page], n_frames=1, compress=True, **UNITS)
    with LabelStore(tmp_path, names) as store:
        first, second = store.defer(0), DeferredLabels(store)[3]
        np.testing.assert_array_equal(second[:, :], first[:, :] * 4)
        assert isinstance(second, np.ndarray)  # small ones are read at once
        (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:60])
        store.read(3)
        with pytest.raises(InputError, match=r"a.tif: the masks of frame 0 cannot be read"):
            first[:, :]


@pytest.mark.usefixtures("small_bands")
def test_replaced_labels_are_read_by_parts() -> None:
    lazy = LazyPlane(LABELS.shape, np.int32, lambda w: LABELS[w[0] : w[1], w[2] : w[3]])
    old, new = np.array([1, 2, 3]), np.array([700, 5, 9])
    replaced = replace_labels(lazy, old, new, dtype=np.uint16)
    assert isinstance(replaced, LazyPlane)
    whole = replace_labels(LABELS, old, new, dtype=np.uint16)
    np.testing.assert_array_equal(np.asarray(replaced), whole)
    for wrong in (old[:2], np.array([1, 2, 4])):
        with pytest.raises(KeyError, match="3"):
            replace_labels(lazy, wrong, new[: len(wrong)], dtype=np.uint16)


@pytest.mark.usefixtures("small_bands")
def test_given_label_images_by_parts(tmp_path: Path) -> None:
    path = tmp_path / "labels.tif"
    tifffile.imwrite(path, np.stack([LABELS, (LABELS > 0) * 7]).astype(np.uint16), tile=(16, 16))
    with LabelReader() as read:
        labels = read.defer(path)
        assert labels.dtype == labels[:2, :2].dtype == np.int32
        np.testing.assert_array_equal(labels[20:60, 30:50], LABELS[20:60, 30:50])
        with pytest.raises(InputError, match=r"has one value \(7\) for 3 separate objects"):
            read.defer(path, 1)
        with pytest.raises(InputError, match="has no label image 2"):
            read.defer(path, 2)
        tifffile.imwrite(tmp_path / "b.tif", LABELS + np.float32(0.5))
        with pytest.raises(InputError, match="no whole numbers"):
            read.defer(tmp_path / "b.tif")


def test_labels_of_120_megapixels_take_the_memory_of_a_band(tmp_path: Path) -> None:
    side = 10944

    def draw(window: tuple[int, int, int, int]) -> np.ndarray:
        return np.full((window[1] - window[0], window[3] - window[2]), 3, np.uint8)

    plane = LazyPlane((side, side), np.uint8, draw)
    with tifffile.TiffWriter(tmp_path / "stretch.tif", bigtiff=True) as stack:
        write_page(stack, np.ones((20, 20)), np.uint8)  # what is loaded once is not measured
        tracemalloc.start()
        write_page(stack, plane, np.uint8)
    pages = open_pages([tmp_path / "stretch.tif"])
    next(pages)
    write_image_movie(tmp_path / "labels.tif", [next(pages)], n_frames=1, compress=True, **UNITS)
    part = read_plane(tmp_path / "labels.tif", window=(5000, 6024, 7000, 8024))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (part == 3).all()
    assert peak < 40e6
