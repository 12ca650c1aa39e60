"""OME-TIFF: positions, orders of planes, sets of files, planes that are not there."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.images import open_image, read_file_header, read_header, read_plane

Array = npt.NDArray[Any]


def number_planes(*shape: int) -> Array:
    """A stack whose every pixel tells its plane and place."""
    return (np.arange(np.prod(shape)) * 7 % 60013).reshape(shape).astype(np.uint16)


def write_pixels(
    sizes: str,
    data: str,
    *,
    name: str = "A",
    order: str = "XYCZT",
    more: str = "",
    inside: str = "",
) -> str:
    """An Image of OME-XML of 30 x 20 pixels; sizes such as 'T3 Z2 C1'."""
    counts = " ".join(f'Size{size[0]}="{size[1:]}"' for size in sizes.split())
    return (
        f'<Image ID="Image:0" Name="{name}"><Pixels ID="Pixels:0" DimensionOrder="{order}" '
        f'Type="uint16" SizeX="30" SizeY="20" {counts} {more}>{data}</Pixels></Image>'
    )


def write_data(file: str = "", **numbers: int) -> str:
    attributes = " ".join(f'{key}="{value}"' for key, value in numbers.items())
    uuid = f'<UUID FileName="{file}">urn:uuid:{file}</UUID>' if file else ""
    return f"<TiffData {attributes}>{uuid}</TiffData>"


def write_ome(path: Path, stack: Array, content: str, uuid: str = "") -> None:
    own = f' UUID="urn:uuid:{uuid or path.name}"'
    xml = '<?xml version="1.0" encoding="UTF-8"?>'
    xml += f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{own}>{content}</OME>'
    if path.suffix == ".ome":
        path.write_text(xml)
        return
    pages = stack.reshape(-1, *stack.shape[-2:])
    tifffile.imwrite(path, pages, description=xml, metadata=None, photometric="minisblack")


def read_all(path: Path, image: int = 0) -> Array:
    """All planes of an image: (time, z, channel, y, x)."""
    with open_image(path) as file:
        header = file.header.images[image]
        sizes = (header.n_frames, header.n_slices, header.n_channels)
        planes = [file.read(image, frame=t, z=z, channel=c) for t, z, c in np.ndindex(sizes)]
    return np.array(planes).reshape(*sizes, header.height, header.width)


@pytest.mark.parametrize("order", ["XYCZT", "XYCTZ", "XYZCT", "XYZTC", "XYTCZ", "XYTZC"])
@pytest.mark.parametrize("data", ["<TiffData/>", '<TiffData IFD="0" PlaneCount="24"/>'])
def test_every_order_of_planes(tmp_path: Path, order: str, data: str) -> None:
    path, sizes = tmp_path / "a.ome.tif", {"T": 2, "Z": 3, "C": 4}
    slowest_first = order[:1:-1]
    stack = number_planes(*(sizes[axis] for axis in slowest_first), 20, 30)
    write_ome(path, stack, write_pixels("T2 Z3 C4", data, order=order))
    expected = stack.transpose([*(slowest_first.index(axis) for axis in "TZC"), 3, 4])
    np.testing.assert_array_equal(read_all(path), expected)


@pytest.mark.parametrize("data", ["<TiffData/>", '<TiffData IFD="0" PlaneCount="4"/>'])
def test_pages_that_are_not_in_the_text_are_told(tmp_path: Path, data: str) -> None:
    path, stack = tmp_path / "a.ome.tif", number_planes(4, 20, 30)
    write_ome(path, stack, write_pixels("T3 Z1 C1", data))
    assert read_file_header(path).notes == ("left out: 1 of 4 pages, not in its OME-XML",)
    np.testing.assert_array_equal(read_all(path)[:, 0, 0], stack[:3])


def test_set_of_files_given_by_any(tmp_path: Path) -> None:
    stack = number_planes(2, 3, 2, 20, 30)
    paths = [tmp_path / f"set_{t}.ome.tif" for t in range(2)]
    data = "".join(write_data(path.name, FirstT=t, PlaneCount=6) for t, path in enumerate(paths))
    for t, path in enumerate(paths):
        write_ome(path, stack[t], write_pixels("T2 Z3 C2", data))
    for path in paths:
        assert set(read_file_header(path).files) == set(map(str, paths))
        assert read_file_header(path).files[0] == str(path)
        np.testing.assert_array_equal(read_all(path), stack)
    paths[1].unlink()
    with pytest.raises(InputError, match=r"'set_1.ome.tif' is missing") as error:
        read_header(paths[0])
    assert "damaged" not in str(error.value)


def test_positions_in_files_of_their_own(tmp_path: Path) -> None:
    stack = number_planes(3, 2, 20, 30)
    paths = [tmp_path / f"p{i}.ome.tif" for i in range(3)]
    content = "".join(
        write_pixels("T2 Z1 C1", write_data(path.name, PlaneCount=2), name=f"P{i}")
        for i, path in enumerate(paths)
    )
    for path, planes in zip(paths, stack, strict=True):
        write_ome(path, planes, content)
    np.testing.assert_array_equal(read_plane(paths[0], position="P2", frame=1), stack[2, 1])
    paths[2].unlink()
    header = read_file_header(paths[0])
    assert [image.position for image in header.images] == ["P0", "P1"]
    assert header.notes == ("left out: images whose files are missing ('p2.ome.tif')",)


@pytest.mark.parametrize("master", ["set.companion.ome", "first.ome.tif"])
def test_secondary_files_are_read_through_their_master(tmp_path: Path, master: str) -> None:
    stack = number_planes(2, 3, 1, 20, 30)
    names = [master if master.endswith("tif") else "zero.ome.tif", "second.ome.tif"]
    data = "".join(write_data(name, FirstT=t, PlaneCount=3) for t, name in enumerate(names))
    only = f'<BinaryOnly MetadataFile="{master}" UUID="urn:uuid:{master}"/>'
    for name, planes in zip(names, stack, strict=True):
        write_ome(tmp_path / name, planes, only)
    write_ome(tmp_path / master, stack[0], write_pixels("T2 Z3 C1", data))
    header = read_file_header(tmp_path / names[1])
    assert str(tmp_path / master) in header.files
    np.testing.assert_array_equal(read_all(tmp_path / names[1]), stack)
    (tmp_path / master).unlink()
    with pytest.raises(InputError, match=f"master file '{master}' is missing"):
        read_header(tmp_path / names[1])


def test_a_file_that_was_given_another_name(tmp_path: Path) -> None:
    path, stack = tmp_path / "new.ome.tif", number_planes(2, 20, 30)
    content = write_pixels("T2 Z1 C1", write_data("old.ome.tif", PlaneCount=2))
    for uuid in ("old.ome.tif", "another"):
        write_ome(path, stack, content, uuid=uuid)
        np.testing.assert_array_equal(read_all(path)[:, 0, 0], stack)


def test_planes_that_are_not_named_are_never_zeros(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.ome.tif", number_planes(7, 20, 30)
    data = "".join(write_data(IFD=i, FirstT=i // 2, FirstC=i % 2) for i in range(7))
    write_ome(path, stack, write_pixels("T5 Z1 C2", data))
    header = read_file_header(path)
    assert header.images[0].n_frames == 3
    assert header.notes == (
        "left out of A: the last 2 of 5 time points, which were not recorded whole",
    )
    data = "".join(write_data(IFD=i, FirstT=t) for i, t in enumerate((0, 1, 3)))
    write_ome(path, stack[:3], write_pixels("T4 Z1 C1", data))
    np.testing.assert_array_equal(read_plane(path, frame=3), stack[2])
    with pytest.raises(InputError, match="plane 3 was not recorded"):
        read_plane(path, frame=2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (write_pixels("T3 Z1 C1", ""), "names no pixels in a file"),
        (write_pixels("T9 Z1 C1", '<TiffData IFD="0" PlaneCount="9"/>'), "names page 4"),
        (write_pixels("T3 Z1 C1", "<TiffData/>").replace('SizeX="30"', 'SizeX="64"'), "64 x 20"),
        (write_pixels("T3 Z1 C1", "<TiffData/>")[:-4] + ">", "OME-XML is broken"),
        (
            '<StructuredAnnotations><XMLAnnotation ID="A" Namespace="openmicroscopy.org/omero/'
            'dimension/modulo"/></StructuredAnnotations>'
            + write_pixels("T3 Z1 C1", "<TiffData/>").replace(
                "</Image>", '<AnnotationRef ID="A"/></Image>'
            ),
            "annotated as modulo",
        ),
    ],
)
def test_what_the_text_says_must_fit_the_pages(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "a.ome.tif"
    write_ome(path, number_planes(3, 20, 30), content)
    with pytest.raises(InputError, match=said) as error:
        read_header(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("more", "size", "height"),
    [
        ('PhysicalSizeX="0.5" PhysicalSizeY="1.0"', 0.5, 1.0),
        ('PhysicalSizeX="650" PhysicalSizeXUnit="nm" PhysicalSizeY="0.7"', 0.65, 0.7),
        ('PhysicalSizeX="0.5"', 0.5, None),
        ('PhysicalSizeX="1" PhysicalSizeXUnit="pixel"', None, None),
        ("", None, None),
    ],
)
def test_pixel_sizes(tmp_path: Path, more: str, size: float | None, height: float | None) -> None:
    path = tmp_path / "a.ome.tif"
    write_ome(path, number_planes(3, 20, 30), write_pixels("T3 Z1 C1", "<TiffData/>", more=more))
    header = read_file_header(path)
    image = header.images[0]
    assert image.pixel_size_um == (size and pytest.approx(size))
    assert image.pixel_height_um == (height and pytest.approx(height))
    assert header.notes == ()


@pytest.mark.parametrize("size", ["0", "352.78", "-1", "nan", "inf"])
def test_pixel_sizes_that_cannot_be(tmp_path: Path, size: str) -> None:
    path = tmp_path / "a.ome.tif"
    more = f'PhysicalSizeX="{size}" PhysicalSizeY="{size}"'
    write_ome(path, number_planes(3, 20, 30), write_pixels("T3 Z1 C1", "<TiffData/>", more=more))
    header = read_file_header(path)
    assert header.images[0].pixel_size_um is None
    assert len(header.notes) == 1
    assert f"PhysicalSizeX says {float(size):g} um" in header.notes[0]
    assert "'pixel_size_um'" in header.notes[0]


@pytest.mark.parametrize(
    ("increment", "times", "expected", "said"),
    [
        ('TimeIncrement="2" TimeIncrementUnit="min"', (), 2, ""),
        ("", (0, 60, 121), 60.5 / 60, ""),
        ('TimeIncrement="0"', (0, 60, 120), 1, ""),
        ('TimeIncrement="60"', (0, 60, 120), 1, ""),
        ('TimeIncrement="1"', (0, 60, 120), None, "TimeIncrement says 0.0166667 min"),
        ("", (0, 60, 300), None, "not evenly spaced"),
        ('TimeIncrement="0"', (), None, "TimeIncrement says 0 min"),
    ],
)
def test_frame_intervals(
    tmp_path: Path, increment: str, times: tuple[int, ...], expected: float | None, said: str
) -> None:
    path = tmp_path / "a.ome.tif"
    planes = "".join(
        f'<Plane TheT="{t}" TheZ="0" TheC="0" DeltaT="{time}"/>' for t, time in enumerate(times)
    )
    content = write_pixels("T3 Z1 C1", "<TiffData/>" + planes, more=increment)
    write_ome(path, number_planes(3, 20, 30), content)
    header = read_file_header(path)
    assert header.images[0].frame_interval_min == (expected and pytest.approx(expected))
    assert said in " ".join(header.notes)
    assert bool(header.notes) == bool(said)


def test_a_broken_text_of_a_single_page(tmp_path: Path) -> None:
    path, image = tmp_path / "a.ome.tif", number_planes(20, 30)
    write_ome(path, image, "<Image></Imag>")
    np.testing.assert_array_equal(read_plane(path), image)
    assert "its only page is read without it" in read_file_header(path).notes[0]


def test_pyramid_is_read_at_full_size(tmp_path: Path) -> None:
    path, image = tmp_path / "a.ome.tif", number_planes(128, 128)
    with tifffile.TiffWriter(path, ome=True) as tif:
        common = {"tile": (32, 32), "photometric": "minisblack"}
        tif.write(image, subifds=2, **common)
        for step in (2, 4):
            tif.write(image[::step, ::step], subfiletype=1, **common)
    assert len(read_file_header(path).images) == 1
    np.testing.assert_array_equal(read_plane(path), image)
