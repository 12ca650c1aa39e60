"""From objects in frames to tracks, divisions and lineages.

Neighbouring frames are linked by linear assignment (Jaqaman et al. 2008, Nature Methods 5:695)
with costs that are negative log-likelihoods of how far a nucleus moves and how much its area
and brightness change; the scales of these come from the movie itself. Divisions are found in a
second pass, once the past of every possible mother and the future of every possible daughter
are known, and then the rest is linked again. Gaps are closed last.
"""

import logging
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

from autonuclei.errors import InputError

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_REQUIRED = ("frame", "label", "y_px", "x_px", "area_px")

# Heavier tails than a normal distribution: a nucleus that jumps once is still the same one.
_TAIL_MOVE = 6.0
_TAIL_LOOK = 3.0
# Cost (in nats) of a track that ends or starts in the middle of the field and at its border.
_END_INSIDE, _END_BORDER = 7.0, 4.0
_CUT_SHIFT = 0.15  # of a diameter
_MISSED = 2.0  # cost of one frame in which a nucleus is missed
_WEIGHT_LOOK = 0.8
_LOOK_CAP = 5.0
_RARITY = 3.0  # most that an end costs more where nuclei move little
_ROUNDS = 2  # of measuring scales and motion from the links
_DIM = 0.1  # of the usual contrast, added to each
_HISTORY = 5  # frames before a division that tell what the mother usually looks like
_FUTURE = 4  # frames after it that tell whether the daughters live and grow
_NEIGHBOURS = 8
_REST = 4  # frames from birth in which a nucleus does not divide


@dataclass(frozen=True, kw_only=True)
class LinkSettings:
    """How objects are linked. None means: derive it from the movie.

    Distances are in um when the pixel size is known, in px otherwise.
    """

    max_link_distance: float | None = None
    max_division_distance: float | None = None  # from the mother to a daughter
    max_gap_distance: float | None = None
    max_frame_gap: int = 2  # 2 lets one frame be missed, as in TrackMate; 1 closes no gap
    find_divisions: bool = True
    min_division_score: float = 0.4
    remove_drift: bool = True


@dataclass(frozen=True)
class LinkResult:
    """The tracks, one row per track of their lineages, and what was derived from the movie."""

    tracks: pd.DataFrame
    lineages: pd.DataFrame
    used: dict[str, Any]


@dataclass(frozen=True)
class _Spots:
    """Objects of all frames as arrays, sorted by frame; NaN where a value is unknown."""

    position: Floats  # (n, 2), rows and columns, um or px, drift removed
    time: Ints  # (n,) frame number
    log_area: Floats
    log_mean: Floats
    eccentricity: Floats
    orientation: Floats
    border: Bools
    first: Ints  # (k + 1,) spots of the k-th frame are first[k]:first[k + 1]
    frames: Ints  # (k,) frame numbers that hold objects

    def of(self, k: int) -> slice:
        return slice(int(self.first[k]), int(self.first[k + 1]))


@dataclass(frozen=True)
class _Scales:
    """What is normal in this movie. Lengths in um or px, changes per frame."""

    diameter: float
    neighbour: float
    move: float  # standard deviation of the step along one axis
    area: float  # standard deviation of the change of log area
    mean: float  # and of log mean intensity
    reach: float
    own_motion: float = 0.0  # how much of a nucleus' last step it repeats
    flow: float = 0.0  # and of its neighbours' present step


@dataclass(frozen=True)
class _Pairs:
    """Possible links between neighbouring frames, sorted by source."""

    source: Ints
    target: Ints
    cost: Floats


