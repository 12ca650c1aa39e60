"""Leica files: written here as XML and blocks of pixels, read plane by plane."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.formats.leica import LeicaFile

Array = npt.NDArray[Any]

NUMBERS = {"X": 1, "Y": 2, "Z": 3, "T": 4, "W": 5, "N": 7, "M": 10}

# --- a writer of the format, as far as a reader needs it -----------------------------------


def describe(
    name: str,
    pixels: Array,
    axes: str,
    *,
    block: str = "MemBlock_1",
    dyes: Sequence[str] = (),
    colours: Sequence[int] = (),
    lengths: Mapping[str, float] | None = None,
    stamps_s: Sequence[float] = (),
    row_bytes: int | None = None,
    bits: int | None = None,
    files: str = "",
) -> str:
    """The XML of an image; `pixels` has the axes as stored, C for the channels."""
    lengths = {"X": 0.325e-6 * (pixels.shape[axes.index("X")] - 1), **(lengths or {})}
    lengths.setdefault("Y", 0.325e-6 * (pixels.shape[axes.index("Y")] - 1) if "Y" in axes else 0.0)
    item = pixels.dtype.itemsize
    steps = {axis: int(np.prod(pixels.shape[i + 1 :])) * item for i, axis in enumerate(axes)}
    if row_bytes is not None:
        factor = row_bytes / steps["Y"]
        steps = {
            axis: round(step * factor) if axes.index(axis) <= axes.index("Y") else step
            for axis, step in steps.items()
        }
    n_channels = pixels.shape[axes.index("C")] if "C" in axes else 1
    channels = "".join(
        f'<ChannelDescription DataType="{int(pixels.dtype.kind == "f")}" '
        f'ChannelTag="{colours[i] if colours else 0}" Resolution="{bits or 8 * item}" '
        f'NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" LUTName="Gray" IsLUTInverted="0" '
        f'BytesInc="{i * steps.get("C", 0)}" BitInc="0">'
        + (
            f"<ChannelProperty><Key>DyeName</Key><Value>{dyes[i]}</Value></ChannelProperty>"
            if dyes
            else ""
        )
        + "</ChannelDescription>"
        for i in range(n_channels)
    )
    dimensions = "".join(
        f'<DimensionDescription DimID="{NUMBERS[axis]}" NumberOfElements="{n}" Origin="0" '
        f'Length="{lengths.get(axis, 0.0)!r}" Unit="{"s" if axis == "T" else "m"}" '
        f'BitInc="0" BytesInc="{steps[axis]}"/>'
        for axis, n in zip(axes, pixels.shape, strict=True)
        if axis != "C"
    )
    stamps = "".join(f"{round(116444736000000000 + 1e7 * s):x} " for s in stamps_s)
    return (
        f"<Element Name={quoteattr(name)}><Data><Image><ImageDescription><Channels>{channels}"
        f"</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription>"
        f'<TimeStampList NumberOfTimeStamps="{len(stamps_s)}">{stamps}</TimeStampList>'
        f'</Image></Data><Memory Size="{pixels.nbytes}" MemoryBlockID="{block}">{files}</Memory>'
        "<Children/></Element>"
    )


def folder(name: str, *inner: str) -> str:
    return f"<Element Name={quoteattr(name)}><Children>{''.join(inner)}</Children></Element>"


def write_lif(path: Path, xml: str, blocks: Mapping[str, bytes]) -> None:
    root = f'<LMSDataContainerHeader Version="2">{xml}</LMSDataContainerHeader>'
    text = root.encode("utf-16-le")
    with path.open("wb") as file:
        file.write(struct.pack("<IIBI", 0x70, len(text) + 5, 0x2A, len(text) // 2) + text)
        for name, data in blocks.items():
            letters = name.encode("utf-16-le")
            head = struct.pack("<BQBI", 0x2A, len(data), 0x2A, len(name))
            file.write(struct.pack("<II", 0x70, len(head) + len(letters)) + head + letters + data)


def write_lof(path: Path, xml: str, data: bytes) -> None:
    name = "LMS_Object_File"
    root = f'<LMSDataContainerHeader Version="2">{xml}</LMSDataContainerHeader>'
    text = root.encode("utf-16-le")
    letters = name.encode("utf-16-le")
    head = struct.pack("<IIBI", 0x70, len(letters) + 5, 0x2A, len(name)) + letters
    head += struct.pack("<BIBI", 0x2A, 2, 0x2A, 0) + struct.pack("<BQ", 0x2A, len(data))
    tail = struct.pack("<IIBI", 0x70, len(text) + 5, 0x2A, len(text) // 2) + text
    path.write_bytes(head + data + tail)


def write_one(path: Path, pixels: Array, axes: str, **more: Any) -> None:
    xml = folder("project", describe("Series001", pixels, axes, **more))
    write_lif(path, xml, {"MemBlock_1": pixels.tobytes()})


def number_planes(*shape: int, dtype: str = "uint16") -> Array:
    return (np.arange(np.prod(shape)).reshape(shape) % 60013).astype(dtype)


def refuse(path: Path) -> str:
    with pytest.raises(InputError) as error:
        LeicaFile(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


# --- what is read ---------------------------------------------------------------------------


@pytest.mark.parametrize("axes", ["TZCYX", "TCZYX", "ZTCYX", "CTZYX", "TZYXC"])
def test_time_z_and_channels_whatever_their_order(tmp_path: Path, axes: str) -> None:
    path = tmp_path / "a.lif"
    sizes = {"T": 3, "Z": 4, "C": 2, "Y": 18, "X": 25}
    stack = number_planes(*(sizes[axis] for axis in axes))
    lengths = {"T": 600.0, "Y": 1.3e-6 * 17}
    write_one(path, stack, axes, dyes=["DAPI", "GFP"], lengths=lengths, bits=12)
    with LeicaFile(path) as file:
        (header,) = file.header.images
        assert (header.height, header.width, header.dtype) == (18, 25, "uint16")
        assert (header.n_frames, header.n_slices, header.n_channels) == (3, 4, 2)
        assert (header.position, header.channel_names) == ("Series001", ("DAPI", "GFP"))
        assert header.pixel_size_um == pytest.approx(0.325)
        assert header.pixel_height_um == pytest.approx(1.3)
        assert header.pixel_size_source == "LIF DimensionDescription Length"
        assert header.frame_interval_min == pytest.approx(5.0)
        assert header.frame_interval_source == "LIF DimensionDescription Length"
        assert file.header.notes == ()
        ordered = np.einsum(f"{axes.lower()}->tzcyx", stack)
        for t, z, c in np.ndindex(3, 4, 2):
            plane = file.read(0, frame=t, z=z, channel=c)
            assert plane.dtype == np.uint16
            np.testing.assert_array_equal(plane, ordered[t, z, c])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float16"])
def test_types(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "a.lif"
    image = number_planes(18, 25, dtype=dtype)
    write_one(path, image, "YX")
    with LeicaFile(path) as file:
        expected = "float32" if dtype == "float16" else dtype
        assert file.header.images[0].dtype == expected
        plane = file.read(0, frame=0, z=0, channel=0)
    assert plane.dtype == expected
    np.testing.assert_array_equal(plane, image)


@pytest.mark.parametrize("padding", [0, 5])
def test_rows_of_a_colour_camera(tmp_path: Path, padding: int) -> None:
    path = tmp_path / "a.lif"
    image = number_planes(18, 25, 3, dtype="uint8")
    padded = np.pad(image.reshape(18, -1), ((0, 0), (0, padding)))
    row = padded.shape[1]
    xml = describe("Camera", image, "YXC", colours=[3, 2, 1], row_bytes=row)
    write_lif(path, folder("project", xml), {"MemBlock_1": padded.tobytes()})
    with LeicaFile(path) as file:
        (header,) = file.header.images
        assert (header.is_rgb, header.n_channels, header.channel_names) == (True, 1, ())
        plane = file.read(0, frame=0, z=0, channel=0)
    np.testing.assert_array_equal(plane, image[..., ::-1])


def test_images_are_positions_with_the_path_of_their_folders(tmp_path: Path) -> None:
    path = tmp_path / "a.lif"
    stacks = [number_planes(2, 18, 25) + i for i in range(4)]
    xml = [
        describe(name, stack, "TYX", block=f"MemBlock_{i}")
        for i, (name, stack) in enumerate(zip(["A", "B", "B", "C"], stacks, strict=True))
    ]
    project = folder("project", xml[0], folder("plate", folder("well", xml[1], xml[2])), xml[3])
    write_lif(path, project, {f"MemBlock_{i}": s.tobytes() for i, s in enumerate(stacks)})
    with LeicaFile(path) as file:
        names = [image.position for image in file.header.images]
        # Two of the same name are both there.
        assert names == ["A", "plate/well/B", "plate/well/B", "C"]
        for i, t in np.ndindex(4, 2):
            plane = file.read(i, frame=t, z=0, channel=0)
            np.testing.assert_array_equal(plane, stacks[i][t])


def test_tiles_of_a_mosaic_are_positions(tmp_path: Path) -> None:
    path = tmp_path / "a.lif"
    stack = number_planes(3, 2, 18, 25)
    write_one(path, stack, "MTYX", lengths={"T": 60.0})
    with LeicaFile(path) as file:
        names = [image.position for image in file.header.images]
        assert names == ["Series001 tile 1", "Series001 tile 2", "Series001 tile 3"]
        assert [image.n_frames for image in file.header.images] == [2, 2, 2]
        assert "its 3 tiles are positions of their own" in file.header.notes[0]
        for m, t in np.ndindex(3, 2):
            np.testing.assert_array_equal(file.read(m, frame=t, z=0, channel=0), stack[m, t])


def test_channels_of_different_types_become_the_wider_one(tmp_path: Path) -> None:
    path = tmp_path / "a.lif"
    wide, narrow = number_planes(18, 25), number_planes(18, 25, dtype="uint8")
    one = describe("Series001", np.stack([wide, wide]), "CYX")
    # The second channel has 8 bits; its rows are as far apart as those of the first.
    first, second = one.split("<ChannelDescription")[1:3]
    xml = one.replace(second, second.replace('Resolution="16"', 'Resolution="8"'))
    stored = np.stack([wide, narrow.astype(np.uint16)])
    xml = xml.replace(first, first)
    write_lif(path, folder("project", xml), {"MemBlock_1": stored.tobytes()})
    with LeicaFile(path) as file:
        assert file.header.images[0].dtype == "uint16"
        plane = file.read(0, frame=0, z=0, channel=1)
    assert plane.dtype == np.uint16
    np.testing.assert_array_equal(plane, narrow)


# --- files beside each other ----------------------------------------------------------------


def test_lof(tmp_path: Path) -> None:
    path = tmp_path / "a.lof"
    stack = number_planes(3, 18, 25)
    write_lof(path, describe("Series001", stack, "TYX"), stack.tobytes())
    with LeicaFile(path) as file:
        assert file.header.images[0].n_frames == 3
        np.testing.assert_array_equal(file.read(0, frame=2, z=0, channel=0), stack[2])


def write_folder(tmp_path: Path, stack: Array) -> Path:
    """An XLEF that names an XLIF that names a LOF."""
    write_lof(tmp_path / "a.lof", describe("Series001", stack, "TYX"), stack.tobytes())
    frame = f'<Frame File="a.lof" Offset="0" Size="{stack.nbytes}" UUID=""/>'
    xml = describe("Series001", stack, "TYX", files=frame)
    (tmp_path / "a.xlif").write_text(
        f'<?xml version="1.0"?><LMSDataContainerHeader Version="2">{xml}</LMSDataContainerHeader>'
    )
    path = tmp_path / "project.xlef"
    path.write_text(
        '<?xml version="1.0"?><LMSDataContainerHeader Version="2"><Element Name="project"><Data>'
        '<Experiment/></Data><Children><Reference File="a.xlif" UUID=""/></Children></Element>'
        "</LMSDataContainerHeader>"
    )
    return path


def test_xlef_names_xlif_names_lof(tmp_path: Path) -> None:
    stack = number_planes(3, 18, 25)
    path = write_folder(tmp_path, stack)
    with LeicaFile(path) as file:
        assert [image.position for image in file.header.images] == ["Series001"]
        names = [Path(name).name for name in file.header.files]
        assert names == ["project.xlef", "a.xlif", "a.lof"]
        np.testing.assert_array_equal(file.read(0, frame=1, z=0, channel=0), stack[1])


@pytest.mark.parametrize("missing", ["a.lof", "a.xlif"])
def test_a_named_file_is_missing(tmp_path: Path, missing: str) -> None:
    path = write_folder(tmp_path, number_planes(3, 18, 25))
    (tmp_path / missing).unlink()
    message = refuse(path)
    assert "names another file that is missing" in message
    assert missing in message


def test_xlif_with_a_tiff_for_each_plane(tmp_path: Path) -> None:
    path = tmp_path / "a.xlif"
    stack = number_planes(3, 2, 18, 25)
    size = stack[0, 0].nbytes
    frames = ""
    for i, (t, c) in enumerate(np.ndindex(3, 2)):
        tifffile.imwrite(tmp_path / f"t{t}c{c}.tif", stack[t, c])
        frames += f'<Frame File="t{t}c{c}.tif" Offset="{i * size}" Size="{size}" UUID=""/>'
    xml = describe("Series001", stack, "TCYX", files=frames)
    path.write_text(
        f'<?xml version="1.0"?><LMSDataContainerHeader Version="2">{xml}</LMSDataContainerHeader>'
    )
    with LeicaFile(path) as file:
        assert len(file.header.files) == 7
        for t, c in np.ndindex(3, 2):
            np.testing.assert_array_equal(file.read(0, frame=t, z=0, channel=c), stack[t, c])


# --- time and pixel size --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stamps_s", "minutes", "source", "noted"),
    [
        ([0, 1, 120, 121, 240, 241], 2.0, "LIF time stamps", ""),
        ([0, 1, 120, 121, 900, 901], None, "", "not evenly spaced"),
        ([0, 120, 240], 2.0, "LIF time stamps", ""),
        ([], 5.0, "LIF DimensionDescription Length", ""),
    ],
)
def test_interval(
    tmp_path: Path, stamps_s: list[float], minutes: float | None, source: str, noted: str
) -> None:
    path = tmp_path / "a.lif"
    stack = number_planes(3, 2, 18, 25)
    write_one(path, stack, "TCYX", stamps_s=stamps_s, lengths={"T": 600.0})
    with LeicaFile(path) as file:
        (header,) = file.header.images
        assert header.frame_interval_min == (minutes and pytest.approx(minutes))
        assert header.frame_interval_source == source
        assert noted in " ".join(file.header.notes)
        assert bool(file.header.notes) == bool(noted)


def test_a_pixel_size_that_cannot_be_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.lif"
    write_one(path, number_planes(18, 25), "YX", lengths={"X": 24.0, "Y": 0.0})
    with LeicaFile(path) as file:
        assert file.header.images[0].pixel_size_um is None
        assert file.header.images[0].pixel_height_um is None
        assert file.header.notes[0].startswith("Series001: pixel size unknown")


# --- what is left out or refused ------------------------------------------------------------


@pytest.mark.parametrize(
    ("axes", "reason"),
    [("WYX", "4 emission wavelengths"), ("NYX", "4 slices of lines"), ("ZX", "a line")],
)
def test_what_has_no_place_is_left_out(tmp_path: Path, axes: str, reason: str) -> None:
    path = tmp_path / "a.lif"
    image = number_planes(18, 25)
    other = number_planes(*((4, 18, 25) if len(axes) == 3 else (4, 25)))
    xml = describe("Other", other, axes) + describe("Good", image, "YX", block="MemBlock_2")
    blocks = {"MemBlock_1": other.tobytes(), "MemBlock_2": image.tobytes()}
    write_lif(path, folder("project", xml), blocks)
    with LeicaFile(path) as file:
        assert [one.position for one in file.header.images] == ["Good"]
        (note,) = file.header.notes
        assert note.startswith("Other: left out")
        assert reason in note
        np.testing.assert_array_equal(file.read(0, frame=0, z=0, channel=0), image)
    write_lif(path, folder("project", describe("Other", other, axes)), blocks)
    message = refuse(path)
    assert reason in message
    assert "damaged" not in message


def test_an_image_that_is_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.lif"
    first, second = number_planes(18, 25), number_planes(4, 18, 25)
    xml = describe("A", first, "YX", block="MemBlock_1") + describe(
        "B", second, "TYX", block="MemBlock_2"
    )
    write_lif(
        path,
        folder("project", xml),
        {"MemBlock_1": first.tobytes(), "MemBlock_2": second.tobytes()},
    )
    path.write_bytes(path.read_bytes()[:-1000])
    with LeicaFile(path) as file:
        assert [one.position for one in file.header.images] == ["A"]
        assert "B: left out" in file.header.notes[0]
        assert "cut off" in file.header.notes[0]


def test_a_project_without_images(tmp_path: Path) -> None:
    path = tmp_path / "a.lif"
    write_lif(path, folder("project"), {})
    assert "holds no image that can be read" in refuse(path)


def test_another_file_by_this_name(tmp_path: Path) -> None:
    path = tmp_path / "a.lif"
    path.write_bytes(b"this is no image at all" * 10)
    assert "damaged or not what its name says" in refuse(path)
