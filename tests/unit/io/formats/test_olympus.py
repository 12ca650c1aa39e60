"""OIF files: a text and a folder of TIFFs made here, read plane by plane."""

import itertools
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.formats.olympus import OlympusFile

Array = npt.NDArray[Any]

LETTERS = "XYCZTALP"


def write_oif(
    path: Path,
    stack: Array,
    axes: str,
    *,
    order: str = "",
    pixel_um: tuple[float, float] = (0.2, 0.4),
    end_ms: float = 0.0,
    left_out: Collection[tuple[int, ...]] = (),
) -> None:
    """`stack` has the axes given, Y and X last."""
    sizes = dict(zip(axes, stack.shape, strict=True))
    order = order or "XY" + "".join(axis for axis in "CZTL" if axis in sizes)
    lines = ["[ProfileSaveInfo]", 'Name="COFAImages"', 'Version="2.0.0.0"']
    lines += ["[Axis Parameter Common]", f"AxisCount={len(order)}", f'AxisOrder="{order}"']
    for i, letter in enumerate(LETTERS):
        lines += [f"[Axis {i} Parameters Common]", f'AxisCode="{letter}"']
        lines += [f"MaxSize={sizes.get(letter, 0)}", "StartPosition=0.0"]
        lines += [f"EndPosition={end_ms if letter == 'T' else 0.0}"]
        lines += [f'UnitName="{"ms" if letter == "T" else "um"}"']
    for i in range(1, 4):
        dye = ("Hoechst 33342", "None", "")[i - 1]
        lines += [f"[Channel {i} Parameters]", f'CH Name="CH{i}"', f'DyeName="{dye}"']
    lines += ["[Reference Image Parameter]", "ValidBitCounts=12", "ImageDepth=2"]
    lines += [f"WidthConvertValue={pixel_um[0]}", 'WidthUnit="um"']
    lines += [f"HeightConvertValue={pixel_um[1]}", 'HeightUnit="um"']
    path.write_bytes("\r\n".join(lines).encode("utf-16"))
    folder = path.with_name(f"{path.name}.files")
    folder.mkdir(exist_ok=True)
    for index in itertools.product(*(range(n) for n in stack.shape[:-2])):
        if index in left_out:
            continue
        number = dict(zip(axes, index, strict=False))
        name = "".join(f"{axis}{number[axis] + 1:03}" for axis in "CZTL" if axis in number)
        tifffile.imwrite(folder / f"s_{name}.tif", stack[index])
    # What is no plane of the image.
    tifffile.imwrite(folder / "s_C001-R001.tif", np.zeros((64, 64), np.uint16))
    (folder / "s_Thumb.bmp").write_bytes(b"BM")


def number_planes(*shape: int) -> Array:
    return (np.arange(np.prod(shape)).reshape(shape) % 4096).astype(np.uint16)


def refuse(path: Path) -> str:
    with pytest.raises(InputError) as error:
        OlympusFile(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_time_z_and_channels_in_their_places(tmp_path: Path) -> None:
    path = tmp_path / "a.oif"
    stack = number_planes(3, 4, 2, 18, 25)
    write_oif(path, stack, "TZCYX", end_ms=600_000.0)
    with OlympusFile(path) as file:
        (header,) = file.header.images
        assert (header.height, header.width, header.dtype) == (18, 25, "uint16")
        assert (header.n_frames, header.n_slices, header.n_channels) == (3, 4, 2)
        assert header.channel_names == ("Hoechst 33342", "CH2")
        assert (header.pixel_size_um, header.pixel_height_um) == (0.2, 0.4)
        assert header.pixel_size_source == "OIF WidthConvertValue"
        assert header.frame_interval_min == pytest.approx(5.0)
        assert header.frame_interval_source == "OIF axis T EndPosition"
        assert len(file.header.files) == 1 + 3 * 4 * 2
        assert file.header.notes == ()
        for t, z, c in np.ndindex(3, 4, 2):
            plane = file.read(0, frame=t, z=z, channel=c)
            assert plane.dtype == np.uint16
            np.testing.assert_array_equal(plane, stack[t, z, c])


def test_a_single_plane(tmp_path: Path) -> None:
    path = tmp_path / "a.oif"
    stack = number_planes(1, 18, 25)
    write_oif(path, stack, "CYX")
    with OlympusFile(path) as file:
        (header,) = file.header.images
        assert (header.n_frames, header.n_slices, header.n_channels) == (1, 1, 1)
        assert header.frame_interval_min is None
        np.testing.assert_array_equal(file.read(0, frame=0, z=0, channel=0), stack[0])


def test_a_pixel_size_that_cannot_be_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.oif"
    write_oif(path, number_planes(1, 18, 25), "CYX", pixel_um=(352.78, 352.78))
    with OlympusFile(path) as file:
        assert file.header.images[0].pixel_size_um is None
        assert "352.78 um" in file.header.notes[0]


def test_a_stopped_acquisition_ends_with_its_last_whole_time_point(tmp_path: Path) -> None:
    path = tmp_path / "a.oif"
    write_oif(path, number_planes(3, 2, 18, 25), "TCYX", left_out=[(2, 1)])
    with OlympusFile(path) as file:
        assert file.header.images[0].n_frames == 2
        assert "only 2 of 3 time points are whole" in file.header.notes[0]


def test_a_plane_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.oif"
    write_oif(path, number_planes(3, 2, 18, 25), "TCYX", left_out=[(1, 1)])
    with OlympusFile(path) as file:
        assert file.header.images[0].n_frames == 3
        with pytest.raises(InputError, match="frame 1, z slice 1, channel 2 is missing"):
            file.read(0, frame=1, z=0, channel=1)


def test_what_has_no_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.oif"
    write_oif(path, number_planes(2, 18, 25), "CYX", order="XZC")
    assert "a scan over X and Z" in refuse(path)
    write_oif(path, number_planes(4, 18, 25), "LYX")
    message = refuse(path)
    assert "4 wavelengths" in message
    assert "damaged" not in message


def test_a_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "a.oif"
    write_oif(path, number_planes(1, 18, 25), "CYX")
    path.with_name("a.oif.files").rename(tmp_path / "elsewhere")
    message = refuse(path)
    assert "a.oif.files is missing" in message
    assert "damaged" not in message


@pytest.mark.parametrize("suffix", ["oif", "oib"])
def test_another_file_by_this_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"this is no image at all" * 100)
    path.with_name(f"{path.name}.files").mkdir()
    assert "damaged or not what its name says" in refuse(path)
