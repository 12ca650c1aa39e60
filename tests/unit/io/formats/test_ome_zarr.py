"""OME-Zarr of every kind, written with zarr and by hand, read plane by plane."""

import itertools
import json
import zipfile
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

from autonuclei.errors import InputError
from autonuclei.io.files import is_zarr
from autonuclei.io.formats import ome_zarr
from autonuclei.io.formats.ome_zarr import OmeZarrFile
from autonuclei.io.images import read_file_header, read_plane

SIZES = {"t": 3, "c": 2, "z": 4, "y": 20, "x": 30}
UNITS = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}
SCALE = {"t": 90.0, "c": 1.0, "z": 2.0, "y": 0.5, "x": 0.25}
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def draw(axes: str, dtype: str = "uint16") -> Any:
    """An image in which each pixel has a value of its own (modulo 251 where 8 bits are few)."""
    shape = [SIZES[axis] for axis in axes]
    return (
        (np.arange(np.prod(shape)) % (2**16 - 5 if dtype != "uint8" else 251))
        .reshape(shape)
        .astype(dtype)
    )


def describe(axes: str, *, version: str, units: bool = True) -> dict[str, Any]:
    """The entry of `multiscales` as a version of the specification asks for."""
    entry: dict[str, Any] = {"datasets": [{"path": "0"}]}
    if version != "0.5":
        entry["version"] = version
    if version == "0.3":
        entry["axes"] = list(axes)
    elif version not in ("0.1", "0.2"):
        entry["axes"] = [
            {"name": axis, "type": TYPES[axis]}
            | ({"unit": UNITS[axis]} if units and axis in UNITS else {})
            for axis in axes
        ]
        scale = [SCALE[axis] for axis in axes]
        entry["datasets"][0]["coordinateTransformations"] = [{"type": "scale", "scale": scale}]
    return entry


def write_attributes(folder: Path, attributes: dict[str, Any], *, version: str = "0.4") -> None:
    """A zarr group with OME's metadata, of the zarr that the version belongs to."""
    if version in ("0.5", "0.6"):
        group = zarr.open_group(folder, mode="a", zarr_format=3)
        group.attrs["ome"] = {"version": version, **attributes}
    else:
        zarr.open_group(folder, mode="a", zarr_format=2).attrs.update(attributes)


def write_zarr(
    folder: Path, data: Any, axes: str, *, version: str = "0.4", **more: Any
) -> dict[str, Any]:
    """An image with one level of resolution; gives its entry of `multiscales`."""
    entry = describe(axes, version=version)
    write_attributes(folder, {"multiscales": [entry]}, version=version)
    chunks = tuple(1 if axis not in "yx" else 16 for axis in axes)
    options = {"chunks": chunks, "zarr_format": 3 if version == "0.5" else 2} | more
    zarr.create_array(folder / "0", data=data, **options)
    return entry


def check_planes(path: Path, data: Any, axes: str, *, image: int = 0) -> None:
    """Compare every plane with the array that was written."""
    with OmeZarrFile(path) as file:
        header = file.header.images[image]
        sizes = {axis: SIZES[axis] if axis in axes else 1 for axis in "tczyx"}
        found = (header.n_frames, header.n_channels, header.n_slices, header.height, header.width)
        assert found == tuple(sizes.values())
        for t, c, z in itertools.product(*(range(sizes[axis]) for axis in "tcz")):
            place = {"t": t, "c": c, "z": z}
            expected = data[tuple(place.get(axis, slice(None)) for axis in axes)]
            if axes.index("x") < axes.index("y"):
                expected = expected.T
            plane = file.read(image, frame=t, z=z, channel=c)
            assert plane.dtype == np.dtype(header.dtype)
            np.testing.assert_array_equal(plane, expected)


