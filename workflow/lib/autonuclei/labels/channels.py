"""Measuring all channels of an image in its nuclei and in rings around them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.labels.background import Background, BackgroundGrid
from autonuclei.labels.channel_names import CHANNEL_COLUMNS, name_channels
from autonuclei.labels.rings import find_rings, measure_distance2

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
# For each kind of zone the flat places of all pixels, sorted by nucleus, and how many each has.
Zones = dict[str, tuple[Array, Array]]

# A ring, or the core of a nucleus, with fewer pixels is not measured.
FEWEST_PX = 20

# The largest numbers of cameras and converters of 8, 10, 12, 14 and 16 bits.
FULL_SCALES = (255, 1023, 4095, 16383, 65535)


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
        Width of the ring, and of the gap between outline and ring; see `find_rings`. The core
        of a nucleus lies as far within its outline as the ring lies outside.
    subtract_background
        Take the local background off. Not for images from which it was taken off before: the
        background is then 0.

    Returns
    -------
    DataFrame
        A row per nucleus in order of its label: `frame`, `label`, `ring_area_px` (pixels of the
        ring), `ring_touches_border` (the ring has a pixel in the first or last row or column: it
        may be cut), `background_is_local` (measured near the nucleus; see
        `BackgroundGrid`). For each channel, behind its name and `_`:

        - `mean`, `median`, `total`, `std`, `p05`, `p95`: in the nucleus, with the local
          background taken off (`std` does not depend on it). `total` is the sum of what is left.
          `std` is divided by n, as in `measure_objects` and scikit-image; TrackMate divides by
          n - 1. `p05` and `p95` are the 5 and 95 % points, interpolated as NumPy does.
        - `ring_mean` to `ring_p95`: the same in the ring; NaN with fewer than 20 pixels.
        - `core_mean`: mean of the core, background taken off; NaN with fewer than 20 pixels. The
          optics blur the light of the surroundings and of neighbours into the outermost pixels
          of a nucleus; this is the level without them.
        - `ring_ratio`: `core_mean` over `ring_mean`. NaN where the ring is not above zero by
          three standard errors, those of its mean and of the background.
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
    core = nucleus[distance2.ravel()[nucleus] > gap_px**2]
    core_area = np.bincount(labels.ravel()[core], minlength=numbers.max(initial=0) + 1)[numbers]
    ring, ring_area = _group_pixels(rings, numbers)
    zones = {
        "": (nucleus, area),
        "core_": _leave_out_small(core, core_area),
        "ring_": _leave_out_small(ring, ring_area),
    }
    y, x = _find_centres(nucleus, area, labels.shape[1])
    diameter = 2 * np.sqrt(np.median(area) / np.pi) if len(area) else 0.0
    free = (labels == 0) & (distance2 > (gap_px + ring_px + diameter / 2) ** 2)
    grid = BackgroundGrid(free, y, x, diameter_px=diameter)
    edge = np.concatenate([rings[0], rings[-1], rings[:, 0], rings[:, -1]])
    table: dict[str, Array] = {
        "frame": np.full(len(numbers), frame, np.int64),
        "label": numbers.astype(np.int64),
        "ring_area_px": ring_area,
        "ring_touches_border": np.isin(numbers, edge),
        "background_is_local": np.zeros(len(numbers), np.bool_),
    }
    for name, plane in zip(name_channels(list(planes)), planes.values(), strict=True):
        if subtract_background:
            background = grid.measure(plane)
        else:
            background = Background(np.zeros(len(y)), np.zeros(len(y)), np.zeros(len(y), np.bool_))
        table["background_is_local"] = background.is_local
        measured = _measure_plane(plane, zones, background)
        table |= {f"{name}_{column}": measured[column] for column in CHANNEL_COLUMNS}
    return pd.DataFrame(table)


def _measure_plane(plane: Array, zones: Zones, background: Background) -> dict[str, Floats]:
    """The columns of one channel."""
    columns: dict[str, Floats] = {"background": background.level}
    for prefix, (places, counts) in zones.items():
        values = plane.ravel()[places]
        described = _describe_groups(values, counts)
        if not prefix:
            columns["raw_mean"] = described["mean"]
            columns["saturated"] = _measure_saturation(plane, values, counts)
        for name, numbers in described.items():
            weight: Array | int = counts if name == "total" else 1
            offset = 0 if name == "std" else background.level * weight
            columns[prefix + name] = numbers - offset
    ring_area = np.maximum(zones["ring_"][1], 1)
    error = np.sqrt(columns["ring_std"] ** 2 / ring_area + background.error**2)
    divisor = np.where(columns["ring_mean"] > 3 * error, columns["ring_mean"], np.nan)
    columns["ring_ratio"] = columns["core_mean"] / divisor
    return columns


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


def _leave_out_small(places: Array, counts: Array) -> tuple[Array, Array]:
    """Leave out the pixels of zones that have too few."""
    is_enough = counts >= FEWEST_PX
    return places[np.repeat(is_enough, counts)], np.where(is_enough, counts, 0)


def _find_centres(places: Array, area: Array, width: int) -> tuple[Floats, Floats]:
    """Rows and columns of centroids, for pixels as `_group_pixels` gives them."""
    rows, columns = np.divmod(places, width)
    return _sum_groups(rows, area) / area, _sum_groups(columns, area) / area


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
