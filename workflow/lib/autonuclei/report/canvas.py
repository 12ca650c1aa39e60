"""Empty figures for the figure modules, and what their axes have in common."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autonuclei.measure.units import Units
from autonuclei.report.style import (
    BLUE,
    DARK_GREY,
    GREEN,
    ORANGE,
    PINK,
    SKY,
    UNIT_LABELS,
    VERMILLION,
    say_instead,
)

FloatArray = npt.NDArray[np.float64]

# Groups, by colour and by marker: yellow is too pale for dots on white.
GROUP_COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILLION, DARK_GREY)
GROUP_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")


def make_axes(
    *, size: tuple[float, float], rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Figure, Sequence[Axes]]:
    """Make a figure with axes, row by row; `options` as in `Figure.subplots`."""
    style: dict[Any, Any] = {
        "axes.titlesize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(axes.ravel())


def draw_text(text: str) -> Figure:
    """A figure that says why there is nothing to see."""
    figure, (axes,) = make_axes(size=(6, 3))
    axes.set_axis_off()
    say_instead(axes, text, va="center", fontsize=13, color=DARK_GREY)
    return figure


def scale_time(longest: float, units: Units) -> tuple[float, str]:
    """Factor to the unit in which a time is shown, and its name: frames, min, or h if long."""
    if units.frame_interval_min is None:
        return 1.0, "frames"
    return (1 / 60, "h") if longest > 180 else (1.0, "min")


def name_quantity(column: str, units: Units, *, time: str = "") -> str:
    """Name a column of a table of cycles for people, with its unit.

    Parameters
    ----------
    column : str
        Such as `birth_area_um2`, `duration_min` or `birth_mean_intensity`.
    units : Units
    time : str
        Unit in which times are shown; empty: that of the table.
    """
    known = {
        f"duration_{units.time}": f"Cycle duration ({time or units.time})",
        f"observed_{units.time}": f"Time since birth ({time or units.time})",
        "area_px": "Area (px)",
        "area_um2": "Area (µm²)",
        "birth_area_px": "Area at birth (px)",
        "birth_area_um2": "Area at birth (µm²)",
        "area_growth_per_hour": "Growth of the area (per h)",
        "area_growth_per_frame": "Growth of the area (per frame)",
        f"speed_{units.speed}": f"Speed ({UNIT_LABELS[units.speed]})",
    }
    if column in known:
        return known[column]
    words = column.removeprefix("birth_").replace("_", " ")
    at_birth = " at birth" if column.startswith("birth_") else ""
    return f"{words[:1].upper()}{words[1:]}{at_birth}"