@pytest.mark.parametrize("axes", ["yx", "tyx", "czyx", "tczyx", "tyxc", "xyz"])
@pytest.mark.parametrize("version", ["0.3", "0.4", "0.5"])
def test_axes_are_those_that_the_metadata_name(tmp_path: Path, axes: str, version: str) -> None:
    data = draw(axes)
    write_zarr(tmp_path / "a.ome.zarr", data, axes, version=version)
    check_planes(tmp_path / "a.ome.zarr", data, axes)


@pytest.mark.parametrize("version", ["0.1", "0.2"])
def test_the_first_versions_have_five_axes_without_names(tmp_path: Path, version: str) -> None:
    data = draw("tczyx")
    write_zarr(tmp_path / "a.zarr", data, "tczyx", version=version)
    check_planes(tmp_path / "a.zarr", data, "tczyx")
    write_zarr(tmp_path / "b.zarr", data[0], "czyx", version=version)
    with pytest.raises(InputError, match="do not name the axes"):
        OmeZarrFile(tmp_path / "b.zarr")


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "<i4", "float32", "bool"])
def test_types_and_byte_orders(tmp_path: Path, dtype: str) -> None:
    data = draw("tyx", "uint8").astype(dtype)
    write_zarr(tmp_path / "a.zarr", data, "tyx")
    check_planes(tmp_path / "a.zarr", data, "tyx")


def test_complex_pixels_are_refused(tmp_path: Path) -> None:
    write_zarr(tmp_path / "a.zarr", draw("yx").astype("complex64"), "yx")
    with pytest.raises(InputError, match="complex64, which is no grey value"):
        OmeZarrFile(tmp_path / "a.zarr")


@pytest.mark.parametrize(
    ("version", "options"),
    [
        ("0.4", {"compressors": None}),
        ("0.4", {"compressors": numcodecs.Blosc("lz4")}),
        ("0.4", {"compressors": numcodecs.GZip()}),
        ("0.4", {"compressors": numcodecs.Zstd(), "filters": numcodecs.Delta("u2")}),
        ("0.4", {"chunk_key_encoding": {"name": "v2", "separator": "/"}}),
        ("0.5", {"compressors": None}),
        ("0.5", {"compressors": BloscCodec()}),
        ("0.5", {"compressors": GzipCodec()}),
        ("0.5", {"compressors": ZstdCodec(), "chunks": (1, 8, 8), "shards": (2, 24, 32)}),
        ("0.5", {"chunk_key_encoding": {"name": "v2", "separator": "."}}),
        ("0.5", {"chunks": (3, 20, 30)}),
    ],
)
def test_compression_shards_and_chunks(
    tmp_path: Path, version: str, options: dict[str, Any]
) -> None:
    data = draw("tyx")
    write_zarr(tmp_path / "a.zarr", data, "tyx", version=version, **options)
    check_planes(tmp_path / "a.zarr", data, "tyx")


def test_large_chunks_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ome_zarr, "_LARGEST_BLOCK", 20 * 30 * 2)
    data = draw("tzyx")
    write_zarr(tmp_path / "a.zarr", data, "tzyx", chunks=(2, 3, 20, 30))
    check_planes(tmp_path / "a.zarr", data, "tzyx")


def test_only_the_chunks_of_a_plane_are_read(tmp_path: Path) -> None:
    data = draw("tcyx")
    write_zarr(tmp_path / "a.zarr", data, "tcyx")
    for chunk in (tmp_path / "a.zarr" / "0").iterdir():
        if chunk.name[0].isdecimal() and not chunk.name.startswith("1.0."):
            chunk.write_bytes(b"broken")
    with OmeZarrFile(tmp_path / "a.zarr") as file:
        np.testing.assert_array_equal(file.read(0, frame=1, z=0, channel=0), data[1, 0])


def test_a_plane_may_be_changed_by_who_asked_for_it(tmp_path: Path) -> None:
    data = draw("tyx")
    write_zarr(tmp_path / "a.zarr", data, "tyx", chunks=(3, 20, 30))
    with OmeZarrFile(tmp_path / "a.zarr") as file:
        file.read(0, frame=0, z=0, channel=0)[:] = 0
        np.testing.assert_array_equal(file.read(0, frame=0, z=0, channel=0), data[0])


