"""Figures of conditions: replicates over nuclei, and plates."""

from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from autonuclei.measure.conditions import (
    MIN_REPLICATES,
    PLATES,
    average_replicates,
    average_samples,
    estimate_mean,
    name_replicates,
)
from autonuclei.report.canvas import (
    GROUP_COLOURS,
    GROUP_MARKERS,
    FloatArray,
    draw_text,
    make_axes,
)
from autonuclei.report.style import DARK_GREY, format_number

# More dots of one condition hide each other.
MAX_DOTS = 2000
# More wells than this in a row have no room for numbers.
MAX_NUMBERED_COLUMNS = 12


def draw_superplot(
    nuclei: pd.DataFrame,
    value: str,
    *,
    label: str,
    comparisons: pd.DataFrame | None = None,
    rows: str = "nuclei",
) -> Figure:
    """Draw nuclei as dots, samples as large points and the mean of replicates, by condition.

    Parameters
    ----------
    nuclei : DataFrame
        From `autonuclei.measure.conditions.gather_samples`: a row per nucleus or track, with
        `condition`, `sample` and, where known, `replicate`, `plate` and `well`.
    value : str
        Column to draw.
    label : str
        Its name and unit for people.
    comparisons : DataFrame, optional
        From `autonuclei.measure.conditions.compare_conditions`; its rows of this value are
        written above the conditions.
    rows : str
        What a row is; "samples" have no dots of their own.
    """
    named = name_replicates(nuclei)
    known = named[(named["condition"] != "") & np.isfinite(named[value].astype(np.float64))]
    if len(known) == 0:
        return draw_text(f"No condition has values of\n{label}")
    samples = average_samples(nuclei.loc[known.index], [value])
    replicates = average_replicates(samples, [value])
    conditions = list(dict.fromkeys(known["condition"]))
    names = list(dict.fromkeys(replicates["replicate"]))
    of_replicate = {name: number for number, name in enumerate(names)}
    figure, (axes,) = make_axes(size=(float(np.clip(2.4 + 1.7 * len(conditions), 5, 14)), 5.2))
    random = np.random.default_rng(0)
    n_drawn, ends = 0, list[float]()
    for place, condition in enumerate(conditions):
        own = known[known["condition"] == condition]
        if len(own) > MAX_DOTS:
            own = own.iloc[np.sort(random.choice(len(own), MAX_DOTS, replace=False))]
        n_drawn += len(own)
        if rows != "samples":
            _draw_nuclei(axes, place, own, value, of_replicate, random)
        ends += _draw_means(axes, place, condition, samples, replicates, value, of_replicate)
    n_outside = _limit_axis(axes, known[value].to_numpy(np.float64), [*samples[value], *ends])
    axes.set_xticks(range(len(conditions)), _name_conditions(conditions, known, replicates, rows))
    axes.set_xlim(-0.6, len(conditions) - 0.4)
    axes.set_ylabel(label)
    notes = [f"{n_drawn:,} drawn"] if n_drawn < len(known) else []
    notes += [f"{n_outside:,} outside the axis"] if n_outside else []
    note = f" ({', '.join(notes)})" if notes else ""
    others = [name for name in replicates["replicate_is"].unique() if name != "replicate"]
    what = f" (each {' or '.join(others)} is one)" if others else ""
    enough = replicates["condition"].value_counts().max() >= MIN_REPLICATES
    points = f"Small: {len(known):,} {rows}{note}, large: " if rows != "samples" else "Points: "
    axes.set_title(
        f"{points}{_count(len(samples), 'sample')}\n"
        f"line: mean of replicates{what}{', 95 % interval' if enough else ''}",
        fontsize=10,
    )
    if comparisons is not None:
        _write_comparisons(axes, conditions, comparisons[comparisons["measure"] == value])
    _add_legend(axes, names)
    return figure


def _draw_nuclei(
    axes: Axes,
    place: int,
    own: pd.DataFrame,
    value: str,
    of_replicate: dict[str, int],
    random: np.random.Generator,
) -> None:
    values = own[value].to_numpy(np.float64)
    x = place + _spread(values, random)
    number = own["replicate"].map(of_replicate).to_numpy(np.int64)
    colours = np.array(GROUP_COLOURS)[number % len(GROUP_COLOURS)]
    axes.scatter(
        x, values, s=7, c=colours.tolist(), alpha=0.4, linewidths=0, rasterized=len(own) > 1000
    )


