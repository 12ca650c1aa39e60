"""Channels over time: one trace per track and channel, told from birth and to division."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from autonuclei.measure.units import Units

# What is told of each channel: columns of `autonuclei.labels.channels.measure_channels`.
TRACE_VALUES = ("mean", "median", "total", "core_mean", "ring_mean", "ring_ratio")


def tabulate_traces(
    tracks: pd.DataFrame, cycles: pd.DataFrame, *, channels: Sequence[str], units: Units
) -> pd.DataFrame:
    """Tabulate the traces of all tracks: a long table, a row per nucleus and channel.

    Parameters
    ----------
    tracks : DataFrame
        Table of tracks joined, by frame and label, with the measurements of the channels; columns
        `track`, `lineage`, `frame`, `label` and those of `channels` are used.
    cycles : DataFrame
        From `autonuclei.measure.lineages.tabulate_cycles`: columns `track`, `generation`,
        `birth_frame` and `division_frame` are used.
    channels : sequence of str
        Beginnings of the columns of each channel; see
        `autonuclei.labels.channel_names.name_channels`.
    units : Units

    Returns
    -------
    DataFrame
        `track`, `lineage`, `generation`, `channel`, `frame`, `label`, `time_<time>`,
        `since_birth_<time>` (0 in the first frame with a daughter), `to_division_<time>` (runs
        down to 0 in the first frame with a daughter, which is no longer of the track), `phase`
        (the first over the sum of both: the share of the cycle), and `TRACE_VALUES`. Sorted by
        track, channel (in the order given) and frame. NaN where birth or division was not seen.
    """
    ends = cycles.set_index("track")
    ordered = tracks.sort_values(["track", "frame"], kind="stable")
    track, frame = ordered["track"], ordered["frame"]
    since = (frame - track.map(ends["birth_frame"]).astype(np.float64)) * units.time_factor
    until = (track.map(ends["division_frame"]).astype(np.float64) - frame) * units.time_factor
    common = pd.DataFrame(
        {
            "track": track,
            "lineage": ordered["lineage"],
            "generation": track.map(ends["generation"]),
            "channel": "",
            "frame": frame,
            "label": ordered["label"],
            f"time_{units.time}": frame * units.time_factor,
            f"since_birth_{units.time}": since,
            f"to_division_{units.time}": until,
            "phase": since / (since + until),
        }
    )
    parts = [
        common.assign(
            channel=channel,
            **{value: ordered[f"{channel}_{value}"].astype(float) for value in TRACE_VALUES},
        )
        for channel in channels
    ]
    if not parts:
        return common.iloc[:0].assign(**dict.fromkeys(TRACE_VALUES, np.nan))
    traces = pd.concat(parts, ignore_index=True)
    place = np.repeat(np.arange(len(channels)), len(ordered))
    order = np.lexsort((traces["frame"], place, traces["track"]))
    return traces.iloc[order].reset_index(drop=True)


def average_traces(
    traces: pd.DataFrame, *, time: str, value: str, by: Sequence[str] = ()
) -> pd.DataFrame:
    """Average aligned traces over tracks.

    Parameters
    ----------
    traces : DataFrame
        From `tabulate_traces`, of one sample or of several below each other.
    time : str
        Column to align at, such as `since_birth_min`; rows where it is NaN are left out.
    value : str
        Of `TRACE_VALUES`.
    by : sequence of str
        Columns whose values are kept apart besides the channel, such as `condition`.

    Returns
    -------
    DataFrame
        A row per group, channel and time: `by`, `channel`, `time`, `n_nuclei` (with a value),
        `mean`, `median`, `p25`, `p75`. Which cells are seen changes along the time: short cycles
        end first.
    """
    keys = [*by, "channel", time]
    groups = traces.dropna(subset=[time, value]).groupby(keys, sort=True)[value]
    quarters = groups.quantile(np.array([0.25, 0.5, 0.75])).unstack()
    return pd.DataFrame(
        {
            "n_nuclei": groups.size(),
            "mean": groups.mean(),
            "median": quarters.get(0.5),
            "p25": quarters.get(0.25),
            "p75": quarters.get(0.75),
        }
    ).reset_index()
