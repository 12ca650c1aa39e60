"""TIFF in its dialects: the right planes, or refused with the true reason."""

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from autonuclei.errors import InputError
from autonuclei.io.images import read_file_header, read_header, read_plane

Array = npt.NDArray[Any]


def number_planes(*shape: int, dtype: str = "uint16") -> Array:
    """A stack whose every pixel tells its plane and place."""
    return (np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype)


def one_line(error: pytest.ExceptionInfo[InputError], path: Path) -> str:
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
)
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tiff_of_every_type(tmp_path: Path, dtype: str, byteorder: str) -> None:
    image = number_planes(20, 30).astype(dtype)
    image[0, 0] = np.iinfo(dtype).max if image.dtype.kind in "iu" else 1e30
    tifffile.imwrite(tmp_path / "a.tif", image, byteorder=byteorder)
    assert read_header(tmp_path / "a.tif").dtype == dtype
    plane = read_plane(tmp_path / "a.tif")
    assert plane.dtype == np.dtype(dtype)
    assert plane.dtype.isnative
    np.testing.assert_array_equal(plane, image)


@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd"])
@pytest.mark.parametrize("predictor", [True, False])
def test_compressed_tiff(tmp_path: Path, compression: str, predictor: bool) -> None:
    stack = number_planes(3, 20, 30)
    tifffile.imwrite(
        tmp_path / "a.tif",
        stack,
        compression=compression,
        predictor=predictor,
        photometric="minisblack",
    )
    for frame in range(3):
        np.testing.assert_array_equal(read_plane(tmp_path / "a.tif", frame=frame), stack[frame])


@pytest.mark.parametrize("suffix", ["tif", "TIFF", "btf", "tf8"])
def test_bigtiff_and_other_suffixes(tmp_path: Path, suffix: str) -> None:
    stack = number_planes(4, 20, 30)
    path = tmp_path / f"a.{suffix}"
    tifffile.imwrite(path, stack, bigtiff=True, photometric="minisblack")
    assert read_header(path).n_frames == 4
    np.testing.assert_array_equal(read_plane(path, frame=2), stack[2])


def test_tiled_tiff(tmp_path: Path) -> None:
    image = number_planes(70, 90)
    tifffile.imwrite(tmp_path / "a.tif", image, tile=(32, 32), compression="zlib")
    np.testing.assert_array_equal(read_plane(tmp_path / "a.tif"), image)


def test_two_dimensional_image_is_one_frame(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", number_planes(20, 30))
    header = read_header(tmp_path / "a.tif")
    assert (header.n_frames, header.n_slices, header.n_channels) == (1, 1, 1)
    assert header.pixel_size_um is None
    assert header.frame_interval_min is None


@pytest.mark.parametrize("kind", ["imagej", "ome"])
@pytest.mark.parametrize("axes", ["YX", "TYX", "CYX", "ZYX", "TCYX", "TZYX", "ZCYX", "TZCYX"])
def test_axes_of_hyperstacks(tmp_path: Path, kind: str, axes: str) -> None:
    lengths = {"T": 3, "Z": 4, "C": 2, "Y": 20, "X": 30}
    stack = number_planes(*(lengths[axis] for axis in axes))
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    tifffile.imwrite(
        path,
        stack,
        imagej=kind == "imagej",
        ome=kind == "ome",
        photometric="minisblack",
        metadata={"axes": axes},
    )
    header = read_header(path)
    for axis, length in (
        ("T", header.n_frames),
        ("Z", header.n_slices),
        ("C", header.n_channels),
    ):
        assert length == (lengths[axis] if axis in axes else 1), axis
    channel = "2" if "C" in axes else None
    projection = "3" if "Z" in axes else None
    frame = 2 if "T" in axes else 0
    index = tuple({"T": 2, "Z": 2, "C": 1}[axis] for axis in axes[:-2])
    plane = read_plane(path, frame=frame, channel=channel, projection=projection)
    np.testing.assert_array_equal(plane, stack[index])


@pytest.mark.parametrize("axes", ["CTYX", "CZYX"])
def test_ome_with_another_order_of_axes(tmp_path: Path, axes: str) -> None:
    stack = number_planes(2, 3, 20, 30)
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, stack, photometric="minisblack", metadata={"axes": axes})
    where = {"frame": 1} if "T" in axes else {"projection": "2"}
    np.testing.assert_array_equal(read_plane(path, channel="2", **where), stack[1, 1])


