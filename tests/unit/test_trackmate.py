import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autonuclei.errors import InputError
from autonuclei.hyperstack import write_image_movie
from autonuclei.trackmate import (
    EDGE_FEATURES,
    TRACK_FEATURES,
    LapSettings,
    MovieInfo,
    compute_edge_features,
    compute_track_features,
    format_number,
    read_trackmate,
    validate_trackmate,
    write_trackmate,
)
from track_examples import HEIGHT, N_FRAMES, WIDTH, list_links, make_example

DATA = Path(
    os.environ.get("AUTONUCLEI_DATA", Path(__file__).resolve().parents[2].parent / "shared/data")
)
FAKETRACKS = DATA / "faketracks" / "FakeTracks.xml"
needs_faketracks = pytest.mark.skipif(not FAKETRACKS.is_file(), reason=f"{FAKETRACKS} is not there")
LAP = LapSettings(12.0, 15.0, 14.0, 13.0, max_frame_gap=3)


def export(folder, *, pixel_size=0.5, interval=10.0, tracker=LAP, tracks=None):
    example, labels, raw = make_example()
    tracks = example if tracks is None else tracks
    write_image_movie(
        folder / "movie.tif",
        raw,
        n_frames=N_FRAMES,
        pixel_size_um=pixel_size,
        frame_interval_min=interval,
    )
    movie = MovieInfo("movie.tif", WIDTH, HEIGHT, N_FRAMES, pixel_size, interval)
    path = folder / "tracks.xml"
    counts = write_trackmate(
        path, tracks, movie=movie, read_labels=lambda f: labels[f], tracker=tracker, log="a <&> b"
    )
    return path, tracks, labels, counts


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export(tmp_path_factory.mktemp("trackmate"))


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
        path, _, _, _ = export(tmp_path, tracks=tracks)
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
    path, tracks, _, _ = export(tmp_path, pixel_size=None, interval=None, tracker=None)
    assert validate_trackmate(path) == []
    content = read_trackmate(path)
    assert (content.space_unit, content.time_unit) == ("pixel", "frame")
    assert np.array_equal(content.spots.sort_values("ID")["POSITION_X"], tracks["x_px"])
    assert np.array_equal(content.spots["POSITION_T"], content.spots["FRAME"])
    assert content.image["pixelwidth"] == content.image["timeinterval"] == "1.0"
    assert content.tracker["TRACKER_NAME"] == "MANUAL_TRACKER"


def test_no_nuclei_at_all(tmp_path):
    tracks, _, _ = make_example()
    path, _, _, counts = export(tmp_path, tracks=tracks.iloc[:0])
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
        read_labels=lambda f: labels[f],
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
        read_labels=lambda f: labels[f],
    )
    assert counts.n_split_labels == 1


def test_wrong_movies_are_told(tmp_path):
    tracks, labels, _ = make_example()
    with pytest.raises(InputError, match=r"frame 0 to 5, but m\.tif has 4 frames"):
        write_trackmate(tmp_path / "a.xml", tracks, movie=MovieInfo("m.tif", WIDTH, HEIGHT, 4))
    labels[labels == 1] = 60000
    with pytest.raises(InputError, match="not in its label image"):
        write_trackmate(
            tmp_path / "a.xml",
            tracks,
            movie=MovieInfo("m.tif", WIDTH, HEIGHT, N_FRAMES),
            read_labels=lambda f: labels[f],
        )
    assert list(tmp_path.iterdir()) == []


def test_numbers_are_written_as_java_reads_them():
    values = [1.5, float("nan"), float("inf"), -float("inf"), 1e-7]
    assert [format_number(v) for v in values] == ["1.5", "NaN", "Infinity", "-Infinity", "1e-07"]


def test_link_cost_column_is_used(tmp_path):
    tracks, _, _ = make_example()
    tracks["link_cost"] = np.arange(len(tracks)) * 1.5
    write_trackmate(tmp_path / "a.xml", tracks, movie=MovieInfo("m.tif", WIDTH, HEIGHT, N_FRAMES))
    edges = read_trackmate(tmp_path / "a.xml").edges
    assert np.array_equal(edges["LINK_COST"], edges["SPOT_TARGET_ID"] * 1.5)


# ---------------------------------------------------------------- features against TrackMate


@needs_faketracks
def test_faketracks_is_valid():
    assert validate_trackmate(FAKETRACKS) == []


