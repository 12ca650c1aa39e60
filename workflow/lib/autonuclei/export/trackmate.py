"""TrackMate files: writing and reading.

What TrackMate's reader needs was found by running it (version 8.1) over many variants of a
file; `autonuclei.trackmate_validation` holds those rules.
"""

import json
import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.errors import InputError
from autonuclei.export.trackmate_features import (
    EDGE_FEATURES,
    SPOT_FEATURES,
    TRACK_FEATURES,
    FloatArray,
    IntArray,
    compute_edge_features,
    compute_spot_features,
    compute_track_features,
)
from autonuclei.io.files import write_beside
from autonuclei.labels.outlines import Outlines, trace_outlines
from autonuclei.track.edges import find_edges

ReadPage = Callable[[int], npt.NDArray[np.generic]]

# The version whose reader the rules were taken from.
TRACKMATE_VERSION = "8.1.0"

# What a track table must have; the other measurements become features where they are there.
NEEDED_COLUMNS = {"frame", "label", "y_px", "x_px", "area_px", "track", "lineage", "parent"}

SPOT_ANALYZERS = {
    "Spot intensity": ("MEAN_INTENSITY_CH1", "MAX_INTENSITY_CH1", "STD_INTENSITY_CH1"),
    "Spot fit 2D ellipse": ("ELLIPSE_MAJOR", "ELLIPSE_MINOR", "ELLIPSE_THETA"),
    "Spot 2D shape descriptors": ("AREA", "PERIMETER", "CIRCULARITY", "SOLIDITY", "SHAPE_INDEX"),
}
EDGE_ANALYZERS = ("Directional change", "Edge speed", "Edge target", "Edge location")
TRACK_ANALYZERS = (
    "Branching analyzer",
    "Track duration",
    "Track index",
    "Track location",
    "Track speed",
    "Track quality",
    "Track motility analysis",
)


@dataclass(frozen=True)
class MovieInfo:
    """The movie that lies beside a TrackMate file.

    Attributes
    ----------
    filename : its name without a folder; TrackMate looks beside the XML file.
    width, height : in pixels.
    n_frames : number of time points.
    pixel_size_um : micrometres per pixel, None if unknown (unit "pixel", size 1).
    frame_interval_min : minutes between frames, None if unknown (unit "frame", interval 1).
    """

    filename: str
    width: int
    height: int
    n_frames: int
    pixel_size_um: float | None = None
    frame_interval_min: float | None = None


@dataclass(frozen=True)
class LapSettings:
    """Settings of TrackMate's LAP tracker, so that a user can link again from its window.

    Distances are in the units of the file: micrometres, or pixels without a pixel size.
    `max_frame_gap` is TrackMate's: 2 lets a nucleus be missed in one frame.
    """

    linking_max_distance: float
    gap_closing_max_distance: float
    splitting_max_distance: float
    merging_max_distance: float
    max_frame_gap: int = 2
    allow_gap_closing: bool = True
    allow_splitting: bool = True
    allow_merging: bool = False
    cutoff_percentile: float = 0.9
    alternative_cost_factor: float = 1.05


@dataclass(frozen=True)
class ExportCounts:
    """What `write_trackmate` wrote.

    `n_split_labels` counts nuclei whose label lies in two or more pieces; the outline in the
    file is that of the largest piece, while area and position are those of the whole label.
    """

    n_spots: int
    n_edges: int
    n_tracks: int
    n_split_labels: int


@dataclass
class TrackMateFile:
    """The content of a TrackMate file.

    Attributes
    ----------
    spots : one row per spot; `ID`, `name` and a column per feature in the file.
    edges : one row per edge; `TRACK_ID` and a column per feature.
    tracks : one row per track; `name` and a column per feature.
    filtered_track_ids : the tracks that TrackMate shows.
    outlines : for each spot ID with an outline, (n, 2) x and y relative to the spot centre.
    space_unit, time_unit : as in the file.
    image, detector, tracker : the attributes of those elements of the settings.
    """

    spots: pd.DataFrame
    edges: pd.DataFrame
    tracks: pd.DataFrame
    filtered_track_ids: list[int]
    outlines: dict[int, FloatArray]
    space_unit: str = "pixel"
    time_unit: str = "frame"
    image: dict[str, str] = field(default_factory=dict)
    detector: dict[str, str] = field(default_factory=dict)
    tracker: dict[str, str] = field(default_factory=dict)


