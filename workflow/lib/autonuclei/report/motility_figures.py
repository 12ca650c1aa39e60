"""Figures of how nuclei move and divide."""

import os
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.measure.motility import Motility
from autonuclei.measure.units import Units
from autonuclei.report.lineage_figures import draw_origins, draw_spread
from autonuclei.report.pictures import shrink_image
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

FloatArray = npt.NDArray[np.float64]

STYLE: dict[Any, Any] = {
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
# Bars of the histogram of directions.
N_DIRECTIONS = 24


def draw_motility(
    folder: str | os.PathLike[str], motility: Motility, *, image: ArrayLike
) -> list[Path]:
    """Draw all figures into a folder, each as SVG and PNG.

    Parameters
    ----------
    folder
        Gets `tracks`, `directions`, `density_and_mitoses`, `msd`, `origins`, `track_lengths`,
        `speeds` and `drift`.
    motility
        From `autonuclei.measure.motility.measure_motility`.
    image : (height, width)
        A frame of the movie to draw the tracks over.

    Returns
    -------
    list of Path
        The files, in this order.
    """
    units = motility.units
    figures = {
        "tracks": draw_tracks(motility, image),
        "directions": draw_directions(motility),
        "density_and_mitoses": draw_density(motility),
        "msd": _tell_drift(draw_spread(motility.msd, motility.tracks, units=units), motility),
        "origins": _tell_drift(draw_origins(motility.origins, units=units), motility),
        "track_lengths": draw_track_lengths(motility),
        "speeds": draw_speeds(motility),
        "drift": draw_drift(motility),
    }
    paths = []
    for name, figure in figures.items():
        own = [Path(folder, f"{name}.{suffix}") for suffix in ("svg", "png")]
        save_figure(figure, own)
        paths += own
    return paths


def draw_tracks(motility: Motility, image: ArrayLike) -> Figure:
    """Draw every step over an image, coloured by its speed from blue to red."""
    units = motility.units
    length, scale = UNIT_LABELS[units.length], units.length_factor
    height, width = image.shape
    figure, axes = _make_figure(size=(7.5, min(11, max(3.5, 6.3 * height / width))))
    small, block = shrink_image(image)
    bottom, right = (size * block - 0.5 for size in small.shape)
    axes.imshow(
        # Dimmed, so that the tracks stand out.
        0.6 * stretch_grey(small),
        cmap="gray",
        vmin=0,
        vmax=1,
        extent=(-0.5 * scale, right * scale, bottom * scale, -0.5 * scale),
        interpolation="antialiased",
    )
    axes.set(xlabel=f"x ({length})", ylabel=f"y ({length})")
    ordered = motility.steps.sort_values(["track", "frame"])
    places = ordered[[f"x_{units.length}", f"y_{units.length}"]].to_numpy(np.float64)
    speeds = ordered[f"speed_{units.speed}"].to_numpy(np.float64)
    moved = np.flatnonzero(np.isfinite(speeds))
    lines = LineCollection(
        list(np.stack([places[moved - 1], places[moved]], axis=1)),
        array=speeds[moved],
        cmap=SPEED_COLOURS,
        norm=Normalize(*choose_speed_limits(speeds)),
        linewidths=1.1 if len(moved) < 20_000 else 0.6,
        capstyle="round",
        # Tens of thousands of lines make an SVG that no viewer opens.
        rasterized=len(moved) > 5_000,
    )
    axes.add_collection(lines, autolim=False)
    if len(moved) == 0:
        axes.set_title("No tracks of two or more nuclei")
        return figure
    n_tracks = ordered["track"].nunique()
    axes.set_title(
        f"{n_tracks:,} tracks, coloured by the speed of each step" + _say_drift(motility)
    )
    bar = figure.colorbar(lines, ax=axes, extend="max", shrink=0.8, pad=0.02)
    bar.set_label(f"Speed ({UNIT_LABELS[units.speed]})")
    return figure


def draw_directions(motility: Motility) -> Figure:
    """Draw a polar histogram of the directions of all steps."""
    directions = motility.steps["direction_deg"].dropna().to_numpy(np.float64)
    if len(directions) == 0:
        return _draw_text("No steps, so there are no directions")
    # Bins are centred on the axes, so that "right" is one bar and not two halves.
    width = 360 / N_DIRECTIONS
    bins = np.floor(((directions + width / 2) % 360) / width).astype(np.int64)
    share = 100 * np.bincount(bins, minlength=N_DIRECTIONS) / len(directions)
    figure, axes = _make_figure(size=(5.2, 5.4), projection="polar")
    axes.bar(
        np.radians(np.arange(N_DIRECTIONS) * width),
        share,
        width=np.radians(width) * 0.92,
        color=BLUE,
        edgecolor="none",
        zorder=2,
    )
    names = {0: "right", 90: "up", 180: "left", 270: "down"}
    angles = range(0, 360, 45)
    axes.set_xticks(np.radians(angles), [names.get(angle, f"{angle}°") for angle in angles])
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.set_axisbelow(False)
    axes.set_rlabel_position(float(np.argmin(share)) * width)  # type: ignore[attr-defined]
    axes.tick_params(axis="y", labelsize=8)
    for label in axes.get_yticklabels():
        label.set_path_effects([withStroke(linewidth=2, foreground="white")])
    axes.grid(color="#00000030", linewidth=0.7)
    title = f"Direction of {len(directions):,} steps\n(share of steps per {width:g}°)"
    axes.set_title(title + _say_drift(motility))
    return figure


def draw_density(motility: Motility) -> Figure:
    """Draw density, number of mitoses and rate of mitosis over time."""
    frames, units = motility.frames, motility.units
    if frames["n_nuclei"].sum() == 0:
        return _draw_text(f"No nuclei in {len(frames)} frames")
    time, label = _choose_time(frames[f"time_{units.time}"].to_numpy(np.float64), units)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.5, 6.5), layout="constrained")
        top, middle, bottom = figure.subplots(3, 1, sharex=True)
    marker = "o" if len(frames) < 60 else None
    area = "million px" if units.pixel_size_um is None else "mm²"
    top.plot(time, frames[units.density], color=BLUE, marker=marker, markersize=3)
    top.set_ylabel(f"Density\n(nuclei/{area})")
    top.set_ylim(0, 1.1 * float(frames[units.density].max()) or 1)
    width = 0.8 * float(np.diff(time).min()) if len(time) > 1 else 0.8
    middle.bar(time, frames["n_mitoses"], width=width, color=VERMILLION)
    middle.set_ylabel("Mitoses\n(per frame)")
    middle.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    middle.set_ylim(0, max(1, 1.1 * float(frames["n_mitoses"].max())))
    rates = frames[units.mitosis_rate]
    bottom.plot(time, rates, color=VERMILLION, marker=marker, markersize=3)
    per = "frame" if units.frame_interval_min is None else "h"
    bottom.set(xlabel=label, ylabel=f"Mitosis rate\n(per nucleus and {per})")
    bottom.set_ylim(0, 1.1 * float(rates.max()) if rates.max() > 0 else 1)
    nuclei, mitoses = (int(frames[name].sum()) for name in ("n_nuclei", "n_mitoses"))
    top.set_title(f"{nuclei:,} nuclei, {mitoses:,} mitoses in {len(frames)} frames")
    return figure