@needs_faketracks
def test_features_are_those_that_trackmate_computed():
    content = read_trackmate(FAKETRACKS)
    spots = content.spots
    row_of = pd.Series(np.arange(len(spots)), index=spots["ID"])
    edges = row_of[content.edges[["SPOT_SOURCE_ID", "SPOT_TARGET_ID"]].to_numpy().ravel()]
    edges = edges.to_numpy().reshape(-1, 2)
    track_ids = np.full(len(spots), -1)
    for end in range(2):
        track_ids[edges[:, end]] = content.edges["TRACK_ID"]
    x, y, t = (spots[f"POSITION_{axis}"].to_numpy() for axis in "XYT")
    table = compute_edge_features(x, y, t, edges, None)
    for feature in EDGE_FEATURES:
        if not feature.startswith("SPOT_"):
            np.testing.assert_allclose(
                table[feature], content.edges[feature], rtol=1e-9, err_msg=feature
            )
    table = compute_track_features(spots, table, track_ids)
    for feature in TRACK_FEATURES:
        np.testing.assert_allclose(
            table[feature], content.tracks[feature], rtol=1e-9, err_msg=feature
        )


# ---------------------------------------------------------------- the rules, one break each


def remove_part(tag):
    """Take out an element with all that is in it."""
    return lambda text: re.sub(
        rf"\s*<{tag}(\s[^>]*)?(/>|>.*?</{tag}>)", "", text, count=1, flags=re.DOTALL
    )


def swap(old, new):
    def change(text):
        assert old in text, old
        return text.replace(old, new, 1)

    return change


def sub(pattern, new):
    def change(text):
        assert re.search(pattern, text), pattern
        return re.sub(pattern, new, text, count=1)

    return change


def move_settings_first(text):
    settings = re.search(r"  <Settings>.*</Settings>\n", text, re.DOTALL).group()
    return text.replace(settings, "").replace("  <Log>", settings + "  <Log>")


def join_two_tracks(text):
    """Put the edges of the second track into the first."""
    first_end = text.index("      </Track>")
    second = re.search(r'      <Track name="Track_2".*?</Track>\n', text, re.DOTALL).group()
    edges = "".join(re.findall(r" *<Edge .*\n", second))
    text = text.replace(second, "").replace('      <TrackID TRACK_ID="2" />\n', "")
    return text[:first_end] + edges + text[first_end:]


def split_one_track(text):
    """Move the last edge of the first track into a track of its own."""
    first = re.search(r'      <Track name="Track_1".*?</Track>\n', text, re.DOTALL).group()
    edge = re.findall(r" *<Edge .*\n", first)[-1]
    new = first.replace(edge, "") + f'      <Track name="n" TRACK_ID="99">\n{edge}      </Track>\n'
    return text.replace(first, new)


def double_line(pattern):
    def change(text):
        line = re.search(pattern, text).group()
        return text.replace(line, line + line, 1)

    return change


def turn_edge(text):
    return re.sub(
        r'SPOT_SOURCE_ID="(\d+)" SPOT_TARGET_ID="(\d+)"',
        r'SPOT_SOURCE_ID="\2" SPOT_TARGET_ID="\1"',
        text,
        count=1,
    )


