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
from autonuclei.io.formats.tiff import TiffImageFile
from autonuclei.io.images import open_image, read_file_header, read_header, read_plane

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


# --- axes ----------------------------------------------------------------------------------


def test_two_axes_without_a_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, number_planes(6, 2, 20, 30), photometric="minisblack")
    with pytest.raises(InputError, match=r"has axes without a name.*6 x 2 x 20 x 30") as error:
        read_header(path)
    assert "metadata={'axes': 'TCYX'}" in one_line(error, path)


@pytest.mark.parametrize("shape", [(3, 20, 30), (4, 20, 30), (2, 3, 20, 30)])
@pytest.mark.parametrize("bits", [8, 16])
def test_several_planes_in_a_page(tmp_path: Path, shape: tuple[int, ...], bits: int) -> None:
    path, stack = tmp_path / "a.tif", number_planes(*shape, dtype=f"uint{bits}")
    axes = "ZTYX"[4 - len(shape) :]
    tifffile.imwrite(
        path, stack, photometric="rgb", planarconfig="separate", metadata={"axes": axes}
    )
    header = read_header(path)
    assert not header.is_rgb
    assert header.n_frames == shape[-3]
    for frame in range(shape[-3]):
        plane = read_plane(path, frame=frame, projection="1" if len(shape) > 3 else None)
        np.testing.assert_array_equal(plane, stack.reshape(-1, *shape[-3:])[0, frame])


@pytest.mark.parametrize("axes", ["ZYXC", "TYXC"])
@pytest.mark.parametrize("planar", [None, "contig"])
def test_stacks_with_channels_last(tmp_path: Path, axes: str, planar: str | None) -> None:
    path, stack = tmp_path / "a.tif", number_planes(4, 20, 30, 3)
    tifffile.imwrite(
        path, stack, photometric="minisblack", planarconfig=planar, metadata={"axes": axes}
    )
    where = {"frame": 3} if axes[0] == "T" else {"projection": "4"}
    np.testing.assert_array_equal(read_plane(path, channel="2", **where), stack[3, ..., 1])


@pytest.mark.parametrize("samples", [2, 3, 5, 7])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_samples_that_are_channels(tmp_path: Path, samples: int, planar: str) -> None:
    path, image = tmp_path / "a.tif", number_planes(samples, 20, 30)
    stored = np.moveaxis(image, 0, -1) if planar == "contig" else image
    tifffile.imwrite(path, stored, photometric="minisblack", planarconfig=planar, metadata=None)
    header = read_header(path)
    assert (header.n_channels, header.is_rgb) == (samples, False)
    for channel in range(samples):
        plane = read_plane(path, channel=str(channel + 1))
        np.testing.assert_array_equal(plane, image[channel])


