"""Outlines for Fiji and QuPath, read back by what nothing here wrote, and filled."""

import json
import struct
import zipfile
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from autonuclei.errors import InputError
from autonuclei.export.outlines import choose_colour, write_outlines
from track_examples import N_FRAMES, make_example


def decode_roi(data):
    """Rings, frame, colour and name of a region, as ImageJ's decoder reads the bytes."""
    magic, _, kind, top, left, bottom, right, n = struct.unpack(">4sHBxHHHHH", data[:18])
    size, colour, _, _, options = struct.unpack(">i4siHH", data[36:52])
    position, second = struct.unpack(">ii", data[56:64])
    assert magic == b"Iout"
    assert position == 0
    _, _, frame, name_begins, name_length = struct.unpack(">iiiii", data[second + 4 : second + 24])
    name = data[name_begins : name_begins + 2 * name_length].decode("utf-16-be")
    if size:
        assert kind == 1
        values = iter(struct.unpack(f">{size}f", data[64 : 64 + 4 * size]))
        rings = []
        for segment in values:
            if segment == 0:
                rings.append([])
            if segment != 4:
                assert segment in (0, 1)
                rings[-1].append((next(values), next(values)))
    elif options & 128:
        numbers = struct.unpack(f">{2 * n}f", data[64 + 4 * n : 64 + 12 * n])
        rings = [list(zip(numbers[:n], numbers[n:], strict=True))]
    else:
        assert kind == 8
        numbers = struct.unpack(f">{2 * n}H", data[64 : 64 + 4 * n])
        rings = [[(left + x, top + y) for x, y in zip(numbers[:n], numbers[n:], strict=True)]]
    corners = np.concatenate(rings)
    # Two bytes hold no more; nobody looks at the box then.
    if corners.max() <= 60535:
        assert [left, top, *corners.max(axis=0)] == [*corners.min(axis=0), right, bottom]
    return rings, frame, tuple(colour), name


