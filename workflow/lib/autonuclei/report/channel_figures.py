"""Figures of the channels: levels in nuclei and rings, traces over time and along the cycle."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from autonuclei.measure.traces import average_traces
from autonuclei.measure.units import Units
from autonuclei.report.canvas import FloatArray, draw_text, make_axes, scale_time
from autonuclei.report.style import BLUE, DARK_GREY, GREEN, ORANGE, format_number

# More traces than this hide each other.
MAX_TRACES = 80
# A mean of fewer nuclei than this is not drawn.
MIN_AVERAGED = 5
# What is drawn of a channel: column, words.
LEVEL = ("core_mean", "in the nucleus")
RATIO = ("ring_ratio", "nucleus over ring")


def draw_levels(table: pd.DataFrame, channels: Sequence[str]) -> Figure:
    """Draw how bright nuclei and rings are in each channel, and the ratio of both.

    Parameters
    ----------
    table : DataFrame
        From `autonuclei.labels.channels.measure_channels`.
    channels : sequence of str
        Beginnings of the columns; a row of panels each.
    """
    if len(table) == 0 or not channels:
        return draw_text("No nuclei, so there are no channels to show")
    figure, panels = make_axes(size=(8.5, 0.5 + 2.5 * len(channels)), rows=len(channels), columns=2)
    for channel, left, right in zip(channels, panels[::2], panels[1::2], strict=True):
        zones = {"nucleus": (BLUE, "core_mean"), "ring": (ORANGE, "ring_mean")}
        known = {
            name: table[f"{channel}_{column}"].dropna().to_numpy(np.float64)
            for name, (_, column) in zones.items()
        }
        both = np.concatenate(list(known.values()))
        left.set(xlabel=f"{channel} (grey values above background)", ylabel="Nuclei")
        if len(both):
            limits = _find_limits(both)
            for name, (colour, _) in zones.items():
                label = f"{name}, median {_format_median(known[name])}"
                _draw_bars(left, known[name], limits, colour, label)
            left.legend(frameon=False, fontsize=9)
        else:
            _say_unknown(left)
        left.set_title(f"{channel}: {len(known['nucleus']):,} of {len(table):,} nuclei")
        ratio = table[f"{channel}_ring_ratio"].dropna().to_numpy(np.float64)
        right.set(xlabel="Nucleus over ring", ylabel="Nuclei")
        if len(ratio):
            _draw_bars(right, ratio, _find_limits(ratio), GREEN, "")
            right.axvline(1, color=DARK_GREY, linestyle="--", linewidth=1)
            right.set_title(f"median {_format_median(ratio)}, {len(ratio):,} nuclei")
        else:
            _say_unknown(right)
            right.set_title("no ring is clearly above the background")
    return figure


def _find_limits(values: FloatArray) -> tuple[float, float]:
    low, high = np.percentile(values, (0.5, 99.5))
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)


def _draw_bars(
    axes: Axes, values: FloatArray, limits: tuple[float, float], colour: str, label: str
) -> None:
    n_bins = int(np.clip(np.sqrt(len(values)), 8, 50))
    # The few beyond the ends are in the last bars.
    axes.hist(values.clip(*limits), bins=n_bins, range=limits, color=colour, alpha=0.6, label=label)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def _format_median(values: FloatArray) -> str:
    return format_number(float(np.median(values))) if len(values) else "unknown"


def _say_unknown(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.text(0.5, 0.5, "not known", ha="center", transform=axes.transAxes)


def draw_traces(traces: pd.DataFrame, channels: Sequence[str], *, units: Units) -> Figure:
    """Draw every channel over time: tracks as thin lines, their median and middle half.

    Parameters
    ----------
    traces : DataFrame
        From `autonuclei.measure.traces.tabulate_traces`.
    channels : sequence of str
        A row of panels each: the level in the nucleus, and nucleus over ring.
    units : Units
    """
    if len(traces) == 0:
        return draw_text("No tracks, so there are no traces")
    return _draw_panels(traces, channels, [f"time_{units.time}"], units)


def draw_aligned(traces: pd.DataFrame, channels: Sequence[str], *, units: Units) -> Figure:
    """Draw every channel from birth on and up to the division; parameters as `draw_traces`."""
    times = [f"since_birth_{units.time}", f"to_division_{units.time}"]
    if traces[times].isna().all(axis=None):
        return draw_text("No division was found, so no trace\nbegins or ends with one")
    return _draw_panels(traces, channels, times, units)


def _draw_panels(
    traces: pd.DataFrame, channels: Sequence[str], times: Sequence[str], units: Units
) -> Figure:
    shown = [(value, time) for value in (LEVEL, RATIO) for time in times]
    figure, panels = make_axes(
        size=(4.2 * len(shown) if len(shown) > 2 else 9, 0.6 + 2.9 * len(channels)),
        rows=len(channels),
        columns=len(shown),
    )
    longest = float(np.nanmax(np.abs(traces[list(times)].to_numpy(np.float64))))
    factor, unit = scale_time(longest, units)
    labels = {"time": "Time", "since_birth": "Time since birth", "to_division": "Before division"}
    places = [(channel, value, time) for channel in channels for value, time in shown]
    for axes, (channel, (value, words), time) in zip(panels, places, strict=True):
        own = traces[traces["channel"] == channel]
        kind = time.removesuffix(f"_{units.time}")
        # Runs up to 0 from the left.
        sign = -1 if kind == "to_division" else 1
        _draw_lines(axes, own, time, value, sign * factor)
        axes.set(xlabel=f"{labels[kind]} ({unit})", ylabel=f"{channel}\n{words}")
    handles, names = panels[0].get_legend_handles_labels()
    if handles:
        panels[0].legend(handles, names, frameon=False, fontsize=8.5, loc="best")
    return figure


def _draw_lines(axes: Axes, own: pd.DataFrame, time: str, value: str, factor: float) -> None:
    known = own.dropna(subset=[time, value])
    tracks = known["track"].unique()
    axes.set_title(f"{len(tracks):,} tracks" if len(tracks) else "")
    if len(tracks) == 0:
        _say_unknown(axes)
        return
    drawn = tracks
    if len(tracks) > MAX_TRACES:
        drawn = np.random.default_rng(0).choice(tracks, MAX_TRACES, replace=False)
        axes.set_title(f"{len(tracks):,} tracks ({MAX_TRACES} drawn)")
    lines = [
        np.column_stack([factor * way[time], way[value]])
        for _, way in known[known["track"].isin(drawn)].groupby("track")
    ]
    axes.add_collection(
        LineCollection(
            lines, colors=BLUE, linewidths=0.6, alpha=0.3, rasterized=len(known) > 5_000,
            label="a track",
        ),
        autolim=False,
    )  # fmt: skip
    averages = average_traces(own, time=time, value=value)
    averages = averages[averages["n_nuclei"] >= MIN_AVERAGED].sort_values(time)
    x = factor * averages[time]
    axes.fill_between(
        x, averages["p25"], averages["p75"], color=ORANGE, alpha=0.3, linewidth=0,
        label="middle half",
    )  # fmt: skip
    axes.plot(x, averages["median"], color=ORANGE, linewidth=2, label="median")
    low, high = np.percentile(known[value], (1, 99))
    margin = 0.08 * (high - low) or 0.5
    axes.set_ylim(low - margin, high + margin)
    ends = factor * known[time]
    axes.set_xlim(ends.min() - 1e-9, ends.max() + 1e-9)
