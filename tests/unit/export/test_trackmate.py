from dataclasses import replace

import numpy as np
import pytest

from autonuclei.errors import InputError
from autonuclei.export.trackmate import write_trackmate
from autonuclei.export.trackmate_settings import LapSettings, MovieInfo, choose_tracker
from autonuclei.export.trackmate_xml import format_java_number
from autonuclei.io.hyperstack import write_image_movie
from export_readers import read_trackmate
from track_examples import HEIGHT, N_FRAMES, WIDTH, list_links, make_example
from trackmate_examples import export_example
from trackmate_validation import validate_trackmate


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export_example(tmp_path_factory.mktemp("trackmate"))


def test_counts(exported):
    _, tracks, _, counts = exported
    assert counts.n_spots == len(tracks)
    assert counts.n_edges == len(list_links())
    assert counts.n_tracks == 3, "two single nuclei are spots without a track"
    assert counts.n_split_labels == 0


def test_file_is_valid(exported):
    assert validate_trackmate(exported[0]) == []


def test_spots_come_back(exported):
    path, tracks, _, _ = exported
    content = read_trackmate(path)
    spots = content.spots.set_index("ID").sort_index()
    assert spots.index.tolist() == list(range(len(tracks)))
    assert (content.space_unit, content.time_unit) == ("micrometer", "min")
    expected = {
        "POSITION_X": tracks["x_px"] * 0.5,
        "POSITION_Y": tracks["y_px"] * 0.5,
        "POSITION_Z": tracks["x_px"] * 0,
        "POSITION_T": tracks["frame"] * 10.0,
        "FRAME": tracks["frame"],
        "LABEL": tracks["label"],
        "UNBRANCHED_TRACK": tracks["track"],
        "QUALITY": tracks["area_px"],
        "AREA": tracks["area_px"] * 0.25,
        "RADIUS": np.sqrt(tracks["area_px"] / np.pi) * 0.5,
        "MEAN_INTENSITY_CH1": tracks["mean_intensity"],
        "TOTAL_INTENSITY_CH1": tracks["mean_intensity"] * tracks["area_px"],
        "ELLIPSE_MAJOR": tracks["major_axis_px"] / 2 * 0.5,
        "PERIMETER": tracks["perimeter_px"] * 0.5,
        "SOLIDITY": tracks["solidity"],
    }
    for feature, values in expected.items():
        assert np.array_equal(spots[feature].to_numpy(float), values.to_numpy(float)), feature
    assert "PROBABILITY" not in spots, "a feature that is unknown everywhere is not written"
    assert (spots["VISIBILITY"] == 1).all()


def test_edges_and_tracks_come_back(exported):
    path, tracks, _, _ = exported
    content = read_trackmate(path)
    places = list(zip(tracks["frame"], tracks["y_px"].round(), tracks["x_px"].round(), strict=True))
    edges = content.edges
    found = {
        (places[a], places[b])
        for a, b in zip(edges["SPOT_SOURCE_ID"], edges["SPOT_TARGET_ID"], strict=True)
    }
    assert found == list_links()
    lineage = tracks["lineage"].to_numpy()
    assert np.array_equal(lineage[edges["SPOT_SOURCE_ID"]], edges["TRACK_ID"])
    table = content.tracks.set_index("TRACK_ID")
    assert table.index.tolist() == content.filtered_track_ids == [1, 2, 3]
    assert table["NUMBER_SPOTS"].tolist() == [9, 5, 4]
    assert table["NUMBER_SPLITS"].tolist() == [2, 1, 0]
    assert table["NUMBER_GAPS"].tolist() == [0, 2, 0]
    assert table["LONGEST_GAP"].tolist() == [0, 1, 0]
    assert table["TRACK_DURATION"].tolist() == [50.0, 50.0, 30.0]


def test_gap_speed_uses_the_real_time(exported):
    path, tracks, _, _ = exported
    edges = read_trackmate(path).edges
    source = tracks.index[(tracks["track"] == 6) & (tracks["frame"] == 0)][0]
    edge = edges[edges["SPOT_SOURCE_ID"] == source].iloc[0]
    target = tracks.loc[edge["SPOT_TARGET_ID"]]
    distance = 0.5 * np.hypot(
        target["x_px"] - tracks.loc[source, "x_px"], target["y_px"] - tracks.loc[source, "y_px"]
    )
    assert edge["DISPLACEMENT"] == pytest.approx(distance)
    assert edge["SPEED"] == pytest.approx(distance / 20)
    assert edge["EDGE_TIME"] == 10
    assert edge["LINK_COST"] == pytest.approx(distance**2)


