"""Every kind of file is read plane by plane, and damaged ones are refused with one line."""

import json
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
from autonuclei.io.hyperstack import label_dtype, write_image_movie
from autonuclei.io.images import (
    HeaderCache,
    check_pixels,
    count_frames,
    is_label_image,
    list_planes,
    read_header,
    read_image,
    read_movie_page,
    read_plane,
    write_image,
)
from shapes import GRID, draw_disks, photograph

Array = npt.NDArray[Any]


def number_planes(*shape: int, dtype: str = "uint16") -> Array:
    """A stack whose every pixel tells its plane and place."""
    return (np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype)


def one_line(error: pytest.ExceptionInfo[InputError], path: Path) -> str:
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message


# --- formats -------------------------------------------------------------------------------


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
    assert (header.axes, header.n_frames, header.n_slices, header.n_channels) == ("YX", 1, 1, 1)
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


def test_projections_of_a_z_stack(tmp_path: Path) -> None:
    stack = number_planes(2, 5, 20, 30)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TZYX"})
    largest = read_plane(path, frame=1, projection="max")
    assert largest.dtype == np.uint16
    np.testing.assert_array_equal(largest, stack[1].max(axis=0))
    mean = read_plane(path, frame=1, projection="mean")
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, stack[1].mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(read_plane(path, frame=1, projection="5"), stack[1, 4])
    with pytest.raises(InputError, match="has 5 z slices") as error:
        read_plane(path)
    one_line(error, path)
    with pytest.raises(InputError, match="has no z slice 6, only 1 to 5"):
        read_plane(path, projection="6")
    with pytest.raises(InputError, match="this one has 2 time points"):
        read_plane(path, projection="time")
    assert count_frames(read_header(path), "max") == 2


def test_slices_that_are_time_points(tmp_path: Path) -> None:
    """Fiji calls the frames of an imported sequence slices."""
    stack = number_planes(5, 2, 20, 30)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    assert count_frames(read_header(tmp_path / "a.tif"), "time") == 5
    plane = read_plane(tmp_path / "a.tif", frame=3, channel="1", projection="time")
    np.testing.assert_array_equal(plane, stack[3, 0])


def test_channel_by_number_and_by_name(tmp_path: Path) -> None:
    stack = number_planes(2, 20, 30)
    metadata = {"axes": "CYX", "Channel": {"Name": ["GFP", "DAPI"]}}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, stack, photometric="minisblack", metadata=metadata)
    assert read_header(path).channel_names == ("GFP", "DAPI")
    np.testing.assert_array_equal(read_plane(path, channel="DAPI"), stack[1])
    np.testing.assert_array_equal(read_plane(path, channel="1"), stack[0])
    with pytest.raises(InputError, match=r"2 channels \(GFP, DAPI\).*'channel'") as error:
        read_plane(path)
    one_line(error, path)
    for wrong in ("3", "0", "dapi"):
        with pytest.raises(InputError, match=f"has no channel '{wrong}', only 2"):
            read_plane(path, channel=wrong)