def _spread(values: FloatArray, random: np.random.Generator) -> FloatArray:
    """Sideways shifts by chance, widest where most values lie, so that the outline shows them."""
    counts, edges = np.histogram(values, bins=min(40, max(5, len(values) // 10)))
    at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(counts) - 1)
    width = 0.38 * np.sqrt(counts / counts.max())
    return np.asarray(width[at] * random.uniform(-1, 1, len(values)), np.float64)


def _draw_means(
    axes: Axes,
    place: int,
    condition: str,
    samples: pd.DataFrame,
    replicates: pd.DataFrame,
    value: str,
    of_replicate: dict[str, int],
) -> list[float]:
    """Draw the means of samples and of their replicates; give the ends of the interval drawn."""
    own = name_replicates(samples[samples["condition"] == condition]).reset_index(drop=True)
    # Side by side, in the order of the replicates.
    own = own.iloc[np.argsort(own["replicate"].map(of_replicate), kind="stable")]
    step = min(0.12, 0.5 / max(len(own), 1))
    for i, (name, mean) in enumerate(zip(own["replicate"], own[value], strict=True)):
        number = of_replicate[name]
        axes.plot(
            place + step * (i - (len(own) - 1) / 2),
            mean,
            GROUP_MARKERS[number % len(GROUP_MARKERS)],
            color=GROUP_COLOURS[number % len(GROUP_COLOURS)],
            markeredgecolor="black",
            markeredgewidth=1,
            markersize=9 if len(own) <= 12 else 6,
            zorder=4,
        )
    means = replicates.loc[replicates["condition"] == condition, value].to_numpy(np.float64)
    mean, low, high = estimate_mean(means)
    axes.plot([place - 0.28, place + 0.28], [mean, mean], color="black", linewidth=2, zorder=3)
    # The interval of two replicates dwarfs all else.
    if len(means) < MIN_REPLICATES or not np.isfinite(low):
        return []
    axes.errorbar(
        place,
        mean,
        [[mean - low], [high - mean]],
        color="black",
        linewidth=1.2,
        capsize=6,
        zorder=3,
    )
    return [low, high]


def _limit_axis(axes: Axes, values: FloatArray, inside: Sequence[float]) -> int:
    """Few nuclei far out must not press all others together; give how many are not seen."""
    low, high = np.percentile(values, (0.2, 99.8))
    low, high = float(min(low, *inside)), float(max(high, *inside))
    margin = 0.05 * (high - low) or 0.5
    axes.set_ylim(low - margin, high + margin)
    return int(((values < low - margin) | (values > high + margin)).sum())


def _name_conditions(
    conditions: Sequence[str], known: pd.DataFrame, replicates: pd.DataFrame, rows: str
) -> list[str]:
    n_nuclei = known["condition"].value_counts()
    n_replicates = replicates["condition"].value_counts()
    return [
        f"{name}\n{_count(n_replicates[name], 'replicate')},\n"
        + (_count(n_nuclei[name], "sample") if rows == "samples" else f"{n_nuclei[name]:,} {rows}")
        for name in conditions
    ]


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _write_comparisons(axes: Axes, conditions: Sequence[str], comparisons: pd.DataFrame) -> None:
    if len(comparisons) == 0:
        return
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top + 0.22 * (top - bottom))
    texts = {comparisons["control"].iloc[0]: "difference to this one\n(95 % interval)\np (Holm)"}
    for row in comparisons.to_dict("records"):
        text = "+" if row["difference"] > 0 else ""
        text += format_number(row["difference"]) + "\n"
        if np.isfinite(row["difference_low"]):
            ends = (format_number(row[f"difference_{end}"]) for end in ("low", "high"))
            text += f"({' to '.join(ends)})\n"
        text += f"p = {row['p_holm']:.2g}" if np.isfinite(row["p_holm"]) else "no p-value"
        texts[row["condition"]] = text
    for place, condition in enumerate(conditions):
        axes.annotate(
            texts.get(condition, ""),
            (place, 1),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize=8.5,
        )


def _add_legend(axes: Axes, names: Sequence[str]) -> None:
    if not 1 < len(names) <= 12:
        return
    for number, name in enumerate(names):
        axes.plot(
            [],
            [],
            GROUP_MARKERS[number % len(GROUP_MARKERS)],
            color=GROUP_COLOURS[number % len(GROUP_COLOURS)],
            markeredgecolor="black",
            label=name,
        )
    axes.legend(
        frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1), title="Replicate"
    )