def test_outlines_lie_on_pixel_corners(exported):
    path, tracks, labels, _ = exported
    content = read_trackmate(path)
    assert len(content.outlines) == len(tracks)
    for row, outline in content.outlines.items():
        spot = tracks.loc[row]
        corners = outline / 0.5 + spot[["x_px", "y_px"]].to_numpy(float) + 0.5
        assert np.abs(corners - corners.round()).max() < 1e-3
        y, x = np.nonzero(labels[int(spot["frame"])] == spot["label"])
        assert corners.min(axis=0).round().tolist() == [x.min(), y.min()]
        assert corners.max(axis=0).round().tolist() == [x.max() + 1, y.max() + 1]
        a, b = outline[:, 0], outline[:, 1]
        area = 0.5 * np.sum(a * np.roll(b, -1) - np.roll(a, -1) * b)
        assert area == pytest.approx(spot["area_px"] * 0.25, rel=1e-3)


def test_settings_and_log(exported):
    path, _, _, _ = exported
    content = read_trackmate(path)
    assert content.detector["DETECTOR_NAME"] == "LABEL_IMAGE_DETECTOR"
    assert content.tracker["TRACKER_NAME"] == "SPARSE_LAP_TRACKER"
    assert content.image["filename"] == "movie.tif"
    assert content.image["folder"] == ""
    text = path.read_text(encoding="utf-8")
    assert "a &lt;&amp;&gt; b" in text
    assert 'LINKING_MAX_DISTANCE="12.0"' in text
    assert 'MAX_FRAME_GAP="3"' in text


# pycellin leaves the file open that it iterates over.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("single", [False, True])
def test_pycellin_reads_the_same(exported, tmp_path, single):
    from pycellin.io.trackmate.loader import load_TrackMate_XML

    path, tracks, _, _ = exported
    alone = tracks["lineage"].map(tracks["lineage"].value_counts()) == 1
    if single:
        # pycellin numbers nuclei without a track from 0, over tracks with those numbers, so
        # they are looked at in a file of their own.
        tracks = tracks[alone].reset_index(drop=True)
        path, _, _, _ = export_example(tmp_path, tracks=tracks)
        expected = tracks
    else:
        expected = tracks[~alone]
    model = load_TrackMate_XML(path, keep_all_spots=single, keep_all_tracks=True)
    spots, links = {}, set()
    for lineage in model.get_cell_lineages():
        for node, data in lineage.nodes(data=True):
            assert node not in spots
            spots[node] = (data["FRAME"], data["cell_y"], data["cell_x"])
            assert len(data["ROI_coords"]) >= 4
        links |= set(lineage.edges)
    assert spots == {
        row: (int(spot["frame"]), spot["y_px"] * 0.5, spot["x_px"] * 0.5)
        for row, spot in expected.iterrows()
    }
    edges = read_trackmate(path).edges
    if single:
        assert len(edges) == len(links) == 0
    else:
        assert links == set(zip(edges["SPOT_SOURCE_ID"], edges["SPOT_TARGET_ID"], strict=True))


def test_unknown_units_are_pixel_and_frame(tmp_path):
    path, tracks, _, _ = export_example(tmp_path, pixel_size=None, interval=None, tracker=None)
    assert validate_trackmate(path) == []
    content = read_trackmate(path)
    assert (content.space_unit, content.time_unit) == ("pixel", "frame")
    assert np.array_equal(content.spots.sort_values("ID")["POSITION_X"], tracks["x_px"])
    assert np.array_equal(content.spots["POSITION_T"], content.spots["FRAME"])
    assert content.image["pixelwidth"] == content.image["timeinterval"] == "1.0"
    assert content.tracker["TRACKER_NAME"] == "MANUAL_TRACKER"


def test_no_nuclei_at_all(tmp_path):
    tracks, _, _ = make_example()
    path, _, _, counts = export_example(tmp_path, tracks=tracks.iloc[:0])
    assert (counts.n_spots, counts.n_edges, counts.n_tracks) == (0, 0, 0)
    assert validate_trackmate(path) == []


def test_one_frame(tmp_path):
    tracks, labels, raw = make_example()
    one = tracks[tracks["frame"] == 0].reset_index(drop=True)
    units = {"pixel_size_um": 0.5, "frame_interval_min": None}
    write_image_movie(tmp_path / "movie.tif", raw[:1], n_frames=1, **units)
    path = tmp_path / "tracks.xml"
    counts = write_trackmate(
        path,
        one,
        movie=MovieInfo("movie.tif", WIDTH, HEIGHT, 1, 0.5, None),
        labels=labels,
    )
    assert (counts.n_spots, counts.n_tracks) == (3, 0)
    assert validate_trackmate(path) == []


