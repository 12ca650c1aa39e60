"""PNG and JPEG."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from autonuclei.io.images import read_header, read_plane

Array = npt.NDArray[Any]


def number_planes(*shape: int, dtype: str = "uint16") -> Array:
    """A stack whose every pixel tells its plane and place."""
    return (np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_grey_png(tmp_path: Path, dtype: str) -> None:
    image = number_planes(20, 30, dtype=dtype) * (200 if dtype == "uint16" else 1)
    Image.fromarray(image).save(tmp_path / "a.png")
    header = read_header(tmp_path / "a.png")
    assert (header.height, header.width, header.dtype, header.n_frames) == (20, 30, dtype, 1)
    plane = read_plane(tmp_path / "a.png")
    assert plane.dtype == dtype
    np.testing.assert_array_equal(plane, image)


def test_jpeg(tmp_path: Path) -> None:
    image = np.full((24, 32), 90, np.uint8)
    image[8:16, 8:24] = 200
    Image.fromarray(image).save(tmp_path / "a.JPG", quality=95)
    plane = read_plane(tmp_path / "a.JPG")
    assert plane.shape == image.shape
    assert plane.dtype == np.uint8
    assert np.abs(plane.astype(int) - image).max() < 12


def test_palette_and_alpha_png(tmp_path: Path) -> None:
    grey = number_planes(20, 30, dtype="uint8")
    Image.fromarray(grey).convert("LA").save(tmp_path / "alpha.png")
    np.testing.assert_array_equal(read_plane(tmp_path / "alpha.png"), grey)
    ramp, wheel = Image.fromarray(grey), Image.fromarray(grey)
    ramp.putpalette([value for i in range(256) for value in (0, 0, i)])
    ramp.save(tmp_path / "ramp.png")
    np.testing.assert_array_equal(read_plane(tmp_path / "ramp.png"), grey)
    colours = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)
    wheel.putpalette(colours.tobytes())
    wheel.save(tmp_path / "wheel.png")
    assert read_header(tmp_path / "wheel.png").is_rgb
    green = read_plane(tmp_path / "wheel.png", channel="green")
    np.testing.assert_array_equal(green, colours[grey][..., 1])
