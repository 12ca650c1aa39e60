"""How each nucleus moves from one frame to the next."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import KDTree

from autonuclei.measure.units import Units

Floats = NDArray[np.float64]


def measure_steps(tracks: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """Measure each step of each track.

    A step leads to the row's nucleus from the one before in its track; over a gap its speed is
    that over the real time. The first nucleus of a track has no step, also after a division,
    where the centroid jumps because the nucleus splits.

    Parameters
    ----------
    tracks : DataFrame
        Table of tracks; columns `track`, `lineage`, `frame`, `label`, `x_px` and `y_px` are used.
    units : Units

    Returns
    -------
    DataFrame
        One row per row of `tracks`, in its order: `track`, `lineage`, `frame`, `label`,
        `x_<length>`, `y_<length>`, `time_<time>`, `step_frames`, `displacement_<length>`,
        `speed_<length>_per_<time>`, `direction_deg` (0 to 360; NaN without displacement).
    """
    length, factor = units.length, units.length_factor
    frame = tracks["frame"].to_numpy(np.int64)
    order = np.lexsort((frame, tracks["track"].to_numpy(np.int64)))
    track = tracks["track"].to_numpy(np.int64)[order]
    x = tracks["x_px"].to_numpy(np.float64)[order] * factor
    y = tracks["y_px"].to_numpy(np.float64)[order] * factor
    ordered_frame = frame[order]
    # The first nucleus of a track has none before it.
    same = np.concatenate([[False], track[1:] == track[:-1]])[: len(track)]

    def subtract_before(values: Floats) -> Floats:
        return np.where(same, np.diff(values, prepend=np.nan), np.nan)

    dx, dy = subtract_before(x), subtract_before(y)
    n_frames = subtract_before(ordered_frame.astype(np.float64))
    displacement = np.hypot(dx, dy)
    direction = np.where(displacement > 0, find_direction(dx, dy), np.nan)
    table = pd.DataFrame(
        {
            "track": track,
            "lineage": tracks["lineage"].to_numpy(np.int64)[order],
            "frame": ordered_frame,
            "label": tracks["label"].to_numpy(np.int64)[order],
            f"x_{length}": x,
            f"y_{length}": y,
            f"time_{units.time}": ordered_frame * units.time_factor,
            "step_frames": n_frames,
            f"displacement_{length}": displacement,
            f"speed_{units.speed}": displacement / (n_frames * units.time_factor),
            "direction_deg": direction,
        }
    )
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return table.iloc[back].reset_index(drop=True)


def find_direction(dx: Floats, dy: Floats) -> Floats:
    """Find the direction of ways to the right (`dx`) and down the image (`dy`).

    Returns
    -------
    float64 array
        Degrees, at least 0 and less than 360: 0 to the right, counted counter-clockwise as seen
        on the screen.
    """
    # The second modulo: a tiny negative angle comes out of the first one as 360.
    return np.degrees(np.arctan2(-dy, dx)) % 360 % 360


def measure_neighbour_distance(tracks: pd.DataFrame) -> Floats:
    """Measure for each nucleus the distance to the nearest other one in its frame.

    Parameters
    ----------
    tracks : DataFrame
        Table of n nuclei; columns `frame`, `x_px` and `y_px` are used.

    Returns
    -------
    (n,) float64
        In pixels between centroids; NaN for a nucleus alone in its frame.
    """
    nearest = np.full(len(tracks), np.nan)
    places = tracks[["y_px", "x_px"]].to_numpy(np.float64)
    for rows in tracks.groupby("frame").indices.values():
        if len(rows) > 1:
            distance, _ = KDTree(places[rows]).query(places[rows], k=2)
            nearest[rows] = distance[:, 1]
    return nearest
