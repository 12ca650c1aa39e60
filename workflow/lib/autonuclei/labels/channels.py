"""Measuring all channels of an image in its nuclei and in rings around them."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.background import Background, BackgroundGrid
from autonuclei.labels.blocks import Block
from autonuclei.labels.channel_names import CHANNEL_COLUMNS, list_all_columns, name_channels
from autonuclei.labels.rings import find_rings, measure_distance2
from autonuclei.labels.shapes import find_centres
from autonuclei.labels.strips import (
    Strip,
    count_pixels,
    cut_strips,
    hold,
    list_strips,
    share_out,
)

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
# For each kind of zone the flat places of all pixels, sorted by nucleus, and how many each has.
Zones = dict[str, tuple[Array, Array]]

# A ring, or the core of a nucleus, with fewer pixels is not measured.
FEWEST_PX = 20

# The largest numbers of cameras and converters of 8, 10, 12, 14 and 16 bits.
FULL_SCALES = (255, 1023, 4095, 16383, 65535)


def measure_channels(
    labels: ArrayLike,
    planes: Mapping[str, ArrayLike],
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
    labels = hold(labels)
    planes = {name: hold(plane) for name, plane in planes.items()}
    area = count_pixels(labels)
    area[0] = 0
    numbers = np.flatnonzero(area)
    diameter = 2 * np.sqrt(np.median(area[numbers]) / np.pi) if len(numbers) else 0.0
    map_distance = _DistanceMap(labels)
    centres = find_centres(labels)[numbers]
    free = _find_free(labels, map_distance, gap_px + ring_px + diameter / 2)
    grid = BackgroundGrid(free, *centres.T, diameter_px=diameter)
    channels = []
    for name, plane in zip(name_channels(list(planes)), planes.values(), strict=True):
        background = Background.none(len(numbers))
        if subtract_background:
            background = grid.measure(plane)
        channels.append((name, plane, background, _find_top(plane)))
    parts = []
    # A pixel of a ring may be as near to another nucleus, which is then as far from the ring.
    for strip in share_out(labels, margin=math.ceil(2 * (gap_px + ring_px)) + 1):
        part, zones = _find_zones(strip, map_distance(strip.block), labels.shape, gap_px, ring_px)
        part["frame"] = np.full(len(part["label"]), frame, np.int64)
        part["background_is_local"] = np.zeros(len(part["label"]), np.bool_)
        for name, plane, background, top in channels:
            own = background.take(np.searchsorted(numbers, part["label"]))
            measured = _measure_plane(plane[strip.block.slices], zones, own, top)
            part["background_is_local"] = own.is_local
            part |= {f"{name}_{column}": measured[column] for column in CHANNEL_COLUMNS}
        parts.append(part)
    names = list_all_columns([name for name, *_ in channels])
    order = np.argsort(np.concatenate([part["label"] for part in parts]), kind="stable")
    return pd.DataFrame(
        {name: np.concatenate([part[name] for part in parts])[order] for name in names}
    )


class _DistanceMap:
    """The map of `measure_distance2` of parts of a label image; the last one is kept."""

    def __init__(self, labels: ArrayLike) -> None:
        self._labels = labels
        self._block: Block | None = None
        self._map: Array = np.zeros((0, 0), np.float32)

    def __call__(self, block: Block) -> Array:
        if block != self._block:
            self._map = measure_distance2(self._labels[block.slices])
            self._block = block
        return self._map


def _find_free(labels: ArrayLike, map_distance: _DistanceMap, reach_px: float) -> Array:
    """Pixels that are farther from any nucleus than a distance."""
    free = np.empty(labels.shape, np.bool_)
    for block in list_strips(labels.shape):
        window = block.grow(math.ceil(reach_px) + 1, labels.shape)
        inside = block.place_in(window).slices
        far = map_distance(window)[inside] > reach_px**2
        free[block.slices] = far & (labels[block.slices] == 0)
    return free


def _find_zones(
    strip: Strip, distance2: Array, shape: tuple[int, ...], gap_px: float, ring_px: float
) -> tuple[dict[str, Array], Zones]:
    """The zones of the nuclei of a strip, and what is known of each without a channel."""
    rings = find_rings(strip.labels, distance2, gap_px=gap_px, ring_px=ring_px)
    rings[~strip.owned[rings]] = 0
    labels = strip.own_labels
    numbers = np.unique(labels)
    numbers = numbers[numbers > 0].astype(np.int64)
    nucleus, area = _group_pixels(labels, numbers)
    core = nucleus[distance2.ravel()[nucleus] > gap_px**2]
    core_area = np.bincount(labels.ravel()[core], minlength=numbers.max(initial=0) + 1)[numbers]
    ring, ring_area = _group_pixels(rings, numbers)
    zones = {
        "": (nucleus, area),
        "core_": _leave_out_small(core, core_area),
        "ring_": _leave_out_small(ring, ring_area),
    }
    edge = [rings[:, 0], rings[:, -1]]
    edge += [rings[0]] if strip.block.row == 0 else []
    edge += [rings[-1]] if strip.block.end_row == shape[0] else []
    return {
        "label": numbers,
        "ring_area_px": ring_area,
        "ring_touches_border": np.isin(numbers, np.concatenate(edge)),
    }, zones


def _measure_plane(
    plane: Array, zones: Zones, background: Background, top: float
) -> dict[str, Floats]:
    """The columns of one channel of a strip; `top` as of `_find_top`."""
    columns: dict[str, Floats] = {"background": background.level}
    for prefix, (places, counts) in zones.items():
        values = plane.ravel()[places]
        described = _describe_groups(values, counts)
        if not prefix:
            columns["raw_mean"] = described["mean"]
            columns["saturated"] = _sum_groups(values == top, counts) / counts
        for name, numbers in described.items():
            weight: Array | int = counts if name == "total" else 1
            offset = 0 if name == "std" else background.level * weight
            columns[prefix + name] = numbers - offset
    ring_area = np.maximum(zones["ring_"][1], 1)
    error = np.sqrt(columns["ring_std"] ** 2 / ring_area + background.error**2)
    divisor = np.where(columns["ring_mean"] > 3 * error, columns["ring_mean"], np.nan)
    columns["ring_ratio"] = columns["core_mean"] / divisor
    return columns


def _find_top(plane: ArrayLike) -> float:
    """The largest value of a channel where it is the end of a scale, else infinity."""
    if plane.dtype.kind not in "ui":
        return np.inf
    top = max(int(strip.max(initial=0)) for _, strip in cut_strips(plane))
    return top if top in FULL_SCALES else np.inf


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