def draw_track_lengths(motility: Motility) -> Figure:
    """Draw how long tracks are, from first to last frame."""
    tracks = motility.tracks
    if len(tracks) == 0:
        return _draw_text("No tracks")
    lengths = (tracks["last_frame"] - tracks["first_frame"] + 1).to_numpy(np.int64)
    step = max(1, -(-int(lengths.max()) // 60))
    figure, axes = _make_figure(size=(6, 4.2))
    edges = np.arange(0.5, lengths.max() + step + 0.5, step)
    axes.hist(lengths, bins=edges.tolist(), color=BLUE, rwidth=0.9)
    median = float(np.median(lengths))
    axes.axvline(median, color=VERMILLION, linewidth=1.5, label=f"median {median:g} frames")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(
        xlabel="Track length (frames from first to last)",
        ylabel="Number of tracks",
        title=f"Length of {len(lengths):,} tracks (a division ends a track)",
    )
    axes.legend(frameon=False)
    if motility.units.frame_interval_min is not None:
        hours_per_frame = motility.units.frame_interval_min / 60

        def to_hours(frames: npt.ArrayLike) -> npt.ArrayLike:
            return (np.asarray(frames) - 1) * hours_per_frame

        def to_frames(hours: npt.ArrayLike) -> npt.ArrayLike:
            return np.asarray(hours) / hours_per_frame + 1

        top = axes.secondary_xaxis("top", functions=(to_hours, to_frames))
        top.set_xlabel("Time from first to last frame (h)")
    return figure


def draw_speeds(motility: Motility) -> Figure:
    """Draw the distribution of the speed of all steps."""
    speed = motility.units.speed
    speeds = motility.steps[f"speed_{speed}"].dropna().to_numpy(np.float64)
    if len(speeds) == 0:
        return _draw_text("No steps, so there are no speeds")
    limit = float(np.percentile(speeds, 99.5)) or 1.0
    above = int((speeds > limit).sum())
    figure, axes = _make_figure(size=(6, 4.2))
    n_bins = int(np.clip(np.sqrt(len(speeds)), 5, 50))
    axes.hist(speeds[speeds <= limit], bins=n_bins, range=(0, limit), color=BLUE, rwidth=0.95)
    median, unit = float(np.median(speeds)), UNIT_LABELS[speed]
    axes.axvline(median, color=VERMILLION, linewidth=1.5, label=f"median {median:.3g} {unit}")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(left=0)
    note = f", {above:,} faster ones not shown" if above else ""
    title = f"Speed of {len(speeds):,} steps{note}" + _say_drift(motility)
    axes.set(xlabel=f"Speed ({unit})", ylabel="Number of steps", title=title)
    axes.legend(frameon=False)
    return figure


def draw_drift(motility: Motility) -> Figure:
    """Draw how far all nuclei moved together since the first frame."""
    drift, units = motility.drift, motility.units
    if len(drift) < 2:
        return _draw_text("Fewer than two frames with nuclei, so there is no drift")
    unknown = drift[f"step_x_{units.length}"].isna().to_numpy()[1:]
    if unknown.all():
        return _draw_text("Too few nuclei to tell a drift of the stage;\nnothing was subtracted")
    time, label = _choose_time(drift[f"time_{units.time}"].to_numpy(np.float64), units)
    figure, axes = _make_figure(size=(6, 4.2))
    for axis, colour, name in (("x", BLUE, "to the right"), ("y", VERMILLION, "downwards")):
        axes.plot(time, drift[f"drift_{axis}_{units.length}"], color=colour, label=name)
    axes.axhline(0, color=DARK_GREY, linewidth=0.8)
    length = UNIT_LABELS[units.length]
    axes.set(xlabel=label, ylabel=f"Common movement of all nuclei ({length})")
    note = f"; unknown, taken as none, in {unknown.sum()} frames" if unknown.any() else ""
    done = "taken out of" if motility.drift_removed else "still in"
    axes.set_title(f"Drift of the stage, {done} speeds and directions{note}", wrap=True)
    axes.legend(frameon=False)
    return figure


def _tell_drift(figure: Figure, motility: Motility) -> Figure:
    """Say below the title whether the common movement is taken out, if there is a title."""
    axes = figure.axes[0]
    if axes.get_title():
        axes.set_title(axes.get_title() + _say_drift(motility))
    return figure


def _say_drift(motility: Motility) -> str:
    if motility.drift_removed:
        return "\n(common movement of all nuclei taken out)"
    return "\n(in the field of view)"


def _make_figure(
    *, size: tuple[float, float], projection: str | None = None
) -> tuple[Figure, Axes]:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        return figure, figure.add_subplot(projection=projection)


def _draw_text(text: str) -> Figure:
    figure, axes = _make_figure(size=(6, 3))
    axes.set_axis_off()
    say_instead(axes, text, va="center", fontsize=13, color=DARK_GREY)
    return figure


def _choose_time(time: FloatArray, units: Units) -> tuple[FloatArray, str]:
    if units.frame_interval_min is None:
        return time, "Time (frames)"
    if time.max(initial=0) > 180:
        return time / 60, "Time (h)"
    return time, "Time (min)"
