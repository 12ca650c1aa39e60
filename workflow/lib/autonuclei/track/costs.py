"""What links, ends and starts of tracks cost: negative log-likelihoods, in nats."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from autonuclei.track.spots import Floats, Ints, Spots
from autonuclei.track.statistics import MovieStatistics

# Degrees of freedom of Student's t, whose tails are heavier than those of a normal
# distribution: a nucleus that jumps once is still the same one.
_FREEDOM_OF_STEPS, _FREEDOM_OF_CHANGES = 6.0, 3.0
# A track that ends or starts in the middle of the field and at its border.
_END_INSIDE, _END_AT_BORDER = 7.0, 4.0
_MAX_RARITY = 3.0  # most that an end costs more where nuclei move little
_CUT_SHIFT = 0.15  # diameters by which the border moves the centroid of a nucleus that it cuts
# A cell that rounds up for mitosis takes its plate along: in diameters. The plate is twice as
# bright as the nucleus was, and has its chromatin within this factor (logs).
_ROUNDING_SHIFT = 0.3
_CONDENSED, _SAME_CHROMATIN = np.log(2.0), np.log(1.5)
_WEIGHT_OF_CHANGES = 0.8
_MAX_CHANGE_COST = 5.0
_NEAREST = 8  # spots of the next frame that are looked at for each


@dataclass(frozen=True)
class PossibleLinks:
    """Links that may be made, from spot number to spot number of a later frame, and their costs."""

    source: Ints
    target: Ints
    cost: Floats


def compute_end_costs(spots: Spots, statistics: MovieStatistics) -> Floats:
    """Compute what it costs that a track ends (or starts) at each spot, (n,).

    Where nuclei move little for their distance, a spot within reach is hardly there by chance,
    and an end must cost more.
    """
    crowding = 2 * np.pi * (statistics.step_sigma / statistics.neighbour_distance) ** 2
    rarity = float(np.clip(-0.5 * np.log(crowding), 0, _MAX_RARITY))
    return np.where(spots.at_border, _END_AT_BORDER, _END_INSIDE) + rarity


def list_links(
    spots: Spots,
    statistics: MovieStatistics,
    *,
    expected: Floats,
    max_lapse: int,
    max_link_distance: float | None,
) -> PossibleLinks:
    """List the possible links from each frame to the next one that holds nuclei.

    Parameters
    ----------
    expected : (n, 2)
        Step that each spot is expected to make.
    max_lapse
        Frames further apart are not linked.
    max_link_distance
        Longest way from one frame to the next. None, or more than the movie shows: what the movie
        shows.

    Returns
    -------
    PossibleLinks
        Sorted by source.
    """
    ends = compute_end_costs(spots, statistics)
    parts = []
    for i, lapse in enumerate(np.diff(spots.frame_numbers).tolist()):
        if lapse > max_lapse:
            continue
        reach = statistics.compute_reach(lapse)
        reach = min(reach, statistics.compute_reach(lapse, max_link_distance))
        here, there = (np.arange(spots.starts[j], spots.starts[j + 1]) for j in (i, i + 1))
        places = spots.position[here] + expected[here]
        parts.append(
            list_links_between(
                spots, statistics, ends, here, there, places=places, reach=reach, n_nearest=_NEAREST
            )
        )
    return join_links(parts)


def list_links_between(
    spots: Spots,
    statistics: MovieStatistics,
    ends: Floats,
    here: Ints,
    there: Ints,
    *,
    places: Floats,
    reach: float,
    n_nearest: int,
    extra_cost: float = 0.0,
) -> PossibleLinks:
    """List the links from spots of one frame to spots of a later one that are worth their cost.

    A link that costs more than an end and a start is never made.

    Parameters
    ----------
    ends : (n,)
        From `compute_end_costs`.
    here, there
        Numbers of the spots of the two frames.
    places : (len(here), 2)
        Where the spots are looked for in the later frame.
    reach
        Longest distance from there.
    n_nearest
        So many of the nearest spots are looked at.
    extra_cost
        Added to each.
    """
    near = min(n_nearest, len(there))
    distance, found = cKDTree(spots.position[there]).query(
        places, k=near, distance_upper_bound=reach
    )
    distance, found = distance.reshape(-1, near), found.reshape(-1, near)
    within = np.isfinite(distance)
    source = np.broadcast_to(here[:, None], within.shape)[within]
    target = there[found[within]]
    cost = _compute_link_costs(spots, statistics, source, target, distance[within]) + extra_cost
    good = cost < ends[source] + ends[target]
    return PossibleLinks(source[good], target[good], cost[good])


def join_links(parts: Sequence[PossibleLinks]) -> PossibleLinks:
    """Join lists of possible links in their order."""
    none = np.array([], np.int64)
    return PossibleLinks(
        np.concatenate([none, *(part.source for part in parts)]),
        np.concatenate([none, *(part.target for part in parts)]),
        np.concatenate([np.array([]), *(part.cost for part in parts)]),
    )


def _compute_link_costs(
    spots: Spots, statistics: MovieStatistics, source: Ints, target: Ints, distance: Floats
) -> Floats:
    """Costs of links between two frames that go `distance` past the expected place."""
    if len(source) == 0:
        return np.array([])
    widening = np.sqrt(int(spots.frame[target[0]] - spots.frame[source[0]]))
    area = spots.log_area[target] - spots.log_area[source]
    contrast = spots.log_contrast[target] - spots.log_contrast[source]
    if np.isfinite(contrast).any():
        # Bleaching and a flickering lamp change all nuclei alike.
        contrast = contrast - np.nanmedian(contrast)
    cut = spots.at_border[source] | spots.at_border[target]
    # Chromatin is kept: what condenses gets brighter. Area alone tells nuclei apart, too.
    chromatin = contrast + np.where(cut, 0.0, area)
    condenses = (contrast > _CONDENSED) & (np.abs(chromatin) < _SAME_CHROMATIN)
    sigma = np.hypot(
        statistics.step_sigma * widening, np.where(cut, _CUT_SHIFT * statistics.diameter, 0.0)
    )
    sigma = np.where(condenses, np.maximum(sigma, _ROUNDING_SHIFT * statistics.diameter), sigma)
    cost = _compute_tail((distance / sigma) ** 2, 2, _FREEDOM_OF_STEPS)
    changes = np.where(cut, 0.0, _compute_change(area, statistics.area_sigma * widening))
    changes += _compute_change(
        chromatin, np.hypot(statistics.contrast_sigma, statistics.area_sigma) * widening
    )
    return np.asarray(cost + _WEIGHT_OF_CHANGES * changes)


def _compute_change(change: Floats, sigma: float) -> Floats:
    """Cost of a change of a log value; 0 where it is unknown.

    It is bounded: a nucleus that condenses for mitosis within a frame is still the same one.
    """
    cost = _compute_tail((change / sigma) ** 2, 1, _FREEDOM_OF_CHANGES)
    return np.minimum(np.nan_to_num(cost, nan=0.0), _MAX_CHANGE_COST)


def _compute_tail(square: Floats, dimensions: int, freedom: float) -> Floats:
    """Negative log-likelihood of Student's t, 0 in the middle."""
    return np.asarray((freedom + dimensions) / 2 * np.log1p(square / freedom))
