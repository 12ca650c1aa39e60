"""CZI files: written by the library of Zeiss, read plane by plane."""

import re
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autonuclei.errors import InputError
from autonuclei.io.formats.zeiss import CziImageFile

czi = pytest.importorskip("pylibCZIrw.czi", reason="the extra 'czi' is not installed")

Array = npt.NDArray[Any]


def number_planes(*shape: int, dtype: str = "uint16") -> Array:
    return (np.arange(np.prod(shape)).reshape(shape) % 60013).astype(dtype)


def write_czi(
    path: Path,
    tiles: Sequence[tuple[Array, dict[str, int], int | None, tuple[int, int]]],
    *,
    compression: str = "uncompressed:",
    **metadata: Any,
) -> None:
    """Tiles are (pixels, place in C, Z, T ..., scene, left and top)."""
    with czi.create_czi(str(path), exist_ok=True, compression_options=compression) as file:
        for pixels, place, scene, location in tiles:
            chosen = {} if scene is None else {"scene": scene}
            file.write(pixels, plane=place, location=location, **chosen)
        if metadata:
            file.write_metadata("made by a test", **metadata)


def attach_times(path: Path, seconds: Sequence[float]) -> None:
    """Append the attachment with the time stamps, as ZEN does."""
    data = struct.pack("<ii", 8 + 8 * len(seconds), len(seconds))
    data += struct.pack(f"<{len(seconds)}d", *seconds)
    content = path.read_bytes()
    place = len(content)
    entry = b"A1".ljust(12, b"\0") + struct.pack("<qi", place, 0) + bytes(16)
    entry += b"CZTIMS".ljust(8, b"\0") + b"TimeStamps".ljust(80, b"\0")
    body = struct.pack("<q", len(data)).ljust(16, b"\0") + entry + bytes(112) + data
    content += b"ZISRAWATTACH".ljust(16, b"\0") + struct.pack("<qq", len(body), len(body)) + body
    directory = struct.pack("<i", 1).ljust(256, b"\0") + entry
    at = len(content)
    content += b"ZISRAWATTDIR".ljust(16, b"\0")
    content += struct.pack("<qq", len(directory), len(directory)) + directory
    path.write_bytes(content[:104] + struct.pack("<q", at) + content[112:])


def rename_axis(path: Path, old: str, new: str) -> None:
    """The library writes no axes but C, Z, T and S."""
    path.write_bytes(path.read_bytes().replace(f"{old}\0\0\0".encode(), f"{new}\0\0\0".encode()))


