"""Figures of how nuclei move and divide."""

import os
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from autonuclei.measure.motility import Motility, Units
from autonuclei.report.style import (
    BLUE,
    DARK_GREY,
    SPEED_COLOURS,
    UNIT_LABELS,
    VERMILLION,
    choose_speed_limits,
    save_figure,
    say_instead,
    stretch_grey,
)

STYLE: dict[Any, Any] = {
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
# Below this many tracks a mean squared displacement is drawn open.
FEW_TRACKS = 10


def draw_motility(
    folder: str | os.PathLike[str], motility: Motility, *, image: npt.NDArray[np.generic]
) -> list[Path]:
    """Draw all figures into a folder, each as SVG and PNG.

    Parameters
    ----------
    folder
        Gets `tracks`, `directions`, `density_and_mitoses`, `msd`, `track_lengths`, `speeds`
        and `drift`.
    motility : Motility
        From `autonuclei.measure.motility.measure_motility`.
    image : (height, width)
        A frame of the movie to draw the tracks over.

    Returns
    -------
    list of Path
    """
    units, without = motility.units, motility.drift_removed
    figures = {
        "tracks": draw_tracks(motility.steps, image=image, units=units, drift_removed=without),
        "directions": draw_directions(motility.steps, drift_removed=without),
        "density_and_mitoses": draw_density(motility.frames, units=units),
        "msd": draw_displacement(motility.msd, units=units, drift_removed=without),
        "track_lengths": draw_track_lengths(motility.tracks, units=units),
        "speeds": draw_speeds(motility.steps, units=units, drift_removed=without),
        "drift": draw_drift(motility.drift, units=units, drift_removed=without),
    }
    paths = []
    for name, figure in figures.items():
        own = [Path(folder, f"{name}.{suffix}") for suffix in ("svg", "png")]
        save_figure(figure, own)
        paths += own
    return paths


def draw_tracks(
    steps: pd.DataFrame,
    *,
    image: npt.NDArray[np.generic],
    units: Units,
    drift_removed: bool = False,
) -> Figure:
    """Draw every step over an image, coloured by its speed from blue to red."""
    length, scale = UNIT_LABELS[units.length], units.length_factor
    height, width = image.shape
    figure, axes = _make_figure(size=(7.5, min(11, max(3.5, 6.3 * height / width))))
    axes.imshow(
        # Dimmed, so that the tracks stand out.
        0.6 * stretch_grey(image),
        cmap="gray",
        vmin=0,
        vmax=1,
        extent=(-0.5 * scale, (width - 0.5) * scale, (height - 0.5) * scale, -0.5 * scale),
        interpolation="antialiased",
    )
    speed_column = f"speed_{units.speed}"
    ordered = steps.sort_values(["track", "frame"])
    places = ordered[[f"x_{units.length}", f"y_{units.length}"]].to_numpy(np.float64)
    speeds = ordered[speed_column].to_numpy(np.float64)
    moved = np.flatnonzero(np.isfinite(speeds))
    low, high = choose_speed_limits(speeds)
    lines = LineCollection(
        list(np.stack([places[moved - 1], places[moved]], axis=1)),
        array=speeds[moved],
        cmap=SPEED_COLOURS,
        norm=Normalize(low, high),
        linewidths=1.1 if len(moved) < 20_000 else 0.6,
        capstyle="round",
        # Tens of thousands of lines make an SVG that no viewer opens.
        rasterized=len(moved) > 5_000,
    )
    axes.add_collection(lines, autolim=False)
    axes.set_xlabel(f"x ({length})")
    axes.set_ylabel(f"y ({length})")
    if len(moved) == 0:
        axes.set_title("No tracks of two or more nuclei")
        return figure
    axes.set_title(
        f"{ordered['track'].nunique():,} tracks, coloured by the speed of each step"
        + _say_drift(drift_removed)
    )
    bar = figure.colorbar(lines, ax=axes, extend="max", shrink=0.8, pad=0.02)
    bar.set_label(f"Speed ({UNIT_LABELS[units.speed]})")
    return figure


def draw_directions(steps: pd.DataFrame, *, drift_removed: bool = False) -> Figure:
    """Draw a polar histogram of the directions of all steps."""
    directions = steps["direction_deg"].dropna().to_numpy(np.float64)
    if len(directions) == 0:
        return _say("No steps, so there are no directions")
    n_bins = 24
    # Bins are centred on the axes, so that "right" is one bar and not two halves.
    width = 360 / n_bins
    bins = np.floor(((directions + width / 2) % 360) / width).astype(np.int64)
    share = 100 * np.bincount(bins, minlength=n_bins) / len(directions)
    figure, axes = _make_figure(size=(5.2, 5.4), projection="polar")
    axes.bar(
        np.radians(np.arange(n_bins) * width),
        share,
        width=np.radians(width) * 0.92,
        color=BLUE,
        edgecolor="none",
        zorder=2,
    )
    angles = [0, 45, 90, 135, 180, 225, 270, 315]
    names = ["right", "", "up", "", "left", "", "down", ""]
    axes.set_xticks(np.radians(angles), [n or f"{a}°" for a, n in zip(angles, names, strict=True)])
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.set_axisbelow(False)
    axes.set_rlabel_position(float(np.argmin(share)) * width)  # type: ignore[attr-defined]
    axes.tick_params(axis="y", labelsize=8)
    for label in axes.get_yticklabels():
        label.set_path_effects([withStroke(linewidth=2, foreground="white")])
    axes.grid(color="#00000030", linewidth=0.7)
    axes.set_title(
        f"Direction of {len(directions):,} steps\n(share of steps per {width:g}°)"
        + _say_drift(drift_removed)
    )
    return figure


def draw_density(frames: pd.DataFrame, *, units: Units) -> Figure:
    """Draw density, number of mitoses and rate of mitosis over time."""
    if frames["n_nuclei"].sum() == 0:
        return _say(f"No nuclei in {len(frames)} frames")
    time, label = _choose_time(frames[f"time_{units.time}"].to_numpy(np.float64), units)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.5, 6.5), layout="constrained")
        top, middle, bottom = figure.subplots(3, 1, sharex=True)
    marker = "o" if len(frames) < 60 else None
    top.plot(time, frames[units.density], color=BLUE, marker=marker, markersize=3)
    known_size = units.pixel_size_um is not None
    top.set_ylabel("Density\n" + ("(nuclei/mm²)" if known_size else "(nuclei/million px)"))
    top.set_ylim(0, 1.1 * float(frames[units.density].max()) or 1)
    total = int(frames["n_mitoses"].sum())
    width = 0.8 * float(np.diff(time).min()) if len(time) > 1 else 0.8
    middle.bar(time, frames["n_mitoses"], width=width, color=VERMILLION)
    middle.set_ylabel("Mitoses\n(per frame)")
    middle.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    middle.set_ylim(0, max(1, 1.1 * float(frames["n_mitoses"].max())))
    bottom.plot(time, frames[units.mitosis_rate], color=VERMILLION, marker=marker, markersize=3)
    per = "frame" if units.frame_interval_min is None else "h"
    bottom.set_ylabel(f"Mitosis rate\n(per nucleus and {per})")
    rates = frames[units.mitosis_rate].dropna()
    bottom.set_ylim(0, 1.1 * float(rates.max()) if len(rates) and rates.max() > 0 else 1)
    bottom.set_xlabel(label)
    top.set_title(
        f"{int(frames['n_nuclei'].sum()):,} nuclei, {total:,} mitoses in {len(frames)} frames"
    )
    return figure