def test_channel_names_of_imagej(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    metadata = {"axes": "TCYX", "Labels": ["nuclei", "actin"] * 3}
    tifffile.imwrite(path, number_planes(3, 2, 20, 30), imagej=True, metadata=metadata)
    assert read_header(path).channel_names == ("nuclei", "actin")


def test_metadata_of_imagej(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        number_planes(3, 20, 30),
        imagej=True,
        resolution=(1 / 0.325, 1 / 0.325),
        metadata={"axes": "TYX", "unit": "micron", "finterval": 600, "tunit": "sec"},
    )
    header = read_header(path)
    assert header.pixel_size_um == pytest.approx(0.325, rel=1e-6)
    assert header.frame_interval_min == pytest.approx(10)


@pytest.mark.parametrize(
    ("unit", "expected"), [("\\u00B5m", 0.5), ("nm", 0.0005), ("inch", None), ("pixel", None)]
)
def test_units_of_imagej(tmp_path: Path, unit: str, expected: float | None) -> None:
    path = tmp_path / "a.tif"
    metadata = {"axes": "YX", "unit": unit}
    tifffile.imwrite(path, number_planes(20, 30), imagej=True, resolution=(2, 2), metadata=metadata)
    size = read_header(path).pixel_size_um
    assert size == (None if expected is None else pytest.approx(expected))


def test_metadata_of_ome(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(
        path,
        number_planes(3, 20, 30),
        photometric="minisblack",
        metadata={
            "axes": "TYX",
            "PhysicalSizeX": 325,
            "PhysicalSizeXUnit": "nm",
            "TimeIncrement": 0.5,
            "TimeIncrementUnit": "h",
        },
    )
    header = read_header(path)
    assert header.pixel_size_um == pytest.approx(0.325)
    assert header.frame_interval_min == pytest.approx(30)


# --- colour --------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("samples", [3, 4])
def test_grey_stored_as_colour_is_grey(tmp_path: Path, suffix: str, samples: int) -> None:
    grey = number_planes(20, 30, dtype="uint8")
    colour = np.repeat(grey[..., None], samples, axis=2)
    if samples == 4:
        colour[..., 3] = 255
    path = tmp_path / f"a.{suffix}"
    if suffix == "png":
        Image.fromarray(colour).save(path)
    else:
        extra = {"extrasamples": ["unassalpha"]} if samples == 4 else {}
        tifffile.imwrite(path, colour, photometric="rgb", **extra)
    assert read_header(path).is_rgb
    np.testing.assert_array_equal(read_plane(path), grey)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_real_colour_is_refused(tmp_path: Path, suffix: str) -> None:
    colour = np.zeros((32, 32, 3), np.uint8)
    colour[8:24, 8:24, 2] = 200
    path = tmp_path / f"a.{suffix}"
    if suffix == "tif":
        tifffile.imwrite(path, colour, photometric="rgb")
    else:
        Image.fromarray(colour).save(path)
    with pytest.raises(InputError, match=r"is a colour image.*Split Channels") as error:
        read_plane(path)
    one_line(error, path)


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


def test_palette_and_alpha_png(tmp_path: Path) -> None:
    grey = number_planes(20, 30, dtype="uint8")
    Image.fromarray(grey).convert("LA").save(tmp_path / "alpha.png")
    np.testing.assert_array_equal(read_plane(tmp_path / "alpha.png"), grey)
    blue = Image.fromarray(grey)
    blue.putpalette([value for i in range(256) for value in (0, 0, i)])
    blue.save(tmp_path / "blue.png")
    with pytest.raises(InputError, match="is a colour image"):
        read_plane(tmp_path / "blue.png")


# --- one plane at a time -------------------------------------------------------------------


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


@pytest.mark.parametrize("projection", ["max", "mean"])
def test_projecting_does_not_load_the_stack(tmp_path: Path, projection: str) -> None:
    path = tmp_path / "a.tif"
    stack = np.broadcast_to(number_planes(256, 256), (100, 256, 256))
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "ZYX"})
    read_plane(path, projection=projection)
    tracemalloc.start()
    plane = read_plane(path, projection=projection)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(plane, stack[0])
    assert peak < 25 * 256 * 256 * 2


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


# --- damage --------------------------------------------------------------------------------