def read_zip(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        regions = {name: decode_roi(archive.read(name)) for name in archive.namelist()}
    assert list(regions) == [f"{region[3]}.roi" for region in regions.values()]
    return [(rings, frame, colour, name) for rings, frame, colour, name in regions.values()]


def read_geojson(path):
    collection = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert collection["type"] == "FeatureCollection"
    for feature in collection["features"]:
        assert feature["type"] == "Feature"
        assert feature["properties"]["objectType"] == "detection"
    return collection["features"]


def list_rings(geometry):
    is_one = geometry["type"] == "Polygon"
    assert is_one or geometry["type"] == "MultiPolygon"
    polygons = [geometry["coordinates"]] if is_one else geometry["coordinates"]
    assert is_one == (len(polygons) == 1)
    rings = [ring for polygon in polygons for ring in polygon]
    assert all(ring[0] == ring[-1] for ring in rings)
    return [ring[:-1] for ring in rings]


def fill(rings, shape):
    """Pixels whose centre lies inside, counted along their row: odd is inside."""
    inside = np.zeros(shape, bool)
    for ring in rings:
        for (x, y), (x_next, y_next) in pairwise([*ring, ring[0]]):
            assert x == x_next or y == y_next
            inside[int(min(y, y_next)) : int(max(y, y_next)), int(x) :] ^= x == x_next
    return inside


def draw_odd_nuclei():
    labels = np.zeros((30, 40), np.int32)
    labels[0:5, 0:6] = 12
    labels[5:9, 3:9] = 70_000
    labels[20:28, 10:18] = 7
    labels[22:24, 12:14] = 0
    labels[24, 14] = 0  # a second hole, at the corner of the first
    labels[19, 18] = 7  # a piece at the corner of the nucleus
    labels[29, 30:40] = 7
    return labels


def tabulate(labels, frame=0, **more):
    numbers = np.unique(labels[labels > 0])
    return pd.DataFrame({"frame": frame, "label": numbers, "area_px": 12.5, **more})


def test_stills_come_back_pixel_by_pixel(tmp_path):
    fields = [draw_odd_nuclei(), draw_odd_nuclei()[:, ::-1], np.zeros((5, 5), np.int32)]
    table = pd.concat([tabulate(field, frame) for frame, field in enumerate(fields)])
    table["touches_border"] = True
    table["area_um2"] = np.nan
    table["well"] = "A1"
    images = {"field.1": [0], "field.2": [1], "empty": [2]}
    write_outlines(tmp_path / "all", table, images=images, labels=fields, is_movie=False)
    names = {path.name for path in (tmp_path / "all").iterdir()}
    assert names == {f"{name}{end}" for name in images for end in (".zip", ".geojson")}
    for name, (frame,) in images.items():
        regions = read_zip(tmp_path / "all" / f"{name}.zip")
        features = read_geojson(tmp_path / "all" / f"{name}.geojson")
        drawn = [np.zeros_like(fields[frame]) for _ in range(2)]
        for rings, position, colour, label in regions:
            assert (position, colour) == (0, (0, 0, 0, 0))
            drawn[0][fill(rings, drawn[0].shape)] += int(label)
        for feature in features:
            properties = feature["properties"]
            label = properties["measurements"].pop("label")
            assert int(properties["name"]) == label
            assert properties["measurements"] == {
                "frame": frame, "area_px": 12.5, "touches_border": 1,
            }  # fmt: skip
            assert not {"plane", "color"} & (feature["geometry"].keys() | properties.keys())
            drawn[1][fill(list_rings(feature["geometry"]), drawn[1].shape)] += label
        for image in drawn:
            np.testing.assert_array_equal(image, fields[frame])


def test_movie_has_frames_and_colours_of_tracks(tmp_path):
    tracks, labels, _ = make_example()
    images = {"film": range(N_FRAMES)}
    write_outlines(tmp_path / "all", tracks, images=images, labels=labels, is_movie=True)
    row_of = {(row.frame, row.label): row for row in tracks.itertuples()}
    regions = read_zip(tmp_path / "all" / "film.zip")
    features = read_geojson(tmp_path / "all" / "film.geojson")
    assert len(regions) == len(features) == len(tracks)
    drawn = [np.zeros_like(labels) for _ in range(2)]
    for (rings, position, colour, name), feature in zip(regions, features, strict=True):
        frame, label, track = (int(word) for word in name.split("-"))
        # Fiji takes the frame of a plain stack from here, and only of names as long as this.
        assert (name[4], name[9], len(name)) == ("-", "-", 14)
        assert frame == position
        row = row_of[frame - 1, label]
        assert row.track == track
        assert colour == (255, *choose_colour(track))
        drawn[0][frame - 1][fill(rings, labels.shape[1:])] += label
        properties = feature["properties"]
        assert feature["geometry"]["plane"] == {"c": -1, "z": 0, "t": frame - 1}
        assert properties["name"] == name
        assert tuple(properties["color"]) == choose_colour(track)
        assert properties["measurements"]["lineage"] == row.lineage
        assert properties["measurements"]["parent"] == row.parent
        drawn[1][frame - 1][fill(list_rings(feature["geometry"]), labels.shape[1:])] += label
    for movie in drawn:
        np.testing.assert_array_equal(movie, labels)


def test_colours_tell_tracks_apart():
    colours = [choose_colour(track) for track in range(1, 60)]
    assert len(set(colours)) == 59
    for one, following in pairwise(colours):
        assert np.abs(np.subtract(one, following)).max() > 60


def test_outlines_far_out_in_a_large_image(tmp_path):
    labels = np.zeros((3, 70_000), np.int32)
    labels[1, 40_000:40_004] = 1
    labels[:2, 65_000:65_003] = 2
    labels[:, 69_990:] = 3
    labels[1, 69_995] = 0
    images = {"wide": [0]}
    table = tabulate(labels)
    write_outlines(
        tmp_path / "o", table, images=images, labels=[labels], is_movie=False, kinds=["imagej"]
    )
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["wide.zip"]
    drawn = np.zeros_like(labels)
    with zipfile.ZipFile(tmp_path / "o" / "wide.zip") as archive:
        for name in archive.namelist():
            drawn[fill(decode_roi(archive.read(name))[0], labels.shape)] = int(name[:4])
    np.testing.assert_array_equal(drawn, labels)


def test_outlines_of_a_part_lie_on_the_whole_image(tmp_path):
    whole = np.pad(draw_odd_nuclei(), ((9, 0), (5, 0)))
    part = whole[9:, 5:]
    write_outlines(
        tmp_path / "o", tabulate(part), images={"a": [0]}, labels=[part], is_movie=False,
        first_pixel=(9, 5),
    )  # fmt: skip
    drawn = [np.zeros_like(whole) for _ in range(2)]
    for rings, _, _, label in read_zip(tmp_path / "o" / "a.zip"):
        drawn[0][fill(rings, whole.shape)] = int(label)
    for feature in read_geojson(tmp_path / "o" / "a.geojson"):
        rings = list_rings(feature["geometry"])
        drawn[1][fill(rings, whole.shape)] = int(feature["properties"]["name"])
    for image in drawn:
        np.testing.assert_array_equal(image, whole)


def test_long_movies_have_longer_names(tmp_path):
    labels = {12_000: np.ones((2, 2), np.int32)}
    table = tabulate(labels[12_000], 12_000, track=3)
    write_outlines(
        tmp_path / "o", table, images={"m": [12_000]}, labels=labels, is_movie=True,
        kinds=["imagej"],
    )  # fmt: skip
    (region,) = read_zip(tmp_path / "o" / "m.zip")
    assert region[3] == "12001-00001-00003"


def test_the_same_outlines_give_the_same_bytes_and_replace_older_ones(tmp_path):
    tracks, labels, _ = make_example()
    options = {"images": {"film": range(N_FRAMES)}, "labels": labels, "is_movie": True}
    write_outlines(tmp_path / "o", tracks, **options)
    first = {path.name: path.read_bytes() for path in (tmp_path / "o").iterdir()}
    (tmp_path / "o" / "older").touch()
    write_outlines(tmp_path / "o", tracks, **options)
    assert {path.name: path.read_bytes() for path in (tmp_path / "o").iterdir()} == first


def test_masks_of_another_run_are_refused_and_nothing_is_left(tmp_path):
    tracks, labels, _ = make_example()
    options = {"images": {"film": range(N_FRAMES)}, "is_movie": True}
    without = labels.copy()
    without[3][without[3] == 2] = 0
    with pytest.raises(InputError, match="nucleus 2 of frame 3 is in only one"):
        write_outlines(tmp_path / "o", tracks, labels=without, **options)
    with pytest.raises(InputError, match="nucleus 1 of frame 0 is in only one"):
        write_outlines(tmp_path / "o", tracks.query("frame > 0"), labels=labels, **options)
    assert list(tmp_path.iterdir()) == []
