"""Figures of lineages, cycles and sisters, and of how far tracks come."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import BoundaryNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from autonuclei.measure.lineages import correlate_sisters, estimate_survival, summarise_cycles
from autonuclei.measure.trees import find_largest_lineages, layout_trees
from autonuclei.measure.units import Units
from autonuclei.report.canvas import (
    FloatArray,
    draw_text,
    make_axes,
    name_quantity,
    scale_time,
)
from autonuclei.report.style import (
    BLUE,
    DARK_GREY,
    ORANGE,
    UNIT_LABELS,
    VERMILLION,
    format_number,
)

# Every step gets lighter, so that the order does not rest on hue; pale ends are cut off on white.
CHANNEL_COLOURS = matplotlib.colormaps["plasma"]
# More lines than these side by side cannot be told apart.
MAX_LEAVES = 150
# More ways than this hide each other.
MAX_WAYS = 200


def draw_lineages(
    cycles: pd.DataFrame,
    *,
    units: Units,
    tracks: pd.DataFrame | None = None,
    channel: str | None = None,
    n_lineages: int = 6,
) -> Figure:
    """Draw the largest lineages as trees: time down, one line per nucleus.

    Parameters
    ----------
    cycles : DataFrame
        From `autonuclei.measure.lineages.tabulate_cycles`.
    units : Units
    tracks : DataFrame, optional
        Table of tracks with `track`, `frame` and `channel`.
    channel : str, optional
        Column of `tracks` that colours the lines; None: the generation does.
    n_lineages : int
        At most; fewer where they have more than `MAX_LEAVES` tracks without daughters.
    """
    if len(cycles) == 0:
        return draw_text("No tracks, so there are no lineages")
    chosen = _choose_lineages(cycles, n_lineages)
    if not chosen:
        return draw_text("No divisions, so there are no trees to draw")
    trees = layout_trees(cycles, chosen, units=units)
    factor, unit = scale_time(float(trees[f"to_{units.time}"].max()), units)
    start, end = (factor * trees[f"{name}_{units.time}"] for name in ("from", "to"))
    is_leaf = trees["left_x"].isna()
    # The last frame lasts, too.
    end = end + is_leaf * factor * units.time_factor
    n_leaves = int(is_leaf.sum())
    figure, (axes,) = make_axes(size=(float(np.clip(2.5 + 0.14 * n_leaves, 6, 11)), 6))
    width = 2.4 if n_leaves < 60 else 1.4
    bars = trees[~is_leaf]
    ends = zip(bars["left_x"], bars["right_x"], end[~is_leaf], strict=True)
    axes.add_collection(
        LineCollection(
            [[(left, y), (right, y)] for left, right, y in ends], colors=DARK_GREY, linewidths=1
        ),
        autolim=False,
    )
    if channel is None or tracks is None:
        _colour_generations(axes, trees, start, end, width)
    else:
        _colour_channel(axes, trees, start, end, tracks, channel, units, factor, width)
    _mark_ends(axes, trees, end)
    for lineage, own in trees.groupby("lineage", sort=False):
        axes.annotate(
            f"{lineage}",
            (own.loc[~own["parent"].isin(own["track"]), "x"].mean(), start[own.index].min()),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    bottom, top = float(end.max()), float(start.min())
    axes.set_ylim(bottom + 0.02 * (bottom - top), top - 0.05 * (bottom - top))
    axes.set_xlim(-1, trees["x"].max() + 1)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_ylabel(f"Time ({unit})")
    n_known = cycles["lineage"].nunique()
    count = "The only lineage" if n_known == 1 else f"The {len(chosen)} largest of {n_known:,}"
    count += "" if n_known == 1 else " lineages"
    axes.set_title(f"{count} (with their numbers), {len(trees):,} tracks")
    return figure


def _choose_lineages(cycles: pd.DataFrame, n_lineages: int) -> list[int]:
    mothers = set(cycles["parent"])
    leaves = cycles[~cycles["track"].isin(mothers)].groupby("lineage").size()
    chosen: list[int] = []
    for lineage in find_largest_lineages(cycles, n_lineages):
        divides = (cycles["lineage"] == lineage).sum() > 1
        if divides and (not chosen or leaves[[*chosen, lineage]].sum() <= MAX_LEAVES):
            chosen.append(lineage)
    return chosen


def _colour_generations(
    axes: Axes, trees: pd.DataFrame, start: pd.Series, end: pd.Series, width: float
) -> None:
    n = int(trees["generation"].max()) + 1
    colours = CHANNEL_COLOURS(np.linspace(0, 0.85, max(n, 2)))
    lines = LineCollection(
        _list_lines(trees["x"], start, end),
        colors=colours[trees["generation"].to_numpy()],
        linewidths=width,
        capstyle="butt",
    )
    axes.add_collection(lines, autolim=False)
    mappable = matplotlib.cm.ScalarMappable(
        BoundaryNorm(np.arange(-0.5, n + 0.5), max(n, 2)),
        matplotlib.colors.ListedColormap(colours[:n] if n > 1 else colours),
    )
    bar = axes.figure.colorbar(mappable, ax=axes, ticks=np.arange(n), shrink=0.5, pad=0.02)
    bar.ax.invert_yaxis()
    bar.ax.minorticks_off()
    bar.set_label("Generation (divisions since the first nucleus)")


def _colour_channel(
    axes: Axes,
    trees: pd.DataFrame,
    start: pd.Series,
    end: pd.Series,
    tracks: pd.DataFrame,
    channel: str,
    units: Units,
    factor: float,
    width: float,
) -> None:
    # What the coloured pieces leave out: frames that a track misses.
    axes.add_collection(
        LineCollection(_list_lines(trees["x"], start, end), colors="#C8C8C8", linewidths=0.8),
        autolim=False,
    )
    places = trees.set_index("track")["x"]
    nuclei = tracks.loc[tracks["track"].isin(places.index), ["track", "frame", channel]]
    nuclei = nuclei.dropna(subset=[channel]).sort_values(["track", "frame"])
    y = nuclei["frame"].to_numpy(np.float64)
    goes_on = nuclei["track"].eq(nuclei["track"].shift(-1)).to_numpy()
    values = nuclei[channel].to_numpy(np.float64)
    low, high = np.percentile(values, (2, 98)) if len(values) else (0.0, 1.0)
    per_frame = units.time_factor * factor
    lines = LineCollection(
        # Pieces that only touch leave a pale seam.
        _list_lines(
            nuclei["track"].map(places), y * per_frame, (y + 1 + 0.3 * goes_on) * per_frame
        ),
        array=values,
        cmap=CHANNEL_COLOURS,
        norm=Normalize(low, high if high > low else low + 1),
        linewidths=width * 1.4,
        capstyle="butt",
        rasterized=len(values) > 5_000,
    )
    axes.add_collection(lines, autolim=False)
    bar = axes.figure.colorbar(lines, ax=axes, shrink=0.5, pad=0.02, extend="both")
    bar.set_label(name_quantity(channel, units))


def _list_lines(x: Any, start: Any, end: Any) -> list[FloatArray]:
    x, start, end = (np.asarray(values, np.float64) for values in (x, start, end))
    return list(np.stack([np.column_stack([x, start]), np.column_stack([x, end])], axis=1))


def _mark_ends(axes: Axes, trees: pd.DataFrame, end: pd.Series) -> None:
    marks = (("lost", "x", "lost"), ("at_border", "v", "left the field"))
    for reason, marker, name in marks:
        own = (trees["end"] == reason) & trees["left_x"].isna()
        if own.any():
            axes.plot(
                trees["x"][own],
                end[own],
                marker,
                color="black",
                markerfacecolor="white",
                markersize=5,
                label=name,
                clip_on=False,
            )
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(0, -0.01), ncols=2)


def draw_cycles(cycles: pd.DataFrame, *, units: Units) -> Figure:
    """Draw how long cycles are: complete ones, unfinished ones, and the estimate from both.

    Parameters
    ----------
    cycles : DataFrame
        From `autonuclei.measure.lineages.tabulate_cycles`.
    units : Units
    """
    born = cycles[cycles["start"] == "division"]
    if len(born) == 0:
        return draw_text("No nucleus was seen born, so there are no cycles")
    summary = summarise_cycles(cycles, units=units).iloc[0]
    survival = estimate_survival(cycles, units=units)
    seen = born[f"observed_{units.time}"].to_numpy(np.float64)
    factor, unit = scale_time(float(seen.max()), units)
    seen = seen * factor
    complete = (born["end"] == "division").to_numpy()
    figure, (top, bottom) = make_axes(size=(6.5, 6.8), rows=2, sharex=True)
    n_complete, n_unfinished = int(complete.sum()), int((~complete).sum())
    longest = max(float(seen.max()), factor * units.time_factor)
    # Whole frames in each bar, or bars come out uneven.
    frame = factor * units.time_factor
    step = frame * max(1, round(longest / frame / 30))
    edges = np.arange(-0.5 * frame, longest + step, step)
    top.hist(
        [seen[complete], seen[~complete]],
        bins=edges.tolist(),
        stacked=True,
        color=[BLUE, "white"],
        edgecolor=[BLUE, ORANGE],
        hatch=["", "////"],
        linewidth=0.8,
        label=[
            f"complete: birth to division ({n_complete:,})",
            f"unfinished: birth to last seen ({n_unfinished:,})",
        ],
    )
    top.set_ylabel("Number of nuclei")
    top.yaxis.set_major_locator(MaxNLocator(integer=True))
    highest = top.get_ylim()[1]
    top.set_ylim(0, highest * 1.25)
    top.legend(frameon=False, fontsize=9, loc="upper left")
    top.set_title(f"Cycles of {len(born):,} nuclei that were seen born{_list_reasons(summary)}")

    ages = np.concatenate([[0], factor * survival[f"age_{units.time}"], [longest]])
    share = np.concatenate([[1], survival["share_undivided"]])
    share = np.append(share, share[-1])
    low, high = (
        np.concatenate([[1], survival[name], survival[name].tail(1)]) for name in ("low", "high")
    )
    if len(survival) == 0:
        low, high = share, share
    known = np.isfinite(low)
    known_low, known_high = np.where(known, low, np.nan), np.where(known, high, np.nan)
    if np.isfinite(low[1:-1]).any():
        bottom.fill_between(
            ages,
            100 * known_low,
            100 * known_high,
            step="post",
            color=BLUE,
            alpha=0.18,
            linewidth=0,
            label="95 % interval",
        )
    bottom.step(ages, 100 * share, where="post", color=BLUE, label="estimate (Kaplan-Meier)")
    at = np.clip(np.searchsorted(ages, seen[~complete], side="right") - 1, 0, len(share) - 1)
    if n_unfinished:
        bottom.plot(
            seen[~complete],
            100 * share[at],
            "|",
            color=ORANGE,
            markersize=8,
            label="last seen, undivided",
        )
    median = summary[f"median_{units.time}"] * factor
    if np.isfinite(median):
        bottom.plot([0, median, median], [50, 50, 0], ":", color=DARK_GREY, linewidth=1.2)
    bottom.set(
        xlabel=f"Time since birth ({unit})",
        ylabel="Not yet divided (%)",
        ylim=(0, 104),
        title=_say_median(summary, factor, unit, units),
    )
    bottom.set_xlim(0, longest * 1.03)
    bottom.legend(frameon=False, fontsize=9, loc="best")
    return figure


def _list_reasons(summary: pd.Series) -> str:
    reasons = {
        "n_until_last_frame": "undivided in the last frame",
        "n_left_at_border": "left the field",
        "n_lost": "lost",
    }
    parts = [f"{int(summary[name]):,} {text}" for name, text in reasons.items() if summary[name]]
    return f"\n({', '.join(parts)})" if parts else ""


def _say_median(summary: pd.Series, factor: float, unit: str, units: Units) -> str:
    median, low, high = (
        summary[f"median_{name}{units.time}"] * factor for name in ("", "low_", "high_")
    )
    if not np.isfinite(median):
        return "Fewer than half divided while seen: the median is not known"
    text = f"Median {format_number(median)} {unit}"
    if np.isfinite(low) and np.isfinite(high):
        return f"{text} (95 % interval {format_number(low)} to {format_number(high)})"
    if np.isfinite(low):
        return f"{text} (95 % interval from {format_number(low)} on; no upper end)"
    return f"{text} (no interval: {int(summary['n_lineages'])} lineage(s) with births)"


def draw_sisters(pairs: pd.DataFrame, columns: Sequence[str], *, units: Units) -> Figure:
    """Draw the two daughters of each division against each other.

    Parameters
    ----------
    pairs : DataFrame
        From `autonuclei.measure.lineages.pair_sisters` with the same columns.
    columns : sequence of str
        A panel each.
    units : Units
    """
    if len(pairs) == 0:
        return draw_text("No divisions with two daughters, so there are no sisters")
    correlations = correlate_sisters(pairs, columns)
    n_columns = min(3, len(columns))
    n_rows = -(-len(columns) // n_columns)
    figure, panels = make_axes(
        size=(max(4.5, 3.6 * n_columns), 4 * n_rows), rows=n_rows, columns=n_columns
    )
    random = np.random.default_rng(0)
    for axes, column in zip(panels, columns, strict=False):
        both = pairs[[f"{column}_1", f"{column}_2"]].to_numpy(np.float64)
        both = both[np.isfinite(both).all(axis=1)]
        unit = ""
        if column == f"duration_{units.time}":
            factor, unit = scale_time(float(both.max(initial=0)), units)
            both = both * factor
        row = correlations[correlations["measure"] == column].iloc[0]
        # Tracks are numbered by place: whoever is first in the table is first by chance here.
        swap = random.random(len(both)) < 0.5
        both[swap] = both[swap, ::-1]
        _draw_pairs(axes, both)
        name = name_quantity(column, units, time=unit)
        axes.set(xlabel="One sister", ylabel="The other", title=_say_correlation(name, row))
    for axes in panels[len(columns) :]:
        axes.set_axis_off()
    return figure


def _draw_pairs(axes: Axes, both: FloatArray) -> None:
    axes.set_box_aspect(1)
    if len(both) == 0:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no pair with both values", ha="center", transform=axes.transAxes)
        return
    low, high = float(both.min()), float(both.max())
    margin = 0.06 * (high - low) or 0.5
    limits = (low - margin, high + margin)
    axes.plot(limits, limits, "--", color=DARK_GREY, linewidth=1, zorder=1)
    many = len(both) > 300
    axes.plot(
        both[:, 0],
        both[:, 1],
        "o",
        color=BLUE,
        alpha=0.35 if many else 0.6,
        markersize=3 if many else 5,
        markeredgewidth=0,
        rasterized=len(both) > 5_000,
    )
    axes.set(xlim=limits, ylim=limits)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))


def _say_correlation(name: str, row: pd.Series) -> str:
    text = f"{name}\n{int(row['n_pairs']):,} pairs"
    if not np.isfinite(row["correlation"]):
        return text
    text += f", r = {row['correlation']:.2f}"
    if np.isfinite(row["low"]):
        text += f" ({row['low']:.2f} to {row['high']:.2f})"
    return text


def draw_origins(shifted: pd.DataFrame, *, units: Units) -> Figure:
    """Draw all tracks as if each had begun at the same place.

    Parameters
    ----------
    shifted : DataFrame
        From `autonuclei.measure.origins.shift_to_origin`.
    units : Units
    """
    sizes = shifted.groupby("track").size()
    moved = sizes.index[sizes > 1].to_numpy()
    if len(moved) == 0:
        return draw_text("No track of two or more nuclei")
    shown = moved
    if len(moved) > MAX_WAYS:
        shown = np.sort(np.random.default_rng(0).choice(moved, MAX_WAYS, replace=False))
    own = shifted[shifted["track"].isin(shown)]
    columns = [f"shift_{axis}_{units.length}" for axis in "xy"]
    ways = [way[columns].to_numpy(np.float64) for _, way in own.groupby("track")]
    figure, (axes,) = make_axes(size=(5.8, 5.8))
    last = np.array([way[-1] for way in ways])
    axes.add_collection(
        LineCollection(
            ways,
            colors=BLUE,
            linewidths=0.7,
            alpha=0.45 if len(ways) > 60 else 0.7,
            rasterized=len(own) > 5_000,
        ),
        autolim=False,
    )
    axes.plot(
        last[:, 0],
        last[:, 1],
        "o",
        color=BLUE,
        markersize=2.5,
        markeredgewidth=0,
        label="end of a track",
    )
    every = shifted.loc[shifted["track"].isin(moved)].drop_duplicates("track", keep="last")
    middle = every[columns].mean().to_numpy(np.float64)
    axes.plot(*middle, "P", color=VERMILLION, markersize=9, markeredgecolor="white", label="mean")
    reach = 1.06 * float(np.abs(np.concatenate(ways)).max()) or 1.0
    # Rows of an image run downwards.
    axes.set(xlim=(-reach, reach), ylim=(reach, -reach))
    axes.set_aspect("equal")
    for line in (axes.axhline, axes.axvline):
        line(0, color=DARK_GREY, linewidth=0.7, zorder=0)
    length = UNIT_LABELS[units.length]
    part = f" ({MAX_WAYS} of them drawn)" if len(moved) > MAX_WAYS else ""
    axes.set(
        xlabel=f"To the right ({length})",
        ylabel=f"Down the image ({length})",
        title=f"{len(moved):,} tracks from a common origin{part}\n"
        f"mean end {format_number(float(np.hypot(*middle)))} {length} from it",
    )
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    return figure


def draw_spread(msd: pd.DataFrame, tracks: pd.DataFrame, *, units: Units) -> Figure:
    """Draw the mean squared displacement with its interval, and the exponents of the tracks.

    Parameters
    ----------
    msd : DataFrame
        From `autonuclei.measure.msd.add_msd_interval`.
    tracks : DataFrame
        A row per track, with `msd_exponent`; see `autonuclei.measure.motility.Motility`.
    units : Units
    """
    column = f"msd_{units.length}2"
    shown = msd[msd[column] > 0]
    if len(shown) == 0:
        return draw_text("No track moves, so there is no\nmean squared displacement")
    lag_column = "lag_frames" if units.time == "frames" else f"lag_{units.time}"
    lags = shown[lag_column].to_numpy(np.float64)
    factor, unit = scale_time(float(lags.max()), units)
    lags, value = lags * factor, shown[column].to_numpy(np.float64)
    figure, (left, right) = make_axes(size=(9.5, 4.4), columns=2, width_ratios=(3, 2))
    for slope, style, name in ((1, ":", "random walk (slope 1)"), (2, "--", "straight (slope 2)")):
        line = value[0] * (lags / lags[0]) ** slope
        left.plot(lags, line, style, color=DARK_GREY, linewidth=1.1, label=name)
    known = shown["low"].notna().to_numpy()
    if known.any():
        low, high = (shown[name].to_numpy(np.float64) for name in ("low", "high"))
        left.fill_between(
            lags, low, high, color=BLUE, alpha=0.2, linewidth=0, label="95 % interval", zorder=1
        )
        left.plot(lags[known], value[known], color=BLUE, linewidth=1.8, label="measured")
    if not known.all():
        name = "measured, too few tracks for an interval"
        left.plot(lags[~known], value[~known], "o", color=BLUE, markersize=3.5, mfc="w", label=name)
    left.set(xscale="log", yscale="log")
    left.set_ylim(value.min() / 2, max(value.max() * 3, np.nanmax([*shown["high"], 0])))
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_formatter(lambda v, _: f"{v:g}")
        axis.set_minor_formatter(lambda v, _: "")
    if lags[-1] / lags[0] < 100:
        left.set_xticks(_list_round_numbers(lags[0], lags[-1]))
    left.set(
        xlabel=f"Time lag ({unit})",
        ylabel=f"Mean squared displacement ({UNIT_LABELS[units.length]}²)",
        title=f"Up to {int(shown['n_tracks'].max()):,} tracks",
    )
    left.legend(frameon=False, fontsize=9)
    _draw_exponents(right, tracks["msd_exponent"])
    return figure


def _draw_exponents(axes: Axes, exponents: pd.Series) -> None:
    alpha = exponents.dropna().to_numpy(np.float64)
    n_short = len(exponents) - len(alpha)
    note = f"\n({n_short:,} tracks are too short or rest)" if n_short else ""
    axes.set(xlabel="Exponent alpha of a track", ylabel="Number of tracks")
    if len(alpha) == 0:
        axes.set(xticks=[], yticks=[], title="Exponents" + note)
        axes.text(0.5, 0.5, "no track is long enough", ha="center", transform=axes.transAxes)
        return
    edges = np.arange(np.floor(alpha.min() * 10) / 10, alpha.max() + 0.1, 0.1)
    axes.hist(alpha, bins=[*edges, edges[-1] + 0.1], color=BLUE, rwidth=0.92)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    for value, style in ((1, ":"), (2, "--")):
        axes.axvline(value, color=DARK_GREY, linestyle=style, linewidth=1.1)
    axes.axvline(float(np.median(alpha)), color=VERMILLION, linewidth=1.5)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0), max(high, 2.1))
    axes.set_title(f"{len(alpha):,} tracks, median {np.median(alpha):.2f} (red)" + note)


def _list_round_numbers(low: float, high: float) -> list[float]:
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    numbers = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return [number for number in numbers if low * 0.99 <= number <= high * 1.01]
