"""How all that a person looks at appears: colours, brightness, scale bars, numbers, files."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.colors import Colormap, LinearSegmentedColormap

from autonuclei.io.files import write_beside
from autonuclei.labels.strips import cut_strips

if TYPE_CHECKING:  # films, views and pages need the colours only
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE, SKY, GREEN, YELLOW = "#0072B2", "#56B4E9", "#009E73", "#F0E442"
ORANGE, VERMILLION, PINK = "#E69F00", "#D55E00", "#CC79A7"
WHITE, GREY, DARK_GREY = "#FFFFFF", "#999999", "#6B6B6B"
STAGE_COLOURS = {"annotation": ORANGE, "segmentation": BLUE}
# Outlines over raw images, in pictures, films and the viewer.
OUTLINE_COLOUR = "#FFDD00"
# Slow to fast, blue to red as in Englbrecht et al. 2021. Every step also gets lighter or
# darker against a dark image, so that the order does not rest on hue alone.
SPEED_COLOURS: Colormap = LinearSegmentedColormap.from_list(
    "speed", ["#3D5BFF", "#39B5FF", "#F2F0C0", "#FF9A3C", "#FF2B1C"]
)
UNIT_LABELS = {
    "um": "µm",
    "px": "px",
    "um_per_min": "µm/min",
    "um_per_frame": "µm/frame",
    "px_per_min": "px/min",
    "px_per_frame": "px/frame",
}


def save_figure(figure: "Figure", paths: Sequence[str | os.PathLike[str]]) -> None:
    """Write a figure to each path, in the format of its suffix (SVG or PNG).

    The same figure gives the same bytes.
    """
    # Letters stay letters, to be edited and searched; parts of the SVG get the same names.
    with matplotlib.rc_context({"svg.hashsalt": "autonuclei", "svg.fonttype": "none"}):
        for path in paths:
            suffix = Path(path).suffix.removeprefix(".")
            metadata = {"Date": None} if suffix == "svg" else {"Software": None}
            with write_beside(path) as partial:
                figure.savefig(partial, format=suffix, dpi=150, metadata=metadata)
            # What lies where takes half the time, and need not be found for each file again.
            figure.set_layout_engine("none")


def say_instead(axes: "Axes", text: str, **style: Any) -> None:
    """Write into the middle of axes why there is nothing to see in them."""
    axes.text(0.5, 0.5, text, ha="center", transform=axes.transAxes, **style)


def find_limits(values: Array, percentiles: tuple[float, float] = (1, 99.8)) -> tuple[float, float]:
    """Find the grey values to show as black and as white.

    Parameters
    ----------
    values
        Grey values, of any shape; those that are NaN or infinite do not count.
    percentiles
        Which of them; where both have the same value, as with one small nucleus on a black
        background, white is the brightest.
    """
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 0.0
    low, high = (float(value) for value in np.percentile(values, percentiles))
    return low, high if high > low else float(values.max())


def stretch_grey(
    image: Array, limits: tuple[float, float] | None = None, *, white: float = 1.0
) -> npt.NDArray[np.float64]:
    """Map grey values to 0 (black) to `white`; a constant image and NaN become black.

    Parameters
    ----------
    image
        Grey values, of any shape and type.
    limits
        The values that become black and white; None: those of `find_limits`.
    white
        255 for images of 8 bits.
    """
    low, high = find_limits(image) if limits is None else limits
    scaled = (image.astype(np.float64) - low) * (white / max(high - low, 1e-20))
    if image.dtype.kind == "f":
        scaled[np.isnan(scaled)] = 0
    return scaled.clip(0, white)


def stretch_bytes(image: Array, limits: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Map grey values to 0 (black) to 255 (white), as `stretch_grey`, a strip at a time.

    Parameters
    ----------
    image : (height, width)
        Grey values of any type.
    limits
        The values that become black and white.
    """
    grey = np.empty(image.shape, np.uint8)
    is_short = image.dtype in (np.uint8, np.uint16)
    table = np.arange(np.iinfo(image.dtype).max + 1 if is_short else 0)
    table = stretch_grey(table, limits, white=255).astype(np.uint8)
    for block, strip in cut_strips(image):
        # What each of some ten thousand values becomes is looked up.
        shown = table[strip] if is_short else stretch_grey(strip, limits, white=255)
        grey[block.slices] = shown
    return grey


def choose_bar_length(width: float) -> float:
    """Choose a round length (1, 2 or 5 times a power of ten) up to a quarter of a width."""
    limit = width / 4
    power = 10.0 ** np.floor(np.log10(limit))
    return float(max(digit * power for digit in (1, 2, 5) if digit * power <= limit * (1 + 1e-9)))


def choose_speed_limits(speeds: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Choose the ends of the speed colours: 0 and the 98th percentile (1 if all rest).

    `speeds` may hold NaN.
    """
    known = speeds[np.isfinite(speeds)]
    fastest = float(np.percentile(known, 98)) if len(known) else 0.0
    return 0.0, fastest if fastest > 0 else 1.0


def format_number(value: float | int | str | None) -> str:
    """Write a number for people: three digits, thousands apart, "undefined" for NaN and None."""
    if value is None or isinstance(value, str):
        return value or "undefined"
    if math.isnan(value):
        return "undefined"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def name_measure(name: str) -> str:
    """Name a column of the tables of an experiment for people, with its unit."""
    known = {
        "nuclei_per_mm2": "Nuclei per mm²",
        "nuclei_per_megapixel": "Nuclei per million px",
        "area_um2": "Area of a nucleus (µm²)",
        "area_px": "Area of a nucleus (px)",
        "mean_intensity": "Mean intensity (grey values)",
        "mitoses_per_nucleus_and_hour": "Divisions per nucleus and h",
        "mitoses_per_nucleus_and_frame": "Divisions per nucleus and frame",
        "median_cycle_min": "Median cycle, birth to division (min)",
        "median_cycle_frames": "Median cycle, birth to division (frames)",
    }
    if name in known:
        return known[name]
    if name.startswith("mean_speed_"):
        return f"Mean speed of a track ({UNIT_LABELS[name.removeprefix('mean_speed_')]})"
    if name.endswith("_core_mean"):
        return f"{name.removesuffix('_core_mean')} in the nucleus (grey values)"
    return f"{name.removesuffix('_ring_ratio')}, nucleus over ring"