def write_trackmate(
    path: str | os.PathLike[str],
    tracks: pd.DataFrame,
    *,
    movie: MovieInfo,
    read_labels: ReadPage | None = None,
    tracker: LapSettings | None = None,
    log: str = "",
) -> ExportCounts:
    """Write a track table as a TrackMate file, frame by frame.

    A spot's ID is its row number in the table, from 0. A TrackMate track is a lineage with
    its divisions; a lineage of one nucleus is a spot without a track. An optional column
    `link_cost` (cost of the link that ends at the row) becomes LINK_COST.

    Parameters
    ----------
    tracks : DataFrame
        Track table.
    movie : MovieInfo
        The movie beside the file, see `autonuclei.hyperstack.write_image_movie`.
    read_labels : callable, optional
        Gives the label image of a frame; without it the file has no outlines.
    tracker : LapSettings, optional
        What to preset for linking again; without it the tracker is set to manual.
    log : str
        Text for TrackMate's log: where the tracks come from.

    Returns
    -------
    ExportCounts

    Raises
    ------
    InputError
        A nucleus lies outside the frames of the movie, or its label is not in the label image.
    ValueError
        The track table contradicts itself.
    """
    frames = tracks["frame"].to_numpy(np.int64)
    if len(frames) and (frames.min() < 0 or frames.max() >= movie.n_frames):
        raise InputError(
            f"{path}: the tracks reach from frame {frames.min()} to {frames.max()}, but "
            f"{movie.filename} has {movie.n_frames} frames. Use the movie that was tracked."
        )
    pixel_size = 1.0 if movie.pixel_size_um is None else movie.pixel_size_um
    interval = 1.0 if movie.frame_interval_min is None else movie.frame_interval_min
    edges = find_edges(tracks)
    # A measurement that is unknown for every nucleus is no feature.
    unknown = [name for name in tracks if tracks[name].isna().all()]
    measured = tracks.drop(columns=set(unknown) - NEEDED_COLUMNS)
    none_yet = compute_spot_features(measured.iloc[:0], pixel_size=pixel_size, interval=interval)
    features = list(none_yet)
    n_split = 0
    with write_beside(path) as partial, partial.open("w", encoding="utf-8") as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        out.write(f'<TrackMate version="{TRACKMATE_VERSION}">\n')
        out.write(f"  <Log>{_escape_text(_describe(movie, log))}</Log>\n")
        space_unit = "pixel" if movie.pixel_size_um is None else "micrometer"
        time_unit = "frame" if movie.frame_interval_min is None else "min"
        out.write(f'  <Model spatialunits="{space_unit}" timeunits="{time_unit}">\n')
        _write_declarations(out, features)
        out.write(f'    <AllSpots nspots="{len(tracks)}">\n')
        order = np.argsort(frames, kind="stable")
        bounds = np.searchsorted(frames[order], np.arange(movie.n_frames + 1))
        for frame in range(movie.n_frames):
            rows = order[bounds[frame] : bounds[frame + 1]]
            out.write(f'      <SpotsInFrame frame="{frame}">\n')
            if len(rows):
                subset = measured.iloc[rows]
                outlines = None
                if read_labels is not None:
                    outlines = trace_outlines(read_labels(frame))
                    n_split += _count_split(outlines, subset["label"], frame, path)
                values = compute_spot_features(subset, pixel_size=pixel_size, interval=interval)
                out.writelines(_format_spots(rows, subset, values, outlines, pixel_size))
            out.write("      </SpotsInFrame>\n")
        out.write("    </AllSpots>\n")
        n_tracks = _write_tracks(out, tracks, edges, pixel_size, interval)
        out.write("  </Model>\n")
        _write_settings(out, movie, pixel_size, interval, features, tracker)
        out.write('  <GUIState state="ConfigureViews" />\n')
        out.write(f"  <DisplaySettings>{_escape_text(_make_display_settings(movie))}")
        out.write("</DisplaySettings>\n</TrackMate>\n")
    return ExportCounts(len(tracks), len(edges), n_tracks, n_split)