def test_opacity_is_no_channel(tmp_path: Path) -> None:
    path, image = tmp_path / "a.tif", number_planes(20, 30, 2, dtype="uint8")
    tifffile.imwrite(path, image, photometric="minisblack", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(read_plane(path), image[..., 0])
    assert read_file_header(path).notes == ("left out: opacity, which lies beside the channels",)


def test_frames_written_one_by_one_are_a_movie(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.tif", number_planes(5, 20, 30)
    with tifffile.TiffWriter(path) as tif:
        for plane in stack:
            tif.write(plane, compression="zlib", photometric="minisblack")
    assert read_header(path).n_frames == 5
    np.testing.assert_array_equal(read_plane(path, frame=4), stack[4])


@pytest.mark.parametrize("axes", ["YXT", "YXZ", "YZX", "TXY"])
def test_planes_in_another_order_are_refused(tmp_path: Path, axes: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, number_planes(20, 30, 5), photometric="minisblack", metadata={"axes": axes}
    )
    with pytest.raises(InputError, match="has planes that are not stored one by one") as error:
        read_header(path)
    one_line(error, path)


def test_an_axis_that_is_no_time_z_or_channel(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, number_planes(4, 20, 30), photometric="minisblack", metadata={"axes": "HYX"}
    )
    with pytest.raises(InputError, match=r"no time, z or channel: lifetime \(H\)"):
        read_header(path)


def test_positions_on_an_axis(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.tif", number_planes(2, 3, 20, 30)
    tifffile.imwrite(path, stack, photometric="minisblack", metadata={"axes": "RTYX"})
    header = read_file_header(path)
    assert [image.position for image in header.images] == ["position 1", "position 2"]
    for i, t in np.ndindex(2, 3):
        plane = read_plane(path, position=f"position {i + 1}", frame=t)
        np.testing.assert_array_equal(plane, stack[i, t])


@pytest.mark.parametrize("reduced", [0, 1])
def test_smaller_copies_are_left_out(tmp_path: Path, reduced: int) -> None:
    path, image = tmp_path / "a.tif", number_planes(128, 128)
    with tifffile.TiffWriter(path) as tif:
        for step in (1, 2, 4):
            tif.write(
                image[::step, ::step],
                tile=(32, 32),
                subfiletype=reduced * int(step > 1),
                photometric="minisblack",
                metadata=None,
            )
    assert read_file_header(path).notes == (
        "left out: smaller copies or masks of 64 x 64, 32 x 32 pixels",
    )
    np.testing.assert_array_equal(read_plane(path), image)


# --- numbers and colours -------------------------------------------------------------------


@pytest.mark.parametrize("bits", [2, 4, 6, 10, 12, 14])
def test_packed_bits(tmp_path: Path, bits: int) -> None:
    dtype = "uint8" if bits <= 8 else "uint16"
    image = np.random.default_rng(0).integers(0, 2**bits, (3, 20, 33)).astype(dtype)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image, bitspersample=bits, photometric="minisblack", metadata=None)
    assert read_header(path).dtype == dtype
    np.testing.assert_array_equal(read_plane(path, frame=2), image[2])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_smallest_is_white_is_read_as_shown(tmp_path: Path, dtype: str) -> None:
    path, image = tmp_path / "a.tif", number_planes(20, 30, dtype=dtype)
    tifffile.imwrite(path, image, photometric="miniswhite")
    np.testing.assert_array_equal(read_plane(path), np.iinfo(dtype).max - image)
    tifffile.imwrite(path, image.astype(np.float32), photometric="miniswhite")
    with pytest.raises(InputError, match="shows its smallest number as white"):
        read_header(path)


def test_a_binary_image_means_its_numbers(tmp_path: Path) -> None:
    path, mask = tmp_path / "a.tif", number_planes(20, 30) > 100
    tifffile.imwrite(path, mask)
    np.testing.assert_array_equal(read_plane(path), mask)


@pytest.mark.parametrize("kind", ["plain", "imagej"])
def test_palettes(tmp_path: Path, kind: str) -> None:
    path, index = tmp_path / "a.tif", number_planes(20, 30, dtype="uint8")
    fire = np.zeros((3, 256), np.uint16)
    fire[0] = np.minimum(np.arange(256) * 300, 65535)
    # A display with a limit at both ends is still one of intensities.
    clipped = np.clip(np.arange(256) * 300.0 - 5000, 0, 65535).astype(np.uint16)
    wheel = np.random.default_rng(0).integers(0, 65536, (3, 256)).astype(np.uint16)
    for colours in (fire, np.stack([clipped] * 3)):
        tifffile.imwrite(path, index, imagej=kind == "imagej", colormap=colours)
        assert not read_header(path).is_rgb
        np.testing.assert_array_equal(read_plane(path), index)
    tifffile.imwrite(path, index, imagej=kind == "imagej", colormap=wheel)
    assert read_header(path).is_rgb
    np.testing.assert_array_equal(read_plane(path, channel="red"), (wheel[0] >> 8)[index])
    with Image.open(path) as picture:
        expected = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(read_plane(path, channel="blue"), expected[..., 2])


@pytest.mark.parametrize("kind", ["inverted", "palette"])
def test_numbers_of_label_images_are_those_in_the_file(tmp_path: Path, kind: str) -> None:
    path, labels = tmp_path / "a.tif", number_planes(20, 30, dtype="uint8")
    colours = np.random.default_rng(0).integers(0, 65536, (3, 256)).astype(np.uint16)
    if kind == "palette":
        tifffile.imwrite(path, labels, photometric="palette", colormap=colours)
    else:
        tifffile.imwrite(path, labels, photometric="miniswhite")
    with TiffImageFile(path, as_stored=True) as file:
        assert not file.header.images[0].is_rgb
        np.testing.assert_array_equal(file.read(0, frame=0, z=0, channel=0), labels)


def test_samples_beyond_the_colours(tmp_path: Path) -> None:
    path, image = tmp_path / "a.tif", number_planes(20, 30, 5)
    tifffile.imwrite(path, image, photometric="rgb", extrasamples=["unspecified"] * 2)
    assert read_header(path).channel_names == ("red", "green", "blue", "4", "5")
    np.testing.assert_array_equal(read_plane(path, channel="5"), image[..., 4])


def test_orientation_is_told(tmp_path: Path) -> None:
    path, image = tmp_path / "a.tif", number_planes(20, 30)
    tifffile.imwrite(path, image, metadata=None, extratags=[(274, 3, 1, 4, True)])
    np.testing.assert_array_equal(read_plane(path), image)
    assert "Orientation (4) is not applied" in read_file_header(path).notes[0]


# --- sound, but not supported --------------------------------------------------------------


def change_entry(path: Path, name: str, value: int) -> None:
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tif.pages.first.tags[name].overwrite(value)


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("Compression", 34676, "is compressed with SGILOG"),
        ("Compression", 6, "is compressed with old-style JPEG"),
        ("Compression", 12345, "is compressed with method 12345"),
        ("PhotometricInterpretation", 5, r"inks for print \(CMYK\)"),
        ("PhotometricInterpretation", 6, "brightness and differences"),
        ("PhotometricInterpretation", 8, "CIE L"),
        ("PhotometricInterpretation", 32845, "LogLuv"),
        ("BitsPerSample", 24, "holds whole numbers of 24 bits"),
        ("BitsPerSample", 48, "has pixels of a kind that cannot be read here"),
    ],
)
def test_what_cannot_be_read_is_not_called_damaged(
    tmp_path: Path, entry: str, value: int, said: str
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, number_planes(64, 64), metadata=None)
    change_entry(path, entry, value)
    with pytest.raises(InputError, match=said) as error:
        read_header(path)
    assert "damaged" not in one_line(error, path)


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, number_planes(20, 30).astype(np.complex64))
    with pytest.raises(InputError, match="holds complex numbers"):
        read_header(path)


