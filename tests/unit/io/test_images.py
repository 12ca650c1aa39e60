"""The front of all formats: which plane a choice means, the cache of headers, checks of pixels."""

import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from autonuclei.errors import InputError
from autonuclei.io.files import stamp_files
from autonuclei.io.formats.base import ImageHeader
from autonuclei.io.hyperstack import label_dtype, write_image_movie
from autonuclei.io.images import (
    HeaderCache,
    PlaneReader,
    check_pixels,
    count_frames,
    is_label_image,
    list_planes,
    open_image,
    read_file_header,
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
    with pytest.raises(InputError, match="is a folder, not an image") as error:
        read_header(tmp_path)
    one_line(error, tmp_path)


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


def test_header_cache_reads_each_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ome.tif"
    metadata = {"axes": "CYX", "Channel": {"Name": ["GFP", "DAPI"]}}
    tifffile.imwrite(path, number_planes(2, 20, 30), photometric="minisblack", metadata=metadata)
    opened = []

    def count(path: Path, **options: Any) -> Any:
        opened.append(path)
        return read_file_header(path, **options)

    monkeypatch.setattr("autonuclei.io.images.read_file_header", count)
    cache = HeaderCache(tmp_path / "cache" / "headers.json")
    first = cache.read(path)
    assert cache.read(path) == first
    cache.save()
    again = HeaderCache(tmp_path / "cache" / "headers.json")
    assert again.read(path) == first == read_file_header(path)
    assert len(opened) == 1
    tifffile.imwrite(path, number_planes(21, 30))
    assert again.read(path).images[0].height == 21
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
    assert HeaderCache(store).read(path) == read_file_header(path)


def test_header_cache_of_another_version_is_not_used(tmp_path: Path) -> None:
    path, store = tmp_path / "a.tif", tmp_path / "headers.json"
    tifffile.imwrite(path, number_planes(20, 30))
    cache = HeaderCache(store)
    cache.read(path)
    cache.save()
    known = json.loads(store.read_text())
    known["fields"].append("n_lights")
    known["headers"][f"image {path}"]["header"]["images"][0]["height"] = 99
    store.write_text(json.dumps(known))
    assert HeaderCache(store).read(path) == read_file_header(path)


def test_header_cache_sees_that_a_file_was_replaced_by_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, number_planes(20, 30))
    cache = HeaderCache(tmp_path / "headers.json")
    cache.read(path)
    tifffile.imwrite(path, number_planes(21, 30))
    os.utime(path, (1_000_000, 1_000_000))
    assert cache.read(path).images[0].height == 21


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
    with PlaneReader() as read:
        pages = [read_movie_page(read, planes, frame, (20, 30)) for frame in range(3)]
    assert [int(page.max()) for page in pages] == [1, 0, 3]
    assert {page.dtype for page in pages} == {np.dtype(np.uint16)}


def test_planes_of_one_time_point() -> None:
    header = ImageHeader(20, 30, "uint8", n_frames=3, n_slices=4, n_channels=2)
    assert list_planes(header, "a", frame=2, channel="2", projection="1") == [(2, 0, 1)]
    assert list_planes(header, "a", channel="1", projection="max") == [
        (0, 0, 0), (0, 1, 0), (0, 2, 0), (0, 3, 0)
    ]  # fmt: skip
    still = ImageHeader(20, 30, "uint8", n_slices=4)
    assert list_planes(still, "a", frame=3, projection="time") == [(0, 3, 0)]


def write_positions(path: Path, *names: str) -> list[Array]:
    """An OME-TIFF with an image for each name."""
    stacks = [number_planes(3, 20, 30) + i for i in range(len(names))]
    with tifffile.TiffWriter(path, ome=True) as tif:
        for name, stack in zip(names, stacks, strict=True):
            tif.write(stack, photometric="minisblack", metadata={"axes": "TYX", "Name": name})
    return stacks


def test_positions_by_number_and_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    stacks = write_positions(path, "left", "right", "3")
    assert [image.position for image in read_file_header(path).images] == ["left", "right", "3"]
    for position, stack in (("right", stacks[1]), ("2", stacks[1]), ("3", stacks[2])):
        plane = read_plane(path, frame=1, position=position)
        np.testing.assert_array_equal(plane, stack[1])
    with pytest.raises(InputError, match=r"3 positions \(left, right, 3\).*'position'") as error:
        read_plane(path)
    one_line(error, path)
    for wrong in ("4", "0", "Left"):
        with pytest.raises(InputError, match=f"has no position '{wrong}', only 3"):
            read_header(path, wrong)


def test_a_position_may_be_named_where_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    stacks = write_positions(path, "left")
    for position in (None, "1", "left"):
        np.testing.assert_array_equal(read_plane(path, position=position), stacks[0][0])


def test_slices_as_files(tmp_path: Path) -> None:
    stack = number_planes(3, 20, 30)
    paths = [str(tmp_path / f"z{z}.tif") for z in range(3)]
    for path, plane in zip(paths, stack, strict=True):
        tifffile.imwrite(path, plane)
    np.testing.assert_array_equal(read_plane(paths, projection="max"), stack.max(axis=0))
    np.testing.assert_allclose(read_plane(paths, projection="mean"), stack.mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(read_plane(paths, projection="2"), stack[1])
    for projection in (None, "4"):
        with pytest.raises(InputError, match="is one of 3 files with a z slice each"):
            read_plane(paths, projection=projection)


def test_colour_by_name_and_number(tmp_path: Path) -> None:
    colour = number_planes(20, 30, 3, dtype="uint8")
    path = tmp_path / "a.png"
    Image.fromarray(colour).save(path)
    for channel, index in (("red", 0), ("1", 0), ("Green", 1), ("3", 2)):
        np.testing.assert_array_equal(read_plane(path, channel=channel), colour[..., index])
    with pytest.raises(InputError, match="is a colour image and has no channel 'DAPI'") as error:
        read_plane(path, channel="DAPI")
    one_line(error, path)


def test_a_reader_opens_a_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def count(path: Path, **options: Any) -> Any:
        opened.append(path)
        return open_image(path, **options)

    monkeypatch.setattr("autonuclei.io.images.open_image", count)
    paths = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for path in paths:
        tifffile.imwrite(path, number_planes(3, 20, 30), photometric="minisblack")
    with PlaneReader() as read:
        for path in paths:
            for frame in range(3):
                read(path, frame=frame)
    assert opened == paths


def test_a_file_that_changed_after_planning(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, number_planes(20, 30))
    stamp = stamp_files([path])
    read_plane(path, stamp=stamp)
    os.utime(path, (1_000_000, 1_000_000))
    with pytest.raises(InputError, match="was changed after this run was planned") as error:
        read_plane(path, stamp=stamp)
    one_line(error, path)
