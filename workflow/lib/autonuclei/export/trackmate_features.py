"""The features of TrackMate: what they are called and how they are computed.

Names and definitions follow TrackMate's analyzers, so that its tables and filters show what
their titles say. The tests compare them with values that TrackMate computed.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

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
