"""Label images that others drew are checked when they are read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from autonuclei.errors import InputError
from autonuclei.io.formats import base
from autonuclei.io.images import read_file_header
from autonuclei.io.label_images import LabelReader, read_label_image
from shapes import GRID, draw_disks, photograph


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_label_images_of_every_type(tmp_path: Path, dtype: str) -> None:
    labels = draw_disks((96, 96), GRID, 9)
    tifffile.imwrite(tmp_path / "a.tif", np.stack([labels * 0, labels]).astype(dtype))
    back = read_label_image(tmp_path / "a.tif", page=1)
    assert back.dtype == np.int32
    np.testing.assert_array_equal(back, labels)
    assert read_label_image(tmp_path / "a.tif", page=0).max() == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda labels: labels + 0.5, "no whole numbers"),
        (lambda labels: np.where(labels == 3, np.nan, labels), "no whole numbers"),
        (lambda labels: np.where(labels == 3, np.inf, labels), "no whole numbers"),
        (lambda labels: np.where(labels == 3, 2.0**40, labels), "no whole numbers"),
        (lambda labels: np.where(labels == 3, 2**32 - 1, labels).astype(np.uint32), "up to 2147"),
        (lambda labels: (labels + 1j).astype(np.complex64), "complex"),
        (lambda labels: (labels - 1).astype(np.int32), "values below 0"),
        (lambda labels: photograph(labels, seed=1), "its numbers change from pixel to pixel like"),
        (lambda labels: ((labels > 0) * 255).astype(np.uint8), r"one value \(255\) for 9 separate"),
    ],
)
def test_what_is_no_label_image(tmp_path: Path, change: Any, said: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", change(draw_disks((96, 96), GRID, 9)))
    with pytest.raises(InputError, match=said) as error:
        read_label_image(tmp_path / "a.tif")
    assert str(error.value).startswith(str(tmp_path / "a.tif"))
    assert "\n" not in str(error.value)


def test_the_smallest_nuclei_are_no_grey_values(tmp_path: Path) -> None:
    labels = np.arange(1, 577).reshape(24, 24).repeat(2, 0).repeat(2, 1)
    tifffile.imwrite(tmp_path / "a.tif", labels.astype(np.uint16))
    assert read_label_image(tmp_path / "a.tif").max() == 576


def test_one_nucleus_may_have_one_value(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", draw_disks((96, 96), GRID[:1], 9) * 255)
    assert read_label_image(tmp_path / "a.tif").max() == 255


def test_coloured_labels_are_refused(tmp_path: Path) -> None:
    colours = np.zeros((32, 32, 3), np.uint8)
    colours[4:9, 4:9] = (255, 0, 0)
    Image.fromarray(colours).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="colour image"):
        read_label_image(tmp_path / "a.png")


def test_grey_labels_saved_in_colour_are_read(tmp_path: Path) -> None:
    labels = draw_disks((96, 96), GRID, 9)
    Image.fromarray(np.repeat(labels.astype(np.uint8)[..., None], 3, axis=2)).save(
        tmp_path / "a.png"
    )
    np.testing.assert_array_equal(read_label_image(tmp_path / "a.png"), labels)


class _DrawnFile(base.ImageFile):
    """Each plane holds its own time, z slice and channel as digits."""

    def __init__(self, n_images: int = 1) -> None:
        image = base.ImageHeader(8, 8, "uint16", n_frames=2, n_slices=3, n_channels=2)
        self.header = base.FileHeader((image,) * n_images, ("a.tif",))
        self.is_open = True

    def read(self, image: int, *, frame: int, z: int, channel: int) -> base.Array:
        plane = np.zeros((8, 8), np.uint16)
        plane[2:5, 2:5] = 1000 + 100 * frame + 10 * z + channel
        return plane

    def close(self) -> None:
        self.is_open = False


def test_pages_are_counted_by_time_then_z_then_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[_DrawnFile] = []

    def open_image(path: Path, **_: Any) -> _DrawnFile:
        opened.append(_DrawnFile())
        return opened[-1]

    monkeypatch.setattr("autonuclei.io.images.open_image", open_image)
    with LabelReader() as read:
        found = [int(read("a.tif", page).max()) for page in range(12)]
        assert len(opened) == 1, "the file stays open from page to page"
        with pytest.raises(InputError, match=r"a\.tif: has no label image 12, only 0 to 11"):
            read("a.tif", 12)
        read("b.tif")
        assert [file.is_open for file in opened] == [False, True]
    assert not opened[1].is_open
    assert found == [1000 + 100 * t + 10 * z + c for t in (0, 1) for z in (0, 1, 2) for c in (0, 1)]


def test_label_images_of_several_positions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autonuclei.io.images.open_image", lambda path, **_: _DrawnFile(2))
    with pytest.raises(InputError, match="holds 2 positions"):
        read_label_image("a.tif")


def test_numbers_count_whatever_a_colour_table_shows(tmp_path: Path) -> None:
    """Fiji writes masks with an inverting table, and label images with one of many colours."""
    labels = np.zeros((20, 30), np.uint8)
    labels[2:8, 2:8], labels[10:18, 12:20] = 1, 2
    tifffile.imwrite(tmp_path / "white.tif", labels, photometric="miniswhite")
    table = np.random.default_rng(0).integers(0, 65536, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "colours.tif", labels, photometric="palette", colormap=table)
    for name in ("white.tif", "colours.tif"):
        np.testing.assert_array_equal(read_label_image(tmp_path / name), labels)
        assert not read_file_header(tmp_path / name, as_stored=True).images[0].is_rgb


def test_pixels_that_touch_at_a_corner_are_one_nucleus(tmp_path: Path) -> None:
    labels = np.zeros((20, 20), np.uint8)
    labels[5:10, 5:10] = labels[10, 10] = 1
    tifffile.imwrite(tmp_path / "one.tif", labels)
    np.testing.assert_array_equal(read_label_image(tmp_path / "one.tif"), labels)
    labels[12, 12] = 1
    tifffile.imwrite(tmp_path / "two.tif", labels)
    with pytest.raises(InputError, match="2 separate objects"):
        read_label_image(tmp_path / "two.tif")
