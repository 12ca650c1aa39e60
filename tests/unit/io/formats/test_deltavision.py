"""DeltaVision and MRC files made here, read plane by plane and by a second reader."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autonuclei.errors import InputError
from autonuclei.io.formats.deltavision import MrcFile

Array = npt.NDArray[Any]

MODES = {"uint8": 0, "int16": 1, "float32": 2, "complex64": 4, "uint16": 6, "int32": 7}
MRC_MODES = {"int8": 0, "int16": 1, "float32": 2, "complex64": 4, "uint16": 6, "float16": 12}
ORDERS = {"CTZ": 0, "TZC": 1, "TCZ": 2}


def write_dv(
    path: Path,
    stack: Array,
    axes: str,
    *,
    order: str = "<",
    pixel_um: tuple[float, float] = (0.11, 0.22),
    waves: Sequence[int] = (457, 528),
    counts: tuple[int, int] | None = None,
    seconds: Sequence[float] = (),
    places: Sequence[tuple[float, float]] = (),
) -> None:
    """`stack` has the axes given and Y, X; `counts` are those of time and channels as written."""
    sizes = dict(zip(axes, stack.shape, strict=False))
    n_planes = int(np.prod(stack.shape[:-2]))
    header = bytearray(1024)

    def put(kinds: str, at: int, *values: float) -> None:
        struct.pack_into(order + kinds, header, at, *values)

    extended = b""
    if len(seconds):
        for index in np.ndindex(*stack.shape[:-2]):
            t = dict(zip(axes, index, strict=True))["T"]
            x, y = places[t] if len(places) else (0.0, 0.0)
            floats = [0.0, seconds[t], x, y, *[0.0] * 10]
            extended += struct.pack(f"{order}8i14f", *[0] * 8, *floats)
        extended += bytes(-len(extended) % 1024)
        put("2h", 128, 8, 14)
    put("4i", 0, stack.shape[-1], stack.shape[-2], n_planes, MODES[stack.dtype.name])
    put("2f", 40, *pixel_um)
    put("i", 92, len(extended))
    put("h", 96, -16224)
    n_frames, n_channels = counts or (sizes["T"], sizes["C"])
    put("2h", 180, n_frames, ORDERS[axes])
    put("h", 196, n_channels)
    put(f"{len(waves)}h", 198, *waves)
    pixels = stack.astype(stack.dtype.newbyteorder(order)).tobytes()
    path.write_bytes(bytes(header) + extended + pixels)


def write_mrc(path: Path, volume: Array, *, order: str = "<", cell_a: float = 1000.0) -> None:
    header = bytearray(1024)
    nz, ny, nx = volume.shape
    struct.pack_into(f"{order}4i", header, 0, nx, ny, nz, MRC_MODES[volume.dtype.name])
    struct.pack_into(f"{order}3i", header, 28, nx, ny, nz)
    struct.pack_into(f"{order}3f", header, 40, cell_a * nx, cell_a * ny, cell_a * nz)
    header[208:214] = b"MAP " + (b"\x44\x44" if order == "<" else b"\x11\x11")
    pixels = volume.astype(volume.dtype.newbyteorder(order)).tobytes()
    path.write_bytes(bytes(header) + pixels)


def number_planes(*shape: int, dtype: str = "uint16") -> Array:
    return (np.arange(np.prod(shape)).reshape(shape) % 30011).astype(dtype)


def refuse(path: Path) -> str:
    with pytest.raises(InputError) as error:
        MrcFile(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("axes", list(ORDERS))
@pytest.mark.parametrize("order", ["<", ">"])
def test_time_z_and_channels_whatever_their_order(tmp_path: Path, axes: str, order: str) -> None:
    mrc = pytest.importorskip("mrc", reason="the second reader")
    path = tmp_path / "a.dv"
    sizes = {"T": 3, "Z": 4, "C": 2}
    stack = number_planes(*(sizes[axis] for axis in axes), 18, 25)
    write_dv(path, stack, axes, order=order, seconds=[0.0, 300.0, 600.0])
    with mrc.DVFile(path) as second:
        assert dict(second.sizes) == {**sizes, "Y": 18, "X": 25}
        np.testing.assert_array_equal(second.asarray(), stack)
    with MrcFile(path) as file:
        (header,) = file.header.images
        assert (header.height, header.width, header.dtype) == (18, 25, "uint16")
        assert (header.n_frames, header.n_slices, header.n_channels) == (3, 4, 2)
        assert header.channel_names == ("457 nm", "528 nm")
        assert header.pixel_size_um == pytest.approx(0.11)
        assert header.pixel_height_um == pytest.approx(0.22)
        assert header.pixel_size_source == "DeltaVision header pixel spacing"
        assert header.frame_interval_min == pytest.approx(5.0)
        assert header.frame_interval_source == "DeltaVision times of the planes"
        assert file.header.notes == ()
        ordered = np.einsum(f"{axes.lower()}yx->tzcyx", stack)
        for t, z, c in np.ndindex(3, 4, 2):
            plane = file.read(0, frame=t, z=z, channel=c)
            assert plane.dtype == np.uint16
            assert plane.dtype.isnative
            np.testing.assert_array_equal(plane, ordered[t, z, c])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32"])
def test_types(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "a.dv"
    stack = number_planes(1, 1, 1, 18, 25, dtype=dtype)
    write_dv(path, stack, "CTZ")
    with MrcFile(path) as file:
        assert file.header.images[0].dtype == dtype
        np.testing.assert_array_equal(file.read(0, frame=0, z=0, channel=0), stack[0, 0, 0])


def test_counts_of_zero_are_one(tmp_path: Path) -> None:
    path = tmp_path / "a.dv"
    stack = number_planes(1, 1, 5, 18, 25)
    write_dv(path, stack, "CTZ", counts=(0, 0), pixel_um=(0.0, 0.0))
    with MrcFile(path) as file:
        (header,) = file.header.images
        assert (header.n_frames, header.n_slices, header.n_channels) == (1, 5, 1)
        assert header.pixel_size_um is None
        assert file.header.notes == ()
        np.testing.assert_array_equal(file.read(0, frame=0, z=4, channel=0), stack[0, 0, 4])


@pytest.mark.parametrize("size", [352.78, float("nan"), -0.1])
def test_a_pixel_size_that_cannot_be_is_noted(tmp_path: Path, size: float) -> None:
    path = tmp_path / "a.dv"
    write_dv(path, number_planes(1, 1, 1, 18, 25), "CTZ", pixel_um=(size, size))
    with MrcFile(path) as file:
        assert file.header.images[0].pixel_size_um is None
        assert f"{size:g} um" in file.header.notes[0]


def test_frames_that_are_not_evenly_spaced(tmp_path: Path) -> None:
    path = tmp_path / "a.dv"
    stack = number_planes(1, 3, 1, 18, 25)
    write_dv(path, stack, "CTZ", seconds=[0.0, 60.0, 600.0])
    with MrcFile(path) as file:
        assert file.header.images[0].frame_interval_min is None
        assert "not evenly spaced" in file.header.notes[0]


def test_places_of_the_stage_are_no_time(tmp_path: Path) -> None:
    path = tmp_path / "a.dv"
    stack = number_planes(1, 3, 1, 18, 25)
    seconds = [0.0, 60.0, 120.0]
    write_dv(path, stack, "CTZ", seconds=seconds, places=[(0, 0), (500, 0), (1000, 0)])
    assert "3 time points are places of the stage" in refuse(path)
    write_dv(path, stack, "CTZ", seconds=seconds, places=[(0, 0), (0.1, 0), (0, 0.1)])
    with MrcFile(path) as file:
        assert file.header.images[0].n_frames == 3


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float32", "float16"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_sections_of_a_volume_are_slices(tmp_path: Path, dtype: str, order: str) -> None:
    path = tmp_path / "a.mrc"
    volume = number_planes(5, 18, 25, dtype=dtype)
    write_mrc(path, volume, order=order)
    with MrcFile(path) as file:
        (header,) = file.header.images
        assert (header.n_frames, header.n_slices, header.n_channels) == (1, 5, 1)
        assert header.dtype == ("float32" if dtype == "float16" else dtype)
        assert header.pixel_size_um == pytest.approx(0.1)
        assert header.pixel_size_source == "MRC header cell size"
        for z in range(5):
            plane = file.read(0, frame=0, z=z, channel=0)
            assert plane.dtype == header.dtype
            np.testing.assert_array_equal(plane, volume[z])


def test_pixels_of_an_electron_microscope_are_too_small(tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    write_mrc(path, number_planes(5, 18, 25), cell_a=1.5)
    with MrcFile(path) as file:
        assert file.header.images[0].pixel_size_um is None
        assert "0.00015 um" in file.header.notes[0]


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    write_mrc(path, number_planes(1, 18, 25, dtype="complex64"))
    assert "complex numbers" in refuse(path)
    write_dv(tmp_path / "a.dv", number_planes(1, 1, 1, 18, 25, dtype="complex64"), "CTZ")
    assert "damaged" not in refuse(tmp_path / "a.dv")


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "a.dv"
    write_dv(path, number_planes(1, 3, 1, 18, 25), "CTZ")
    path.write_bytes(path.read_bytes()[:-1])
    assert "it is cut off" in refuse(path)
    path.write_bytes(b"this is no image at all" * 100)
    assert "neither a DeltaVision file nor an MRC volume" in refuse(path)
    path.write_bytes(b"short")
    assert "damaged" in refuse(path)
