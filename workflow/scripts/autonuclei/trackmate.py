"""TrackMate files: writing, reading and checking.

What TrackMate's reader needs was found by running it (version 8.1) over many variants of a
file; `validate_trackmate` holds each of those rules. Names and definitions of the features
follow TrackMate's analyzers, so that its tables and filters show what their titles say.
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
import tifffile

from autonuclei.errors import InputError
from autonuclei.files import write_beside
from autonuclei.outlines import Outlines, trace_outlines
from autonuclei.track_edges import find_edges

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ReadPage = Callable[[int], npt.NDArray[np.generic]]

# The version whose reader the rules were taken from.
TRACKMATE_VERSION = "8.1.0"

# Feature: name, short name, dimension, whole number.
SPOT_FEATURES: dict[str, tuple[str, str, str, bool]] = {
    "QUALITY": ("Quality", "Quality", "QUALITY", False),
    "POSITION_X": ("X", "X", "POSITION", False),
    "POSITION_Y": ("Y", "Y", "POSITION", False),
    "POSITION_Z": ("Z", "Z", "POSITION", False),
    "POSITION_T": ("T", "T", "TIME", False),
    "FRAME": ("Frame", "Frame", "NONE", True),
    "RADIUS": ("Radius", "R", "LENGTH", False),
    "VISIBILITY": ("Visibility", "Visibility", "NONE", True),
    "LABEL": ("Label in the label image", "Label", "NONE", True),
    "UNBRANCHED_TRACK": ("Track between divisions", "Unbr. track", "NONE", True),
    "PROBABILITY": ("Probability of the nucleus", "Prob.", "NONE", False),
    "TOUCHES_BORDER": ("Touches the image border", "Border", "NONE", True),
    "MEAN_INTENSITY_CH1": ("Mean intensity ch1", "Mean ch1", "INTENSITY", False),
    "MAX_INTENSITY_CH1": ("Max intensity ch1", "Max ch1", "INTENSITY", False),
    "TOTAL_INTENSITY_CH1": ("Sum intensity ch1", "Sum ch1", "INTENSITY", False),
    "STD_INTENSITY_CH1": ("Std intensity ch1", "Std ch1", "INTENSITY", False),
    "ELLIPSE_X0": ("Ellipse center x0", "El. x0", "LENGTH", False),
    "ELLIPSE_Y0": ("Ellipse center y0", "El. y0", "LENGTH", False),
    "ELLIPSE_MAJOR": ("Ellipse long axis", "El. long axis", "LENGTH", False),
    "ELLIPSE_MINOR": ("Ellipse short axis", "El. sh. axis", "LENGTH", False),
    "ELLIPSE_THETA": ("Ellipse angle", "El. angle", "ANGLE", False),
    "ELLIPSE_ASPECTRATIO": ("Ellipse aspect ratio", "El. a.r.", "NONE", False),
    "AREA": ("Area", "Area", "AREA", False),
    "PERIMETER": ("Perimeter", "Perim.", "LENGTH", False),
    "CIRCULARITY": ("Circularity", "Circ.", "NONE", False),
    "SOLIDITY": ("Solidity", "Solidity", "NONE", False),
    "SHAPE_INDEX": ("Shape index", "Shape index", "NONE", False),
}
EDGE_FEATURES: dict[str, tuple[str, str, str, bool]] = {
    "SPOT_SOURCE_ID": ("Source spot ID", "Source ID", "NONE", True),
    "SPOT_TARGET_ID": ("Target spot ID", "Target ID", "NONE", True),
    "LINK_COST": ("Edge cost", "Cost", "COST", False),
    "DIRECTIONAL_CHANGE_RATE": (
        "Directional change rate",
        "\u03b3 rate",
        "ANGLE_RATE",
        False,
    ),
    "SPEED": ("Speed", "Speed", "VELOCITY", False),
    "DISPLACEMENT": ("Displacement", "Disp.", "LENGTH", False),
    "EDGE_TIME": ("Edge time", "Edge T", "TIME", False),
    "EDGE_X_LOCATION": ("Edge X", "Edge X", "POSITION", False),
    "EDGE_Y_LOCATION": ("Edge Y", "Edge Y", "POSITION", False),
    "EDGE_Z_LOCATION": ("Edge Z", "Edge Z", "POSITION", False),
}
TRACK_FEATURES: dict[str, tuple[str, str, str, bool]] = {
    "TRACK_INDEX": ("Track index", "Index", "NONE", True),
    "TRACK_ID": ("Track ID", "ID", "NONE", True),
    "NUMBER_SPOTS": ("Number of spots in track", "N spots", "NONE", True),
    "NUMBER_GAPS": ("Number of gaps", "N gaps", "NONE", True),
    "NUMBER_SPLITS": ("Number of split events", "N splits", "NONE", True),
    "NUMBER_MERGES": ("Number of merge events", "N merges", "NONE", True),
    "NUMBER_COMPLEX": ("Number of complex points", "N complex", "NONE", True),
    "LONGEST_GAP": ("Longest gap", "Lgst gap", "NONE", True),
    "TRACK_DURATION": ("Track duration", "Duration", "TIME", False),
    "TRACK_START": ("Track start", "Track start", "TIME", False),
    "TRACK_STOP": ("Track stop", "Track stop", "TIME", False),
    "TRACK_DISPLACEMENT": ("Track displacement", "Track disp.", "LENGTH", False),
    "TRACK_X_LOCATION": ("Track mean X", "Track X", "POSITION", False),
    "TRACK_Y_LOCATION": ("Track mean Y", "Track Y", "POSITION", False),
    "TRACK_Z_LOCATION": ("Track mean Z", "Track Z", "POSITION", False),
    "TRACK_MEAN_SPEED": ("Track mean speed", "Mean sp.", "VELOCITY", False),
    "TRACK_MAX_SPEED": ("Track max speed", "Max speed", "VELOCITY", False),
    "TRACK_MIN_SPEED": ("Track min speed", "Min speed", "VELOCITY", False),
    "TRACK_MEDIAN_SPEED": ("Track median speed", "Med. speed", "VELOCITY", False),
    "TRACK_STD_SPEED": ("Track std speed", "Std speed", "VELOCITY", False),
    "TRACK_MEAN_QUALITY": ("Track mean quality", "Mean Q", "QUALITY", False),
    "TOTAL_DISTANCE_TRAVELED": ("Total distance traveled", "Total dist.", "LENGTH", False),
    "MAX_DISTANCE_TRAVELED": ("Max distance traveled", "Max dist.", "LENGTH", False),
    "CONFINEMENT_RATIO": ("Confinement ratio", "Cfn. ratio", "NONE", False),
    "MEAN_STRAIGHT_LINE_SPEED": ("Mean straight line speed", "Mn. v. line", "VELOCITY", False),
    "LINEARITY_OF_FORWARD_PROGRESSION": (
        "Linearity of forward progression",
        "Fwd. progr.",
        "NONE",
        False,
    ),
    "MEAN_DIRECTIONAL_CHANGE_RATE": (
        "Mean directional change rate",
        "Mn. \u03b3 rate",
        "ANGLE_RATE",
        False,
    ),
}
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


# ---------------------------------------------------------------------------- features


def compute_spot_features(
    tracks: pd.DataFrame, *, pixel_size: float, interval: float
) -> dict[str, FloatArray | IntArray]:
    """Compute TrackMate's spot features from rows of a track table.

    Positions are the pixel size times the centroid, RADIUS is sqrt(area / pi) and QUALITY the
    area in pixels, as TrackMate's label-image detector sets them. The ellipse is the one with
    the same second moments as the nucleus, its axes are half axes as in TrackMate, and its
    angle runs from the x axis towards the y axis. Columns that are absent give no feature.

    Parameters
    ----------
    tracks : DataFrame
        Rows of a track table.
    pixel_size, interval : float
        Physical length of a pixel and time between frames, 1 where unknown.

    Returns
    -------
    dict of (n,) arrays, in the order of `SPOT_FEATURES`
    """
    n = len(tracks)

    def get(column: str) -> FloatArray:
        return tracks[column].to_numpy(np.float64)

    area = get("area_px")
    values: dict[str, FloatArray | IntArray] = {
        "QUALITY": area,
        "POSITION_X": get("x_px") * pixel_size,
        "POSITION_Y": get("y_px") * pixel_size,
        "POSITION_Z": np.zeros(n),
        "POSITION_T": get("frame") * interval,
        "FRAME": tracks["frame"].to_numpy(np.int64),
        "RADIUS": np.sqrt(area / np.pi) * pixel_size,
        "VISIBILITY": np.ones(n, np.int64),
        "LABEL": tracks["label"].to_numpy(np.int64),
        "UNBRANCHED_TRACK": tracks["track"].to_numpy(np.int64),
        "AREA": area * pixel_size**2,
    }
    if "probability" in tracks:
        values["PROBABILITY"] = get("probability")
    if "touches_border" in tracks:
        values["TOUCHES_BORDER"] = tracks["touches_border"].to_numpy(np.int64)
    if "mean_intensity" in tracks:
        values["MEAN_INTENSITY_CH1"] = get("mean_intensity")
        values["TOTAL_INTENSITY_CH1"] = get("mean_intensity") * area
    if "max_intensity" in tracks:
        values["MAX_INTENSITY_CH1"] = get("max_intensity")
    if "std_intensity" in tracks:
        values["STD_INTENSITY_CH1"] = get("std_intensity")
    with np.errstate(divide="ignore", invalid="ignore"):
        if {"major_axis_px", "minor_axis_px", "orientation_rad"} <= set(tracks):
            major, minor = get("major_axis_px") / 2, get("minor_axis_px") / 2
            values["ELLIPSE_X0"] = values["ELLIPSE_Y0"] = np.zeros(n)
            values["ELLIPSE_MAJOR"] = major * pixel_size
            values["ELLIPSE_MINOR"] = minor * pixel_size
            # scikit-image measures from the row axis, TrackMate from the x axis.
            theta = np.pi / 2 - get("orientation_rad")
            values["ELLIPSE_THETA"] = np.where(theta > np.pi / 2, theta - np.pi, theta)
            values["ELLIPSE_ASPECTRATIO"] = np.where(minor > 0, major / minor, np.nan)
        if "perimeter_px" in tracks:
            perimeter = np.where(get("perimeter_px") > 0, get("perimeter_px"), np.nan)
            values["PERIMETER"] = perimeter * pixel_size
            values["CIRCULARITY"] = 4 * np.pi * area / perimeter**2
            values["SHAPE_INDEX"] = perimeter / np.sqrt(area)
        if "solidity" in tracks:
            values["SOLIDITY"] = get("solidity")
    return {feature: values[feature] for feature in SPOT_FEATURES if feature in values}


def compute_edge_features(
    x: FloatArray, y: FloatArray, t: FloatArray, edges: IntArray, link_cost: FloatArray | None
) -> pd.DataFrame:
    """Compute TrackMate's features of links in the plane.

    SPEED divides by the real time between the two spots, also over a gap. LINK_COST is the
    squared distance, TrackMate's cost without feature penalties, unless costs are given.
    DIRECTIONAL_CHANGE_RATE is the angle to the link before over the time of the link, NaN
    unless there is exactly one link before (TrackMate, DirectionalChangeAnalyzer).

    Parameters
    ----------
    x, y, t : (n,) float
        Position and time of the spots.
    edges : (m, 2) int
        Row numbers of the earlier and later spot.
    link_cost : (m,) float, optional

    Returns
    -------
    DataFrame
        One row per edge; source and target are the row numbers.
    """
    source, target = edges[:, 0], edges[:, 1]
    dx, dy, dt = x[target] - x[source], y[target] - y[source], t[target] - t[source]
    distance = np.hypot(dx, dy)
    n_before = np.bincount(target, minlength=len(x))
    before = np.zeros(len(x), np.int64)
    before[target] = source
    px, py = x[source] - x[before[source]], y[source] - y[before[source]]
    with np.errstate(divide="ignore", invalid="ignore"):
        angle = np.arctan2(np.abs(px * dy - py * dx), px * dx + py * dy)
        turn = np.where(n_before[source] == 1, angle / dt, np.nan)
        speed = distance / np.abs(dt)
    return pd.DataFrame(
        {
            "SPOT_SOURCE_ID": source,
            "SPOT_TARGET_ID": target,
            "LINK_COST": distance**2 if link_cost is None else link_cost,
            "DIRECTIONAL_CHANGE_RATE": turn,
            "SPEED": speed,
            "DISPLACEMENT": distance,
            "EDGE_TIME": (t[source] + t[target]) / 2,
            "EDGE_X_LOCATION": (x[source] + x[target]) / 2,
            "EDGE_Y_LOCATION": (y[source] + y[target]) / 2,
            "EDGE_Z_LOCATION": np.zeros(len(edges)),
        }
    )


def compute_track_features(
    spots: pd.DataFrame, edges: pd.DataFrame, track_ids: IntArray
) -> pd.DataFrame:
    """Compute TrackMate's features of tracks (here: lineages, divisions included).

    Definitions are those of TrackMate's track analyzers: TRACK_MEDIAN_SPEED is the upper of
    the two middle values, TRACK_STD_SPEED has n - 1, TRACK_DISPLACEMENT goes from the first
    to the last spot in time (the first such row where daughters end together),
    MAX_DISTANCE_TRAVELED is the largest distance from the first spot, CONFINEMENT_RATIO is
    displacement over total distance, and the means run over links of all branches.

    Parameters
    ----------
    spots : DataFrame
        FRAME, POSITION_X, POSITION_Y, POSITION_T and QUALITY; one row per spot.
    edges : DataFrame
        From `compute_edge_features`, with row numbers of `spots`.
    track_ids : (n,) int
        The track of each spot; spots without an edge do not count.

    Returns
    -------
    DataFrame
        One row per track with at least one edge, by ascending ID.
    """
    frame = spots["FRAME"].to_numpy(np.int64)
    x, y = spots["POSITION_X"].to_numpy(np.float64), spots["POSITION_Y"].to_numpy(np.float64)
    source = edges["SPOT_SOURCE_ID"].to_numpy(np.int64)
    target = edges["SPOT_TARGET_ID"].to_numpy(np.int64)
    n_later = np.bincount(source, minlength=len(spots))
    n_earlier = np.bincount(target, minlength=len(spots))
    linked = (n_later + n_earlier) > 0

    rows = pd.DataFrame(
        {
            "id": track_ids,
            "row": np.arange(len(spots)),
            "frame": frame,
            "x": x,
            "y": y,
            "t": spots["POSITION_T"].to_numpy(np.float64),
            "quality": spots["QUALITY"].to_numpy(np.float64),
            "split": (n_earlier <= 1) & (n_later > 1),
            "merge": (n_later <= 1) & (n_earlier > 1),
            "complex": (n_later > 1) & (n_earlier > 1),
        }
    )[linked].sort_values(["id", "frame", "row"])
    per_track = rows.groupby("id")
    first = per_track.first()
    ids = first.index.to_numpy(np.int64)
    last_row = rows.loc[per_track["frame"].idxmax().to_numpy(), "row"].to_numpy(np.int64)
    first_row = first["row"].to_numpy(np.int64)

    links = pd.DataFrame(
        {
            "id": track_ids[source],
            "gap": np.abs(frame[target] - frame[source]) - 1,
            "speed": edges["SPEED"].to_numpy(np.float64),
            "distance": edges["DISPLACEMENT"].to_numpy(np.float64),
            "turn": edges["DIRECTIONAL_CHANGE_RATE"].to_numpy(np.float64),
        }
    )
    origin = first_row[np.searchsorted(ids, links["id"].to_numpy(np.int64))]
    links["reach"] = np.hypot(x[target] - x[origin], y[target] - y[origin])
    links["is_gap"] = links["gap"] > 0
    links = links.sort_values(["id", "speed"], ignore_index=True)
    per_link = links.groupby("id")
    n_links = per_link.size().to_numpy(np.int64)
    upper_middle = np.cumsum(n_links) - n_links + n_links // 2
    speed = per_link["speed"]

    displacement = np.hypot(x[last_row] - x[first_row], y[last_row] - y[first_row])
    start, stop = per_track["t"].min().to_numpy(), per_track["t"].max().to_numpy()
    total = per_link["distance"].sum().to_numpy()
    mean_speed = speed.mean().to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        confinement = displacement / total
        straight_speed = displacement / (stop - start)
        linearity = straight_speed / mean_speed
    features = {
        "TRACK_INDEX": np.arange(len(ids)),
        "TRACK_ID": ids,
        "NUMBER_SPOTS": per_track.size().to_numpy(np.int64),
        "NUMBER_GAPS": per_link["is_gap"].sum().to_numpy(np.int64),
        "NUMBER_SPLITS": per_track["split"].sum().to_numpy(np.int64),
        "NUMBER_MERGES": per_track["merge"].sum().to_numpy(np.int64),
        "NUMBER_COMPLEX": per_track["complex"].sum().to_numpy(np.int64),
        "LONGEST_GAP": per_link["gap"].max().clip(lower=0).to_numpy(np.int64),
        "TRACK_DURATION": stop - start,
        "TRACK_START": start,
        "TRACK_STOP": stop,
        "TRACK_DISPLACEMENT": displacement,
        "TRACK_X_LOCATION": per_track["x"].mean().to_numpy(),
        "TRACK_Y_LOCATION": per_track["y"].mean().to_numpy(),
        "TRACK_Z_LOCATION": np.zeros(len(ids)),
        "TRACK_MEAN_SPEED": mean_speed,
        "TRACK_MAX_SPEED": speed.max().to_numpy(),
        "TRACK_MIN_SPEED": speed.min().to_numpy(),
        "TRACK_MEDIAN_SPEED": links["speed"].to_numpy()[upper_middle],
        "TRACK_STD_SPEED": speed.std(ddof=1).to_numpy(),
        "TRACK_MEAN_QUALITY": per_track["quality"].mean().to_numpy(),
        "TOTAL_DISTANCE_TRAVELED": total,
        "MAX_DISTANCE_TRAVELED": per_link["reach"].max().to_numpy(),
        "CONFINEMENT_RATIO": confinement,
        "MEAN_STRAIGHT_LINE_SPEED": straight_speed,
        "LINEARITY_OF_FORWARD_PROGRESSION": linearity,
        "MEAN_DIRECTIONAL_CHANGE_RATE": per_link["turn"].mean().to_numpy(),
    }
    return pd.DataFrame(features)


# ---------------------------------------------------------------------------- writing


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
    features = [
        feature
        for feature, values in compute_spot_features(
            tracks, pixel_size=pixel_size, interval=interval
        ).items()
        if len(values) == 0 or not np.isnan(values).all()
    ]
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
                subset = tracks.iloc[rows]
                outlines = None
                if read_labels is not None:
                    outlines = trace_outlines(read_labels(frame))
                    n_split += _count_split(outlines, subset["label"], frame, path)
                values = compute_spot_features(subset, pixel_size=pixel_size, interval=interval)
                kept = {feature: values[feature] for feature in features}
                out.writelines(_format_spots(rows, subset, kept, outlines, pixel_size))
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
    lines = [log.rstrip()] if log.strip() else []
    lines += [
        f"Image: {movie.filename}, {movie.width} x {movie.height} pixels, {movie.n_frames} frames.",
        "Pixel size: "
        + ("unknown, lengths are in pixels." if movie.pixel_size_um is None else "")
        + ("" if movie.pixel_size_um is None else f"{movie.pixel_size_um} um."),
        "Frame interval: "
        + ("unknown, times are in frames." if movie.frame_interval_min is None else "")
        + ("" if movie.frame_interval_min is None else f"{movie.frame_interval_min} min."),
        "A track is a lineage with its divisions. A spot's ID is its row in the track table, "
        "from 0. Quality is the area in pixels. The ellipse has the second moments of the "
        "nucleus. The perimeter follows the pixel centres of its rim.",
    ]
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


# ---------------------------------------------------------------------------- reading


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
    for event, element in _parse(path):
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


def _parse(
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


# ---------------------------------------------------------------------------- checking

DIMENSIONS = {
    "NONE",
    "QUALITY",
    "COST",
    "INTENSITY",
    "INTENSITY_SQUARED",
    "POSITION",
    "VELOCITY",
    "LENGTH",
    "AREA",
    "TIME",
    "ANGLE",
    "RATE",
    "ANGLE_RATE",
    "STRING",
}
# Those that come with TrackMate and its extensions in Fiji.
DETECTORS = {
    "MANUAL_DETECTOR",
    "LOG_DETECTOR",
    "DOG_DETECTOR",
    "HESSIAN_DETECTOR",
    "THRESHOLD_DETECTOR",
    "MASK_DETECTOR",
    "LABEL_IMAGE_DETECTOR",
    "BLOCK_LOG_DETECTOR",
    "DOWNSAMPLE_LOG_DETECTOR",
    "STARDIST_DETECTOR",
    "STARDIST_CUSTOM_DETECTOR",
    "CELLPOSE_DETECTOR",
    "ILASTIK_DETECTOR",
    "MORPHOLIBJ_DETECTOR",
    "WEKA_DETECTOR",
    "YOLO_DETECTOR",
}
TRACKERS = {
    "MANUAL_TRACKER",
    "SPARSE_LAP_TRACKER",
    "SIMPLE_SPARSE_LAP_TRACKER",
    "KALMAN_TRACKER",
    "ADVANCED_KALMAN_TRACKER",
    "NEAREST_NEIGHBOR_TRACKER",
    "OVERLAP_TRACKER",
    "TRACKASTRA_TRACKER",
}
# Which settings the reader wants of the detectors and trackers that this package writes.
DETECTOR_PARAMETERS = {
    "LABEL_IMAGE_DETECTOR": ("TARGET_CHANNEL", "SIMPLIFY_CONTOURS"),
    "MANUAL_DETECTOR": ("RADIUS",),
}
LAP_PARAMETERS = {
    "TrackerSettings": ("CUTOFF_PERCENTILE", "ALTERNATIVE_LINKING_COST_FACTOR", "BLOCKING_VALUE"),
    "Linking": ("LINKING_MAX_DISTANCE",),
    "GapClosing": ("ALLOW_GAP_CLOSING", "GAP_CLOSING_MAX_DISTANCE", "MAX_FRAME_GAP"),
    "TrackSplitting": ("ALLOW_TRACK_SPLITTING", "SPLITTING_MAX_DISTANCE"),
    "TrackMerging": ("ALLOW_TRACK_MERGING", "MERGING_MAX_DISTANCE"),
}
# The children that the format has, in their order.
CHILD_ORDER = {
    "TrackMate": ("Log", "Model", "Settings", "GUIState", "DisplaySettings"),
    "Model": ("FeatureDeclarations", "AllSpots", "AllTracks", "FilteredTracks"),
    "FeatureDeclarations": ("SpotFeatures", "EdgeFeatures", "TrackFeatures"),
    "Settings": (
        "ImageData",
        "BasicSettings",
        "DetectorSettings",
        "InitialSpotFilter",
        "SpotFilterCollection",
        "TrackerSettings",
        "TrackFilterCollection",
        "AnalyzerCollection",
    ),
    "AnalyzerCollection": ("SpotAnalyzers", "EdgeAnalyzers", "TrackAnalyzers"),
}
CRASHING_IF_ABSENT = {
    "Model": {"AllSpots", "AllTracks", "FilteredTracks"},
    "Settings": {
        "ImageData",
        "InitialSpotFilter",
        "SpotFilterCollection",
        "TrackFilterCollection",
    },
}
NOT_OK_IF_ABSENT = {
    "TrackMate": {"GUIState", "DisplaySettings"},
    "Model": {"FeatureDeclarations"},
    "FeatureDeclarations": {"SpotFeatures", "EdgeFeatures", "TrackFeatures"},
    "Settings": {"DetectorSettings", "TrackerSettings", "AnalyzerCollection"},
    "AnalyzerCollection": {"SpotAnalyzers", "EdgeAnalyzers", "TrackAnalyzers"},
}
JAVA_NUMBER = re.compile(r"\s*[+-]?(NaN|Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?)\s*")
PLAIN_NUMBERS = re.compile(r"(-?\d+\.\d+(\s+|\Z))*+")
WHOLE_NUMBER = re.compile(r"[+-]?\d+")
MORPHOLOGY = {
    "Spot fit 2D ellipse": ("ELLIPSE_",),
    "Spot 2D shape descriptors": ("AREA", "PERIMETER", "CIRCULARITY", "SOLIDITY", "SHAPE_INDEX"),
}


def validate_trackmate(path: str | os.PathLike[str]) -> list[str]:
    """Check a TrackMate file against everything that TrackMate's reader is known to need.

    Each problem begins with what it does: "crash" (the reader fails), "not ok" (it reads but
    reports an error) or "silent" (it reads something else than what was meant). A problem
    that many spots or edges share is told once, with the first place and the number.

    Returns
    -------
    list of str
        Empty for a good file.

    Raises
    ------
    InputError
        The file is absent or is not XML, or its root is not TrackMate.
    """
    check = _Check(Path(path))
    for event, element in _parse(path):
        if event == "start":
            check.open(element)
        else:
            check.close(element)
    check.finish()
    return [
        text if count == 1 else f"{text} ({count} times)" for text, count in check.problems.values()
    ]


class _Check:
    """The state of one pass over a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: dict[str, tuple[str, int]] = {}
        self.children: list[list[str]] = []
        self.frame: int | None = None
        self.spot_frames: dict[int, int | None] = {}
        # TrackMate writes VISIBILITY 0 on spots that its user filtered out.
        self.hidden: set[int] = set()
        self.morphology: set[str] = set()
        self.analyzers: set[str] = set()
        self.edges: set[tuple[int, int]] = set()
        self.track_id: int | None = None
        self.track_ids: list[int | None] = []
        self.filtered: list[str | None] = []
        # Union-find over spots, and the spots of each track.
        self.root: dict[int, int] = {}
        self.track_of_spot: dict[int, int] = {}
        self.track_spots: list[set[int]] = []
        self.lap: dict[str, dict[str, str]] = {}

    def add(self, kind: str, key: str, text: str) -> None:
        first, count = self.problems.get(key, (f"{kind}: {text}", 0))
        self.problems[key] = (first, count + 1)

    def open(self, element: ElementTree.Element) -> None:
        tag, attributes = element.tag, element.attrib
        if self.children:
            self.children[-1].append(tag)
        self.children.append([])
        if tag == "TrackMate" and "version" not in attributes:
            self.add("crash", "version", "TrackMate has no version")
        elif tag == "SpotsInFrame":
            self.frame = self.read_int(attributes.get("frame"))
            if self.frame is None:
                self.add(
                    "silent",
                    "spots in frame",
                    "SpotsInFrame has no whole number as frame, so its spots fall into frame 0",
                )
        elif tag == "Track":
            self.open_track(attributes)

    def close(self, element: ElementTree.Element) -> None:
        tag, attributes = element.tag, element.attrib
        children = self.children.pop()
        self.check_children(tag, children)
        if tag == "Spot":
            self.check_spot(element)
        elif tag == "Edge":
            self.check_edge(attributes)
        elif tag == "Feature":
            self.check_feature(attributes)
        elif tag == "TrackID":
            self.filtered.append(attributes.get("TRACK_ID"))
        elif tag == "Analyzer":
            self.analyzers.add(attributes.get("key", ""))
        elif tag == "ImageData":
            self.check_image(attributes)
        elif tag == "DetectorSettings":
            self.check_detector(attributes)
        elif tag in LAP_PARAMETERS:
            self.collect_tracker(tag, attributes)
        if tag == "Track":
            self.track_id = None

    def check_children(self, tag: str, children: list[str]) -> None:
        for kind, absent in (("crash", CRASHING_IF_ABSENT), ("not ok", NOT_OK_IF_ABSENT)):
            for child in sorted(absent.get(tag, set()) - set(children)):
                self.add(kind, f"absent {tag} {child}", f"{tag} has no {child}")
        if tag in CHILD_ORDER:
            known = [
                CHILD_ORDER[tag].index(child) for child in children if child in CHILD_ORDER[tag]
            ]
            if known != sorted(known):
                self.add("silent", f"order {tag}", f"the parts of {tag} are not in their order")

    def check_feature(self, attributes: dict[str, str]) -> None:
        name = attributes.get("feature", "without a name")
        for attribute in ("feature", "name", "shortname", "isint"):
            if attribute not in attributes:
                self.add("not ok", f"feature {attribute}", f"the feature {name} has no {attribute}")
        if attributes.get("dimension") not in DIMENSIONS:
            self.add(
                "crash",
                "dimension",
                f"the feature {name} has the dimension {attributes.get('dimension')}, "
                "which TrackMate does not know",
            )

    def check_spot(self, element: ElementTree.Element) -> None:
        attributes = element.attrib
        spot_id = self.read_int(attributes.get("ID"))
        name = f"spot {attributes.get('ID')}"
        if spot_id is None:
            self.add("silent", "spot id", f"{name} has no whole number as ID")
        elif spot_id in self.spot_frames:
            self.add("not ok", "double spot", f"{name} is there twice")
        for attribute, value in attributes.items():
            if attribute != "name" and not JAVA_NUMBER.fullmatch(value):
                self.add(
                    "crash",
                    f"number {attribute}",
                    f"{name} has {attribute}={value!r}, which Java does not read as a number",
                )
        if "VISIBILITY" not in attributes:
            self.add("crash", "visibility", f"{name} has no VISIBILITY")
        elif spot_id is not None and not re.fullmatch(r"1(\.0)?", attributes["VISIBILITY"]):
            self.hidden.add(spot_id)
        if "FRAME" not in attributes:
            self.add("crash", "frame", f"{name} has no FRAME")
        for attribute in ("POSITION_X", "POSITION_Y", "POSITION_Z", "POSITION_T"):
            if attribute not in attributes:
                self.add("silent", attribute, f"{name} has no {attribute}")
        for attribute in ("RADIUS", "QUALITY"):
            if attribute not in attributes:
                self.add("silent", attribute, f"{name} has no {attribute}")
        frame = self.read_int(attributes.get("FRAME", "").removesuffix(".0"))
        if frame is not None and self.frame is not None and frame != self.frame:
            self.add(
                "silent",
                "frame differs",
                f"{name} has FRAME {frame} but lies in frame {self.frame}",
            )
        self.morphology |= {
            key
            for key, features in MORPHOLOGY.items()
            if any(a.startswith(features) for a in attributes)
        }
        if spot_id is not None:
            self.spot_frames[spot_id] = frame
        if "ROI_N_POINTS" in attributes:
            self.check_outline(name, attributes["ROI_N_POINTS"], element.text or "")

    def check_outline(self, name: str, n_points: str, text: str) -> None:
        n = self.read_int(n_points)
        if n is None or n <= 2:
            return
        if text[:1].isspace():
            self.add("crash", "outline space", f"the outline of {name} starts with white space")
        numbers = text.split()
        if len(numbers) < 2 * n:
            self.add(
                "crash",
                "outline length",
                f"the outline of {name} has {len(numbers)} numbers for {n} points",
            )
        # The slow look at each number only where one look at the text leaves a doubt.
        if not PLAIN_NUMBERS.fullmatch(text) and not all(map(JAVA_NUMBER.fullmatch, numbers)):
            self.add("crash", "outline number", f"the outline of {name} holds what is not a number")

    def open_track(self, attributes: dict[str, str]) -> None:
        self.track_id = self.read_int(attributes.get("TRACK_ID"))
        if self.track_id is None:
            self.add("not ok", "track id", "a Track has no whole number as TRACK_ID")
        elif self.track_id in self.track_ids:
            self.add("silent", "double track", f"the track {self.track_id} is there twice")
        self.track_ids.append(self.track_id)
        self.track_spots.append(set())

    def check_edge(self, attributes: dict[str, str]) -> None:
        ends = []
        for attribute in ("SPOT_SOURCE_ID", "SPOT_TARGET_ID"):
            value = attributes.get(attribute)
            end = self.read_int(value)
            if end is None:
                self.add(
                    "silent", attribute, f"an edge has {attribute}={value!r}, not a whole number"
                )
                return
            if end not in self.spot_frames:
                self.add("not ok", "unknown spot", f"an edge goes to the unknown spot {end}")
                return
            ends.append(end)
        source, target = ends
        pair = (min(source, target), max(source, target))
        if pair in self.edges:
            self.add("not ok", "double edge", f"the edge {source} to {target} is there twice")
        if source == target:
            self.add("not ok", "loop", f"an edge goes from spot {source} to itself")
        self.edges.add(pair)
        earlier, later = self.spot_frames[source], self.spot_frames[target]
        if earlier is not None and later is not None and earlier >= later:
            self.add(
                "silent",
                "backwards",
                f"the edge {source} to {target} goes from frame {earlier} to frame {later}",
            )
        for end in ends:
            if end in self.hidden:
                self.add("crash", "hidden", f"spot {end} is in a track but has no VISIBILITY of 1")
        number = len(self.track_ids) - 1
        for end in ends:
            other = self.track_of_spot.setdefault(end, number)
            if other != number:
                self.add(
                    "silent",
                    "split lineage",
                    f"spot {end} is in two tracks: one lineage must be one Track",
                )
        if self.track_spots:
            self.track_spots[-1].update(ends)
        self.root[self.find_root(source)] = self.find_root(target)

    def find_root(self, spot: int) -> int:
        root = spot
        while self.root.setdefault(root, root) != root:
            root = self.root[root]
        while self.root[spot] != root:
            self.root[spot], spot = root, self.root[spot]
        return root

    def check_image(self, attributes: dict[str, str]) -> None:
        sizes = (
            "width",
            "height",
            "nslices",
            "nframes",
            "pixelwidth",
            "pixelheight",
            "timeinterval",
        )
        missing = [name for name in sizes if name not in attributes]
        if missing:
            self.add("silent", "image sizes", f"ImageData has no {', '.join(missing)}")
        filename = attributes.get("filename", "")
        candidates = [
            Path(attributes.get("folder", "")) / filename,
            self.path.parent / filename,
        ]
        image = next((file for file in candidates if filename and file.is_file()), None)
        if image is None:
            self.add("not ok", "image", f"the image {filename or '(no name)'} is not found")
        elif not missing:
            self.check_image_file(image, attributes)

    def check_image_file(self, image: Path, attributes: dict[str, str]) -> None:
        try:
            with tifffile.TiffFile(image) as tif:
                metadata = tif.imagej_metadata
                height, width = tif.pages.first.shape[:2]
                tag = tif.pages.first.tags.get("XResolution")
                resolution = tag.value if tag is not None else (1, 1)
        except tifffile.TiffFileError:
            return  # Another format: ImageJ decides what it holds.
        if metadata is None:
            self.add("silent", "image format", f"{image.name} is not an ImageJ hyperstack")
            return
        facts = {
            "width": float(width),
            "height": float(height),
            "nslices": float(metadata.get("slices", 1)),
            "nframes": float(metadata.get("frames", 1)),
            "timeinterval": float(metadata.get("finterval", 0)),
        }
        if metadata.get("unit") is not None and resolution[0]:
            facts["pixelwidth"] = resolution[1] / resolution[0]
        for name, fact in facts.items():
            try:
                written = float(attributes[name])
            except ValueError:
                written = math.nan
            if not math.isclose(written, fact, rel_tol=1e-5):
                self.add(
                    "silent",
                    f"image {name}",
                    f"ImageData says {name} {attributes[name]}, {image.name} says {fact:g}",
                )

    def check_detector(self, attributes: dict[str, str]) -> None:
        name = attributes.get("DETECTOR_NAME")
        if name not in DETECTORS:
            self.add("not ok", "detector", f"the detector {name} is unknown")
        for parameter in DETECTOR_PARAMETERS.get(name or "", ()):
            if parameter not in attributes:
                self.add("not ok", f"detector {parameter}", f"the detector has no {parameter}")

    def collect_tracker(self, tag: str, attributes: dict[str, str]) -> None:
        self.lap[tag] = dict(attributes)
        if tag != "TrackerSettings":
            return
        name = attributes.get("TRACKER_NAME")
        if name not in TRACKERS:
            self.add("not ok", "tracker", f"the tracker {name} is unknown")
        if name in ("SPARSE_LAP_TRACKER", "SIMPLE_SPARSE_LAP_TRACKER"):
            for part, parameters in LAP_PARAMETERS.items():
                for parameter in parameters:
                    if parameter not in self.lap.get(part, {}):
                        self.add(
                            "not ok", f"tracker {parameter}", f"the tracker has no {parameter}"
                        )

    def finish(self) -> None:
        for value in self.filtered:
            track_id = self.read_int(value)
            if track_id is None or track_id not in self.track_ids:
                self.add("not ok", "filtered", f"FilteredTracks names the unknown track {value}")
        for track_id, spots in zip(self.track_ids, self.track_spots, strict=True):
            if len({self.find_root(spot) for spot in spots}) > 1:
                self.add(
                    "silent",
                    "joined lineages",
                    f"the track {track_id} holds spots that are not connected",
                )
        for analyzer in sorted(self.morphology - self.analyzers):
            self.add(
                "silent",
                f"analyzer {analyzer}",
                f"the spots have features of the analyzer {analyzer!r}, which is not listed",
            )

    @staticmethod
    def read_int(value: str | None) -> int | None:
        if value is None or not WHOLE_NUMBER.fullmatch(value):
            return None
        return int(value)