@pytest.mark.parametrize("kind", ["plain", "compressed", "imagej", "ome"])
def test_reading_a_plane_does_not_load_the_movie(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    stack = np.broadcast_to(number_planes(256, 256), (100, 256, 256))
    tifffile.imwrite(
        path,
        stack,
        imagej=kind == "imagej",
        ome=kind == "ome",
        compression="zlib" if kind == "compressed" else None,
        photometric="minisblack",
        metadata={"axes": "TYX"},
    )
    read_plane(path, frame=50)  # what is loaded once stays out of the measurement
    tracemalloc.start()
    plane = read_plane(path, frame=99)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(plane, stack[0])
    assert peak < 10 * plane.nbytes  # the movie has 100


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_imagej_stack_beyond_4_gb(tmp_path: Path, dtype: str) -> None:
    """Fiji writes those with one page and the other planes behind it (here: a small one)."""
    stack = number_planes(5, 20, 30, dtype=dtype)
    description = "ImageJ=1.53t\nimages=5\nslices=5\nloop=false\n"
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, stack[0], byteorder=">", description=description, metadata=None, software=None
    )
    with tifffile.TiffFile(path) as tif:
        page = tif.pages[0]
        end = page.dataoffsets[0] + page.databytecounts[0]
    content = bytearray(path.read_bytes())
    assert len(content) - end < 2
    content[end:] = stack[1:].astype(stack.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(content)
    header = read_header(path)
    assert header.n_slices * header.n_frames == 5
    for frame in range(5):
        plane = read_plane(path, frame=frame, projection="time" if header.n_slices > 1 else None)
        assert plane.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(plane, stack[frame])
    path.write_bytes(content[:-100])
    with pytest.raises(InputError, match="damaged") as error:
        read_plane(path, frame=4, projection="time" if header.n_slices > 1 else None)
    one_line(error, path)


@pytest.mark.parametrize("kind", ["plain", "zlib", "zstd", "lzw", "imagej", "ome", "stack", "png"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.97])
def test_truncated_file_is_refused(tmp_path: Path, kind: str, part: float) -> None:
    path = tmp_path / {"ome": "a.ome.tif", "png": "a.png"}.get(kind, "a.tif")
    rng = np.random.default_rng(0)
    stack = rng.integers(0, 60000, (6, 64, 64), dtype=np.uint16)
    if kind == "png":
        Image.fromarray(stack[0]).save(path)
    else:
        tifffile.imwrite(
            path,
            stack if kind in ("imagej", "ome", "stack") else stack[0],
            imagej=kind == "imagej",
            ome=kind == "ome",
            compression=kind if kind in ("zlib", "zstd", "lzw") else None,
            photometric="minisblack",
        )
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(InputError, match="damaged") as error:
        header = read_header(path)
        planes = 6 if kind in ("imagej", "ome", "stack") else 1
        assert header.n_frames * header.n_slices == planes, "a part is taken for the whole"
        for frame in range(planes):
            read_plane(path, frame=frame, projection="time" if header.n_slices > 1 else None)
    one_line(error, path)


def test_images_of_differing_sizes_are_positions(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    images = [number_planes(side, 32) for side in (32, 32, 40)]
    with tifffile.TiffWriter(path) as tif:
        for image in images:
            tif.write(image, contiguous=False, metadata=None)
    header = read_file_header(path)
    assert [image.position for image in header.images] == ["image 1, 32 x 32", "image 2, 32 x 40"]
    assert [image.n_frames for image in header.images] == [2, 1]
    np.testing.assert_array_equal(read_plane(path, position="2"), images[2])
    np.testing.assert_array_equal(read_plane(path, position="1", frame=1), images[1])
    with pytest.raises(InputError, match="2 positions"):
        read_plane(path)


@pytest.mark.parametrize("shape", [(20, 30, 5), (20, 30, 3), (20, 30, 2)])
def test_channels_last(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "a.tif"
    image = number_planes(*shape)
    tifffile.imwrite(path, image, photometric="minisblack", metadata={"axes": "YXC"})
    assert read_header(path).n_channels == shape[-1]
    for channel in range(shape[-1]):
        plane = read_plane(path, channel=str(channel + 1))
        np.testing.assert_array_equal(plane, image[..., channel])


def test_colour_stored_plane_by_plane(tmp_path: Path) -> None:
    grey = number_planes(20, 30, dtype="uint8")
    path = tmp_path / "a.tif"
    for colour, is_grey in (
        (np.stack([grey] * 3), True),
        (np.stack([grey, grey, grey.T.reshape(20, 30)]), False),
    ):
        tifffile.imwrite(path, colour, photometric="rgb", planarconfig="separate")
        if is_grey:
            np.testing.assert_array_equal(read_plane(path), grey)
        else:
            with pytest.raises(InputError, match="is a colour image"):
                read_plane(path)


def test_a_damaged_byte_order_mark_is_no_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(struct.pack("<2sHI", b"II", 43, 8) + b"\0" * 50)
    with pytest.raises(InputError, match="damaged"):
        read_header(path)