SPOT_LINE = r" *<Spot .*</Spot>\n"
EDGE_LINE = r" *<Edge .*\n"
RULES = {
    "order": (move_settings_first, "silent: the parts of TrackMate are not in their order"),
    "version": (swap(' version="8.1.0"', ""), "crash: TrackMate has no version"),
    "AllSpots": (remove_part("AllSpots"), "crash: Model has no AllSpots"),
    "AllTracks": (remove_part("AllTracks"), "crash: Model has no AllTracks"),
    "FilteredTracks": (remove_part("FilteredTracks"), "crash: Model has no FilteredTracks"),
    "ImageData": (remove_part("ImageData"), "crash: Settings has no ImageData"),
    "InitialSpotFilter": (
        remove_part("InitialSpotFilter"),
        "crash: Settings has no InitialSpotFilter",
    ),
    "SpotFilterCollection": (
        remove_part("SpotFilterCollection"),
        "crash: Settings has no SpotFilterCollection",
    ),
    "TrackFilterCollection": (
        remove_part("TrackFilterCollection"),
        "crash: Settings has no TrackFilterCollection",
    ),
    "dimension": (swap('dimension="LENGTH"', 'dimension="METRES"'), "crash: the feature RADIUS"),
    "text value": (sub(r'QUALITY="[\d.]+"', 'QUALITY="good"'), "crash: spot .* QUALITY='good'"),
    "python nan": (sub(r'QUALITY="[\d.]+"', 'QUALITY="nan"'), "crash: spot .* QUALITY='nan'"),
    "python inf": (sub(r'QUALITY="[\d.]+"', 'QUALITY="inf"'), "crash: spot .* QUALITY='inf'"),
    "visibility": (sub(r' VISIBILITY="1"', ""), "crash: spot .* no VISIBILITY"),
    "visibility 0": (sub(r'VISIBILITY="1"', 'VISIBILITY="0"'), "crash: spot .* VISIBILITY of 1"),
    "frame": (sub(r' FRAME="\d+"', ""), "crash: spot .* no FRAME"),
    "outline space": (
        sub(r'(ROI_N_POINTS="\d+">)', r"\1 "),
        "crash: the outline of spot .* white space",
    ),
    "outline short": (
        sub(r'ROI_N_POINTS="\d+"', 'ROI_N_POINTS="30"'),
        "crash: the outline of spot .* for 30 points",
    ),
    "outline text": (
        sub(r'(ROI_N_POINTS="\d+">)\S+', r"\1nan"),
        "crash: the outline of spot .* not a number",
    ),
    "FeatureDeclarations": (
        remove_part("FeatureDeclarations"),
        "not ok: Model has no FeatureDeclarations",
    ),
    "SpotFeatures": (
        remove_part("SpotFeatures"),
        "not ok: FeatureDeclarations has no SpotFeatures",
    ),
    "EdgeFeatures": (
        remove_part("EdgeFeatures"),
        "not ok: FeatureDeclarations has no EdgeFeatures",
    ),
    "TrackFeatures": (
        remove_part("TrackFeatures"),
        "not ok: FeatureDeclarations has no TrackFeatures",
    ),
    "feature": (swap('<Feature feature="RADIUS"', "<Feature"), "not ok: .* has no feature"),
    "name": (swap(' name="Radius"', ""), "not ok: the feature RADIUS has no name"),
    "shortname": (swap(' shortname="R"', ""), "not ok: the feature RADIUS has no shortname"),
    "isint": (swap(' isint="false"', ""), "not ok: the feature QUALITY has no isint"),
    "DetectorSettings": (
        remove_part("DetectorSettings"),
        "not ok: Settings has no DetectorSettings",
    ),
    "TrackerSettings": (remove_part("TrackerSettings"), "not ok: Settings has no TrackerSettings"),
    "AnalyzerCollection": (
        remove_part("AnalyzerCollection"),
        "not ok: Settings has no AnalyzerCollection",
    ),
    "SpotAnalyzers": (
        remove_part("SpotAnalyzers"),
        "not ok: AnalyzerCollection has no SpotAnalyzers",
    ),
    "EdgeAnalyzers": (
        remove_part("EdgeAnalyzers"),
        "not ok: AnalyzerCollection has no EdgeAnalyzers",
    ),
    "TrackAnalyzers": (
        remove_part("TrackAnalyzers"),
        "not ok: AnalyzerCollection has no TrackAnalyzers",
    ),
    "GUIState": (remove_part("GUIState"), "not ok: TrackMate has no GUIState"),
    "DisplaySettings": (remove_part("DisplaySettings"), "not ok: TrackMate has no DisplaySettings"),
    "detector": (swap("LABEL_IMAGE_DETECTOR", "MY_DETECTOR"), "not ok: the detector MY_DETECTOR"),
    "detector setting": (
        swap(' SIMPLIFY_CONTOURS="false"', ""),
        "not ok: the detector has no SIMPLIFY_CONTOURS",
    ),
    "tracker": (swap("SPARSE_LAP_TRACKER", "MY_TRACKER"), "not ok: the tracker MY_TRACKER"),
    "tracker setting": (
        swap(' MAX_FRAME_GAP="3"', ""),
        "not ok: the tracker has no MAX_FRAME_GAP",
    ),
    "image": (swap('filename="movie.tif"', 'filename="other.tif"'), "not ok: the image other.tif"),
    "unknown spot": (
        sub(r'SPOT_TARGET_ID="\d+"', 'SPOT_TARGET_ID="9999"'),
        "not ok: an edge goes to the unknown spot 9999",
    ),
    "double edge": (double_line(EDGE_LINE), "not ok: the edge .* is there twice"),
    "double spot": (double_line(SPOT_LINE), "not ok: spot .* is there twice"),
    "no track id": (
        sub(r'(<Track name="Track_2") TRACK_INDEX="1" TRACK_ID="2"', r"\1"),
        "not ok: a Track has no whole number as TRACK_ID",
    ),
    "filtered": (
        swap('<TrackID TRACK_ID="3" />', '<TrackID TRACK_ID="33" />'),
        "not ok: FilteredTracks names the unknown track 33",
    ),
    "frame of spots": (swap('<SpotsInFrame frame="2">', "<SpotsInFrame>"), "silent: SpotsInFrame"),
    "frame differs": (
        swap('<SpotsInFrame frame="5">', '<SpotsInFrame frame="7">'),
        "silent: spot .* has FRAME 5 but lies in frame 7",
    ),
    "edge id 12.0": (
        sub(r'SPOT_SOURCE_ID="(\d+)"', r'SPOT_SOURCE_ID="\1.0"'),
        "silent: an edge has SPOT_SOURCE_ID=.*not a whole number",
    ),
    "position x": (sub(r' POSITION_X="[\d.]+"', ""), "silent: spot .* no POSITION_X"),
    "position y": (sub(r' POSITION_Y="[\d.]+"', ""), "silent: spot .* no POSITION_Y"),
    "position z": (sub(r' POSITION_Z="[\d.]+"', ""), "silent: spot .* no POSITION_Z"),
    "position t": (sub(r' POSITION_T="[\d.]+"', ""), "silent: spot .* no POSITION_T"),
    "radius": (sub(r' RADIUS="[\d.]+"', ""), "silent: spot .* no RADIUS"),
    "quality": (sub(r' QUALITY="[\d.]+"', ""), "silent: spot .* no QUALITY"),
    "backwards": (turn_edge, "silent: the edge .* goes from frame"),
    "lineage split": (split_one_track, "silent: spot .* is in two tracks"),
    "lineages joined": (join_two_tracks, "silent: the track 1 holds spots that are not connected"),
    "image sizes": (sub(r' width="\d+"', ""), "silent: ImageData has no width"),
    "n frames": (sub(r'nframes="6"', 'nframes="7"'), "silent: ImageData says nframes 7"),
    "n slices": (sub(r'nslices="1"', 'nslices="6"'), "silent: ImageData says nslices 6"),
    "pixel width": (
        sub(r'pixelwidth="0.5"', 'pixelwidth="0.4"'),
        "silent: ImageData says pixelwidth 0.4",
    ),
    "interval": (
        sub(r'timeinterval="10.0"', 'timeinterval="1.0"'),
        "silent: ImageData says timeinterval 1.0",
    ),
    "ellipse analyzer": (
        sub(r' *<Analyzer key="Spot fit 2D ellipse" />\n', ""),
        "silent: .*'Spot fit 2D ellipse'",
    ),
    "shape analyzer": (
        sub(r' *<Analyzer key="Spot 2D shape descriptors" />\n', ""),
        "silent: .*'Spot 2D shape descriptors'",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_breaking_one_rule_is_told(exported, tmp_path, rule):
    change, message = RULES[rule]
    good = exported[0].read_text(encoding="utf-8")
    bad = change(good)
    assert bad != good
    path = exported[0].parent / f"{tmp_path.name}.xml"
    path.write_text(bad, encoding="utf-8")
    problems = validate_trackmate(path)
    assert any(re.match(message, problem) for problem in problems), problems
    if rule in {"AllSpots", "AllTracks", "AnalyzerCollection", "SpotAnalyzers", "no track id"}:
        return  # What needs the absent part is told too.
    assert len(problems) == 1, problems


def test_plain_tiff_beside_the_file_is_told(tmp_path):
    import tifffile

    path, _, _, _ = export(tmp_path)
    tifffile.imwrite(tmp_path / "movie.tif", np.zeros((N_FRAMES, HEIGHT, WIDTH), np.uint8))
    assert validate_trackmate(path) == ["silent: movie.tif is not an ImageJ hyperstack"]


def test_problem_of_many_spots_is_told_once(exported):
    path = exported[0].parent / "many.xml"
    text = exported[0].read_text(encoding="utf-8")
    path.write_text(re.sub(r' POSITION_T="[\d.]+"', "", text), encoding="utf-8")
    n_spots = len(exported[1])
    assert validate_trackmate(path) == [f"silent: spot 0 has no POSITION_T ({n_spots} times)"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "not readable as XML"), ("<a></a>", "begins with <a>"), ("<TrackMate>", "not readable")],
)
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / "a.xml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        validate_trackmate(path)
    with pytest.raises(InputError, match="no such file"):
        read_trackmate(tmp_path / "b.xml")