def test_empty_frame_in_the_middle(tmp_path):
    tracks, _, _ = make_example()
    kept = tracks[tracks["lineage"] == 2]
    kept = kept[kept["frame"] != 4].reset_index(drop=True)
    path = tmp_path / "tracks.xml"
    write_trackmate(path, kept, movie=MovieInfo("m.tif", WIDTH, HEIGHT, N_FRAMES))
    assert validate_trackmate(path) == ["not ok: the image m.tif is not found"]
    assert 'frame="1"' in path.read_text(encoding="utf-8")
    assert sorted(read_trackmate(path).spots["FRAME"].unique()) == [0, 2, 3, 5]


def test_split_labels_are_counted(tmp_path):
    tracks, labels, _ = make_example()
    row = tracks[tracks["track"] == 10].iloc[0]
    labels[row["frame"], 0, 0] = row["label"]
    counts = write_trackmate(
        tmp_path / "a.xml",
        tracks,
        movie=MovieInfo("m.tif", WIDTH, HEIGHT, N_FRAMES),
        labels=labels,
    )
    assert counts.n_split_labels == 1


def test_wrong_movies_are_told(tmp_path):
    tracks, labels, _ = make_example()
    with pytest.raises(InputError, match="frames 0 to 5, but the movie has 4 frames"):
        write_trackmate(tmp_path / "a.xml", tracks, movie=MovieInfo("m.tif", WIDTH, HEIGHT, 4))
    labels[labels == 1] = 60000
    with pytest.raises(InputError, match="is not in them"):
        write_trackmate(
            tmp_path / "a.xml",
            tracks,
            movie=MovieInfo("m.tif", WIDTH, HEIGHT, N_FRAMES),
            labels=labels,
        )
    assert list(tmp_path.iterdir()) == []


def test_numbers_are_written_as_java_reads_them():
    values = [1.5, float("nan"), float("inf"), -float("inf"), 1e-7]
    expected = ["1.5", "NaN", "Infinity", "-Infinity", "1e-07"]
    assert [format_java_number(value) for value in values] == expected


def test_link_cost_column_is_used(tmp_path):
    tracks, _, _ = make_example()
    tracks["link_cost"] = np.arange(len(tracks)) * 1.5
    write_trackmate(tmp_path / "a.xml", tracks, movie=MovieInfo("m.tif", WIDTH, HEIGHT, N_FRAMES))
    edges = read_trackmate(tmp_path / "a.xml").edges
    assert np.array_equal(edges["LINK_COST"], edges["SPOT_TARGET_ID"] * 1.5)


def test_what_java_cannot_read_is_refused(tmp_path):
    tracks, _, _ = make_example()
    movie = MovieInfo("m.tif", WIDTH, HEIGHT, N_FRAMES)
    large = tracks.assign(lineage=tracks["lineage"] + 2**31 - 3)
    with pytest.raises(InputError, match=r"^lineage 2147483650: .*2147483647"):
        write_trackmate(tmp_path / "a.xml", large, movie=movie)
    for name in ("m\x01.tif", "m\t.tif"):
        with pytest.raises(InputError, match="control characters"):
            write_trackmate(tmp_path / "a.xml", tracks, movie=replace(movie, filename=name))
    assert not (tmp_path / "a.xml").exists()


def test_intensities_are_those_that_trackmate_computes(exported):
    path, tracks, labels, _ = exported
    raw = make_example()[2]
    spots = read_trackmate(path).spots.set_index("ID")
    for row, spot in tracks.iterrows():
        values = raw[spot["frame"]][labels[spot["frame"]] == spot["label"]].astype(float)
        assert spots.loc[row, "TOTAL_INTENSITY_CH1"] == values.sum()
        assert spots.loc[row, "STD_INTENSITY_CH1"] == pytest.approx(values.std(ddof=1))


def test_tracks_are_coloured_over_all_their_numbers(exported):
    path, _, _, counts = exported
    assert f'"trackMax": {counts.n_tracks - 1}.0' in path.read_text(encoding="utf-8")


def test_the_tracker_is_preset_to_what_was_used(tmp_path):
    used = {
        "max_link_distance": 60,
        "max_gap_distance": 80,
        "max_division_distance": 30,
        "settings": {"max_frame_gap": 3},
    }
    tracker = choose_tracker(used)
    assert tracker == LapSettings(60, 80, 30, 60, max_frame_gap=3)
    tracker = choose_tracker(used | {"max_gap_distance": None, "max_division_distance": None})
    path, *_ = export_example(tmp_path, tracker=tracker)
    assert validate_trackmate(path) == []
    text = path.read_text(encoding="utf-8")
    assert 'ALLOW_TRACK_SPLITTING="false"' in text
    assert 'ALLOW_GAP_CLOSING="false"' in text
    assert choose_tracker({"links": "corrected by the user"}) is None
