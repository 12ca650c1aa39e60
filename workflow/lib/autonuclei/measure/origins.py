"""Tracks moved to a common origin."""

import numpy as np
import pandas as pd

from autonuclei.measure.units import Units


def shift_to_origin(tracks: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """Shift every track so that its first nucleus is at 0, 0 and at time 0.

    Parameters
    ----------
    tracks : DataFrame
        Table of tracks; columns `track`, `lineage`, `frame`, `x_px` and `y_px` are used.
    units : Units

    Returns
    -------
    DataFrame
        One row per nucleus, sorted by track and frame: `track`, `lineage`, `frame`,
        `time_since_start_<time>`, `shift_x_<length>` (to the right) and `shift_y_<length>`
        (downwards, as in the image).
    """
    ordered = tracks.sort_values(["track", "frame"], kind="stable", ignore_index=True)
    here = ordered[["frame", "x_px", "y_px"]].astype(np.float64)
    since = here - here.groupby(ordered["track"]).transform("first")
    table = ordered[["track", "lineage", "frame"]].copy()
    table[f"time_since_start_{units.time}"] = since["frame"] * units.time_factor
    for axis in "xy":
        table[f"shift_{axis}_{units.length}"] = since[f"{axis}_px"] * units.length_factor
    return table