# --- metadata ------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_sizes_and_interval(tmp_path: Path, version: str) -> None:
    path = tmp_path / "a.zarr"
    entry = write_zarr(path, draw("tyx"), "tyx", version=version)
    # Transformations of all levels multiply those of the level; a shift changes no size.
    entry["coordinateTransformations"] = [{"type": "scale", "scale": [2.0, 3.0, 4.0]}]
    entry["datasets"][0]["coordinateTransformations"].append(
        {"type": "translation", "translation": [0, 7, 7]}
    )
    write_attributes(path, {"multiscales": [entry]}, version=version)
    header = read_file_header(path).images[0]
    assert header.pixel_size_um == pytest.approx(1.0)
    assert header.pixel_height_um == pytest.approx(1.5)
    assert header.frame_interval_min == pytest.approx(3.0)
    assert "OME-Zarr" in header.pixel_size_source
    assert "OME-Zarr" in header.frame_interval_source


def test_a_scale_without_a_unit_is_told_and_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    write_zarr(path, draw("tyx"), "tyx")
    write_attributes(path, {"multiscales": [describe("tyx", version="0.4", units=False)]})
    found = read_file_header(path)
    header = found.images[0]
    assert (header.pixel_size_um, header.pixel_height_um) == (None, None)
    assert (header.frame_interval_min, header.pixel_size_source) == (None, "")
    assert any("0.25" in note and "without a unit" in note for note in found.notes)
    entry = describe("tyx", version="0.4", units=False)
    entry["datasets"][0]["coordinateTransformations"][0]["scale"] = [1.0, 1.0, 1.0]
    write_attributes(path, {"multiscales": [entry]})
    assert read_file_header(path).notes == ()