def draw_plates(wells: pd.DataFrame, value: str, *, label: str) -> Figure:
    """Draw a value of every well where it is on its plate.

    The frame is the smallest usual plate with all wells; what kind was used is not known.

    Parameters
    ----------
    wells : DataFrame
        From `autonuclei.measure.conditions.tabulate_wells`.
    value : str
        Column to draw.
    label : str
        Its name and unit for people.
    """
    if len(wells) == 0:
        return draw_text("No sample has a well, such as B03 or r02c05")
    plates = list(dict.fromkeys(wells["plate"]))
    last_row, last_column = int(wells["row"].max()), int(wells["column"].max())
    shape = next(size for size in PLATES if size[0] >= last_row and size[1] >= last_column)
    panel_columns = 1 if len(plates) == 1 else 2
    panel_rows = -(-len(plates) // panel_columns)
    width = 7.2 if panel_columns == 1 else 6.2
    figure, panels = make_axes(
        size=(panel_columns * width, panel_rows * (0.66 * width + 0.3)),
        rows=panel_rows,
        columns=panel_columns,
    )
    known = wells[value].dropna().to_numpy(np.float64)
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    norm = Normalize(low, high)
    colours = matplotlib.colormaps["viridis"]
    for axes, plate in zip(panels, plates, strict=False):
        own = wells[wells["plate"] == plate]
        _draw_plate(axes, own, value, shape, norm, colours)
        count = _count(len(own), "well")
        axes.set_title(f"{plate}, {count}" if plate else count)
    for axes in panels[len(plates) :]:
        axes.set_axis_off()
    bar = figure.colorbar(
        matplotlib.cm.ScalarMappable(norm, colours), ax=list(panels), shrink=0.7, pad=0.02
    )
    bar.set_label(label)
    return figure


def _draw_plate(
    axes: Axes,
    own: pd.DataFrame,
    value: str,
    shape: tuple[int, int],
    norm: Normalize,
    colours: matplotlib.colors.Colormap,
) -> None:
    grid = np.full(shape, np.nan)
    grid[own["row"] - 1, own["column"] - 1] = own[value]
    axes.set_facecolor("#F4F4F4")
    axes.pcolormesh(
        np.arange(shape[1] + 1) + 0.5,
        np.arange(shape[0] + 1) + 0.5,
        np.ma.masked_invalid(grid),
        cmap=colours,
        norm=norm,
        edgecolors="white",
        linewidth=1.5 if shape[1] <= MAX_NUMBERED_COLUMNS else 0.5,
    )
    if shape[1] <= MAX_NUMBERED_COLUMNS:
        for row in own.to_dict("records"):
            number = row[value]
            dark = np.isnan(number) or norm(number) > 0.55
            axes.text(
                row["column"],
                row["row"],
                "-" if np.isnan(number) else format_number(number),
                ha="center",
                va="center",
                fontsize=8,
                color="black" if dark else "white",
            )
    step = 1 if shape[1] <= MAX_NUMBERED_COLUMNS else shape[1] // 12
    axes.set_xticks(range(1, shape[1] + 1, step))
    rows = range(1, shape[0] + 1, step)
    axes.set_yticks(rows, [_name_row(row) for row in rows])
    axes.set(xlim=(0.5, shape[1] + 0.5), ylim=(shape[0] + 0.5, 0.5))
    axes.set_aspect("equal")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set(visible=True, color=DARK_GREY)


def _name_row(row: int) -> str:
    first, second = divmod(row - 1, 26)
    return (chr(ord("A") + first - 1) if first else "") + chr(ord("A") + second)
