import os
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile

from autonuclei.errors import InputError
from export_readers import read_trackmate
from track_examples import HEIGHT, N_FRAMES, WIDTH
from trackmate_examples import export_example
from trackmate_validation import validate_trackmate

DATA = Path(
    os.environ.get("AUTONUCLEI_DATA", Path(__file__).resolve().parents[3].parent / "shared/data")
)
FAKETRACKS = DATA / "faketracks" / "FakeTracks.xml"
needs_faketracks = pytest.mark.skipif(not FAKETRACKS.is_file(), reason=f"{FAKETRACKS} is not there")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export_example(tmp_path_factory.mktemp("trackmate"))


@needs_faketracks
def test_faketracks_is_valid():
    assert validate_trackmate(FAKETRACKS) == []


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
    new = (
        first.replace(edge, "")
        + f'      <Track name="Track_99" TRACK_ID="99">\n{edge}      </Track>\n'
    )
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


def move_outline(text):
    """Give the outline of a spot in places of the image."""

    def move(found):
        return found[1] + " ".join(str(float(number) + 99) for number in found[2].split()) + "<"

    return re.sub(r'(ROI_N_POINTS="\d+">)([^<]+)<', move, text, count=1)


SPOT_LINE = r" *<Spot .*</Spot>\n"
EDGE_LINE = r" *<Edge .*\n"
RULES = {
    "order": (move_settings_first, "silent: the parts of TrackMate are not in their order"),
    "version": (swap(' version="8.1.0"', ""), "crash: TrackMate has no version"),
    "Model": (remove_part("Model"), "crash: TrackMate has no Model"),
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
    "outline place": (move_outline, "silent: the outline of spot .* lies beside it"),
    "times of a frame": (
        sub(r'POSITION_T="10.0"', 'POSITION_T="11.0"'),
        "silent: spot .* has POSITION_T",
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
        swap(' SIMPLIFY_CONTOURS="true"', ""),
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
    "large track id": (
        sub(r'TRACK_ID="2"', 'TRACK_ID="2147483648"'),
        "not ok: a Track has no whole number as TRACK_ID",
    ),
    "large track name": (
        swap('name="Track_2"', 'name="Track_2147483648"'),
        "crash: the track name 'Track_2147483648'",
    ),
    "track name without number": (
        swap('name="Track_2"', 'name="mother"'),
        "crash: the track name 'mother'",
    ),
    "no track name": (swap(' name="Track_2"', ""), "crash: the track name 'Unnamed'"),
    "control character": (
        swap('name="Track_2"', 'name="Track_2\x01"'),
        "crash: the file is not XML",
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
    if rule in {
        "Model",
        "AllSpots",
        "AllTracks",
        "AnalyzerCollection",
        "SpotAnalyzers",
        "no track id",
        "large track id",
        "control character",
        "times of a frame",
        "interval",
    }:
        return  # What needs the broken part is told too.
    assert len(problems) == 1, problems


def test_plain_tiff_beside_the_file_is_told(tmp_path):
    path, _, _, _ = export_example(tmp_path)
    tifffile.imwrite(tmp_path / "movie.tif", np.zeros((N_FRAMES, HEIGHT, WIDTH), np.uint8))
    assert validate_trackmate(path) == ["silent: movie.tif is not an ImageJ hyperstack"]


def test_times_and_frames_must_fit_the_movie(exported):
    text = exported[0].read_text(encoding="utf-8")
    path = exported[0].parent / "times.xml"
    path.write_text(re.sub(r'POSITION_T="20.0"', 'POSITION_T="2.0"', text), encoding="utf-8")
    assert validate_trackmate(path) == [
        "silent: POSITION_T is 2 in frame 2, by the interval of the movie it should be 20"
    ]
    path.write_text(text.replace('nframes="6"', 'nframes="5"'), encoding="utf-8")
    assert "silent: there are spots in frame 5 of 5 frames" in validate_trackmate(path)


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
        read_trackmate(path)
    with pytest.raises(InputError, match="no such file"):
        read_trackmate(tmp_path / "b.xml")
