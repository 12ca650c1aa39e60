"""Pixel sizes, intervals and names as the dialects of TIFF write them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from autonuclei.io.images import read_file_header, read_header

Array = npt.NDArray[Any]


def number_planes(*shape: int, dtype: str = "uint16") -> Array:
    """A stack whose every pixel tells its plane and place."""
    return (np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype)


def test_channel_names_of_imagej(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    metadata = {"axes": "TCYX", "Labels": ["nuclei", "actin"] * 3}
    tifffile.imwrite(path, number_planes(3, 2, 20, 30), imagej=True, metadata=metadata)
    assert read_header(path).channel_names == ("nuclei", "actin")


def test_metadata_of_imagej(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        number_planes(3, 20, 30),
        imagej=True,
        resolution=(1 / 0.325, 1 / 0.325),
        metadata={"axes": "TYX", "unit": "micron", "finterval": 600, "tunit": "sec"},
    )
    header = read_header(path)
    assert header.pixel_size_um == pytest.approx(0.325, rel=1e-6)
    assert header.frame_interval_min == pytest.approx(10)


@pytest.mark.parametrize(
    ("unit", "expected"), [("\\u00B5m", 0.5), ("nm", None), ("inch", None), ("pixel", None)]
)
def test_units_of_imagej(tmp_path: Path, unit: str, expected: float | None) -> None:
    path = tmp_path / "a.tif"
    metadata = {"axes": "YX", "unit": unit}
    tifffile.imwrite(path, number_planes(20, 30), imagej=True, resolution=(2, 2), metadata=metadata)
    size = read_header(path).pixel_size_um
    assert size == (None if expected is None else pytest.approx(expected))


def test_metadata_of_ome(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(
        path,
        number_planes(3, 20, 30),
        photometric="minisblack",
        metadata={
            "axes": "TYX",
            "PhysicalSizeX": 325,
            "PhysicalSizeXUnit": "nm",
            "TimeIncrement": 0.5,
            "TimeIncrementUnit": "h",
        },
    )
    header = read_header(path)
    assert header.pixel_size_um == pytest.approx(0.325)
    assert header.frame_interval_min == pytest.approx(30)


@pytest.mark.parametrize(
    ("resolution", "unit", "expected", "said"),
    [
        (72, "inch", None, "72 dots per inch"),
        (300, "inch", None, "300 dots per inch"),
        (28.3, "centimeter", None, "28.3 dots per cm"),
        (10000 / 0.325, "centimeter", 0.325, ""),
        (25400 / 0.65, "inch", 0.65, ""),
        (2, "none", None, ""),
    ],
)
def test_plain_resolution(
    tmp_path: Path, resolution: float, unit: str, expected: float | None, said: str
) -> None:
    """Of print, unless it is finer than any print."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, number_planes(20, 30), resolution=(resolution, resolution), resolutionunit=unit
    )
    header = read_file_header(path)
    image = header.images[0]
    assert image.pixel_size_um == (expected and pytest.approx(expected, rel=1e-5))
    assert image.pixel_size_source.startswith("TIFF XResolution in") == (expected is not None)
    assert [said in note for note in header.notes] == [True] * bool(said)


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    metadata = {"axes": "YX", "unit": "um"}
    tifffile.imwrite(path, number_planes(20, 30), imagej=True, resolution=(2, 1), metadata=metadata)
    header = read_header(path)
    assert (header.pixel_size_um, header.pixel_height_um) == (0.5, 1)
    assert header.pixel_size_source == "ImageJ resolution and unit"


@pytest.mark.parametrize(
    ("unit", "resolution", "said"), [("inch", 72, "352.778 um"), ("mm", 1, "1000 um")]
)
def test_imagej_sizes_that_cannot_be(tmp_path: Path, unit: str, resolution: int, said: str) -> None:
    path = tmp_path / "a.tif"
    metadata = {"axes": "YX", "unit": unit}
    tifffile.imwrite(
        path,
        number_planes(20, 30),
        imagej=True,
        resolution=(resolution, resolution),
        metadata=metadata,
    )
    header = read_file_header(path)
    assert header.images[0].pixel_size_um is None
    assert len(header.notes) == 1
    assert said in header.notes[0]


@pytest.mark.parametrize(
    "labels",
    [
        ["img_000.tif", "img_001.tif", "img_002.tif", "img_003.tif", "img_004.tif", "img_005.tif"],
        ["c:1/2 t:1/3", "c:2/2 t:1/3"] * 3,
        ["GFP", "GFP"] * 3,
    ],
)
def test_labels_of_slices_that_are_no_channel_names(tmp_path: Path, labels: list[str]) -> None:
    path = tmp_path / "a.tif"
    metadata = {"axes": "TCYX", "Labels": labels}
    tifffile.imwrite(path, number_planes(3, 2, 20, 30), imagej=True, metadata=metadata)
    assert read_header(path).channel_names == ()


def test_plane_that_micro_manager_saved_alone(tmp_path: Path) -> None:
    path = tmp_path / "img_channel000.tif"
    said = json.dumps({"PixelSizeUm": 0.65, "Channel": "DAPI"})
    tifffile.imwrite(
        path, number_planes(20, 30), metadata=None, extratags=[(51123, 2, 0, said, True)]
    )
    header = read_header(path)
    assert (header.pixel_size_um, header.channel_names) == (0.65, ("DAPI",))


def test_images_of_a_file_have_their_own_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        for side, size in ((20, 0.5), (40, 0.25)):
            tif.write(
                number_planes(side, 30),
                resolution=(10000 / size, 10000 / size),
                resolutionunit="centimeter",
                metadata=None,
            )
    sizes = [image.pixel_size_um for image in read_file_header(path).images]
    assert sizes == pytest.approx([0.5, 0.25])