def test_missing_empty_and_foreign_files(tmp_path: Path) -> None:
    for name, content, said in (
        ("empty.tif", b"", "0 bytes"),
        ("text.tif", b"frame\tlabel\n1\t2\n", "damaged or not what its name says"),
        ("text.png", b"frame\tlabel\n1\t2\n", "damaged or not what its name says"),
        ("film.avi", b"RIFF", "files of type '.avi' cannot be read"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=said) as error:
            read_header(path)
        one_line(error, path)
    with pytest.raises(InputError, match="no such file"):
        read_header(tmp_path / "missing.tif")
    with pytest.raises(InputError, match="no such file"):
        read_header(tmp_path)


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


def test_a_stack_of_differing_sizes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        for side in (32, 32, 40):
            tif.write(number_planes(side, 32), contiguous=False, metadata=None)
    with pytest.raises(InputError, match="different sizes") as error:
        read_header(path)
    one_line(error, path)


def test_axes_that_are_not_planes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    metadata = {"axes": "YXC"}
    tifffile.imwrite(path, number_planes(20, 30, 5), photometric="minisblack", metadata=metadata)
    with pytest.raises(InputError, match="the axes YXC"):
        read_header(path)


def test_a_frame_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, number_planes(3, 20, 30), imagej=True, metadata={"axes": "TYX"})
    for frame in (3, -1):
        with pytest.raises(InputError, match=f"has no frame {frame}"):
            read_plane(path, frame=frame)
    tifffile.imwrite(path, number_planes(20, 30))
    with pytest.raises(InputError, match="has no frame 1"):
        read_plane(path, frame=1)


def test_a_frame_of_another_size_than_its_movie(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, number_planes(20, 30))
    assert read_plane(path, shape=(20, 30)).shape == (20, 30)
    with pytest.raises(InputError, match=r"is 30 x 20 pixels, but most .* are 31 x 20") as error:
        read_plane(path, shape=(20, 31))
    one_line(error, path)


# --- pixels --------------------------------------------------------------------------------


def test_pixels_in_which_nothing_can_be_measured() -> None:
    good = np.random.default_rng(0).normal(100, 5, (32, 32)).astype(np.float32)
    check_pixels(good, "a.tif")
    for place, value in (((0, 0), np.nan), ((31, 31), np.inf), ((5, 5), -np.inf)):
        bad = good.copy()
        bad[place] = value
        with pytest.raises(InputError, match=r"^a.tif: has 1 pixels that are NaN or infinite"):
            check_pixels(bad, "a.tif")
    with pytest.raises(InputError, match="all pixels have the value 7"):
        check_pixels(np.full((32, 32), 7), "a.tif")
    for shape in ((1, 1), (15, 100), (100, 15)):
        with pytest.raises(InputError, match=f"is {shape[1]} x {shape[0]} pixels, at least 16"):
            check_pixels(np.zeros(shape, np.uint8), "a.tif")


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int32"])
def test_label_images_are_recognised(dtype: str) -> None:
    labels = draw_disks((96, 96), GRID, 10)
    assert is_label_image(labels.astype(dtype))
    assert is_label_image(((labels > 0) * 1).astype(dtype))
    with pytest.raises(InputError, match="looks like a label image"):
        check_pixels(labels.astype(dtype), "a.tif")


@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.3, 0.5, 0.8, 0.95, 0.99, 0.999])
def test_dim_noise_is_no_label_image(share: float) -> None:
    """A dark 8-bit image has little but 0 and 1."""
    rng = np.random.default_rng(1)
    assert not is_label_image((rng.random((200, 200)) < share).astype(np.uint8))


def test_fluorescence_is_no_label_image() -> None:
    labels = draw_disks((96, 96), GRID, 10)
    assert not is_label_image(photograph(labels))
    clipped = np.clip(photograph(labels).astype(int) - 1000, 0, None)  # background cut off
    assert not is_label_image(clipped)


# --- header cache --------------------------------------------------------------------------


def test_header_cache_reads_each_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ome.tif"
    metadata = {"axes": "CYX", "Channel": {"Name": ["GFP", "DAPI"]}}
    tifffile.imwrite(path, number_planes(2, 20, 30), photometric="minisblack", metadata=metadata)
    opened = []

    def count(path: Path) -> Any:
        opened.append(path)
        return read_header(path)

    monkeypatch.setattr("autonuclei.io.images.read_header", count)
    cache = HeaderCache(tmp_path / "cache" / "headers.json")
    first = cache.read(path)
    assert cache.read(path) == first
    cache.save()
    again = HeaderCache(tmp_path / "cache" / "headers.json")
    assert again.read(path) == first == read_header(path)
    assert len(opened) == 1
    tifffile.imwrite(path, number_planes(21, 30))
    assert again.read(path).height == 21
    assert len(opened) == 2


