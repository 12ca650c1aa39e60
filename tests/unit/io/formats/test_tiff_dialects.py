"""Files of microscopes, drawn as their programs write them, come out plane by plane."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.images import open_image, read_file_header, read_header, read_plane
from micro_manager import name_planes, write_mmstack, write_ndtiff

Array = npt.NDArray[Any]


def number_planes(*shape: int) -> Array:
    """A stack whose every pixel tells its plane and place."""
    return (np.arange(np.prod(shape)) * 7 % 60013).reshape(shape).astype(np.uint16)


def read_all(path: Path, image: int = 0) -> Array:
    """All planes of an image: (time, z, channel, y, x)."""
    with open_image(path) as file:
        header = file.header.images[image]
        sizes = (header.n_frames, header.n_slices, header.n_channels)
        planes = [file.read(image, frame=t, z=z, channel=c) for t, z, c in np.ndindex(sizes)]
    return np.array(planes).reshape(*sizes, header.height, header.width)


# --- MetaMorph -----------------------------------------------------------------------------


def write_stk(
    path: Path, stack: Array, *, z_step: int, times_ms: list[int], waves: list[int]
) -> None:
    """A stack of MetaMorph: one page, all planes behind each other, numbers in its own entries."""
    n = len(stack)
    uic2 = [value for time in times_ms for value in (z_step, 1, 2460000, time, 0, 0)]
    uic3 = [value for wave in waves for value in (wave, 1)]
    tifffile.imwrite(
        path,
        stack,
        byteorder="<",
        photometric="minisblack",
        metadata=None,
        truncate=True,
        extratags=[
            # Calibration is on, X and Y stand elsewhere, and the unit too: places are set below.
            (33628, 4, 8, [3, 1, 4, 0, 5, 0, 6, 0], True),
            (33629, 5, 3 * n, uic2, True),
            (33630, 5, n, uic3, True),
        ],
    )
    content = bytearray(path.read_bytes())
    end = len(content)
    content += struct.pack("<4I", 65, 100, 130, 100) + struct.pack("<I", 3) + b"um\0"
    with tifffile.TiffFile(path) as tif:
        tags = tif.pages.first.tags
        uic1, uic2_tag = tags[33628], tags[33629]
    pairs = struct.pack("<8I", 3, 1, 4, end, 5, end + 8, 6, end + 16)
    content[uic1.valueoffset : uic1.valueoffset + 32] = pairs
    content[uic1.offset + 4 : uic1.offset + 8] = struct.pack("<I", 4)
    content[uic2_tag.offset + 4 : uic2_tag.offset + 8] = struct.pack("<I", n)
    path.write_bytes(content)


def test_metamorph_movie(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.stk", number_planes(4, 20, 30)
    write_stk(path, stack, z_step=0, times_ms=[0, 30000, 60000, 90000], waves=[488] * 4)
    header = read_header(path)
    assert (header.n_frames, header.n_slices, header.n_channels) == (4, 1, 1)
    assert (header.pixel_size_um, header.pixel_height_um) == (0.65, 1.3)
    assert header.pixel_size_source == "MetaMorph XCalibration"
    assert header.frame_interval_min == pytest.approx(0.5)
    np.testing.assert_array_equal(read_all(path)[:, 0, 0], stack)


def test_metamorph_z_stack(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.stk", number_planes(4, 20, 30)
    write_stk(path, stack, z_step=1, times_ms=[0, 100, 200, 300], waves=[488] * 4)
    header = read_header(path)
    assert (header.n_frames, header.n_slices) == (1, 4)
    assert header.frame_interval_min is None
    np.testing.assert_array_equal(read_all(path)[0, :, 0], stack)


@pytest.mark.parametrize(
    ("waves", "order"), [([405, 488] * 3, (3, 2)), ([405] * 3 + [488] * 3, (2, 3))]
)
def test_metamorph_wavelengths_are_channels(
    tmp_path: Path, waves: list[int], order: tuple[int, int]
) -> None:
    path, stack = tmp_path / "a.stk", number_planes(6, 20, 30)
    write_stk(path, stack, z_step=0, times_ms=[0, 1, 2, 3, 4, 5], waves=waves)
    assert read_header(path).n_channels == 2
    expected = stack.reshape(*order, 20, 30)
    if waves[1] != 488:
        expected = expected.swapaxes(0, 1)
    np.testing.assert_array_equal(read_all(path)[:, 0], expected)


def test_metamorph_wavelengths_without_an_order(tmp_path: Path) -> None:
    path = tmp_path / "a.stk"
    waves = [405, 488, 488, 405, 405, 488]
    write_stk(path, number_planes(6, 20, 30), z_step=0, times_ms=[0] * 6, waves=waves)
    with pytest.raises(InputError, match="has planes of several wavelengths"):
        read_header(path)


def write_metaseries(path: Path, image: Array, size: str = "0.32") -> None:
    """A frame as ImageXpress and MetaMorph save it."""
    description = (
        '<MetaData><prop id="Description" type="string" value="Experiment"/><PlaneInfo>'
        '<prop id="spatial-calibration-state" type="bool" value="on"/>'
        f'<prop id="spatial-calibration-x" type="float" value="{size}"/>'
        '<prop id="spatial-calibration-y" type="float" value="0.33"/>'
        '<prop id="spatial-calibration-units" type="string" value="um"/>'
        '<prop id="_IllumSetting_" type="string" value="DAPI"/>'
        "</PlaneInfo></MetaData>"
    )
    tifffile.imwrite(
        path,
        image,
        description=description,
        software="MetaSeries",
        metadata=None,
        photometric="minisblack",
        resolution=(72, 72),
        resolutionunit="inch",
    )


def test_metaseries(tmp_path: Path) -> None:
    path, image = tmp_path / "a.TIF", number_planes(20, 30)
    write_metaseries(path, image)
    header = read_header(path)
    assert (header.pixel_size_um, header.pixel_height_um) == (0.32, 0.33)
    assert header.pixel_size_source == "MetaSeries spatial-calibration-x"
    assert header.channel_names == ("DAPI",)
    assert read_file_header(path).notes == ()
    np.testing.assert_array_equal(read_plane(path), image)


def test_metaseries_pages(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.tif", number_planes(3, 20, 30)

    def write(heights: list[float], waves: list[str]) -> None:
        with tifffile.TiffWriter(path) as tif:
            for plane, height, wave in zip(stack, heights, waves, strict=True):
                text = (
                    f'<MetaData><PlaneInfo><prop id="z-position" type="float" value="{height}"/>'
                    f'<prop id="_IllumSetting_" type="string" value="{wave}"/>'
                    "</PlaneInfo></MetaData>"
                )
                common = {"metadata": None, "contiguous": False, "software": "MetaSeries"}
                tif.write(plane, description=text, photometric="minisblack", **common)

    write([1, 2, 3], ["DAPI"] * 3)
    np.testing.assert_array_equal(read_all(path)[0, :, 0], stack)
    write([1, 1, 1], ["DAPI"] * 3)
    np.testing.assert_array_equal(read_all(path)[:, 0, 0], stack)
    write([1, 1, 1], ["DAPI", "GFP", "DAPI"])
    with pytest.raises(InputError, match="pages of several wavelengths"):
        read_header(path)


@pytest.mark.parametrize(
    ("tags", "description", "program"),
    [
        ([(65332, 2, 0, "<variant/>", True)], None, "NIS-Elements"),
        ([], "Improvision Data", "Improvision"),
        ([], "Created by Hamamatsu Inc.", "SimplePCI"),
    ],
)
def test_pages_that_only_their_program_knows(
    tmp_path: Path, tags: list[Any], description: str | None, program: str
) -> None:
    path, stack = tmp_path / "a.tif", number_planes(3, 20, 30)
    common = {"metadata": None, "extratags": tags, "description": description}
    tifffile.imwrite(path, stack, photometric="minisblack", **common)
    with pytest.raises(InputError, match=f"is a stack of {program}"):
        read_header(path)
    tifffile.imwrite(path, stack[0], photometric="minisblack", **common)
    np.testing.assert_array_equal(read_plane(path), stack[0])


# --- Zeiss and Olympus ---------------------------------------------------------------------


def write_lsm(path: Path, stack: Array) -> None:
    """An LSM file: planes (time, z, channel, y, x), each z slice with a thumbnail behind it."""
    n_frames, n_slices, n_channels, height, width = stack.shape
    info = np.zeros((), tifffile.TIFF.CZ_LSMINFO)
    info["MagicNumber"], info["StructureSize"] = 67127628, info.itemsize
    for axis, size in zip("XYZT", (width, height, n_slices, n_frames), strict=True):
        info["DimensionTime" if axis == "T" else f"Dimension{axis}"] = size
    info["DimensionChannels"], info["ScanType"] = n_channels, 6
    info["VoxelSizeX"], info["VoxelSizeY"], info["TimeIntervall"] = 2e-7, 2e-7, 120
    with tifffile.TiffWriter(path, byteorder="<") as tif:
        for number, planes in enumerate(stack.reshape(-1, n_channels, height, width)):
            tags = [(34412, 1, info.nbytes, info.tobytes(), True)] if number == 0 else []
            common = {"photometric": "minisblack", "metadata": None, "contiguous": False}
            tif.write(planes, planarconfig="separate", extratags=tags, **common)
            small = np.ascontiguousarray(planes[:, ::2, ::2])
            tif.write(small, planarconfig="separate", subfiletype=1, **common)


def test_lsm(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.lsm", number_planes(3, 2, 3, 20, 30)
    write_lsm(path, stack)
    header = read_file_header(path)
    image = header.images[0]
    assert len(header.images) == 1
    assert image.pixel_size_um == pytest.approx(0.2)
    assert image.frame_interval_min == pytest.approx(2)
    assert header.notes == ("left out: thumbnails, 15 x 10 pixels",)
    np.testing.assert_array_equal(read_all(path), stack)


def test_fluoview(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.tif", number_planes(2, 3, 20, 30)  # time, channel
    header = np.zeros((), np.dtype(tifffile.TIFF.MM_HEADER))
    header["Dimensions"]["Size"] = 1
    for i, (name, size, step, unit) in enumerate(
        (("X", 30, 0.4, "um"), ("Y", 20, 0.5, "um"), ("Ch", 3, 1, ""), ("T", 2, 6, "s"))
    ):
        header["Dimensions"][i] = (name, size, 0, step, unit)
    colours = np.zeros((3, 65536), np.uint16)
    colours[1] = np.minimum(np.arange(65536) * 16, 65535)  # a display of 12 bits
    tifffile.imwrite(
        path,
        stack,
        byteorder="<",
        photometric="palette",
        colormap=colours,
        metadata=None,
        extratags=[
            (34361, 1, header.nbytes, header.tobytes(), True),
            (34362, 12, 8, [0.0] * 8, True),
        ],
    )
    image = read_header(path)
    assert (image.pixel_size_um, image.pixel_height_um) == (0.4, 0.5)
    assert image.frame_interval_min == pytest.approx(0.1)
    np.testing.assert_array_equal(read_all(path)[:, 0], stack)


# --- slides --------------------------------------------------------------------------------


def test_slide_of_aperio(tmp_path: Path) -> None:
    path, image = tmp_path / "a.tif", number_planes(64, 96)
    with tifffile.TiffWriter(path) as tif:
        common = {"photometric": "minisblack", "metadata": None}
        tif.write(image, tile=(16, 16), description="Aperio Image |MPP = 0.25", **common)
        tif.write(image[::4, ::4], **common)
        tif.write(image[::2, ::2], tile=(16, 16), **common)
        tif.write(image[:20, :30], subfiletype=1, **common)
        tif.write(image[:10, :40], subfiletype=9, **common)
    header = read_file_header(path)
    assert len(header.images) == 1
    assert header.images[0].pixel_size_um == 0.25
    assert " ".join(header.notes).count("left out") == 4
    assert "left out: Label, 30 x 20 pixels" in header.notes
    np.testing.assert_array_equal(read_plane(path), image)


# --- Micro-Manager -------------------------------------------------------------------------

SUMMARY = {
    "Positions": 2, "Frames": 3, "Slices": 4, "Channels": 2, "ChNames": ["DAPI", "GFP"],
    "PixelSize_um": 0.65, "Interval_ms": 60000,
    "StagePositions": [{"Label": "A1"}, {"Label": "A2"}],
}  # fmt: skip


def test_micro_manager_positions(tmp_path: Path) -> None:
    path, stack = tmp_path / "x_MMStack.ome.tif", number_planes(2, 3, 4, 2, 20, 30)
    write_mmstack(path, name_planes(stack, "ptzc"), SUMMARY)
    header = read_file_header(path)
    assert [image.position for image in header.images] == ["A1", "A2"]
    for number, image in enumerate(header.images):
        assert image.channel_names == ("DAPI", "GFP")
        assert (image.pixel_size_um, image.frame_interval_min) == (0.65, 1)
        np.testing.assert_array_equal(read_all(path, number), stack[number])


def test_micro_manager_file_for_each_position(tmp_path: Path) -> None:
    stack = number_planes(2, 3, 4, 2, 20, 30)
    paths = [tmp_path / f"x_MMStack_Pos{p}.ome.tif" for p in range(2)]
    for p, path in enumerate(paths):
        planes = [({**at, "p": p}, plane) for at, plane in name_planes(stack[p], "tzc")]
        write_mmstack(path, planes, SUMMARY)
    header = read_file_header(paths[1])
    assert header.files == (str(paths[1]), str(paths[0]))
    for number in range(2):
        np.testing.assert_array_equal(read_all(paths[1], number), stack[number])
    paths[0].unlink()
    header = read_file_header(paths[1])
    assert [image.position for image in header.images] == ["A2"]
    assert header.notes == ("1 of 2 positions are in the file",)
    np.testing.assert_array_equal(read_all(paths[1]), stack[1])


def test_micro_manager_stopped_early(tmp_path: Path) -> None:
    path, stack = tmp_path / "x_MMStack.ome.tif", number_planes(3, 4, 2, 20, 30)
    write_mmstack(path, list(name_planes(stack, "tzc"))[:19], {**SUMMARY, "Positions": 1})
    header = read_file_header(path)
    assert header.images[0].n_frames == 2
    assert "the last 1 of 3 time points, which were not recorded whole" in header.notes[0]
    np.testing.assert_array_equal(read_all(path), stack[:2])


def test_micro_manager_channel_that_skips_frames(tmp_path: Path) -> None:
    path, stack = tmp_path / "x_MMStack.ome.tif", number_planes(3, 4, 2, 20, 30)
    planes = [
        (at, plane) for at, plane in name_planes(stack, "tzc") if at["c"] == 0 or at["t"] == 0
    ]
    write_mmstack(path, planes, {**SUMMARY, "Positions": 1})
    header = read_file_header(path)
    assert header.images[0].n_frames == 3
    assert header.notes == ("8 planes were not recorded and cannot be read",)
    plane = read_plane(path, frame=2, channel="DAPI", projection="1")
    np.testing.assert_array_equal(plane, stack[2, 0, 0])
    with pytest.raises(InputError, match="was not recorded"):
        read_plane(path, frame=2, channel="GFP", projection="1")


def test_micro_manager_without_the_first_of_its_files(tmp_path: Path) -> None:
    path, stack = tmp_path / "x_MMStack_1.ome.tif", number_planes(3, 4, 2, 20, 30)
    write_mmstack(path, list(name_planes(stack, "tzc"))[8:], {**SUMMARY, "Positions": 1})
    with pytest.raises(InputError, match=r"begins with time point 2.*the first is missing"):
        read_header(path)


def test_ndtiff_of_two_files(tmp_path: Path) -> None:
    stack = number_planes(2, 3, 2, 20, 30)
    planes = [
        ({"position": p, "time": t, "channel": ("blue", "red")[c]}, stack[p, t, c])
        for p, t, c in np.ndindex(2, 3, 2)
    ]
    first, second = (tmp_path / f"set_NDTiffStack{end}.tif" for end in ("", "_1"))
    write_ndtiff(first, planes[:7], SUMMARY)
    write_ndtiff(second, planes[7:], SUMMARY)
    for path in (first, second):
        header = read_file_header(path)
        assert {Path(name).name for name in header.files} == {
            first.name, second.name, "NDTiff.index"
        }  # fmt: skip
        assert [image.position for image in header.images] == ["A1", "A2"]
        assert header.images[0].channel_names == ("blue", "red")
        for number in range(2):
            np.testing.assert_array_equal(read_all(path, number)[:, 0], stack[number])
    second.rename(tmp_path / "away")
    with pytest.raises(InputError, match=f"'{second.name}' is missing"):
        read_header(first)
    (tmp_path / "NDTiff.index").unlink()
    with pytest.raises(InputError, match=r"'NDTiff.index' is not beside it"):
        read_header(first)
