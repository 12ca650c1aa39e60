"""Links between frames that follow each other, before divisions are known."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from autonuclei.track.assignment import Links, assign_links
from autonuclei.track.costs import PossibleLinks, compute_end_costs, join_links, list_links
from autonuclei.track.gaps import list_open_links
from autonuclei.track.spots import Floats, Spots
from autonuclei.track.statistics import MovieStatistics

# The first links give widths and motion, with which the next ones are better.
_ROUNDS = 3
_NEIGHBOURS = 6
_FEWEST_STEPS = 30  # to learn from
# A smaller share of another step is more harm (a wrong link misleads the next) than use.
_LEAST_SHARE, _LARGEST_SHARE = 0.15, 0.95


@dataclass(frozen=True)
class FrameLinks:
    """Links between frames, and what they were chosen from.

    Attributes
    ----------
    links : Links
    possible : PossibleLinks
        Sorted by source.
    ends : (n,) float64
        Cost of an end or a start at each spot.
    expected : (n, 2) float64
        Step that each spot was expected to make.
    statistics : MovieStatistics
        With the widths and the motion that the links show.
    """

    links: Links
    possible: PossibleLinks
    ends: Floats
    expected: Floats
    statistics: MovieStatistics


def link_frames(
    spots: Spots,
    statistics: MovieStatistics,
    *,
    max_frame_gap: int,
    max_link_distance: float | None = None,
) -> FrameLinks:
    """Link each frame to the next one that holds nuclei, without divisions.

    Parameters
    ----------
    spots
        Without drift of the stage.
    statistics
        From `measure_statistics` of the same spots.
    max_frame_gap
        Frames further apart are not linked.
    max_link_distance
        Longest way from one frame to the next; None = derived from the movie.
    """
    expected = np.zeros_like(spots.position)
    for remaining in reversed(range(_ROUNDS)):
        ends = compute_end_costs(spots, statistics)
        possible = list_links(
            spots,
            statistics,
            expected=expected,
            max_lapse=max_frame_gap,
            max_link_distance=max_link_distance,
        )
        links = assign_links(possible, ends)
        if remaining:
            expected, statistics = _predict_motion(spots, statistics, links)
    if max_link_distance is not None and max_link_distance > statistics.max_step:
        # Only nuclei that nothing usual explains may go further than the others.
        further = list_open_links(
            spots,
            statistics,
            is_end=links.following < 0,
            is_start=links.before < 0,
            lapses=[1],
            max_link_distance=max_link_distance,
        )
        possible = _sort_links(join_links([possible, further]))
        links = assign_links(possible, ends)
    return FrameLinks(links, possible, ends, expected, statistics)


def _sort_links(links: PossibleLinks) -> PossibleLinks:
    order = np.argsort(links.source, kind="stable")
    return PossibleLinks(links.source[order], links.target[order], links.cost[order])


def _predict_motion(
    spots: Spots, statistics: MovieStatistics, links: Links
) -> tuple[Floats, MovieStatistics]:
    """Expected step of each spot (n, 2), and the widths of what it leaves unexplained.

    A step is predicted from the nucleus' own step before and from the steps of its neighbours
    now; least squares over the links tell how much each of the two says.
    """
    linked, has_past = links.following >= 0, links.before >= 0
    source, target = np.flatnonzero(linked), links.following[linked]
    lapse = (spots.frame[target] - spots.frame[source])[:, None]
    step = np.full_like(spots.position, np.nan)
    step[source] = (spots.position[target] - spots.position[source]) / lapse
    own = np.full_like(step, np.nan)
    own[has_past] = step[links.before[has_past]]
    neighbours = _measure_neighbour_steps(spots, step)
    known = linked & has_past & np.isfinite(neighbours).all(axis=1)
    shares = np.zeros(2)
    if known.sum() >= _FEWEST_STEPS:
        length = np.hypot(*step[known].T)
        calm = np.flatnonzero(known)[length < 4 * np.median(length) + 1e-9]
        predictors = np.column_stack([own[calm].ravel(), neighbours[calm].ravel()])
        shares = np.linalg.lstsq(predictors, step[calm].ravel(), rcond=None)[0]
        shares = np.clip(shares, 0, _LARGEST_SHARE)
    shares[shares < _LEAST_SHARE] = 0
    expected = shares[0] * np.nan_to_num(own) + shares[1] * np.nan_to_num(neighbours)
    unexplained = np.hypot(*(step - expected)[linked].T)
    whole = ~(spots.at_border[source] | spots.at_border[target])
    area_changes = (spots.log_area[target] - spots.log_area[source])[whole]
    contrast_changes = spots.log_contrast[target] - spots.log_contrast[source]
    statistics = replace(
        statistics.update(unexplained, area_changes, contrast_changes),
        own_motion=float(shares[0]),
        neighbour_motion=float(shares[1]),
    )
    return expected, statistics


def _measure_neighbour_steps(spots: Spots, step: Floats) -> Floats:
    """Median step of the (up to) 6 nearest linked nuclei in the same frame."""
    medians = np.full_like(step, np.nan)
    for i in range(len(spots.frame_numbers)):
        here = spots.of(i)
        known = np.flatnonzero(np.isfinite(step[here, 0]))
        if len(known) < 4:
            continue
        near = min(_NEIGHBOURS + 1, len(known))
        _, found = cKDTree(spots.position[here][known]).query(spots.position[here], k=near)
        steps = step[here][known[found]]
        # The nucleus itself is not its neighbour.
        steps[known[found] == np.arange(here.stop - here.start)[:, None]] = np.nan
        # As `nanmedian`, which takes ten times as long over so few: NaN comes last.
        steps.sort(axis=1)
        count = np.isfinite(steps[..., 0]).sum(axis=1)
        each = np.arange(len(steps))
        medians[here] = (steps[each, (count - 1) // 2] + steps[each, count // 2]) / 2
    return medians
