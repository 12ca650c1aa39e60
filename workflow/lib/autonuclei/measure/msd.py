"""Mean squared displacement."""

import numpy as np
import pandas as pd

from autonuclei.measure.units import Units


def measure_msd(tracks: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """Measure the mean squared displacement over each time lag.

    Time-averaged: the mean over all pairs of nuclei of one track that lie the lag apart, of
    all tracks together, so a long track counts by its number of pairs (Qian, Sheetz and Elson
    1991, Biophysical Journal 60:910). Pairs overlap, so they are not independent; lags with
    few tracks say little.

    Parameters
    ----------
    tracks : DataFrame
        Table of tracks; columns `track`, `frame`, `x_px` and `y_px` are used.
    units : Units

    Returns
    -------
    DataFrame
        One row per lag that occurs: `lag_frames`, `lag_min` if known, `msd_<length>2`, `n_pairs`,
        `n_tracks`.
    """
    frame = tracks["frame"].to_numpy(np.int64)
    track = tracks["track"].to_numpy(np.int64)
    order = np.lexsort((frame, track))
    frame, track = frame[order], track[order]
    places = tracks[["y_px", "x_px"]].to_numpy(np.float64)[order] * units.length_factor
    rows = []
    if len(frame):
        # Room between tracks, so that a lag never leads into the next one.
        span = int(frame.max() - frame.min()) + 1
        key = (np.unique(track, return_inverse=True)[1] * 2 * span) + frame - frame.min()
        for lag in range(1, span):
            later = np.searchsorted(key, key + lag)
            later[later == len(key)] = len(key) - 1
            start = np.flatnonzero(key[later] == key + lag)
            if len(start) == 0:
                continue
            squared = ((places[later[start]] - places[start]) ** 2).sum(axis=1)
            n_tracks = 1 + np.count_nonzero(np.diff(track[start]))
            rows.append((lag, squared.mean(), len(start), n_tracks))
    msd = f"msd_{units.length}2"
    table = pd.DataFrame(rows, columns=["lag_frames", msd, "n_pairs", "n_tracks"])
    table = table.astype(dict.fromkeys(table, np.int64) | {msd: np.float64})
    if units.time != "frames":
        table.insert(1, f"lag_{units.time}", table["lag_frames"] * units.time_factor)
    return table
