"""How TrackMate's features are computed.

Definitions follow TrackMate's analyzers, so that its tables and filters show what their titles
say. The tests compare them with values that TrackMate computed.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.export.trackmate_declarations import SPOT_FEATURES

# Columns of a track table that are features as they are.
_AS_MEASURED = {
    "probability": "PROBABILITY",
    "mean_intensity": "MEAN_INTENSITY_CH1",
    "max_intensity": "MAX_INTENSITY_CH1",
    "total_intensity": "TOTAL_INTENSITY_CH1",
    "solidity": "SOLIDITY",
}


def compute_spot_features(
    tracks: pd.DataFrame, *, pixel_size: float, interval: float
) -> pd.DataFrame:
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
    DataFrame
        A column per feature, float64 or int64, in the order of `SPOT_FEATURES`.
    """
    n = len(tracks)

    def get(column: str) -> npt.NDArray[np.float64]:
        return tracks[column].to_numpy(np.float64)

    area = get("area_px")
    values: dict[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]] = {
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
    values |= {feature: get(name) for name, feature in _AS_MEASURED.items() if name in tracks}
    if "touches_border" in tracks:
        values["TOUCHES_BORDER"] = tracks["touches_border"].to_numpy(np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if "std_intensity" in tracks:
            # TrackMate divides by n - 1, our tables by n.
            values["STD_INTENSITY_CH1"] = get("std_intensity") * np.sqrt(area / (area - 1))
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
    return pd.DataFrame(
        {feature: values[feature] for feature in SPOT_FEATURES if feature in values}
    )


def compute_edge_features(
    spots: pd.DataFrame,
    edges: npt.NDArray[np.int64],
    link_cost: npt.NDArray[np.float64] | None = None,
) -> pd.DataFrame:
    """Compute TrackMate's features of links in the plane.

    SPEED divides by the real time between the two spots, also over a gap. LINK_COST is the
    squared distance, TrackMate's cost without feature penalties, unless costs are given.
    DIRECTIONAL_CHANGE_RATE is the angle to the link before over the time of the link, NaN
    unless there is exactly one link before (TrackMate, DirectionalChangeAnalyzer).

    Parameters
    ----------
    spots : DataFrame
        POSITION_X, POSITION_Y and POSITION_T; one row per spot.
    edges : (m, 2) int64
        Row numbers of the earlier and later spot.
    link_cost : (m,) float64, optional

    Returns
    -------
    DataFrame
        One row per edge; source and target are the row numbers.
    """
    x, y, t = (spots[f"POSITION_{axis}"].to_numpy(np.float64) for axis in "XYT")
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
    spots: pd.DataFrame, edges: pd.DataFrame, track_ids: npt.NDArray[np.int64]
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
    track_ids : (n,) int64
        The track of each spot; spots without an edge do not count.

    Returns
    -------
    DataFrame
        One row per track with at least one edge, by ascending ID.
    """
    frame = spots["FRAME"].to_numpy(np.int64)
    x, y, t = (spots[f"POSITION_{axis}"].to_numpy(np.float64) for axis in "XYT")
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
            "t": t,
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
