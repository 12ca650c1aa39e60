"""Masks of movies and of stills, as whoever reads them sees them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.hyperstack import write_image_movie
from autonuclei.io.label_store import LabelStore, find_dtype, open_pages
from shapes import draw_squares

NAMES = {0: "first", 1: "second", 4: "last"}
PAGES = [draw_squares((20, 30), [(2, 3), (9, 20)][:n], 6) for n in range(3)]


def write(path: Path, pages: list[np.ndarray], dtype: type) -> None:
    write_image_movie(
        path,
        [page.astype(dtype) for page in pages],
        n_frames=len(pages),
        pixel_size_um=0.5,
        frame_interval_min=None,
        compress=True,
    )


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 2)])
def test_movie(tmp_path: Path, dtype: type, order: tuple[int, ...]) -> None:
    write(tmp_path / "labels.tif", PAGES, dtype)
    with LabelStore(tmp_path / "labels.tif") as store:
        assert [store.has(frame) for frame in (-1, 0, 2, 3)] == [False, True, True, False]
        for frame in order:
            labels = store.read(frame)
            assert labels.dtype == np.int32
            np.testing.assert_array_equal(labels, PAGES[frame])


def test_movie_of_one_frame(tmp_path: Path) -> None:
    write(tmp_path / "labels.tif", PAGES[2:], np.uint16)
    with LabelStore(tmp_path / "labels.tif") as store:
        assert store.has(0)
        np.testing.assert_array_equal(store.read(0), PAGES[2])


def test_stills_of_which_one_was_passed_over(tmp_path: Path) -> None:
    for frame, page in ((0, PAGES[1]), (4, PAGES[2][:15])):
        write(tmp_path / f"{NAMES[frame]}.tif", [page], np.uint16)
    with LabelStore(tmp_path, NAMES) as store:
        assert [store.has(frame) for frame in (0, 1, 2, 4)] == [True, False, False, True]
        assert store.read(4).dtype == np.int32
        np.testing.assert_array_equal(store.read(0), PAGES[1])
        np.testing.assert_array_equal(store.read(4), PAGES[2][:15])
        with pytest.raises(InputError, match=r"second.tif: the masks of frame 1 cannot be read"):
            store.read(1)


def test_a_stack_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "labels.tif", PAGES, np.uint16)
    with LabelStore(tmp_path / "labels.tif") as store:
        monkeypatch.setattr(tifffile, "TiffFile", None)
        monkeypatch.setattr(tifffile, "imread", None)
        assert [int(store.read(frame).max()) for frame in range(3)] == [0, 1, 2]


def test_damaged_stacks(tmp_path: Path) -> None:
    path = tmp_path / "labels.tif"
    with pytest.raises(InputError, match=r"labels.tif: the masks cannot be read"):
        LabelStore(path)
    path.write_text("no image")
    with pytest.raises(InputError, match=r"cannot be read .*\. Delete it and run again\.$"):
        LabelStore(path)
    write(path, PAGES, np.uint16)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[1].dataoffsets[0]
    data[start : start + 4] = b"oops"
    path.write_bytes(data)
    with (
        LabelStore(path) as store,
        pytest.raises(InputError, match=r"labels.tif: the masks of frame 1 cannot be read"),
    ):
        store.read(1)


def test_pages_of_several_stacks_and_the_type_that_holds_them(tmp_path: Path) -> None:
    stacks = [[np.uint16, np.uint16], [], [np.float32]]
    paths = [tmp_path / f"{number}.tif" for number in range(len(stacks))]
    for path, kinds in zip(paths, stacks, strict=True):
        with tifffile.TiffWriter(path, bigtiff=True) as stack:
            for kind in kinds:
                # Stills of one stretch may differ in size.
                page = PAGES[2][: 20 - len(kinds)].astype(kind)
                stack.write(page, compression="zstd", contiguous=False, metadata=None)
    pages = [np.asarray(page) for page in open_pages(paths)]
    assert [page.dtype for page in pages] == [np.uint16, np.uint16, np.float32]
    assert [page.shape for page in pages] == [(18, 30), (18, 30), (19, 30)]
    np.testing.assert_array_equal(pages[2], PAGES[2][:19])
    assert find_dtype(paths) == np.float32
    assert find_dtype(paths[:2]) == np.uint16
