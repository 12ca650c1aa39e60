"""ND2 files: written here block by block, read plane by plane."""

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autonuclei.errors import InputError
from autonuclei.io.formats.nikon import Nd2File

Array = npt.NDArray[Any]

# --- a writer of the format, as far as a reader needs it -----------------------------------


def encode(name: str, value: Any) -> bytes:
    """One entry of the metadata: kind, name, value; a list has entries without a name."""
    letters = (name + "\0").encode("utf-16-le") if name else b"\0\0"
    start = lambda kind: bytes([kind, len(letters) // 2]) + letters  # noqa: E731
    if isinstance(value, bool):
        return start(1) + bytes([value])
    if isinstance(value, int):
        return start(3) + struct.pack("<I", value)
    if isinstance(value, float):
        return start(6) + struct.pack("<d", value)
    if isinstance(value, str):
        return start(8) + (value + "\0").encode("utf-16-le")
    entries = value.items() if isinstance(value, Mapping) else (("", one) for one in value)
    parts = [encode(key, one) for key, one in entries]
    head, body = start(11), b"".join(parts)
    length = len(head) + 12 + len(body)
    return head + struct.pack("<IQ", len(parts), length) + body + bytes(8 * len(parts))


def loop(kind: int, inner: Mapping[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
    level: dict[str, Any] = {"eType": kind, "uLoopPars": parameters}
    if inner is not None:
        level["ppNextLevelEx"] = [inner]
    return level


def time_loop(n: int, avg_ms: float, inner: Any = None, **more: float) -> dict[str, Any]:
    return loop(1, inner, **time_period(n, avg_ms, **more))


def time_period(n: int, avg_ms: float, **more: float) -> dict[str, Any]:
    known = {"dStart": 0.0, "dPeriod": 0.0, "dDuration": 0.0, "dAvgPeriodDiff": avg_ms}
    return {"uiCount": n, **known, **more}


def z_loop(n: int, inner: Any = None) -> dict[str, Any]:
    return loop(4, inner, uiCount=n, dZStep=1.0)


def position_loop(names: Sequence[str], inner: Any = None) -> dict[str, Any]:
    points = [{"dPosX": 10.0 * i, "dPosName": name} for i, name in enumerate(names)]
    return loop(2, inner, Points=points)


def write_nd2(
    path: Path,
    planes: Array,
    experiment: Mapping[str, Any] | None = None,
    *,
    channels: Sequence[tuple[str, int]] = (("DAPI", 1),),
    pixel_um: float = 0.325,
    calibrated: bool = True,
    significant: int | None = None,
    compression: int = 2,
    row_bytes: int | None = None,
    times_ms: Sequence[float] = (),
    left_out: Sequence[int] = (),
    probe: bool = True,
) -> None:
    """Planes are (n, height, width, components)."""
    n, height, width, components = planes.shape
    row_bytes = row_bytes or width * components * planes.dtype.itemsize
    attributes = {
        "uiWidth": width,
        "uiWidthBytes": row_bytes,
        "uiHeight": height,
        "uiComp": components,
        "uiBpcInMemory": planes.dtype.itemsize * 8,
        "uiBpcSignificant": significant or planes.dtype.itemsize * 8,
        "uiSequenceCount": n,
        "eCompression": compression,
        "dCompressionParam": 1.0,
    }
    described = {
        f"a{i}": {
            "sDescription": name,
            "uiCompCount": size,
            **({"pFluorescentProbe": {"n": 1}} if probe else {}),
        }
        for i, (name, size) in enumerate(channels)
    }
    picture = {
        "bCalibrated": calibrated,
        "dCalibration": pixel_um,
        "sPicturePlanes": {"uiCount": len(channels), "sPlaneNew": described},
    }
    blocks = {
        b"ImageAttributesLV!": encode("SLxImageAttributes", attributes),
        b"ImageMetadataSeqLV|0!": encode("SLxPictureMetadata", picture),
    }
    if experiment is not None:
        blocks[b"ImageMetadataLV!"] = encode("SLxExperiment", experiment)
    if len(times_ms):
        blocks[b"CustomData|AcqTimesCache!"] = np.asarray(times_ms, "<f8").tobytes()
    for i, plane in enumerate(planes):
        rows = plane.reshape(height, -1).view(np.uint8).reshape(height, -1)
        pixels = np.pad(rows, ((0, 0), (0, row_bytes - rows.shape[1]))).tobytes()
        pixels = zlib.compress(pixels) if compression == 0 else pixels
        if i not in left_out:
            blocks[f"ImageDataSeq|{i}!".encode()] = struct.pack("<d", 0.0) + pixels
    with path.open("wb") as file:
        signature = b"ND2 FILE SIGNATURE CHUNK NAME01!"
        file.write(struct.pack("<IIQ", 0x0ABECEDA, 32, 64) + signature)
        file.write(b"Ver3.0".ljust(64, b"\0"))
        table = b""
        for name, data in blocks.items():
            table += name + struct.pack("<QQ", file.tell(), len(data))
            reserve = 4072 if name.startswith(b"ImageDataSeq") else len(name)
            file.write(struct.pack("<IIQ", 0x0ABECEDA, reserve, len(data)))
            file.write(name.ljust(reserve, b"\0") + data)
        start = file.tell()
        end = b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", start)
        name = b"ND2 FILEMAP SIGNATURE NAME 0001!"
        file.write(struct.pack("<IIQ", 0x0ABECEDA, len(name), len(table) + len(end)))
        file.write(name + table + end)


def number_planes(n: int, *shape: int, dtype: str = "uint16") -> Array:
    """Planes of which each pixel tells its plane, place and component."""
    return (np.arange(n * np.prod(shape)).reshape(n, *shape) % 60013).astype(dtype)


def refuse(path: Path) -> str:
    with pytest.raises(InputError) as error:
        Nd2File(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


# --- what is read ---------------------------------------------------------------------------


def test_time_z_and_channels_in_their_places(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    planes = number_planes(6, 18, 25, 2)
    write_nd2(
        path,
        planes,
        time_loop(3, 300_000.0, z_loop(2)),
        channels=[("DAPI", 1), ("GFP", 1)],
        significant=12,
    )
    with Nd2File(path) as file:
        (header,) = file.header.images
        assert (header.height, header.width, header.dtype) == (18, 25, "uint16")
        assert (header.n_frames, header.n_slices, header.n_channels) == (3, 2, 2)
        assert header.channel_names == ("DAPI", "GFP")
        assert header.pixel_size_um == header.pixel_height_um == 0.325
        assert header.pixel_size_source == "ND2 metadata voxelSize"
        assert header.frame_interval_min == 5.0
        assert header.frame_interval_source == "ND2 time loop periodDiff.avg"
        assert file.header.files == (str(path),)
        assert file.header.notes == ()
        for t, z, c in np.ndindex(3, 2, 2):
            plane = file.read(0, frame=t, z=z, channel=c)
            assert plane.dtype == np.uint16
            np.testing.assert_array_equal(plane, planes[2 * t + z, ..., c])


@pytest.mark.parametrize("outer", ["T", "P"])
def test_positions_are_images_whatever_the_order_of_loops(tmp_path: Path, outer: str) -> None:
    path = tmp_path / "a.nd2"
    planes = number_planes(6, 18, 25, 1)
    names = ["A1", "A2"]
    if outer == "T":
        experiment = time_loop(3, 1000.0, position_loop(names))
    else:
        experiment = position_loop(names, time_loop(3, 1000.0))
    write_nd2(path, planes, experiment)
    with Nd2File(path) as file:
        assert [image.position for image in file.header.images] == names
        assert [image.n_frames for image in file.header.images] == [3, 3]
        for p, t in np.ndindex(2, 3):
            plane = file.read(p, frame=t, z=0, channel=0)
            expected = planes[2 * t + p if outer == "T" else 3 * p + t]
            np.testing.assert_array_equal(plane, expected[..., 0])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("compression", [0, 2])
def test_types_compression_and_padded_rows(tmp_path: Path, dtype: str, compression: int) -> None:
    path = tmp_path / "a.nd2"
    planes = number_planes(1, 18, 25, 1, dtype=dtype)
    write_nd2(path, planes, compression=compression, row_bytes=25 * planes.itemsize + 3)
    with Nd2File(path) as file:
        assert file.header.images[0].dtype == dtype
        plane = file.read(0, frame=0, z=0, channel=0)
    assert plane.dtype == dtype
    np.testing.assert_array_equal(plane, planes[0, ..., 0])


def test_colours_are_stored_from_blue_to_red(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    planes = number_planes(1, 18, 25, 3, dtype="uint8")
    write_nd2(path, planes, channels=[("Brightfield", 3)])
    with Nd2File(path) as file:
        (header,) = file.header.images
        assert (header.is_rgb, header.n_channels, header.channel_names) == (True, 1, ())
        plane = file.read(0, frame=0, z=0, channel=0)
    np.testing.assert_array_equal(plane, planes[0, ..., ::-1])


def test_a_colour_camera_among_channels_gives_three(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    planes = number_planes(1, 18, 25, 4)
    write_nd2(path, planes, channels=[("DAPI", 1), ("TL", 3)])
    with Nd2File(path) as file:
        (header,) = file.header.images
        assert header.channel_names == ("DAPI", "TL blue", "TL green", "TL red")
        assert (header.is_rgb, header.n_channels) == (False, 4)
        for c in range(4):
            plane = file.read(0, frame=0, z=0, channel=c)
            np.testing.assert_array_equal(plane, planes[0, ..., c])


def test_one_plane_without_any_loop(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    write_nd2(path, number_planes(1, 18, 25, 1))
    with Nd2File(path) as file:
        (header,) = file.header.images
        assert (header.n_frames, header.n_slices, header.n_channels) == (1, 1, 1)
        assert header.frame_interval_min is None


def test_metadata_that_the_library_cannot_read_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    planes = number_planes(1, 18, 25, 2)
    write_nd2(path, planes, channels=[("DAPI", 1), ("GFP", 1)], probe=False)
    with Nd2File(path) as file:
        (header,) = file.header.images
        assert (header.n_channels, header.channel_names) == (2, ())
        assert header.pixel_size_um is None
        assert file.header.notes[0].startswith("names of channels and pixel size unknown")
        plane = file.read(0, frame=0, z=0, channel=1)
    np.testing.assert_array_equal(plane, planes[0, ..., 1])


# --- pixel size and interval ----------------------------------------------------------------


def test_uncalibrated_pixels_have_no_size(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    write_nd2(path, number_planes(1, 18, 25, 1), pixel_um=1.0, calibrated=False)
    with Nd2File(path) as file:
        assert file.header.images[0].pixel_size_um is None
        assert file.header.images[0].pixel_size_source == ""


def test_a_pixel_size_that_cannot_be_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    write_nd2(path, number_planes(1, 18, 25, 1), pixel_um=352.78)
    with Nd2File(path) as file:
        assert file.header.images[0].pixel_size_um is None
        (note,) = file.header.notes
    assert "352.78 um" in note


@pytest.mark.parametrize(
    ("experiment", "times_ms", "minutes", "noted"),
    [
        (time_loop(3, 0.0), [0, 60_000, 120_000], 1.0, ""),
        (time_loop(3, 0.0), [0, 60_000, 180_000], None, "not evenly spaced"),
        (time_loop(3, 0.0, dPeriod=30_000.0), [], 0.5, ""),
        (time_loop(3, 0.0), [], None, ""),
        (time_loop(3, 60_000.0, dMaxPeriodDiff=600_000.0), [], 1.0, "not evenly spaced"),
    ],
)
def test_interval(
    tmp_path: Path, experiment: Any, times_ms: list[float], minutes: float | None, noted: str
) -> None:
    path = tmp_path / "a.nd2"
    write_nd2(path, number_planes(3, 18, 25, 1), experiment, times_ms=times_ms)
    with Nd2File(path) as file:
        assert file.header.images[0].frame_interval_min == minutes
        assert bool(file.header.images[0].frame_interval_source) == (minutes is not None)
        assert noted in " ".join(file.header.notes)
        assert bool(file.header.notes) == bool(noted)


@pytest.mark.parametrize(("second_ms", "minutes"), [(61_000.0, 1.01), (300_000.0, None)])
def test_phases_of_a_movie(tmp_path: Path, second_ms: float, minutes: float | None) -> None:
    path = tmp_path / "a.nd2"
    periods = [time_period(2, 60_000.0), time_period(3, second_ms)]
    valid = {"i0": 1, "i1": 1}
    experiment = loop(8, pPeriod=periods, pPeriodValid=valid)
    planes = number_planes(5, 18, 25, 1)
    write_nd2(path, planes, experiment)
    with Nd2File(path) as file:
        (header,) = file.header.images
        assert header.n_frames == 5
        assert header.frame_interval_min == (minutes and pytest.approx(minutes))
        assert bool(file.header.notes) == (minutes is None)
        plane = file.read(0, frame=4, z=0, channel=0)
    np.testing.assert_array_equal(plane, planes[4, ..., 0])


# --- what is not whole, and what is refused -------------------------------------------------


def test_a_stopped_acquisition_ends_with_its_last_whole_time_point(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    planes = number_planes(8, 18, 25, 1)
    write_nd2(path, planes, time_loop(4, 1000.0, z_loop(2)), left_out=[5, 6, 7])
    with Nd2File(path) as file:
        assert file.header.images[0].n_frames == 2
        assert "only 2 of 4 time points" in file.header.notes[0]
        plane = file.read(0, frame=1, z=1, channel=0)
    np.testing.assert_array_equal(plane, planes[3, ..., 0])


def test_a_position_without_planes_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    planes = number_planes(4, 18, 25, 1)
    experiment = position_loop(["A1", "A2"], time_loop(2, 1000.0))
    write_nd2(path, planes, experiment, left_out=[0, 1])
    with Nd2File(path) as file:
        assert [image.position for image in file.header.images] == ["A2"]
        assert "position A1: only 0 of 2" in file.header.notes[0]
        plane = file.read(0, frame=1, z=0, channel=0)
    np.testing.assert_array_equal(plane, planes[3, ..., 0])


def test_a_gap_is_refused_when_read_and_not_black(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    write_nd2(path, number_planes(3, 18, 25, 1), time_loop(3, 1000.0), left_out=[1])
    with Nd2File(path) as file:
        assert file.header.images[0].n_frames == 3
        with pytest.raises(InputError, match="frame 1 lacks z slice 1"):
            file.read(0, frame=1, z=0, channel=0)


def test_planes_that_no_loop_describes(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    write_nd2(path, number_planes(4, 18, 25, 1), time_loop(2, 1000.0))
    assert "holds 4 planes, but describes T(2)" in refuse(path)
    write_nd2(path, number_planes(4, 18, 25, 1))
    assert "holds 4 planes, but describes one" in refuse(path)


@pytest.mark.parametrize(
    ("experiment", "reason"),
    [
        (time_loop(2, 1000.0, time_loop(3, 10.0)), "two loops over T"),
        (time_loop(2, 1000.0, loop(7, uiCount=3)), "a loop of its own kind"),
    ],
)
def test_loops_that_cannot_be_placed(tmp_path: Path, experiment: Any, reason: str) -> None:
    path = tmp_path / "a.nd2"
    write_nd2(path, number_planes(6, 18, 25, 1), experiment)
    message = refuse(path)
    assert reason in message
    assert "damaged" not in message


def test_lossy_pixels_are_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    write_nd2(path, number_planes(1, 18, 25, 1), compression=1)
    assert "compressed with loss" in refuse(path)


def test_a_truncated_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    write_nd2(path, number_planes(2, 18, 25, 1), time_loop(2, 1000.0))
    path.write_bytes(path.read_bytes()[:-3000])
    assert "damaged" in refuse(path)


def test_a_table_that_points_elsewhere_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    write_nd2(path, number_planes(2, 18, 25, 1), time_loop(2, 1000.0))
    data = path.read_bytes()
    name = b"ImageDataSeq|1!"
    at = data.rindex(name) + len(name)
    offset = int.from_bytes(data[at : at + 8], "little")
    path.write_bytes(data[:at] + (offset + 512).to_bytes(8, "little") + data[at + 8 :])
    with Nd2File(path) as file:
        file.read(0, frame=0, z=0, channel=0)
        with pytest.raises(InputError, match="is damaged, plane 2 is not where"):
            file.read(0, frame=1, z=0, channel=0)


def test_another_file_by_this_name(tmp_path: Path) -> None:
    path = tmp_path / "a.nd2"
    path.write_bytes(b"this is no image at all" * 10)
    assert "damaged or not what its name says" in refuse(path)