def draw_displacement(msd: pd.DataFrame, *, units: Units, drift_removed: bool = False) -> Figure:
    """Draw the mean squared displacement over the time lag, both axes logarithmic."""
    column = f"msd_{units.length}2"
    shown = msd[msd[column] > 0]
    if len(shown) == 0:
        return _say("No track moves, so there is no\nmean squared displacement")
    lag_column = "lag_frames" if units.time == "frames" else f"lag_{units.time}"
    lag, value = shown[lag_column].to_numpy(np.float64), shown[column].to_numpy(np.float64)
    many = shown["n_tracks"].to_numpy() >= FEW_TRACKS
    figure, axes = _make_figure(size=(6, 4.6))
    for slope, style, name in ((1, ":", "random walk (slope 1)"), (2, "--", "straight (slope 2)")):
        axes.plot(
            lag,
            value[0] * (lag / lag[0]) ** slope,
            style,
            color=DARK_GREY,
            linewidth=1.1,
            label=name,
        )
    axes.plot(lag, value, color=BLUE, linewidth=1)
    if many.any():
        axes.plot(lag[many], value[many], "o", color=BLUE, markersize=5, label="measured")
    if not many.all():
        axes.plot(
            lag[~many],
            value[~many],
            "o",
            color=BLUE,
            markerfacecolor="white",
            markersize=5,
            label=f"measured, fewer than {FEW_TRACKS} tracks",
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda v, _: f"{v:g}")
        axis.set_minor_formatter(lambda v, _: "")
    if lag[-1] / lag[0] < 100:
        axes.set_xticks(_list_round_numbers(lag[0], lag[-1]))
    axes.set_xlabel("Time lag (frames)" if units.time == "frames" else "Time lag (min)")
    axes.set_ylabel(f"Mean squared displacement ({UNIT_LABELS[units.length]}²)")
    axes.set_title(
        f"Mean squared displacement of up to {int(shown['n_tracks'].max()):,} tracks"
        + _say_drift(drift_removed)
    )
    axes.legend(frameon=False, fontsize=9)
    return figure