def refuse(path: Path) -> str:
    with pytest.raises(InputError) as error:
        CziImageFile(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


# --- what is read ---------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["uncompressed:", "zstd0:", "zstd1:ExplicitLevel=2"])
def test_time_z_and_channels_in_their_places(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.czi"
    stack = number_planes(3, 4, 2, 32, 48)
    tiles = [
        (stack[t, z, c], {"T": t, "Z": z, "C": c}, None, (0, 0)) for t, z, c in np.ndindex(3, 4, 2)
    ]
    write_czi(
        path,
        tiles,
        compression=compression,
        channel_names={0: "DAPI", 1: "GFP"},
        scale_x=0.325e-6,
        scale_y=0.65e-6,
    )
    with CziImageFile(path) as file:
        (header,) = file.header.images
        assert (header.height, header.width, header.dtype) == (32, 48, "uint16")
        assert (header.n_frames, header.n_slices, header.n_channels) == (3, 4, 2)
        assert (header.position, header.channel_names) == ("", ("DAPI", "GFP"))
        assert header.pixel_size_um == pytest.approx(0.325)
        assert header.pixel_height_um == pytest.approx(0.65)
        assert header.pixel_size_source == "CZI metadata Scaling"
        assert header.frame_interval_min is None
        assert file.header.notes == ()
        for t, z, c in np.ndindex(3, 4, 2):
            plane = file.read(0, frame=t, z=z, channel=c)
            assert plane.dtype == np.uint16
            np.testing.assert_array_equal(plane, stack[t, z, c])


def test_jpeg_xr(tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs", reason="writes JPEG XR")
    path = tmp_path / "a.czi"
    image = np.add.outer(np.arange(64), np.arange(96)).astype(np.uint16)
    write_czi(path, [(image, {}, None, (0, 0))])
    # The library does not write it: put into the place of the raw pixels.
    packed = imagecodecs.jpegxr_encode(image, level=1.0).ljust(image.nbytes, b"\0")
    content = path.read_bytes().replace(image.tobytes(), packed)
    gray16, raw, jpeg_xr = (struct.pack("<i", value) for value in (1, 0, 4))
    entry = re.compile(b"(?<=DV" + re.escape(gray16) + b".{12})" + re.escape(raw), re.DOTALL)
    content, n = entry.subn(jpeg_xr, content)
    assert n == 2
    path.write_bytes(content)
    with CziImageFile(path) as file:
        np.testing.assert_array_equal(file.read(0, frame=0, z=0, channel=0), image)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_types(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "a.czi"
    image = number_planes(32, 48, dtype=dtype)
    write_czi(path, [(image, {}, None, (0, 0))])
    with CziImageFile(path) as file:
        assert file.header.images[0].dtype == dtype
        plane = file.read(0, frame=0, z=0, channel=0)
    assert plane.dtype == dtype
    np.testing.assert_array_equal(plane, image)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_colours_become_red_green_blue(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "a.czi"
    image = number_planes(32, 48, 3, dtype=dtype)  # blue, green, red
    write_czi(path, [(image, {}, None, (0, 0))])
    with CziImageFile(path) as file:
        (header,) = file.header.images
        assert (header.is_rgb, header.n_channels, header.dtype) == (True, 1, dtype)
        plane = file.read(0, frame=0, z=0, channel=0)
    np.testing.assert_array_equal(plane, image[..., ::-1])


def test_channels_of_different_types_become_the_wider_one(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    wide, narrow = number_planes(32, 48), number_planes(32, 48, dtype="uint8")
    colour = number_planes(32, 48, 3, dtype="uint8")
    tiles = [(wide, {"C": 0}, None, (0, 0)), (narrow, {"C": 1}, None, (0, 0))]
    tiles.append((colour, {"C": 2}, None, (0, 0)))
    write_czi(path, tiles, channel_names={0: "DAPI", 1: "GFP", 2: "TL"})
    with CziImageFile(path) as file:
        (header,) = file.header.images
        assert (header.n_channels, header.dtype, header.is_rgb) == (5, "uint16", False)
        assert header.channel_names == ("DAPI", "GFP", "TL blue", "TL green", "TL red")
        for channel, expected in enumerate([wide, narrow, *np.moveaxis(colour, 2, 0)]):
            plane = file.read(0, frame=0, z=0, channel=channel)
            assert plane.dtype == np.uint16
            np.testing.assert_array_equal(plane, expected)


def test_scenes_are_images_of_their_own_size(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    first, second = number_planes(2, 32, 48), number_planes(2, 40, 36) + 7
    # The second overlaps the first on the stage.
    tiles = [(first[t], {"T": t}, 0, (-20, 5)) for t in range(2)]
    tiles += [(second[t], {"T": t}, 1, (0, 10)) for t in range(2)]
    write_czi(path, tiles)
    with CziImageFile(path) as file:
        names = [image.position for image in file.header.images]
        assert names == ["Scene 1", "Scene 2"]
        assert [image.n_frames for image in file.header.images] == [2, 2]
        for t in range(2):
            np.testing.assert_array_equal(file.read(0, frame=t, z=0, channel=0), first[t])
            np.testing.assert_array_equal(file.read(1, frame=t, z=0, channel=0), second[t])


def test_tiles_are_put_together_and_gaps_told(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    image = number_planes(60, 80) + 1
    boxes = [(0, 0), (40, 0), (0, 30)]  # the fourth is missing
    tiles = [
        (np.ascontiguousarray(image[y : y + 30, x : x + 40]), {}, 0, (x + 7, y - 3))
        for x, y in boxes
    ]
    write_czi(path, tiles)
    with CziImageFile(path) as file:
        assert len(file.header.images) == 1
        assert "gaps, which are black" in file.header.notes[0]
        plane = file.read(0, frame=0, z=0, channel=0)
    image[30:, 40:] = 0
    np.testing.assert_array_equal(plane, image)


def test_times_that_do_not_begin_at_zero(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    stack = number_planes(3, 32, 48)
    write_czi(path, [(stack[i], {"T": i + 4, "Z": 2}, None, (0, 0)) for i in range(3)])
    with CziImageFile(path) as file:
        assert file.header.images[0].n_frames == 3
        for t in range(3):
            np.testing.assert_array_equal(file.read(0, frame=t, z=0, channel=0), stack[t])


# --- time -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "minutes", "noted"),
    [
        ([0.0, 300.0, 601.0], 5.0083, ""),
        ([0.0, 300.0, 9000.0], None, "not evenly spaced"),
        ([0.0], None, ""),
    ],
)
def test_interval_of_time_stamps(
    tmp_path: Path, seconds: list[float], minutes: float | None, noted: str
) -> None:
    path = tmp_path / "a.czi"
    stack = number_planes(3, 32, 48)
    write_czi(path, [(stack[t], {"T": t}, None, (0, 0)) for t in range(3)])
    attach_times(path, seconds)
    with CziImageFile(path) as file:
        (header,) = file.header.images
        assert header.frame_interval_min == (minutes and pytest.approx(minutes, abs=1e-3))
        assert header.frame_interval_source == ("CZI time stamps" if minutes else "")
        assert noted in " ".join(file.header.notes)
        np.testing.assert_array_equal(file.read(0, frame=2, z=0, channel=0), stack[2])


# --- what is not whole, and what is refused -------------------------------------------------


def test_a_stopped_acquisition_ends_with_its_last_whole_time_point(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    stack = number_planes(3, 2, 32, 48)
    places = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
    write_czi(path, [(stack[t, c], {"T": t, "C": c}, None, (0, 0)) for t, c in places])
    with CziImageFile(path) as file:
        assert file.header.images[0].n_frames == 2
        assert "only 2 of 3 time points are whole" in file.header.notes[0]


def test_a_plane_that_was_not_recorded_is_not_black(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    stack = number_planes(3, 32, 48)
    write_czi(path, [(stack[i], {"C": i and 1, "Z": i and i - 1}, None, (0, 0)) for i in range(3)])
    with CziImageFile(path) as file:
        assert file.header.images[0].n_slices == 2
        assert "not all z slices are there for all channels" in file.header.notes
        np.testing.assert_array_equal(file.read(0, frame=0, z=1, channel=1), stack[2])
        with pytest.raises(InputError, match="z slice 2, channel 1 is not in the file"):
            file.read(0, frame=0, z=1, channel=0)


@pytest.mark.parametrize(("axis", "word"), [("V", "views"), ("H", "phases"), ("I", "illumin")])
def test_other_axes_are_refused(tmp_path: Path, axis: str, word: str) -> None:
    path = tmp_path / "a.czi"
    stack = number_planes(2, 32, 48)
    write_czi(path, [(stack[i], {"Z": i}, None, (0, 0)) for i in range(2)])
    rename_axis(path, "Z", axis)
    message = refuse(path)
    assert f"has 2 {word}" in message
    assert "damaged" not in message


def test_another_axis_of_length_one_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    image = number_planes(32, 48)
    write_czi(path, [(image, {"Z": 3}, None, (0, 0))])
    rename_axis(path, "Z", "H")
    with CziImageFile(path) as file:
        np.testing.assert_array_equal(file.read(0, frame=0, z=0, channel=0), image)


def test_a_pixel_size_that_cannot_be_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    write_czi(path, [(number_planes(32, 48), {}, None, (0, 0))], scale_x=1.0, scale_y=1.0)
    with CziImageFile(path) as file:
        assert file.header.images[0].pixel_size_um is None
        assert "1e+06 um" in file.header.notes[0]


def test_a_file_without_images(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    write_czi(path, [], scale_x=1e-6)
    assert "holds no image" in refuse(path)


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    write_czi(path, [(number_planes(32, 48), {}, None, (0, 0))])
    path.write_bytes(path.read_bytes()[:2000])
    assert "damaged" in refuse(path)
    path.write_bytes(b"this is no image at all" * 100)
    assert "damaged or not what its name says" in refuse(path)


def test_without_the_library_the_message_has_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.czi"
    write_czi(path, [(number_planes(32, 48), {}, None, (0, 0))])
    monkeypatch.setitem(sys.modules, "pylibCZIrw", None)
    monkeypatch.delitem(sys.modules, "pylibCZIrw.czi")
    message = refuse(path)
    assert message.endswith("-m pip install pylibCZIrw")