def format_number(value: float) -> str:
    """Write a number as Java reads it: `NaN` and `Infinity`, else the shortest exact form."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _escape_text(text: str) -> str:
    # XML 1.0 has no way to hold most control characters.
    return escape(re.sub(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]", "?", text))


def _describe(movie: MovieInfo, log: str) -> str:
    size, interval = movie.pixel_size_um, movie.frame_interval_min
    lines = [
        f"Image: {movie.filename}, {movie.width} x {movie.height} pixels, {movie.n_frames} frames.",
        "Pixel size: " + ("unknown, lengths are in pixels." if size is None else f"{size} um."),
        "Frame interval: "
        + ("unknown, times are in frames." if interval is None else f"{interval} min."),
        "A track is a lineage with its divisions. A spot's ID is its row in the track table, "
        "from 0. Quality is the area in pixels. The ellipse has the second moments of the "
        "nucleus. The perimeter follows the pixel centres of its rim.",
        "To detect again with the label image detector, open the label movie as the image.",
    ]
    if log.strip():
        lines.insert(0, log.rstrip())
    return "\n".join(lines) + "\n"


def _write_declarations(out: TextIO, spot_features: list[str]) -> None:
    out.write("    <FeatureDeclarations>\n")
    for tag, declared in (
        ("SpotFeatures", {feature: SPOT_FEATURES[feature] for feature in spot_features}),
        ("EdgeFeatures", EDGE_FEATURES),
        ("TrackFeatures", TRACK_FEATURES),
    ):
        out.write(f"      <{tag}>\n")
        for feature, (name, short, dimension, is_int) in declared.items():
            out.write(
                f'        <Feature feature="{feature}" name="{name}" shortname="{short}" '
                f'dimension="{dimension}" isint="{str(is_int).lower()}" />\n'
            )
        out.write(f"      </{tag}>\n")
    out.write("    </FeatureDeclarations>\n")


def _count_split(
    outlines: Outlines, labels: pd.Series, frame: int, path: str | os.PathLike[str]
) -> int:
    wanted = labels.to_numpy(np.int64)
    index = np.searchsorted(outlines.labels, wanted)
    found = index < len(outlines.labels)
    found[found] = outlines.labels[index[found]] == wanted[found]
    if not found.all():
        raise InputError(
            f"{path}: nucleus {wanted[~found][0]} of frame {frame} is not in its label image. "
            "Use the label images that the tracks were made from."
        )
    return int((outlines.n_pieces[index] > 1).sum())


def _format_column(values: FloatArray | IntArray) -> list[str]:
    if values.dtype.kind == "i":
        return list(map(str, values.tolist()))
    if np.isfinite(values).all():
        return list(map(repr, values.tolist()))
    return list(map(format_number, values.tolist()))


def _format_spots(
    rows: IntArray,
    subset: pd.DataFrame,
    values: dict[str, FloatArray | IntArray],
    outlines: Outlines | None,
    pixel_size: float,
) -> Iterator[str]:
    template = " ".join(f'{feature}="%s"' for feature in values)
    attributes = zip(*(_format_column(column) for column in values.values()), strict=True)
    heads = (
        f'        <Spot ID="{row}" name="ID{row}" ' + template % one
        for row, one in zip(rows.tolist(), attributes, strict=True)
    )
    if outlines is None:
        for head in heads:
            yield head + " />\n"
        return
    # A ten-thousandth of a pixel, whatever the unit.
    decimals = max(0, 4 - math.floor(math.log10(pixel_size)))
    index = np.searchsorted(outlines.labels, subset["label"].to_numpy(np.int64))
    begin, n_corners = outlines.offsets[index], np.diff(outlines.offsets)[index]
    ends = np.cumsum(n_corners)
    take = np.arange(ends[-1]) + np.repeat(begin - ends + n_corners, n_corners)
    centre = np.repeat(subset[["x_px", "y_px"]].to_numpy(np.float64), n_corners, axis=0)
    numbers = ((outlines.corners[take] - 0.5 - centre) * pixel_size).ravel().tolist()
    templates: dict[int, str] = {}
    for head, n, end in zip(heads, n_corners.tolist(), ends.tolist(), strict=True):
        if n not in templates:
            templates[n] = " ".join([f"%.{decimals}f"] * (2 * n))
        text = templates[n] % tuple(numbers[2 * (end - n) : 2 * end])
        yield f'{head} ROI_N_POINTS="{n}">{text}</Spot>\n'


def _write_tracks(
    out: TextIO, tracks: pd.DataFrame, edges: IntArray, pixel_size: float, interval: float
) -> int:
    x = tracks["x_px"].to_numpy(np.float64) * pixel_size
    y = tracks["y_px"].to_numpy(np.float64) * pixel_size
    t = tracks["frame"].to_numpy(np.float64) * interval
    lineage = tracks["lineage"].to_numpy(np.int64)
    edges = edges[np.argsort(lineage[edges[:, 0]], kind="stable")]
    cost = None
    if "link_cost" in tracks:
        cost = tracks["link_cost"].to_numpy(np.float64)[edges[:, 1]]
    edge_table = compute_edge_features(x, y, t, edges, cost)
    spots = pd.DataFrame(
        {
            "FRAME": tracks["frame"].to_numpy(np.int64),
            "POSITION_X": x,
            "POSITION_Y": y,
            "POSITION_T": t,
            "QUALITY": tracks["area_px"].to_numpy(np.float64),
        }
    )
    table = compute_track_features(spots, edge_table, lineage)
    track_template = " ".join(f'{feature}="%s"' for feature in table)
    heads = zip(*(_format_column(table[name].to_numpy()) for name in table), strict=True)
    edge_template = (
        "        <Edge " + " ".join(f'{feature}="%s"' for feature in edge_table) + " />\n"
    )
    ids = table["TRACK_ID"].to_numpy(np.int64)
    bounds = [*np.searchsorted(lineage[edges[:, 0]], ids).tolist(), len(edges)]

    def format_edges() -> Iterator[str]:
        # A slice at a time, so that the text of a million edges is never in memory.
        for start in range(0, len(edge_table), 20_000):
            part = edge_table.iloc[start : start + 20_000]
            columns = (_format_column(part[name].to_numpy()) for name in part)
            for one in zip(*columns, strict=True):
                yield edge_template % one

    lines = format_edges()
    out.write("    <AllTracks>\n")
    for number, (track_id, head) in enumerate(zip(ids.tolist(), heads, strict=True)):
        out.write(f'      <Track name="Track_{track_id}" {track_template % head}>\n')
        out.writelines(next(lines) for _ in range(bounds[number + 1] - bounds[number]))
        out.write("      </Track>\n")
    out.write("    </AllTracks>\n    <FilteredTracks>\n")
    out.writelines(f'      <TrackID TRACK_ID="{track_id}" />\n' for track_id in ids.tolist())
    out.write("    </FilteredTracks>\n")
    return len(ids)


def _write_settings(
    out: TextIO,
    movie: MovieInfo,
    pixel_size: float,
    interval: float,
    features: list[str],
    tracker: LapSettings | None,
) -> None:
    size, time = format_number(float(pixel_size)), format_number(float(interval))
    out.write("  <Settings>\n")
    out.write(
        f'    <ImageData filename={quoteattr(movie.filename)} folder="" width="{movie.width}" '
        f'height="{movie.height}" nslices="1" nframes="{movie.n_frames}" pixelwidth="{size}" '
        f'pixelheight="{size}" voxeldepth="1.0" timeinterval="{time}" />\n'
        f'    <BasicSettings xstart="0" xend="{movie.width - 1}" ystart="0" '
        f'yend="{movie.height - 1}" zstart="0" zend="0" tstart="0" tend="{movie.n_frames - 1}" />\n'
        '    <DetectorSettings DETECTOR_NAME="LABEL_IMAGE_DETECTOR" TARGET_CHANNEL="1" '
        'SIMPLIFY_CONTOURS="false" />\n'
        '    <InitialSpotFilter feature="QUALITY" value="0.0" isabove="true" />\n'
        "    <SpotFilterCollection />\n"
    )
    if tracker is None:
        out.write('    <TrackerSettings TRACKER_NAME="MANUAL_TRACKER" />\n')
    else:
        out.write(_format_tracker(tracker))
    out.write("    <TrackFilterCollection />\n    <AnalyzerCollection>\n")
    present = [key for key, needs in SPOT_ANALYZERS.items() if set(needs) & set(features)]
    for tag, keys in (
        ("SpotAnalyzers", present),
        ("EdgeAnalyzers", EDGE_ANALYZERS),
        ("TrackAnalyzers", TRACK_ANALYZERS),
    ):
        out.write(f"      <{tag}>\n")
        out.writelines(f'        <Analyzer key="{key}" />\n' for key in keys)
        out.write(f"      </{tag}>\n")
    out.write("    </AnalyzerCollection>\n  </Settings>\n")


def _format_tracker(tracker: LapSettings) -> str:
    def number(value: float) -> str:
        return format_number(float(value))

    def flag(value: bool) -> str:
        return str(value).lower()

    penalties = "        <FeaturePenalties />\n"
    return (
        '    <TrackerSettings TRACKER_NAME="SPARSE_LAP_TRACKER" '
        f'CUTOFF_PERCENTILE="{number(tracker.cutoff_percentile)}" '
        f'ALTERNATIVE_LINKING_COST_FACTOR="{number(tracker.alternative_cost_factor)}" '
        'BLOCKING_VALUE="Infinity">\n'
        f'      <Linking LINKING_MAX_DISTANCE="{number(tracker.linking_max_distance)}">\n'
        f"{penalties}      </Linking>\n"
        f'      <GapClosing ALLOW_GAP_CLOSING="{flag(tracker.allow_gap_closing)}" '
        f'GAP_CLOSING_MAX_DISTANCE="{number(tracker.gap_closing_max_distance)}" '
        f'MAX_FRAME_GAP="{tracker.max_frame_gap}">\n{penalties}      </GapClosing>\n'
        f'      <TrackSplitting ALLOW_TRACK_SPLITTING="{flag(tracker.allow_splitting)}" '
        f'SPLITTING_MAX_DISTANCE="{number(tracker.splitting_max_distance)}">\n'
        f"{penalties}      </TrackSplitting>\n"
        f'      <TrackMerging ALLOW_TRACK_MERGING="{flag(tracker.allow_merging)}" '
        f'MERGING_MAX_DISTANCE="{number(tracker.merging_max_distance)}">\n'
        f"{penalties}      </TrackMerging>\n"
        "    </TrackerSettings>\n"
    )


def _make_display_settings(movie: MovieInfo) -> str:
    """Outlines coloured by track, with the last ten links of each track."""
    settings: dict[str, object] = {
        "name": "CurrentDisplaySettings",
        "spotUniformColor": "204, 51, 204, 255",
        "spotColorByType": "TRACKS",
        "spotColorByFeature": "TRACK_INDEX",
        "spotDisplayRadius": 1.0,
        "spotDisplayedAsRoi": True,
        "spotMin": 0.0,
        "spotMax": float(max(1, movie.n_frames - 1)),
        "spotShowName": False,
        "trackMin": 0.0,
        "trackMax": float(max(1, movie.n_frames - 1)),
        "trackColorByType": "TRACKS",
        "trackColorByFeature": "TRACK_INDEX",
        "trackUniformColor": "204, 204, 51, 255",
        "undefinedValueColor": "0, 0, 0, 255",
        "missingValueColor": "89, 89, 89, 255",
        "highlightColor": "51, 230, 51, 255",
        "trackDisplayMode": "LOCAL_BACKWARD",
        "colormap": "Jet",
        "limitZDrawingDepth": False,
        "drawingZDepth": 10.0,
        "fadeTracks": True,
        "fadeTrackRange": 10,
        "useAntialiasing": True,
        "spotVisible": True,
        "trackVisible": True,
        "font": {
            "name": "Arial",
            "style": 1,
            "size": 12,
            "pointSize": 12.0,
            "fontSerializedDataVersion": 1,
        },
        "lineThickness": 1.0,
        "selectionLineThickness": 4.0,
        "trackschemeBackgroundColor1": "128, 128, 128, 255",
        "trackschemeBackgroundColor2": "192, 192, 192, 255",
        "trackschemeForegroundColor": "0, 0, 0, 255",
        "trackschemeDecorationColor": "0, 0, 0, 255",
        "trackschemeFillBox": False,
        "spotFilled": False,
        "spotTransparencyAlpha": 1.0,
    }
    return json.dumps(settings, indent=2)


def read_trackmate(path: str | os.PathLike[str]) -> TrackMateFile:
    """Read the spots, edges and tracks of a TrackMate file.

    Raises
    ------
    InputError
        The file is absent, is not XML or is not a TrackMate file.
    """
    spots: list[dict[str, str]] = []
    edges: list[dict[str, str]] = []
    tracks: list[dict[str, str]] = []
    outlines: dict[int, FloatArray] = {}
    content = TrackMateFile(pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), [], outlines)
    track_id = ""
    for event, element in parse_trackmate(path):
        if event == "start":
            if element.tag == "Track":
                track_id = element.attrib.get("TRACK_ID", "")
            elif element.tag == "Model":
                content.space_unit = element.attrib.get("spatialunits", "pixel")
                content.time_unit = element.attrib.get("timeunits", "frame")
            continue
        attributes = dict(element.attrib)
        if element.tag == "Spot":
            n_points = int(attributes.pop("ROI_N_POINTS", "0"))
            if n_points and element.text:
                numbers = np.array(element.text.split()[: 2 * n_points], dtype=np.float64)
                outlines[int(attributes["ID"])] = numbers.reshape(-1, 2)
            spots.append(attributes)
        elif element.tag == "Edge":
            edges.append({"TRACK_ID": track_id, **attributes})
        elif element.tag == "Track":
            tracks.append(attributes)
        elif element.tag == "TrackID":
            content.filtered_track_ids.append(int(attributes["TRACK_ID"]))
        elif element.tag == "ImageData":
            content.image = attributes
        elif element.tag == "DetectorSettings":
            content.detector = attributes
        elif element.tag == "TrackerSettings":
            content.tracker = attributes
    content.spots = _make_table(spots, SPOT_FEATURES, {"ID"})
    content.edges = _make_table(edges, EDGE_FEATURES, {"TRACK_ID"})
    content.tracks = _make_table(tracks, TRACK_FEATURES, set())
    return content


def parse_trackmate(
    path: str | os.PathLike[str],
) -> Iterator[tuple[str, ElementTree.Element]]:
    """Give start and end events; what lies under spots, tracks and settings is then freed."""
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such file. Check the path.")
    stack: list[ElementTree.Element] = []
    try:
        with Path(path).open("rb") as file:
            for event, element in ElementTree.iterparse(file, events=("start", "end")):
                if event == "start":
                    if not stack and element.tag != "TrackMate":
                        raise InputError(
                            f"{path}: the file begins with <{element.tag}>, not <TrackMate>. "
                            "Give a file that TrackMate saved."
                        )
                    stack.append(element)
                    yield event, element
                else:
                    stack.pop()
                    yield event, element
                    element.clear()
                    if stack:
                        stack[-1].remove(element)
    except ElementTree.ParseError as error:
        raise InputError(
            f"{path}: not readable as XML ({error}). Save or export the file again."
        ) from error


def _make_table(
    rows: list[dict[str, str]],
    declared: dict[str, tuple[str, str, str, bool]],
    ids: set[str],
) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    for column in table.columns:
        if column == "name":
            continue
        numbers = table[column].astype(np.float64)
        is_int = column in ids or (column in declared and declared[column][3])
        whole = is_int and bool(np.isfinite(numbers).all())
        table[column] = numbers.astype(np.int64) if whole else numbers
    return table