def draw_track_lengths(tracks: pd.DataFrame, *, units: Units) -> Figure:
    """Draw how long tracks are, from first to last frame."""
    if len(tracks) == 0:
        return _say("No tracks")
    lengths = (tracks["last_frame"] - tracks["first_frame"] + 1).to_numpy(np.int64)
    step = max(1, -(-int(lengths.max()) // 60))
    figure, axes = _make_figure(size=(6, 4.2))
    edges = np.arange(0.5, lengths.max() + step + 0.5, step)
    axes.hist(lengths, bins=edges.tolist(), color=BLUE, rwidth=0.9)
    median = float(np.median(lengths))
    axes.axvline(median, color=VERMILLION, linewidth=1.5, label=f"median {median:g} frames")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Track length (frames from first to last)")
    axes.set_ylabel("Number of tracks")
    axes.set_title(f"Length of {len(lengths):,} tracks (a division ends a track)")
    axes.legend(frameon=False)
    if units.frame_interval_min is not None:
        hours_per_frame = units.frame_interval_min / 60

        def to_hours(frames: npt.ArrayLike) -> npt.ArrayLike:
            return (np.asarray(frames) - 1) * hours_per_frame

        def to_frames(hours: npt.ArrayLike) -> npt.ArrayLike:
            return np.asarray(hours) / hours_per_frame + 1

        top = axes.secondary_xaxis("top", functions=(to_hours, to_frames))
        top.set_xlabel("Time from first to last frame (h)")
    return figure


def draw_speeds(steps: pd.DataFrame, *, units: Units, drift_removed: bool = False) -> Figure:
    """Draw the distribution of the speed of all steps."""
    speeds = steps[f"speed_{units.speed}"].dropna().to_numpy(np.float64)
    if len(speeds) == 0:
        return _say("No steps, so there are no speeds")
    limit = float(np.percentile(speeds, 99.5)) or 1.0
    above = int((speeds > limit).sum())
    figure, axes = _make_figure(size=(6, 4.2))
    n_bins = int(np.clip(np.sqrt(len(speeds)), 5, 50))
    axes.hist(speeds[speeds <= limit], bins=n_bins, range=(0, limit), color=BLUE, rwidth=0.95)
    median = float(np.median(speeds))
    unit = UNIT_LABELS[units.speed]
    axes.axvline(median, color=VERMILLION, linewidth=1.5, label=f"median {median:.3g} {unit}")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(left=0)
    axes.set_xlabel(f"Speed ({unit})")
    axes.set_ylabel("Number of steps")
    note = f", {above:,} faster ones not shown" if above else ""
    axes.set_title(f"Speed of {len(speeds):,} steps{note}" + _say_drift(drift_removed))
    axes.legend(frameon=False)
    return figure


def draw_drift(drift: pd.DataFrame, *, units: Units, drift_removed: bool = False) -> Figure:
    """Draw how far all nuclei moved together since the first frame."""
    if len(drift) < 2:
        return _say("Fewer than two frames with nuclei, so there is no drift")
    unknown = drift[f"step_x_{units.length}"].isna().to_numpy()[1:]
    if unknown.all():
        return _say("Too few nuclei to tell a drift of the stage;\nnothing was subtracted")
    time, label = _choose_time(drift[f"time_{units.time}"].to_numpy(np.float64), units)
    figure, axes = _make_figure(size=(6, 4.2))
    for axis, colour, name in (("x", BLUE, "to the right"), ("y", VERMILLION, "downwards")):
        axes.plot(time, drift[f"drift_{axis}_{units.length}"], color=colour, label=name)
    axes.axhline(0, color=DARK_GREY, linewidth=0.8)
    axes.set_xlabel(label)
    axes.set_ylabel(f"Common movement of all nuclei ({UNIT_LABELS[units.length]})")
    note = f"; unknown, taken as none, in {unknown.sum()} frames" if unknown.any() else ""
    done = "taken out of" if drift_removed else "still in"
    axes.set_title(f"Drift of the stage, {done} speeds and directions{note}", wrap=True)
    axes.legend(frameon=False)
    return figure


def _say_drift(removed: bool) -> str:
    return "\n(common movement of all nuclei taken out)" if removed else "\n(in the field of view)"


def _make_figure(
    *, size: tuple[float, float], projection: str | None = None
) -> tuple[Figure, Axes]:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        return figure, figure.add_subplot(projection=projection)


def _say(text: str) -> Figure:
    figure, axes = _make_figure(size=(6, 3))
    axes.set_axis_off()
    say_instead(axes, text, va="center", fontsize=13, color=DARK_GREY)
    return figure


def _choose_time(
    time: npt.NDArray[np.float64], units: Units
) -> tuple[npt.NDArray[np.float64], str]:
    if units.frame_interval_min is None:
        return time, "Time (frames)"
    if time.max(initial=0) > 180:
        return time / 60, "Time (h)"
    return time, "Time (min)"


def _list_round_numbers(low: float, high: float) -> list[float]:
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    numbers = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return [number for number in numbers if low * 0.99 <= number <= high * 1.01]