def test_a_page_of_another_kind_in_a_hyperstack(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, number_planes(4, 20, 30), imagej=True, compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tif.pages[2].tags["ImageLength"].overwrite(19)
    with pytest.raises(InputError, match="page 3 is 30 x 19 pixels") as error:
        read_header(path)
    assert "damaged" not in one_line(error, path)


# --- damage --------------------------------------------------------------------------------


def find_chain(path: Path) -> tuple[list[int], list[int]]:
    """Places of the pages, and of the entries that lead to the next."""
    with tifffile.TiffFile(path) as tif:
        pages = [page.offset for page in tif.pages]
    content = path.read_bytes()
    counts = [struct.unpack_from("<H", content, page)[0] for page in pages]
    return pages, [page + 2 + 12 * n for page, n in zip(pages, counts, strict=True)]


@pytest.mark.parametrize("kind", ["plain", "shaped", "imagej", "ome"])
@pytest.mark.parametrize("damage", ["round", "beyond", "ends"])
def test_broken_chain_of_pages(tmp_path: Path, kind: str, damage: str) -> None:
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    tifffile.imwrite(
        path,
        number_planes(6, 20, 30),
        imagej=kind == "imagej",
        byteorder="<",
        compression="zlib",
        photometric="minisblack",
        metadata=None if kind == "plain" else {"axes": "TYX"},
    )
    pages, nexts = find_chain(path)
    target = {"round": pages[1], "beyond": path.stat().st_size + 8, "ends": 0}[damage]
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, nexts[3], target)
    path.write_bytes(content)
    if damage == "ends" and kind == "plain":  # nothing says that there were more
        assert read_header(path).n_frames == 4
        return
    with pytest.raises(InputError, match="damaged") as error:
        read_header(path)
    one_line(error, path)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_claims_beyond_the_file(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, number_planes(20, 30), metadata=None, compression=compression)
    for name in ("ImageWidth", "ImageLength"):
        change_entry(path, name, 2**30)
    tracemalloc.start()
    with pytest.raises(InputError, match=r"claims .* bytes"):
        read_plane(path)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


def test_tiles_that_were_never_written(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, number_planes(64, 64), tile=(32, 32), compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tag = tif.pages.first.tags["TileByteCounts"]
        tag.overwrite([*tag.value[:3], 0])
    with pytest.raises(InputError, match="lacks some of its 4 strips or tiles"):
        read_plane(path)


def test_reading_a_plane_does_not_follow_the_chain_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, stack = tmp_path / "a.tif", number_planes(50, 20, 30)
    tifffile.imwrite(path, stack, compression="zlib", photometric="minisblack", metadata=None)
    with open_image(path) as file:
        monkeypatch.setattr("autonuclei.io.formats.tiff_pages.os.pread", None)
        for frame in (49, 0, 25):
            plane = file.read(0, frame=frame, z=0, channel=0)
            np.testing.assert_array_equal(plane, stack[frame])