def _read_spots(objects: pd.DataFrame) -> _Spots:
    missing = [name for name in _REQUIRED if name not in objects]
    if missing:
        raise InputError(
            f"Object table: the columns {', '.join(missing)} are missing. Measure the label"
            " images again."
        )
    if objects.duplicated(["frame", "label"]).any():
        row = objects.loc[objects.duplicated(["frame", "label"])].iloc[0]
        raise InputError(
            f"Object table: label {int(row.label)} is listed twice in frame {int(row.frame)}."
            " Measure the label images again."
        )

    def column(name: str) -> Floats:
        if name not in objects:
            return np.full(len(objects), np.nan)
        return objects[name].to_numpy(float)

    unit = "um" if _has_microns(objects) else "px"
    position = np.column_stack([column(f"y_{unit}"), column(f"x_{unit}")])
    if not np.isfinite(position).all():
        raise InputError(
            f"Object table: y_{unit} or x_{unit} is empty in some rows. Measure the label images"
            " again."
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        log_area = np.log(column("area_px"))
    time = objects["frame"].to_numpy(np.int64)
    frames, first = np.unique(time, return_index=True)
    border = column("touches_border")
    return _Spots(
        position=position,
        time=time,
        log_area=np.where(np.isfinite(log_area), log_area, np.nan),
        log_mean=_log_contrast(column("mean_intensity"), column("background_intensity")),
        eccentricity=column("eccentricity"),
        orientation=column("orientation_rad"),
        border=np.nan_to_num(border, nan=0.0).astype(bool),
        first=np.append(first, len(time)).astype(np.int64),
        frames=frames.astype(np.int64),
    )


def _log_contrast(mean: Floats, background: Floats) -> Floats:
    """Give the log of how much brighter than the background each nucleus is, in any unit.

    Cameras add a constant, which may be far larger than the signal; without it brightness is
    proportional to DNA. Where the background is unknown it is guessed: nuclei of one movie
    differ in brightness by about a third.
    """
    mean = np.where(np.isfinite(mean), mean, np.nan)
    guess = _median(mean) - 3 * _spread(mean)
    if np.isfinite(guess) and np.nanmin(mean) >= 0:
        guess = max(guess, 0.0)
    contrast = np.maximum(mean - np.where(np.isfinite(background), background, guess), 0.0)
    # The relative error of a dim nucleus is large; a share of the usual contrast tames it.
    usual = _median(contrast)
    if not usual > 0:
        return np.full(len(mean), np.nan)
    return np.asarray(np.log(contrast + _DIM * usual))


def _has_microns(objects: pd.DataFrame) -> bool:
    return bool({"y_um", "x_um"} <= set(objects) and objects["y_um"].notna().all())


def _length_per_px(objects: pd.DataFrame) -> float:
    """Give um per px (1 when lengths stay in px) from the two areas of the same nucleus."""
    if not _has_microns(objects) or "area_um2" not in objects:
        return 1.0
    ratio = _median((objects["area_um2"] / objects["area_px"]).to_numpy(float))
    return float(np.sqrt(ratio)) if np.isfinite(ratio) else 1.0


# ----------------------------------------------------------------------------------- drift


def _estimate_drift(spots: _Spots, reach: float, bin_width: float) -> Floats:
    """Give the stage position of every frame, (k, 2), from where most nuclei go together.

    All steps between two frames up to `reach` long are counted on a grid: true steps pile up
    at the drift, wrong ones spread evenly. A pile counts only when it clearly beats the one
    at no drift.
    """
    total = np.zeros((len(spots.frames), 2))
    for k in range(len(spots.frames) - 1):
        total[k + 1] = total[k] + _estimate_step(
            spots.position[spots.of(k)], spots.position[spots.of(k + 1)], reach, bin_width
        )
    return total


def _estimate_step(one: Floats, other: Floats, reach: float, width: float) -> Floats:
    if min(len(one), len(other)) < 6:
        return np.zeros(2)
    # A few hundred nuclei tell the drift of all.
    if len(one) > 1500:
        one = one[:: len(one) // 1500 + 1]
    tree = cKDTree(other)
    near = tree.query_ball_point(one, reach)
    source = np.repeat(np.arange(len(one)), [len(found) for found in near])
    if len(source) == 0:
        return np.zeros(2)
    target = np.concatenate([np.asarray(found, np.int64) for found in near if len(found)])
    steps = other[target] - one[source]
    votes = cKDTree(steps)
    # A soft count of the steps around each step, on the steps of a subset as places to try.
    places = np.vstack([np.zeros((1, 2)), steps[:: len(steps) // 4000 + 1]])
    counts = votes.query_ball_point(places, width, return_length=True).astype(float)
    best = int(np.argmax(counts))
    chance = len(steps) * (width / reach) ** 2
    if counts[best] < counts[0] + 3 * np.sqrt(counts[0] + chance) + 0.1 * len(one):
        best = 0
    centre = places[best]
    for _ in range(5):
        inside = steps[np.hypot(*(steps - centre).T) < width]
        if len(inside) < max(5, 0.2 * min(len(one), len(other))):
            return np.zeros(2)
        centre = inside.mean(axis=0)
    # The spread of a mean over few nuclei is no drift.
    error = inside.std(axis=0) / np.sqrt(len(inside))
    return np.where(np.abs(centre) > 3 * error, centre, 0.0)


# --------------------------------------------------------------------------- plain linking


def _measure_scales(spots: _Spots, per_px: float) -> _Scales:
    """Give first values from mutual nearest neighbours in neighbouring frames."""
    with np.errstate(invalid="ignore"):
        diameter = 2 * float(np.sqrt(np.nanmedian(np.exp(spots.log_area)) / np.pi)) * per_px
    if not np.isfinite(diameter) or diameter <= 0:
        diameter = 1.0
    gaps, steps, areas, means = [], [], [], []
    for k in range(len(spots.frames)):
        here = spots.of(k)
        tree = cKDTree(spots.position[here])
        if here.stop - here.start > 1:
            gaps.append(tree.query(spots.position[here], k=2)[0][:, 1])
        if k + 1 < len(spots.frames):
            there = spots.of(k + 1)
            distance, forth = cKDTree(spots.position[there]).query(spots.position[here])
            _, back = tree.query(spots.position[there])
            mutual = back[forth] == np.arange(len(forth))
            steps.append(distance[mutual])
            source, target = np.flatnonzero(mutual) + here.start, forth[mutual] + there.start
            areas.append(spots.log_area[target] - spots.log_area[source])
            means.append(spots.log_mean[target] - spots.log_mean[source])
    neighbour = float(np.median(np.concatenate(gaps))) if gaps else 3 * diameter
    return _with_spread(
        _Scales(diameter, max(neighbour, 1e-9), 0.0, 0.0, 0.0, 0.0),
        np.concatenate(steps) if steps else np.array([]),
        np.concatenate(areas) if areas else np.array([]),
        np.concatenate(means) if means else np.array([]),
    )


def _with_spread(scales: _Scales, steps: Floats, areas: Floats, means: Floats) -> _Scales:
    """Give the scales with robust spreads; floors keep a nearly still movie linkable."""
    floor = 0.05 * scales.diameter
    # The median length of a two-dimensional normal step is sigma sqrt(2 ln 2).
    move = float(np.median(steps)) / np.sqrt(2 * np.log(2)) if len(steps) else 0.2 * scales.diameter
    move = max(move, floor)
    reach = max(8 * move, 1.5 * scales.diameter)
    reach = min(reach, max(4 * scales.neighbour, 2 * scales.diameter))
    return replace(
        scales,
        move=move,
        area=max(_spread(areas), 0.04),
        mean=max(_spread(means), 0.03),
        reach=reach,
    )


def _spread(values: Floats) -> float:
    """Give a robust standard deviation; 0 for no values."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return 0.0
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _tail_cost(square: Floats, dimensions: int, tail: float) -> Floats:
    """Give the negative log-likelihood of Student's t, 0 in the middle."""
    return np.asarray((tail + dimensions) / 2 * np.log1p(square / tail))


def _look_cost(change: Floats, scale: float) -> Floats:
    """Give the cost of a change of log area or log intensity; 0 where it is unknown.

    It is bounded: a nucleus that condenses for mitosis within a frame is still the same one.
    """
    cost = _tail_cost((change / scale) ** 2, 1, _TAIL_LOOK)
    return np.minimum(np.nan_to_num(cost, nan=0.0), _LOOK_CAP)


def _end_costs(spots: _Spots, scales: _Scales) -> Floats:
    """Give the cost of an end (or a start) at each spot.

    Where nuclei move little for their distance, a spot within reach is hardly there by chance,
    and an end must cost more.
    """
    crowding = 2 * np.pi * (scales.move / scales.neighbour) ** 2
    rarity = float(np.clip(-0.5 * np.log(crowding), 0, _RARITY))
    return np.where(spots.border, _END_BORDER, _END_INSIDE) + rarity


def _list_pairs(
    spots: _Spots, scales: _Scales, expected: Floats, max_step: int, limit: float | None
) -> _Pairs:
    """List possible links from each frame to the next one that holds objects, with costs.

    `expected` (n, 2) is where each spot is looked for, drift aside. Frames further apart than
    `max_step` are not linked.
    """
    sources, targets, costs = [], [], []
    ends = _end_costs(spots, scales)
    for k in range(len(spots.frames) - 1):
        step = int(spots.frames[k + 1] - spots.frames[k])
        if step > max_step:
            continue
        here, there = spots.of(k), spots.of(k + 1)
        reach = scales.reach * np.sqrt(step)
        if limit is not None:
            reach = min(reach, limit * step)
        near = min(_NEIGHBOURS, there.stop - there.start)
        distance, found = cKDTree(spots.position[there]).query(
            spots.position[here] + expected[here], k=near, distance_upper_bound=reach
        )
        found = found.reshape(-1, near)
        distance = distance.reshape(-1, near)
        keep = np.isfinite(distance)
        source = np.broadcast_to(np.arange(here.start, here.stop)[:, None], keep.shape)[keep]
        target = found[keep] + there.start
        cost = _pair_cost(spots, scales, source, target, distance[keep], step)
        good = cost < ends[source] + ends[target]
        sources.append(source[good])
        targets.append(target[good])
        costs.append(cost[good])
    if not sources:
        none = np.array([], np.int64)
        return _Pairs(none, none, np.array([]))
    return _Pairs(np.concatenate(sources), np.concatenate(targets), np.concatenate(costs))


def _pair_cost(
    spots: _Spots, scales: _Scales, source: Ints, target: Ints, distance: Floats, step: int
) -> Floats:
    # What the border cuts off moves the centroid and changes the area.
    cut = spots.border[source] | spots.border[target]
    move = np.hypot(scales.move * np.sqrt(step), np.where(cut, _CUT_SHIFT * scales.diameter, 0.0))
    cost = _tail_cost((distance / move) ** 2, 2, _TAIL_MOVE)
    area = spots.log_area[target] - spots.log_area[source]
    mean = spots.log_mean[target] - spots.log_mean[source]
    if np.isfinite(mean).any():
        # Bleaching and a flickering lamp change all nuclei alike.
        mean = mean - np.nanmedian(mean)
    # Chromatin is kept: what condenses gets brighter. Area alone tells nuclei apart, too.
    total = mean + np.where(cut, 0.0, area)
    look = np.where(cut, 0.0, _look_cost(area, scales.area * np.sqrt(step)))
    look += _look_cost(total, np.hypot(scales.mean, scales.area) * np.sqrt(step))
    return np.asarray(cost + _WEIGHT_LOOK * look)


def _assign(pairs: _Pairs, ends: Floats, taken: Bools, given: Bools) -> tuple[Ints, Ints]:
    """Solve all frame pairs; give the successor and predecessor of each spot, -1 = none.

    `taken` sources and `given` targets (the parts of known divisions) take no part.
    """
    total = len(ends)
    following = np.full(total, -1, np.int64)
    before = np.full(total, -1, np.int64)
    free = ~taken[pairs.source] & ~given[pairs.target]
    source, target, cost = pairs.source[free], pairs.target[free], pairs.cost[free]
    if len(source) == 0:
        return following, before
    gain = cost - ends[source] - ends[target]  # below 0: better linked than not
    # Frame pairs do not interact, and most of a frame falls apart into small groups; the
    # matching takes them all at once but its time grows faster than linearly, so by groups.
    rows, row_of = np.unique(source, return_inverse=True)
    columns, column_of = np.unique(target, return_inverse=True)
    graph = coo_array(
        (np.ones(len(source), np.int8), (row_of, column_of + len(rows))),
        shape=(len(rows) + len(columns),) * 2,
    )
    _, group = connected_components(graph, directed=False)
    # Sorted by group, chunks of whole groups hold a few thousand links each.
    order = np.argsort(group[row_of], kind="stable")
    group_of_link = group[row_of][order]
    cuts = np.flatnonzero(np.diff(group_of_link)) + 1
    edges = np.append(np.insert(cuts, 0, 0), len(order))
    start = 0
    while start < len(edges) - 1:
        stop = max(start + 1, int(np.searchsorted(edges, edges[start] + 4000, "right")) - 1)
        links = order[edges[start] : edges[stop]]
        chosen = _match(source[links], target[links], gain[links])
        following[source[links][chosen]] = target[links][chosen]
        before[target[links][chosen]] = source[links][chosen]
        start = stop
    return following, before


def _match(source: Ints, target: Ints, gain: Floats) -> Ints:
    """Give the indices of the links of the best matching; every source may stay free at 0."""
    rows, row_of = np.unique(source, return_inverse=True)
    columns, column_of = np.unique(target, return_inverse=True)
    count = len(rows)
    # One own column per source stands for "unlinked". The matching treats 0 as no link, and
    # each source is matched exactly once, so a constant on everything changes nothing.
    lift = 1.0 - float(gain.min())
    matrix = coo_array(
        (
            np.concatenate([gain + lift, np.full(count, lift)]),
            (
                np.concatenate([row_of, np.arange(count)]),
                np.concatenate([column_of, len(columns) + np.arange(count)]),
            ),
        ),
        shape=(count, len(columns) + count),
    ).tocsr()
    matched_rows, matched_columns = min_weight_full_bipartite_matching(matrix)
    partner = np.full(count, -1, np.int64)
    partner[matched_rows] = matched_columns
    return np.flatnonzero(partner[row_of] == column_of)


def _predict_motion(
    spots: _Spots, scales: _Scales, following: Ints, before: Ints
) -> tuple[Floats, _Scales]:
    """Give where each spot goes (n, 2) and the scales of what is left unexplained.

    A step is predicted from the nucleus' own step before and from the steps of its neighbours
    now; least squares over the first links tell how much each of the two says.
    """
    step = np.full_like(spots.position, np.nan)
    linked = following >= 0
    lapse = np.ones(len(linked))
    lapse[linked] = spots.time[following[linked]] - spots.time[linked]
    step[linked] = (spots.position[following[linked]] - spots.position[linked]) / lapse[
        linked, None
    ]
    own = np.full_like(step, np.nan)
    has = before >= 0
    own[has] = step[before[has]]
    flow = _mean_neighbour_step(spots, step)
    known = linked & has & np.isfinite(flow).all(axis=1)
    coefficients = np.zeros(2)
    if known.sum() >= 30:
        size = np.hypot(*step[known].T)
        calm = np.flatnonzero(known)[size < 4 * np.median(size) + 1e-9]
        left = np.column_stack([own[calm].ravel(), flow[calm].ravel()])
        coefficients = np.linalg.lstsq(left, step[calm].ravel(), rcond=None)[0]
        coefficients = np.clip(coefficients, 0, 0.95)
    # Little predictive power is more harm (a wrong link misleads the next) than use.
    coefficients[coefficients < 0.15] = 0
    expected = coefficients[0] * np.nan_to_num(own) + coefficients[1] * np.nan_to_num(flow)
    rest = np.hypot(*(step - expected)[linked].T)
    source, target = np.flatnonzero(linked), following[linked]
    whole = ~(spots.border[source] | spots.border[target])
    areas = (spots.log_area[target] - spots.log_area[source])[whole]
    means = spots.log_mean[target] - spots.log_mean[source]
    scales = _with_spread(scales, rest, areas, means)
    return expected, replace(scales, own_motion=float(coefficients[0]), flow=float(coefficients[1]))


def _mean_neighbour_step(spots: _Spots, step: Floats) -> Floats:
    """Give the median step of the (up to) 6 nearest linked nuclei in the same frame."""
    flow = np.full_like(step, np.nan)
    for k in range(len(spots.frames)):
        here = spots.of(k)
        known = np.flatnonzero(np.isfinite(step[here, 0]))
        if len(known) < 4:
            continue
        near = min(7, len(known))
        _, found = cKDTree(spots.position[here][known]).query(spots.position[here], k=near)
        steps = step[here][known[found]]
        # The nucleus itself is not its neighbour.
        steps[known[found] == np.arange(here.stop - here.start)[:, None]] = np.nan
        flow[here] = np.nanmedian(steps, axis=1)
    return flow


# ------------------------------------------------------------------------------- divisions

# The features of a possible division; see `_describe_divisions`.
FEATURES = (
    "middle",
    "middle_moves",
    "separation",
    "lopsided",
    "area_differs",
    "mean_differs",
    "total_sum",
    "larger_total",
    "larger_daughter_now",
    "mother_brightens",
    "daughters_grow",
    "daughters_fade",
    "daughters_across",
    "mother_lived",
    "new",
    "enters",
    "returns",
    "remerges",
    "mother_swells",
    "otherwise",
)
_N_LOOK = len(FEATURES) - 1  # all but `otherwise`, which takes long to find


# Of each feature: its usual value, its weight in the first logit, and the weights of the
# difference from the usual value and of its square in the final logit.
# Logistic regression on drawn movies of many kinds (interval, density, speed, mitotic look).
# Made by tests/benchmarks/fit_divisions.py.
_WEIGHTS = {
    "middle": (0.310, -2.703, -0.754, 0.000),
    "middle_moves": (1.706, -0.790, -0.905, -0.134),
    "separation": (0.971, -0.899, -0.621, -0.469),
    "lopsided": (0.353, -4.960, -3.595, -1.488),
    "area_differs": (0.170, -2.571, -1.744, -1.115),
    "mean_differs": (0.137, -2.769, -1.905, -2.462),
    "total_sum": (0.192, 1.172, -0.300, -0.096),
    "larger_total": (-0.386, -2.478, -0.677, 0.000),
    "larger_daughter_now": (-0.181, -1.149, -0.907, 0.000),
    "mother_brightens": (0.074, 3.916, 2.351, 0.000),
    "daughters_grow": (0.208, -0.915, -0.928, 0.000),
    "daughters_fade": (-0.097, -2.008, -2.676, 0.000),
    "daughters_across": (0.383, 3.222, 2.854, 0.000),
    "mother_lived": (5.000, 0.177, 0.208, 0.000),
    "new": (2.000, 6.453, 3.397, 0.000),
    "enters": (0.000, -0.675, -0.291, 0.000),
    "returns": (0.000, -3.000, -3.000, 0.000),
    "remerges": (0.000, -7.000, -7.000, 0.000),
    "mother_swells": (0.000, -10.000, -10.000, 0.000),
    "otherwise": (-10.413, 0.000, -0.272, 0.001),
}
_BIAS_FIRST, _BIAS = 1.774, 0.850
_FIRST_LOGIT = -5.52  # less likely ones are not looked at again


@dataclass(frozen=True)
class _Context:
    """Past and future of every spot along the first links; NaN where there is none."""

    mean: Floats  # log contrast over that of the frame, so that bleaching is no fading
    total: Floats  # and with log area: the amount of chromatin; log area alone without intensity
    past_area: Floats
    past_mean: Floats
    past_total: Floats
    past_length: Floats
    growth: Floats
    fading: Floats
    life: Floats
    returns: Bools  # starts where an earlier track ended: a gap, no birth
    goes_on: Bools  # ends where a later track starts: a gap, no division


def _measure_context(spots: _Spots, scales: _Scales, following: Ints, before: Ints) -> _Context:
    n = len(spots.time)
    mean = np.empty(n)
    for k in range(len(spots.frames)):
        here = spots.of(k)
        mean[here] = spots.log_mean[here] - _median(spots.log_mean[here])
    area = np.where(spots.border, np.nan, spots.log_area)
    total = area + np.nan_to_num(mean)
    past, lived = _follow(before, _HISTORY)
    past = np.column_stack([np.arange(n), past])
    ahead, life = _follow(following, _FUTURE)
    # A track that runs out of the field or of the movie has not died.
    last = np.arange(n)
    for column in ahead.T:
        last = np.where(column >= 0, column, last)
    censored = spots.border[last] | (spots.time[last] == spots.time[-1])
    survived = np.where(censored & (life < _FUTURE), np.nan, life.astype(float))
    past_length = np.where(spots.time - lived <= spots.time[0], np.nan, lived.astype(float))
    later, earlier = _close_gaps(spots, scales, following < 0, before < 0, _FUTURE, None)
    return _Context(
        mean=mean,
        total=total,
        past_area=_median_along(area, past, spots.log_area),
        past_mean=_median_along(mean, past, mean),
        past_total=_median_along(total, past, total),
        past_length=past_length,
        growth=_mean_along(area, ahead) - area,
        fading=_mean_along(mean, ahead) - mean,
        life=survived,
        returns=earlier >= 0,
        goes_on=later >= 0,
    )


def _follow(links: Ints, steps: int) -> tuple[Ints, Ints]:
    """Give the next `steps` spots (n, steps) along the links, -1 after the end, and how many."""
    found = np.full((len(links), steps), -1, np.int64)
    at = np.arange(len(links))
    for step in range(steps):
        at = np.where(at >= 0, links[at], -1)
        found[:, step] = at
    return found, (found >= 0).sum(axis=1)


def _median(values: Floats) -> float:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else np.nan


def _gather(values: Floats, spots: Ints) -> Floats:
    return np.where(spots >= 0, values[spots], np.nan)


def _median_along(values: Floats, spots: Ints, otherwise: Floats) -> Floats:
    gathered = np.sort(_gather(values, spots), axis=1)  # NaN last
    number = np.isfinite(gathered).sum(axis=1)
    rows = np.arange(len(gathered))
    middle = (
        gathered[rows, np.maximum(number - 1, 0) // 2] + gathered[rows, np.maximum(number, 1) // 2]
    ) / 2
    return np.where(number > 0, middle, otherwise)


def _mean_along(values: Floats, spots: Ints) -> Floats:
    gathered = _gather(values, spots)
    number = np.isfinite(gathered).sum(axis=1)
    total = np.nansum(gathered, axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _list_divisions(
    spots: _Spots, k: int, reach: float, expected: Floats, following: Ints, before: Ints
) -> tuple[Ints, Ints, Ints]:
    """List possible divisions between frame k and the next: mother, one daughter, the other.

    `expected` (n, 2) is how each spot is expected to move.
    """
    here, there = spots.of(k), spots.of(k + 1)
    near = min(6, there.stop - there.start)
    none = np.array([], np.int64)
    if near < 2:
        return none, none, none
    distance, found = cKDTree(spots.position[there]).query(
        spots.position[here] + expected[here], k=near, distance_upper_bound=reach
    )
    one, other = np.triu_indices(near, 1)
    both = np.isfinite(distance[:, other]) & np.isfinite(distance[:, one])
    mother = np.broadcast_to(np.arange(here.start, here.stop)[:, None], both.shape)[both]
    a = found[:, one][both] + there.start
    b = found[:, other][both] + there.start
    # At least one part of a division must be at odds with plain linking, or be its own link.
    follow = following[mother]
    odd = (before[a] < 0) | (before[b] < 0) | (follow == a) | (follow == b) | (follow < 0)
    return mother[odd], a[odd], b[odd]


def _describe_divisions(
    spots: _Spots,
    scales: _Scales,
    context: _Context,
    per_px: float,
    expected: Floats,
    links: tuple[Ints, Ints],
    parts: tuple[Ints, Ints, Ints],
) -> Floats:
    """Give the features (n, len(FEATURES) - 1) of possible divisions; NaN where unknown.

    All are free of units: lengths in mother's diameters, areas and intensities as log ratios.
    """
    mother, a, b = parts
    following, before = links
    diameter = 2 * np.sqrt(np.exp(context.past_area[mother]) / np.pi) * per_px
    diameter = np.where(np.isfinite(diameter), diameter, scales.diameter)
    place = spots.position[mother] + expected[mother]
    to_a, to_b = spots.position[a] - place, spots.position[b] - place
    length_a, length_b = np.hypot(*to_a.T), np.hypot(*to_b.T)
    middle = np.hypot(*((to_a + to_b) / 2).T)
    axis = to_b - to_a
    area = np.where(spots.border, np.nan, spots.log_area)
    past_area = np.where(spots.border[mother], np.nan, context.past_area[mother])
    total_a, total_b = context.total[a], context.total[b]
    past_total = np.where(spots.border[mother], np.nan, context.past_total[mother])

    def across(spot: Ints) -> Floats:
        # 1 for a plate that stands across the axis, -1 for one along it, 0 for a disc.
        angle = spots.orientation[spot] - np.arctan2(axis[:, 1], axis[:, 0])
        return np.asarray(-np.cos(2 * angle) * spots.eccentricity[spot] ** 2)

    # One daughter vanishes within a few frames; the other then has the size of the mother, or
    # is gone as well.
    life_a, life_b = (np.nan_to_num(context.life[x], nan=_FUTURE) for x in (a, b))
    brief = np.minimum(life_a, life_b) < _FUTURE
    survivor = np.where(life_a > life_b, a, b)
    whole = area[survivor] + context.growth[survivor] - past_area
    remerges = np.where(brief, np.nan_to_num(np.exp(-((whole / 0.3) ** 2)), nan=1.0), 0.0)
    follow = following[mother]
    new_a, new_b = before[a] < 0, before[b] < 0
    return np.column_stack(
        [
            np.clip(middle / diameter, 0, 1.5),
            np.clip(middle / np.hypot(scales.move, 0.15 * diameter), 0, 5),
            np.clip(np.hypot(*axis.T) / diameter, 0, 3),
            np.abs(length_a - length_b) / np.maximum(length_a + length_b, 1e-9),
            np.clip(np.abs(area[a] - area[b]), 0, 1.2),
            np.clip(np.abs(spots.log_mean[a] - spots.log_mean[b]), 0, 1),
            np.clip(np.log(np.exp(total_a) + np.exp(total_b)) - past_total, -1.2, 1.2),
            np.clip(np.maximum(total_a, total_b) - past_total, -1.5, 0.7),
            np.clip(np.maximum(area[a], area[b]) - area[mother], -1.5, 1),
            np.clip(context.mean[mother] - context.past_mean[mother], -0.5, 0.8),
            np.clip((context.growth[a] + context.growth[b]) / 2, -0.5, 0.7),
            np.clip((context.fading[a] + context.fading[b]) / 2, -0.7, 0.5),
            (across(a) + across(b)) / 2,
            context.past_length[mother],
            1.0 * new_a + new_b + ((follow == a) | (follow == b)),
            1.0 * (new_a & spots.border[a]) + (new_b & spots.border[b]),
            1.0 * (context.returns[a] | context.returns[b] | context.goes_on[mother]),
            remerges,
            np.clip(area[mother] - past_area - 0.25, 0, 0.5),
        ]
    )


class _Rest:
    """Finds what a division would cost the links around it."""

    def __init__(self, pairs: _Pairs, ends: Floats, following: Ints, before: Ints) -> None:
        self._pairs = pairs
        self._ends = ends
        self._following = following
        self._before = before
        self._start = np.searchsorted(pairs.source, np.arange(len(ends) + 1))

    def _links_of(self, spots: list[int]) -> Ints:
        return np.concatenate([np.arange(self._start[s], self._start[s + 1]) for s in spots])

    def cost(self, mother: int, a: int, b: int) -> float:
        """Give by how much (nats) the best linking of everything else gets worse.

        Negative: the division also frees others of an unlikely link, end or start.
        """
        sources = {mother, int(self._before[a]), int(self._before[b])} - {-1}
        reached = self._pairs.target[self._links_of(sorted(sources))]
        sources |= set(self._before[reached].tolist()) - {-1}
        links = self._links_of(sorted(sources))
        source, target = self._pairs.source[links], self._pairs.target[links]
        gain = self._ends[source] + self._ends[target] - self._pairs.cost[links]
        now = float(gain[self._following[source] == target].sum())
        owner = self._before[target]
        free = (owner < 0) | np.isin(owner, list(sources))
        free &= (source != mother) & (target != a) & (target != b)
        then = 0.0
        if free.any():
            rows, row_of = np.unique(source[free], return_inverse=True)
            columns, column_of = np.unique(target[free], return_inverse=True)
            matrix = np.zeros((len(rows), len(columns)))
            matrix[row_of, column_of] = gain[free]
            then = float(matrix[linear_sum_assignment(matrix, maximize=True)].sum())
        return now - then - float(self._ends[mother] + self._ends[a] + self._ends[b])


def _score(features: Floats, final: bool) -> Floats:
    """Give the logit that a possible division is one, before or after `otherwise` is known."""
    names = FEATURES if final else FEATURES[:_N_LOOK]
    usual, first, linear, square = np.array([_WEIGHTS[name] for name in names]).T
    # An unknown feature says nothing for or against.
    odd = np.nan_to_num(features - usual)
    if final:
        return np.asarray(_BIAS + odd @ linear + odd**2 @ square)
    return np.asarray(_BIAS_FIRST + odd @ first)


def _find_divisions(
    spots: _Spots,
    scales: _Scales,
    per_px: float,
    pairs: _Pairs,
    expected: Floats,
    links: tuple[Ints, Ints],
    reach: float,
    min_score: float,
) -> tuple[Ints, Floats]:
    """Give mothers and daughters (n, 3) of the divisions, none sharing a spot, and their scores.

    Only neighbouring frames are looked at: a division is one frame.
    """
    following, before = links
    context = _measure_context(spots, scales, following, before)
    rest = _Rest(pairs, _end_costs(spots, scales), following, before)
    found: list[Ints] = []
    logits: list[Floats] = []
    for k in np.flatnonzero(np.diff(spots.frames) == 1).tolist():
        parts = _list_divisions(spots, k, reach, expected, following, before)
        if len(parts[0]) == 0:
            continue
        features = _describe_divisions(spots, scales, context, per_px, expected, links, parts)
        promising = np.flatnonzero(_score(features, final=False) > _FIRST_LOGIT)
        trio = np.column_stack(parts)[promising]
        cost = np.array([rest.cost(*row) for row in trio.tolist()])
        features = np.column_stack([features[promising], np.clip(cost, -16, 8)])
        found.append(trio)
        logits.append(_score(features, final=True))
    if not found:
        return np.empty((0, 3), np.int64), np.array([])
    trios, score = np.concatenate(found), 1 / (1 + np.exp(-np.concatenate(logits)))
    return _choose_divisions(trios, score, min_score, following, before)


def _choose_divisions(
    trios: Ints, score: Floats, min_score: float, following: Ints, before: Ints
) -> tuple[Ints, Floats]:
    """Take the likeliest divisions first; none may share a nucleus with one already taken.

    A nucleus does not divide again within a few frames of its birth: what looks like that is
    a wrong link beside a division, or a nucleus that the segmentation splits for a moment.
    """
    chosen: list[int] = []
    no_mother: set[int] = set()
    no_daughter: set[int] = set()
    for row in np.argsort(-score, kind="stable").tolist():
        if score[row] < min_score:
            break
        mother, a, b = trios[row].tolist()
        if mother in no_mother or a in no_daughter or b in no_daughter:
            continue
        chosen.append(row)
        no_mother.add(mother)
        no_daughter |= {a, b}
        for spot, links, closed in (
            (a, following, no_mother),
            (b, following, no_mother),
            (mother, before, no_daughter),
        ):
            for _ in range(_REST):
                if spot < 0:
                    break
                closed.add(spot)
                spot = int(links[spot])
    return trios[chosen], score[chosen]


# ------------------------------------------------------------------------------ gap closing


def _close_gaps(
    spots: _Spots,
    scales: _Scales,
    open_ends: Bools,
    open_starts: Bools,
    max_step: int,
    limit: float | None,
) -> tuple[Ints, Ints]:
    """Link track ends to track starts that lie 2 to `max_step` frames later."""
    ends = _end_costs(spots, scales)
    late, early = np.flatnonzero(open_ends), np.flatnonzero(open_starts)
    sources, targets, costs = [], [], []
    by_frame = {
        int(frame): early[spots.time[early] == frame] for frame in np.unique(spots.time[early])
    }
    for frame in np.unique(spots.time[late]).tolist():
        here = late[spots.time[late] == frame]
        for step in range(2, max_step + 1):
            there = by_frame.get(frame + step)
            if there is None:
                continue
            reach = scales.reach * np.sqrt(step)
            if limit is not None:
                reach = min(reach, limit)
            near = min(4, len(there))
            distance, found = cKDTree(spots.position[there]).query(
                spots.position[here], k=near, distance_upper_bound=reach
            )
            distance, found = distance.reshape(-1, near), found.reshape(-1, near)
            keep = np.isfinite(distance)
            source = np.broadcast_to(here[:, None], keep.shape)[keep]
            target = there[found[keep]]
            cost = _pair_cost(spots, scales, source, target, distance[keep], step)
            cost += _MISSED * (step - 1)
            good = cost < ends[source] + ends[target]
            sources.append(source[good])
            targets.append(target[good])
            costs.append(cost[good])
    if not sources:
        none = np.full(len(ends), -1, np.int64)
        return none, none.copy()
    pairs = _Pairs(np.concatenate(sources), np.concatenate(targets), np.concatenate(costs))
    free = np.zeros(len(ends), bool)
    return _assign(pairs, ends, free, free)


# ----------------------------------------------------------------------------------- tables


def _number_tracks(
    spots: _Spots, before: Ints, divisions: Ints
) -> tuple[Ints, NDArray[np.int64], NDArray[np.int64]]:
    """Give track of every spot, and lineage and parent of every track (index = track - 1)."""
    track = np.zeros(len(before), np.int64)
    mother_of = np.full(len(before), -1, np.int64)
    mother_of[divisions[:, 1]] = divisions[:, 0]
    mother_of[divisions[:, 2]] = divisions[:, 0]
    lineages: list[Ints] = []
    parents: list[Ints] = []
    n_tracks = n_lineages = 0
    so_far = np.zeros(1, np.int64)  # lineage of each track, 0 for none
    for k in range(len(spots.frames)):
        here = np.arange(spots.first[k], spots.first[k + 1])
        old = before[here] >= 0
        track[here[old]] = track[before[here[old]]]
        new = here[~old]
        track[new] = n_tracks + 1 + np.arange(len(new))
        n_tracks += len(new)
        mother = mother_of[new]
        parent = np.where(mother >= 0, track[mother], 0)
        founder = parent == 0
        lineage = np.where(founder, n_lineages + np.cumsum(founder), 0)
        n_lineages += int(founder.sum())
        if not founder.all():
            if len(lineages):
                so_far = np.concatenate([np.zeros(1, np.int64), *lineages])
            lineage = np.where(founder, lineage, so_far[parent])
        lineages.append(lineage)
        parents.append(parent)
    return track, np.concatenate(lineages), np.concatenate(parents)


def _tabulate_lineages(tracks: pd.DataFrame, division_score: dict[int, float]) -> pd.DataFrame:
    """Give one row per track; see `link_objects`."""
    if tracks.empty:
        return pd.DataFrame(
            {
                **{
                    name: pd.Series(dtype="int64")
                    for name in (
                        *("track", "lineage", "parent", "first_frame", "last_frame"),
                        *("n_spots", "n_gaps", "daughters"),
                    )
                },
                "division_score": pd.Series(dtype="float64"),
            }
        )
    skips = tracks.groupby("track")["frame"].diff() > 1
    table = (
        tracks.assign(skips=skips)
        .groupby("track")
        .agg(
            lineage=("lineage", "first"),
            parent=("parent", "first"),
            first_frame=("frame", "min"),
            last_frame=("frame", "max"),
            n_spots=("frame", "size"),
            n_gaps=("skips", "sum"),
        )
        .reset_index()
    )
    table["n_gaps"] = table["n_gaps"].astype("int64")
    daughters = table.loc[table["parent"] > 0, "parent"].value_counts()
    table["daughters"] = table["track"].map(daughters).fillna(0).astype("int64")
    table["division_score"] = table["track"].map(division_score).astype("float64")
    return table


def link_objects(
    objects: pd.DataFrame,
    *,
    settings: LinkSettings | None = None,
    interval_min: float | None = None,
) -> LinkResult:
    """Link the nuclei of all frames to tracks and find the divisions.

    Parameters
    ----------
    objects : DataFrame
        One row per nucleus and frame with at least `frame`, `label`, `y_px`, `x_px` and
        `area_px`. `mean_intensity`, `eccentricity`, `orientation_rad` and `touches_border` are
        used where known. With `y_um`, `x_um` and `area_um2` lengths are in um, else in px.
    settings : LinkSettings, optional
    interval_min : float, optional
        Minutes between frames; None = unknown, `time_min` is then NaN.

    Returns
    -------
    LinkResult
        `tracks`: the object table plus `track`, `lineage`, `parent` and `time_min`, sorted by
        track and frame; every object is in it once. A division ends the mother's track.
        `lineages`: one row per track with `track`, `lineage`, `parent`, `first_frame`,
        `last_frame`, `n_spots`, `n_gaps`, `daughters` and `division_score` (0 to 1, of the
        division that ends the track, NaN if none).
        `used`: settings, the values derived from the movie with the unit, and the frame
        numbers without objects, ready for JSON.

    Raises
    ------
    InputError
        A column is missing, a position is empty, or a label is listed twice in a frame.
    """
    settings = settings or LinkSettings()
    _check_settings(settings)
    if interval_min is not None and not interval_min > 0:
        raise InputError(f"frame_interval_min: {interval_min} is not above 0. Correct it.")
    objects = objects.sort_values(["frame", "label"], kind="stable").reset_index(drop=True)
    spots = _read_spots(objects)
    unit = "um" if _has_microns(objects) else "px"
    if len(objects) == 0:
        used: dict[str, Any] = {"settings": asdict(settings), "unit": unit}
        used |= {"frames_without_objects": [], "divisions": 0, "gaps_closed": 0}
        return _make_result(objects, spots, np.array([], np.int64), None, interval_min, used)
    per_px = _length_per_px(objects)
    spots, scales, drift = _remove_drift(spots, per_px, settings.remove_drift)
    following, before, divisions, scores, scales = _link_spots(spots, scales, per_px, settings)
    used = {
        "settings": asdict(settings),
        "unit": unit,
        "nucleus_diameter": scales.diameter,
        "nearest_neighbour_distance": scales.neighbour,
        "step_sigma": scales.move,
        "log_area_change_sigma": scales.area,
        "log_intensity_change_sigma": scales.mean,
        "max_link_distance": _limit(scales.reach, settings.max_link_distance),
        "max_division_distance": settings.max_division_distance or _division_reach(scales),
        "own_motion_weight": scales.own_motion,
        "neighbour_motion_weight": scales.flow,
        "stage_drift": drift.round(3).tolist(),
        "frames_without_objects": _missing_frames(spots.frames),
        "divisions": len(divisions),
        "gaps_closed": int(
            (spots.time[following[following >= 0]] - spots.time[following >= 0] > 1).sum()
        ),
    }
    if used["frames_without_objects"]:
        logger.warning(
            "No objects in frame(s) %s: tracks go on across at most %d frame(s) without objects.",
            ", ".join(map(str, used["frames_without_objects"])),
            settings.max_frame_gap - 1,
        )
    logger.info(
        "Lengths in %s: nucleus diameter %.3g, nearest neighbour %.3g, step sigma %.3g, longest"
        " link %.3g, mother to daughter at most %.3g. %d divisions, %d gaps closed.",
        *(unit, scales.diameter, scales.neighbour, scales.move, used["max_link_distance"]),
        *(used["max_division_distance"], used["divisions"], used["gaps_closed"]),
    )
    return _make_result(objects, spots, before, (divisions, scores), interval_min, used)


def _check_settings(settings: LinkSettings) -> None:
    for name in ("max_link_distance", "max_division_distance", "max_gap_distance"):
        value = getattr(settings, name)
        if value is not None and not value > 0:
            raise InputError(f"{name}: {value} is not above 0. Give a length or leave it empty.")
    if settings.max_frame_gap < 1:
        raise InputError(
            f"max_frame_gap: {settings.max_frame_gap} is below 1. Use 1 to close no gaps."
        )
    if not 0 <= settings.min_division_score <= 1:
        raise InputError(
            f"min_division_score: {settings.min_division_score} is not between 0 and 1. Correct it."
        )


def _limit(value: float, limit: float | None) -> float:
    return value if limit is None else min(value, limit)


def _division_reach(scales: _Scales) -> float:
    return 1.5 * scales.diameter + 2 * scales.move


def _missing_frames(frames: Ints) -> list[int]:
    return sorted(set(range(int(frames[0]), int(frames[-1]) + 1)) - set(frames.tolist()))


def _remove_drift(spots: _Spots, per_px: float, remove: bool) -> tuple[_Spots, _Scales, Floats]:
    """Give the spots without stage drift, first scales and the drift (k, 2)."""
    scales = _measure_scales(spots, per_px)
    drift = np.zeros((len(spots.frames), 2))
    if remove:
        reach = max(2.5 * scales.neighbour, 3 * scales.diameter)
        drift = _estimate_drift(spots, reach, 0.35 * scales.diameter)
        still = spots.position - drift[np.searchsorted(spots.frames, spots.time)]
        spots = replace(spots, position=still)
        scales = _measure_scales(spots, per_px)
    return spots, scales, drift


def _link_plainly(
    spots: _Spots, scales: _Scales, max_step: int, limit: float | None
) -> tuple[_Pairs, Floats, Floats, tuple[Ints, Ints], _Scales]:
    """Link without divisions.

    Gives possible links, cost of ends, expected steps (n, 2), links and scales of the movie.
    """
    free = np.zeros(len(spots.time), bool)
    expected = np.zeros_like(spots.position)
    # The first links give scales and motion, with which the next ones are better.
    for round_number in range(_ROUNDS + 1):
        ends = _end_costs(spots, scales)
        pairs = _list_pairs(spots, scales, expected, max_step, limit)
        links = _assign(pairs, ends, free, free)
        if round_number < _ROUNDS:
            expected, scales = _predict_motion(spots, scales, *links)
    return pairs, ends, expected, links, scales


def _link_spots(
    spots: _Spots, scales: _Scales, per_px: float, settings: LinkSettings
) -> tuple[Ints, Ints, Ints, Floats, _Scales]:
    """Give successor and predecessor of each spot, divisions, their scores, and the scales."""
    gap = settings.max_frame_gap
    pairs, ends, expected, (following, before), scales = _link_plainly(
        spots, scales, gap, settings.max_link_distance
    )
    divisions, scores = np.empty((0, 3), np.int64), np.array([])
    mothers, daughters = np.zeros((2, len(ends)), bool)
    if settings.find_divisions:
        reach = settings.max_division_distance or _division_reach(scales)
        divisions, scores = _find_divisions(
            spots,
            scales,
            per_px,
            pairs,
            expected,
            (following, before),
            reach,
            settings.min_division_score,
        )
        mothers[divisions[:, 0]] = True
        daughters[divisions[:, 1:].ravel()] = True
        following, before = _assign(pairs, ends, mothers, daughters)
    if gap > 1:
        later, earlier = _close_gaps(
            spots,
            scales,
            (following < 0) & ~mothers,
            (before < 0) & ~daughters,
            gap,
            settings.max_gap_distance,
        )
        following = np.where(later >= 0, later, following)
        before = np.where(earlier >= 0, earlier, before)
    return following, before, divisions, scores, scales


def _make_result(
    objects: pd.DataFrame,
    spots: _Spots,
    before: Ints,
    divisions: tuple[Ints, Floats] | None,
    interval_min: float | None,
    used: dict[str, Any],
) -> LinkResult:
    tracks = objects.copy()
    scores: dict[int, float] = {}
    if divisions is None:
        for name in ("track", "lineage", "parent"):
            tracks[name] = pd.Series(dtype="int64")
    else:
        trios, score = divisions
        track, lineage, parent = _number_tracks(spots, before, trios)
        tracks["track"] = track
        tracks["lineage"] = lineage[track - 1]
        tracks["parent"] = parent[track - 1]
        scores = dict(zip(track[trios[:, 0]].tolist(), score.tolist(), strict=True))
    minutes = np.nan if interval_min is None else interval_min
    tracks["time_min"] = tracks["frame"].astype(float) * minutes
    tracks = tracks.sort_values(["track", "frame"], kind="stable").reset_index(drop=True)
    return LinkResult(tracks, _tabulate_lineages(tracks, scores), used)