def test_coordinate_systems_of_version_0_6(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    data = draw("tyx")
    entry = write_zarr(path, data, "tyx", version="0.5")
    system = {"name": "own", "axes": entry.pop("axes")}
    entry["coordinateSystems"] = [{"name": "stage", "axes": []}, system]
    (step,) = entry["datasets"][0]["coordinateTransformations"]
    step |= {"input": {"path": "0"}, "output": {"name": "own"}}
    write_attributes(path, {"multiscales": [entry]}, version="0.6")
    check_planes(path, data, "tyx")
    assert read_file_header(path).images[0].pixel_size_um == pytest.approx(0.25)
    # From there a scale leads on to the stage: which one is the pixel size is not said.
    entry["coordinateTransformations"] = [
        {"type": "scale", "scale": [1, 2, 2], "input": {"name": "own"}, "output": {"name": "stage"}}
    ]
    write_attributes(path, {"multiscales": [entry]}, version="0.6")
    assert read_file_header(path).images[0].pixel_size_um is None


def test_channel_names(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    data = draw("cyx")
    entry = write_zarr(path, data, "cyx")
    for labels, expected in ((["DAPI", "GFP"], ("DAPI", "GFP")), (["0", "1"], ()), (["DAPI"], ())):
        omero = {"channels": [{"label": label} for label in labels]}
        write_attributes(path, {"multiscales": [entry], "omero": omero})
        assert read_file_header(path).images[0].channel_names == expected
    np.testing.assert_array_equal(read_plane(path, channel="2"), data[1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "0.9"}, "version 0.9; 0.1 to 0.6"),
        ({"axes": [{"name": "y"}, {"name": "x"}]}, "name 2 axes, but its array has 3"),
        ({"axes": [{"name": "angle"}, {"name": "y"}, {"name": "x"}]}, "axis 'angle' of length 3"),
        ({"axes": [{"name": "t"}, {"name": "x"}, {"name": "x"}]}, "axis 'x' of length 30"),
        ({"axes": [{"name": "t"}, {"name": "z"}, {"name": "x"}]}, "y and x are needed"),
        ({"datasets": [{"path": "5"}]}, "array '5' is missing"),
        ({"datasets": []}, "damaged"),
    ],
)
def test_what_the_metadata_say_wrong_is_told(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = tmp_path / "a.zarr"
    entry = write_zarr(path, draw("tyx"), "tyx")
    write_attributes(path, {"multiscales": [entry | change]})
    with pytest.raises(InputError, match=words) as caught:
        OmeZarrFile(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_axis_of_length_one_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    data = draw("tyx")
    entry = write_zarr(path, data[:, None], "tcyx")
    entry["axes"][1] = {"name": "angle"}
    write_attributes(path, {"multiscales": [entry]})
    check_planes(path, data, "tyx")


def test_levels_from_small_to_large_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    entry = write_zarr(path, draw("yx")[::2, ::2], "yx")
    zarr.create_array(path / "1", data=draw("yx"), zarr_format=2)
    entry["datasets"].append({"path": "1"} | entry["datasets"][0] | {"path": "1"})
    write_attributes(path, {"multiscales": [entry]})
    with pytest.raises(InputError, match="small to large"):
        OmeZarrFile(path)


def test_several_entries_of_multiscales_are_positions(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    entry = write_zarr(path, draw("yx"), "yx")
    other = draw("yx")[:, ::-1]
    zarr.create_array(path / "other", data=other, zarr_format=2)
    second = entry | {"name": "turned", "datasets": [{"path": "other"}]}
    write_attributes(path, {"multiscales": [entry | {"name": "plain"}, second]})
    header = read_file_header(path)
    assert [image.position for image in header.images] == ["plain", "turned"]
    np.testing.assert_array_equal(read_plane(path, position="turned"), other)


# --- sets and plates -----------------------------------------------------------------------

XML = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{}</OME>"""
IMAGE_XML = (
    '<Image ID="Image:{0}" Name="{1}"><Pixels PhysicalSizeX="0.3" PhysicalSizeY="0.4"/></Image>'
)


@pytest.mark.parametrize("version", ["0.2", "0.4", "0.5"])
def test_images_of_a_set_are_positions(tmp_path: Path, version: str) -> None:
    path = tmp_path / "set.zarr"
    write_attributes(path, {"bioformats2raw.layout": 3}, version=version)
    images = [draw("tczyx"), draw("tczyx")[:, ::-1]]
    for number, data in enumerate(images):
        write_zarr(path / str(number), data, "tczyx", version=version)
    unnamed = read_file_header(path)
    assert [image.position for image in unnamed.images] == ["", ""]
    (path / "OME").mkdir()
    names = [IMAGE_XML.format(number, name) for number, name in enumerate(["left", "right"])]
    (path / "OME" / "METADATA.ome.xml").write_text(XML.format("".join(names)))
    header = read_file_header(path)
    assert [image.position for image in header.images] == ["left", "right"]
    assert header.files == (str(path),)
    for number, data in enumerate(images):
        check_planes(path, data, "tczyx", image=number)
        check_planes(path / str(number), data, "tczyx")
    # The first versions have no scale: the XML has it.
    image = header.images[0]
    expected = (0.3, 0.4) if version == "0.2" else (0.25, 0.5)
    assert (image.pixel_size_um, image.pixel_height_um) == pytest.approx(expected)


def test_the_order_of_a_set_is_the_listed_one(tmp_path: Path) -> None:
    path = tmp_path / "set.zarr"
    write_attributes(path, {"bioformats2raw.layout": 3}, version="0.5")
    images = {name: draw("yx") + number for number, name in enumerate("ab")}
    for name, data in images.items():
        write_zarr(path / name, data, "yx", version="0.5")
    write_attributes(path / "OME", {"series": ["b", "a"]}, version="0.5")
    header = read_file_header(path)
    assert [image.position for image in header.images] == ["b", "a"]
    np.testing.assert_array_equal(read_plane(path, position="1"), images["b"])
    write_attributes(path / "OME", {"series": ["b", "a", "c"]}, version="0.5")
    with pytest.raises(InputError, match=r"c, named in its metadata, is not there"):
        OmeZarrFile(path)


def write_plate(path: Path, version: str) -> dict[str, Any]:
    wells = ["A/1", "B/03", "C/2"]
    plate = {"rows": [], "columns": [], "wells": [{"path": well} for well in wells]}
    write_attributes(path, {"plate": plate}, version=version)
    fields = {}
    for well, field in (("A/1", "0"), ("A/1", "1"), ("B/03", "0")):
        listed = [{"path": other} for other in ("0", "1")]
        write_attributes(path / well, {"well": {"images": listed}}, version=version)
        fields[f"{well}/{field}"] = draw("tyx") + len(fields)
        write_zarr(path / well / field, fields[f"{well}/{field}"], "tyx", version=version)
    return fields


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_fields_of_a_plate_are_positions(tmp_path: Path, version: str) -> None:
    path = tmp_path / "plate.zarr"
    fields = write_plate(path, version)
    header = read_file_header(path)
    assert [image.position for image in header.images] == list(fields)
    (note,) = header.notes
    assert "C/2" in note
    assert "B/03/1" in note
    for number, data in enumerate(fields.values()):
        check_planes(path, data, "tyx", image=number)
    well = read_file_header(path / "A" / "1")
    assert [image.position for image in well.images] == ["A/1/0", "A/1/1"]
    check_planes(path / "B" / "03" / "0", fields["B/03/0"], "tyx")


# --- what is none --------------------------------------------------------------------------


def test_a_folder_inside_of_an_image_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    entry = write_zarr(path, draw("yx"), "yx")
    write_attributes(path / "labels", {"labels": ["nuclei"]})
    write_zarr(path / "labels" / "nuclei", draw("yx"), "yx")
    write_attributes(path / "labels" / "nuclei", {"multiscales": [entry], "image-label": {}})
    write_attributes(path / "tables", {})
    for inside in ("0", "tables"):
        with pytest.raises(InputError, match=f"inside of the OME-Zarr {path}, not an image"):
            OmeZarrFile(path / inside)
    with pytest.raises(InputError, match="labels/nuclei"):
        OmeZarrFile(path / "labels")
    assert read_file_header(path).notes == (
        "holds the label image 'nuclei' as well, which is not read",
    )
    assert read_file_header(path / "labels" / "nuclei").notes == ("is a label image",)
    write_plate(tmp_path / "p.zarr", "0.4")
    zarr.open_group(tmp_path / "p.zarr" / "A", zarr_format=2)
    with pytest.raises(InputError, match=r"Give .*p\.zarr\."):
        OmeZarrFile(tmp_path / "p.zarr" / "A")


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_without_ome_is_refused(tmp_path: Path, version: Any) -> None:
    zarr.create_array(tmp_path / "a.zarr", data=draw("tyx"), zarr_format=version)
    with pytest.raises(InputError, match="nothing says which axis is time"):
        OmeZarrFile(tmp_path / "a.zarr")
    zarr.open_group(tmp_path / "b.zarr", zarr_format=version)
    with pytest.raises(InputError, match="without the metadata of OME-Zarr"):
        OmeZarrFile(tmp_path / "b.zarr")
    write_zarr(tmp_path / "b.zarr" / "inner", draw("yx"), "yx")
    with pytest.raises(InputError, match=r"Give one: .*b\.zarr/inner\."):
        OmeZarrFile(tmp_path / "b.zarr")
    (tmp_path / "c.zarr").mkdir()
    with pytest.raises(InputError, match="holds no zarr metadata"):
        OmeZarrFile(tmp_path / "c.zarr")


def test_folders_that_are_zarr(tmp_path: Path) -> None:
    write_zarr(tmp_path / "image", draw("yx"), "yx")
    (tmp_path / "empty.zarr").mkdir()
    assert is_zarr(tmp_path / "image")
    assert not is_zarr(tmp_path)


@pytest.mark.parametrize("suffix", [".ozx", ".ome.zarr.zip"])
@pytest.mark.parametrize("inside", ["", "a.zarr/"])
def test_zipped(tmp_path: Path, suffix: str, inside: str) -> None:
    data = draw("tyx")
    write_zarr(tmp_path / "a.zarr", data, "tyx", version="0.5")
    path = tmp_path / f"b{suffix}"
    with zipfile.ZipFile(path, "w") as packed:
        for file in (tmp_path / "a.zarr").rglob("*"):
            packed.write(file, f"{inside}{file.relative_to(tmp_path / 'a.zarr')}")
    check_planes(path, data, "tyx")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match="damaged"):
        OmeZarrFile(path)


# --- damage --------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "{", "[]", '{"multiscales": 3}', '{"multiscales": [{}]}'])
def test_damaged_metadata(tmp_path: Path, content: str) -> None:
    write_zarr(tmp_path / "a.zarr", draw("yx"), "yx")
    (tmp_path / "a.zarr" / ".zattrs").write_text(content)
    with pytest.raises(InputError, match="damaged"):
        OmeZarrFile(tmp_path / "a.zarr")


@pytest.mark.parametrize(
    ("version", "compressor"),
    [
        ("0.4", numcodecs.Blosc("lz4", shuffle=numcodecs.Blosc.NOSHUFFLE)),
        ("0.4", numcodecs.Zstd()),
        ("0.4", None),
        ("0.5", BloscCodec()),
        ("0.5", GzipCodec()),
        ("0.5", "shards"),
    ],
)
@pytest.mark.parametrize("part", [0.0, 0.6])
def test_a_chunk_that_is_cut_off(
    tmp_path: Path, version: str, compressor: Any, part: float
) -> None:
    path = tmp_path / "a.zarr"
    data = np.random.default_rng(0).integers(0, 4000, (2, 20, 30)).astype(np.uint16)
    options = {"shards": (1, 16, 16)} if compressor == "shards" else {"compressors": compressor}
    write_zarr(path, data, "tyx", version=version, chunks=(1, 16, 16), **options)
    chunk = path / "0" / ("c/1/0/0" if version == "0.5" else "1.0.0")
    content = chunk.read_bytes()
    chunk.write_bytes(content[: int(len(content) * part)])
    np.testing.assert_array_equal(read_plane(path, frame=0), data[0])
    with pytest.raises(InputError, match="damaged"):
        read_plane(path, frame=1)
    chunk.unlink()  # which by the format means pixels of the fill value
    assert not read_plane(path, frame=1)[:16, :16].any()


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_unknown_codec_is_named(tmp_path: Path, version: str) -> None:
    path = tmp_path / "a.zarr"
    write_zarr(path, draw("yx"), "yx", version=version)
    file = path / "0" / ("zarr.json" if version == "0.5" else ".zarray")
    stored = json.loads(file.read_text())
    if version == "0.5":
        stored["codecs"][-1] = {"name": "magic", "configuration": {}}
    else:
        stored["compressor"] = {"id": "magic"}
    file.write_text(json.dumps(stored))
    with pytest.raises(InputError, match=r"not supported .*magic") as caught:
        OmeZarrFile(path)
    assert "damaged" not in str(caught.value)


def test_an_unknown_type_of_array_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    write_zarr(path, draw("yx"), "yx", version="0.5")
    file = path / "0" / "zarr.json"
    file.write_text(file.read_text().replace('"uint16"', '"uint17"'))
    with pytest.raises(InputError, match="not supported") as caught:
        OmeZarrFile(path)
    assert "damaged" not in str(caught.value)


def test_chunks_in_folders_that_the_metadata_do_not_tell_of(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    nested = {"name": "v2", "separator": "/"}
    write_zarr(path, draw("yx"), "yx", chunk_key_encoding=nested)
    stored = json.loads((path / "0" / ".zarray").read_text())
    del stored["dimension_separator"]
    (path / "0" / ".zarray").write_text(json.dumps(stored))
    with pytest.raises(InputError, match="dimension_separator"):
        OmeZarrFile(path)
