"""Masks as OME-Zarr: what is written is valid by the specification of 0.4 and comes back."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import zarr

from autonuclei.export import ome_zarr
from autonuclei.export.ome_zarr import ZarrImage, find_axes, write_movie, write_stills
from autonuclei.io import lazy_planes
from autonuclei.io.images import read_file_header, read_plane
from autonuclei.io.lazy_planes import LazyPlane
from autonuclei.labels import strips


@pytest.fixture
def masks() -> Any:
    """Three label images with a number beyond 16 bits."""
    labels = np.zeros((3, 41, 50), np.int32)
    for frame in range(3):
        labels[frame, 3:11, 5 + frame : 12 + frame] = 1
        labels[frame, 20:33, 20:40] = 70000 + frame
    return labels


@pytest.fixture(autouse=True)
def small_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ome_zarr, "_SMALLEST_LEVEL_PX", 16)


def read_attributes(folder: Path) -> Any:
    assert json.loads((folder / ".zgroup").read_text()) == {"zarr_format": 2}
    return json.loads((folder / ".zattrs").read_text())


def check_image(folder: Path, expected: Any, axes: str) -> list[dict[str, Any]]:
    """Check what the specification asks for of an image; gives the axes as stored."""
    (entry,) = read_attributes(folder)["multiscales"]
    assert entry["version"] == "0.4"
    assert [axis["name"] for axis in entry["axes"]] == list(axes)
    types = {"t": "time", "z": "space", "y": "space", "x": "space"}
    assert [axis["type"] for axis in entry["axes"]] == [types[axis] for axis in axes]
    shapes = []
    for level, dataset in enumerate(entry["datasets"]):
        stored = json.loads((folder / dataset["path"] / ".zarray").read_text())
        assert stored["dimension_separator"] == "/"
        assert stored["compressor"]["id"] == "blosc"
        assert stored["chunks"] == [1] * (len(axes) - 2) + stored["shape"][-2:]
        array = zarr.open_array(folder / dataset["path"], mode="r")
        # A level has only numbers of nuclei that are there: each second pixel, no means.
        step = 2**level
        np.testing.assert_array_equal(
            np.asarray(array).reshape(expected[:, ::step, ::step].shape),
            expected[:, ::step, ::step],
        )
        shapes.append(array.shape)
        (transformation,) = dataset["coordinateTransformations"]
        assert transformation["type"] == "scale"
        assert len(transformation["scale"]) == len(axes)
    assert len(shapes) == 3
    assert shapes == sorted(shapes, reverse=True)
    return list(entry["axes"])


def check_labels(folder: Path, expected: Any, axes: str) -> None:
    assert read_attributes(folder / "labels") == {"labels": ["nuclei"]}
    inner = folder / "labels" / "nuclei"
    check_image(inner, expected, axes)
    assert zarr.open_array(inner / "0", mode="r").dtype == np.uint32
    described = read_attributes(inner)
    assert described["image-label"] == {"version": "0.4", "source": {"image": "../../"}}
    # As many levels as the image above.
    image = read_attributes(folder)["multiscales"][0]
    assert len(image["datasets"]) == len(described["multiscales"][0]["datasets"])


@pytest.mark.parametrize("axes", ["tyx", "tzyx"])
def test_a_movie_is_one_image(tmp_path: Path, masks: Any, axes: str) -> None:
    path = tmp_path / "labels.ome.zarr"
    image = ZarrImage("film", range(3), axes, 0.5, 10.0)
    raw = np.random.default_rng(0).integers(0, 4000, masks.shape).astype(np.uint16)
    for read_raw, expected in ((None, masks), (raw.__getitem__, raw)):
        # The second replaces the first.
        write_movie(path, image, labels=masks, read_raw=read_raw)
        stored = check_image(path, expected, axes)
        assert [axis.get("unit") for axis in stored if axis["name"] != "z"] == [
            "second", "micrometer", "micrometer",
        ]  # fmt: skip
        check_labels(path, masks, axes)
        first, second = read_attributes(path)["multiscales"][0]["datasets"][:2]
        scale = first["coordinateTransformations"][0]["scale"]
        assert (scale[0], *scale[-2:]) == (600.0, 0.5, 0.5)
        assert second["coordinateTransformations"][0]["scale"][-2:] == [1.0, 1.0]
        header = read_file_header(path).images[0]
        assert (header.pixel_size_um, header.frame_interval_min) == pytest.approx((0.5, 10.0))
        np.testing.assert_array_equal(read_plane(path, frame=2), expected[2])
        np.testing.assert_array_equal(read_plane(path / "labels" / "nuclei", frame=1), masks[1])
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_large_images_are_written_band_by_band(
    tmp_path: Path, masks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lazy_planes, "_BAND_PX", 1)
    monkeypatch.setattr(strips, "STRIP_PX", 1)
    monkeypatch.setattr(ome_zarr, "_LARGEST_CHUNK_PX", 16)

    def defer(page: Any) -> LazyPlane:
        return LazyPlane(page.shape, page.dtype, lambda w: page[w[0] : w[1], w[2] : w[3]])

    raw = masks.astype(np.float32) / 7
    path = tmp_path / "labels.ome.zarr"
    write_movie(
        path, ZarrImage("film", range(3)), labels=[defer(page) for page in masks],
        read_raw=lambda frame: defer(raw[frame]),
    )  # fmt: skip
    for folder, expected in ((path, raw), (path / "labels" / "nuclei", masks)):
        for level in range(3):
            stored = zarr.open_array(folder / str(level), mode="r")
            assert stored.chunks[1] <= 16
            step = 2**level
            np.testing.assert_array_equal(stored[:], expected[:, ::step, ::step])


def test_part_of_an_image_lies_where_it_was(tmp_path: Path, masks: Any) -> None:
    path = tmp_path / "labels.ome.zarr"
    image = ZarrImage("film", range(3), "tzyx", 0.5, 10.0, first_pixel=(30, 7))
    write_movie(path, image, labels=masks)
    for folder in (path, path / "labels" / "nuclei"):
        for dataset in read_attributes(folder)["multiscales"][0]["datasets"]:
            scale, moved = dataset["coordinateTransformations"]
            assert moved == {"type": "translation", "translation": [0, 0, 15.0, 3.5]}
            assert scale["type"] == "scale"
    assert read_file_header(path).images[0].pixel_size_um == 0.5


def test_what_is_not_known_has_no_unit(tmp_path: Path, masks: Any) -> None:
    path = tmp_path / "labels.ome.zarr"
    write_movie(path, ZarrImage("film", range(3)), labels=masks)
    stored = check_image(path, masks, "tyx")
    assert not any("unit" in axis for axis in stored)
    dataset = read_attributes(path)["multiscales"][0]["datasets"][0]
    assert dataset["coordinateTransformations"][0]["scale"] == [1.0, 1.0, 1.0]
    header = read_file_header(path).images[0]
    assert (header.pixel_size_um, header.frame_interval_min) == (None, None)


def test_stills_are_a_set(tmp_path: Path, masks: Any) -> None:
    path = tmp_path / "labels.ome.zarr"
    images = [
        ZarrImage("first & only", [0], "yx", 0.5),
        ZarrImage("other", [2], "tzyx"),
    ]
    raw = masks.astype(np.float32) / 7
    write_stills(path, images, labels=masks, read_raw=raw.__getitem__)
    assert read_attributes(path) == {"bioformats2raw.layout": 3}
    assert read_attributes(path / "OME") == {"series": ["0", "1"]}
    for number, (frame, axes) in enumerate(((0, "yx"), (2, "tzyx"))):
        check_image(path / str(number), raw[[frame]], axes)
        check_labels(path / str(number), masks[[frame]], axes)
    root = ElementTree.parse(path / "OME" / "METADATA.ome.xml").getroot()
    assert [image.get("ID") for image in root] == ["Image:0", "Image:1"]
    assert [image[0].get("Type") for image in root] == ["float", "float"]
    header = read_file_header(path)
    assert [image.position for image in header.images] == ["first & only", "other"]
    assert [image.pixel_size_um for image in header.images] == [0.5, None]
    np.testing.assert_array_equal(read_plane(path, position="other"), raw[2])


def test_stills_that_were_all_passed_over(tmp_path: Path, masks: Any) -> None:
    write_stills(tmp_path / "a.zarr", [], labels=masks)
    assert read_attributes(tmp_path / "a.zarr" / "OME") == {"series": []}


def test_nothing_is_left_when_a_frame_cannot_be_read(tmp_path: Path, masks: Any) -> None:
    def fail(frame: int) -> Any:
        if frame == 2:
            raise OSError("gone")
        return masks[frame]

    with pytest.raises(OSError, match="gone"):
        write_movie(tmp_path / "a.ome.zarr", ZarrImage("a", range(3)), labels=masks, read_raw=fail)
    assert list(tmp_path.iterdir()) == []


def test_axes_of_an_image_that_is_ome_zarr(tmp_path: Path, masks: Any) -> None:
    path = tmp_path / "raw.ome.zarr"
    write_stills(
        path,
        [ZarrImage("one", [0], "yx"), ZarrImage("two", [1], "tzyx")],
        labels=masks,
    )
    planes = {
        0: {"path": str(path), "position": "one"},
        1: {"path": str(path), "position": "two"},
        2: {"path": str(path), "position": "two", "projection": "time"},
        3: {"path": str(tmp_path / "a.tif")},
        4: {"path": ["a_z1.tif", "a_z2.tif"]},
    }
    found = find_axes(planes, is_movie=False)
    assert found == {0: "yx", 1: "tzyx", 2: "yx", 3: "yx", 4: "yx"}
    assert find_axes({3: planes[3], 0: planes[0]}, is_movie=True) == {3: "tyx", 0: "tyx"}
