"""Pixel sizes, intervals and names as the dialects of TIFF write them."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from autonuclei.io.images import read_header

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