def test_header_cache_does_not_remember_problems(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.touch()
    cache = HeaderCache(tmp_path / "headers.json")
    for _ in range(2):
        with pytest.raises(InputError, match="0 bytes"):
            cache.read(path)
    with pytest.raises(InputError, match="no such file"):
        cache.read(tmp_path / "missing.tif")
    cache.save()
    assert not (tmp_path / "headers.json").exists()


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"old": {"stamp": 1}}'])
def test_header_cache_that_cannot_be_used_is_made_anew(tmp_path: Path, content: str) -> None:
    path, store = tmp_path / "a.tif", tmp_path / "headers.json"
    tifffile.imwrite(path, number_planes(20, 30))
    store.write_text(content)
    assert HeaderCache(store).read(path) == read_header(path)


def test_header_cache_of_another_version_is_not_used(tmp_path: Path) -> None:
    path, store = tmp_path / "a.tif", tmp_path / "headers.json"
    tifffile.imwrite(path, number_planes(20, 30))
    cache = HeaderCache(store)
    cache.read(path)
    cache.save()
    for change in ({"n_lights": 2}, None):
        known = json.loads(store.read_text())
        for entry in known.values():
            if isinstance(entry, dict) and "header" in entry:
                if change:
                    entry["header"] |= change
                else:
                    entry["header"].pop("n_frames")
        store.write_text(json.dumps(known))
        assert HeaderCache(store).read(path) == read_header(path)


# --- writing -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int32", "float32"])
def test_internal_images_come_back(tmp_path: Path, dtype: str) -> None:
    image = (number_planes(20, 30) % 3 - (dtype == "int32")).astype(dtype)
    write_image(tmp_path / "a.tif", image)
    back = read_image(tmp_path / "a.tif")
    assert (
        back.dtype == np.dtype("uint8" if dtype == "bool" else dtype) or back.dtype == image.dtype
    )
    np.testing.assert_array_equal(back, image)


def test_more_labels_than_uint16_holds(tmp_path: Path) -> None:
    assert label_dtype(65535) == np.uint16
    assert label_dtype(65536) == np.float32
    with pytest.raises(ValueError, match="do not fit"):
        label_dtype(2**24 + 1)
    labels = np.arange(300 * 300).reshape(300, 300)
    write_image_movie(
        tmp_path / "a.tif",
        [labels.astype(label_dtype(int(labels.max())))],
        n_frames=1,
        pixel_size_um=0.4,
        frame_interval_min=5,
        compress=True,
    )
    header = read_header(tmp_path / "a.tif")
    assert header.pixel_size_um == pytest.approx(0.4)
    assert header.frame_interval_min == pytest.approx(5)
    np.testing.assert_array_equal(read_plane(tmp_path / "a.tif"), labels)


def test_missing_frames_of_a_movie_are_black(tmp_path: Path) -> None:
    for number in (0, 2):
        tifffile.imwrite(tmp_path / f"{number}.tif", np.full((20, 30), number + 1, np.uint16))
    planes = {number: {"path": tmp_path / f"{number}.tif"} for number in (0, 2)}
    pages = [read_movie_page(planes, frame, (20, 30)) for frame in range(3)]
    assert [int(page.max()) for page in pages] == [1, 0, 3]
    assert {page.dtype for page in pages} == {np.dtype(np.uint16)}


def test_positions_of_planes_in_the_file() -> None:
    from autonuclei.io.images import ImageHeader

    header = ImageHeader(20, 30, "uint8", "TZCYX", n_frames=3, n_slices=4, n_channels=2)
    assert list_planes(header, "a", frame=2, channel="2", projection="1") == [2 * 8 + 0 * 2 + 1]
    assert list_planes(header, "a", channel="1", projection="max") == [0, 2, 4, 6]


def test_a_damaged_byte_order_mark_is_no_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(struct.pack("<2sHI", b"II", 43, 8) + b"\0" * 50)
    with pytest.raises(InputError, match="damaged"):
        read_header(path)
