"""Measuring all channels of an image in its nuclei and in rings around them."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.labels.background import Background, measure_background
from autonuclei.labels.rings import find_rings, measure_distance2

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

# A ring with fewer pixels is not measured.
SMALLEST_RING_PX = 20

STATISTICS = ("mean", "median", "total", "std", "p05", "p95")
# Columns of each channel, behind its name.
CHANNEL_COLUMNS = (
    *STATISTICS,
    *(f"ring_{name}" for name in STATISTICS),
    "ring_ratio",
    "background",
    "raw_mean",
    "saturated",
)
# The largest numbers of cameras and converters of 8, 10, 12, 14 and 16 bits.
FULL_SCALES = (255, 1023, 4095, 16383, 65535)


def name_channels(names: Sequence[str | None]) -> list[str]:
    """Make names of channels that are safe and unique as the beginning of a column's name.

    Letters without accents, digits and `_` stay, all else becomes `_`. A name that begins with
    a digit gets `channel_` in front of it, one that is missing becomes `channel` and its number,
    counted from 1. A name whose columns there are already, in capital or small letters, gets a
    number at its end. Names that are safe stay as they are.

    Parameters
    ----------
    names
        As the file has them, in the order of its channels.
    """
    taken: set[str] = set()
    safe = []
    for number, name in enumerate(names, start=1):
        plain = unicodedata.normalize("NFKD", name or "").encode("ascii", "ignore").decode()
        stem = re.sub(r"\W+", "_", plain).strip("_") or f"channel{number}"
        if stem[0].isdigit():
            stem = f"channel_{stem}"
        choice, repeat = stem, 1
        while taken & _list_columns(choice):
            repeat += 1
            choice = f"{stem}_{repeat}"
        taken |= _list_columns(choice)
        safe.append(choice)
    return safe


def _list_columns(name: str) -> set[str]:
    return {f"{name}_{column}".lower() for column in CHANNEL_COLUMNS}


def measure_channels(
    labels: Array,
    planes: Mapping[str, Array],
    *,
    frame: int = 0,
    ring_px: float = 5,
    gap_px: float = 2,
    subtract_background: bool = True,
) -> pd.DataFrame:
    """Measure every nucleus, and the ring around it, in every channel.

    Parameters
    ----------
    labels : (height, width) int
        Label image, 0 is background; numbers may have gaps.
    planes : dict of (height, width)
        Grey values by name of channel. Names that are not safe as columns are changed as
        `name_channels` does.
    frame
        Written into the column `frame`.
    ring_px, gap_px
        Width of the ring, and of the gap between outline and ring; see `find_rings`.
    subtract_background
        Take the local background off. Not for images from which it was taken off before: the
        background is then 0.

    Returns
    -------
    DataFrame
        A row per nucleus in order of its label: `frame`, `label`, `ring_area_px` (pixels of the
        ring), `ring_touches_border` (the ring has a pixel in the first or last row or column: it
        may be cut), `background_is_local` (measured within one block of the nucleus; see
        `measure_background`). For each channel, behind its name and `_`:

        - `mean`, `median`, `total`, `std`, `p05`, `p95`: in the nucleus, with the local
          background taken off (`std` does not depend on it). `total` is the sum of what is left.
          `std` is divided by n, as in `measure_objects` and scikit-image; TrackMate divides by
          n - 1. `p05` and `p95` are the 5 and 95 % points, interpolated as NumPy does.
        - `ring_mean` to `ring_p95`: the same in the ring; NaN with fewer than 20 pixels.
        - `ring_ratio`: median of the nucleus over median of its ring. Medians, because the
          optics blur the light of one into the edge of the other. NaN where the ring is not
          above zero by three standard errors, those of its median and of the background.
        - `background`: the grey value that was taken off. NaN, and so is all that needs it,
          where too little of the image is free of cells: pixels count as free when they are
          farther from any nucleus than gap, ring and the radius of a nucleus together.
        - `raw_mean`: mean grey value of the nucleus in the image as it is.
        - `saturated`: share of the nucleus' pixels at the largest grey value, where that of the
          image is the end of a scale of 8, 10, 12, 14 or 16 bits: their true light is unknown.

        A nucleus or ring with a pixel that is NaN or infinite is NaN in that channel.

    Raises
    ------
    ValueError
        Labels and planes differ in shape, the ring has no width or the gap is negative.
    """
    for name, plane in planes.items():
        if plane.shape != labels.shape:
            raise ValueError(f"labels {labels.shape} and {name} {plane.shape} differ in shape")
    if ring_px < 1 or gap_px < 0:
        raise ValueError(f"a ring of {ring_px} px at {gap_px} px: at least 1 and 0 are needed")
    numbers = np.flatnonzero(np.bincount(labels.ravel()))
    numbers = numbers[numbers > 0]
    distance2 = measure_distance2(labels)
    rings = find_rings(labels, distance2, gap_px=gap_px, ring_px=ring_px)
    nucleus, area = _group_pixels(labels, numbers)
    ring, ring_area = _group_pixels(rings, numbers)
    edge = np.concatenate([rings[0], rings[-1], rings[:, 0], rings[:, -1]])
    columns: dict[str, Array] = {
        "frame": np.full(len(numbers), frame, np.int64),
        "label": numbers.astype(np.int64),
        "ring_area_px": ring_area,
        "ring_touches_border": np.isin(numbers, edge),
        "background_is_local": np.zeros(len(numbers), np.bool_),
    }
    diameter = 2 * np.sqrt(np.median(area) / np.pi) if len(area) else 0.0
    free = distance2 > (gap_px + ring_px + diameter / 2) ** 2
    y, x = _find_centres(nucleus, area, labels.shape[1])
    # Too small a ring is as good as none.
    ring = ring[np.repeat(ring_area >= SMALLEST_RING_PX, ring_area)]
    ring_area = np.where(ring_area >= SMALLEST_RING_PX, ring_area, 0)
    for name, plane in zip(name_channels(list(planes)), planes.values(), strict=True):
        if subtract_background:
            background = measure_background(plane, free, y, x, diameter_px=diameter)
        else:
            background = Background(np.zeros(len(y)), 0.0, np.zeros(len(y), np.bool_))
        columns["background_is_local"] = background.is_local
        values = plane.ravel()[nucleus]
        measured = _measure_channel(values, area, plane.ravel()[ring], ring_area, background)
        measured["saturated"] = _measure_saturation(plane, values, area)
        columns |= {f"{name}_{column}": measured[column] for column in CHANNEL_COLUMNS}
    return pd.DataFrame(columns)


def _group_pixels(labels: Array, numbers: Array) -> tuple[Array, Array]:
    """Flat places of all pixels of labels, sorted by label, and how many each has."""
    places = np.flatnonzero(labels)
    own = labels.ravel()[places]
    # NumPy sorts numbers of 16 bits, and only these, in linear time.
    if len(numbers) and numbers[-1] <= np.iinfo(np.uint16).max:
        own = own.astype(np.uint16)
    order = np.argsort(own, kind="stable")
    counts = np.bincount(own, minlength=numbers.max(initial=0) + 1)[numbers]
    return places[order], counts


def _find_centres(places: Array, area: Array, width: int) -> tuple[Floats, Floats]:
    """Rows and columns of centroids, for pixels as `_group_pixels` gives them."""
    rows, columns = np.divmod(places, width)
    return _sum_groups(rows, area) / area, _sum_groups(columns, area) / area


def _measure_channel(
    values: Array, area: Array, ring_values: Array, ring_area: Array, background: Background
) -> dict[str, Floats]:
    """Columns of one channel but for saturation, from grey values sorted by nucleus."""
    nucleus = _describe_groups(values, area)
    ring = _describe_groups(ring_values, ring_area)
    columns = {"background": background.level, "raw_mean": nucleus["mean"]}
    for prefix, numbers, counts in (("", nucleus, area), ("ring_", ring, ring_area)):
        for name in STATISTICS:
            offset: Floats | float = background.level
            if name == "total":
                offset = background.level * counts
            elif name == "std":
                offset = 0.0
            columns[f"{prefix}{name}"] = numbers[name] - offset
    # The standard error of a median of normal values is that of their mean times 1.25.
    error2 = 1.5708 * ring["std"] ** 2 / np.maximum(ring_area, 1) + background.error**2
    is_clear = columns["ring_median"] > 3 * np.sqrt(error2)
    divisor = np.where(is_clear, columns["ring_median"], np.nan)
    columns["ring_ratio"] = columns["median"] / divisor
    return columns


def _describe_groups(values: Array, counts: Array) -> dict[str, Floats]:
    """Statistics of groups of values that follow each other; NaN for a group without values."""
    ends = np.cumsum(counts)
    values = values.copy()
    for start, end in zip((ends - counts).tolist(), ends.tolist(), strict=True):
        values[start:end].sort()
    filled = np.where(counts > 0, counts, np.nan)
    points = {"p05": 0.05, "median": 0.5, "p95": 0.95}
    with np.errstate(invalid="ignore"):  # infinite pixels
        total = np.where(counts > 0, _sum_groups(values, counts), np.nan)
        deviation = values - np.repeat(total / filled, counts)
        described = {
            name: _pick_points(values, ends - counts, counts, share)
            for name, share in points.items()
        }
        described["total"] = total
        described["mean"] = total / filled
        described["std"] = np.sqrt(_sum_groups(deviation * deviation, counts) / filled)
    if values.dtype.kind == "f":
        is_broken = _sum_groups(~np.isfinite(values), counts) > 0
        for name, numbers in described.items():
            described[name] = np.where(is_broken, np.nan, numbers)
    return described


def _pick_points(values: Array, starts: Array, counts: Array, share: float) -> Floats:
    """The value below which a share of each sorted group lies, interpolated linearly."""
    picked = np.full(len(counts), np.nan)
    some = counts > 0
    place = share * (counts[some] - 1)
    lower = np.floor(place).astype(np.int64)
    upper = np.ceil(place).astype(np.int64)
    first = values[starts[some] + lower].astype(np.float64)
    picked[some] = first + (place - lower) * (values[starts[some] + upper] - first)
    return picked


def _sum_groups(values: Array, counts: Array) -> Floats:
    """Sums of groups of values that follow each other."""
    sums = np.zeros(len(counts))
    some = counts > 0
    if some.any():
        starts = (np.cumsum(counts) - counts)[some]
        sums[some] = np.add.reduceat(values, starts, dtype=np.float64)
    return sums


def _measure_saturation(plane: Array, values: Array, counts: Array) -> Floats:
    """Share of saturated pixels per group."""
    top = plane.max(initial=0) if plane.dtype.kind in "ui" else 0
    if top not in FULL_SCALES:
        return np.zeros(len(counts))
    return _sum_groups(values == top, counts) / counts
