"""Links between ends and starts of tracks: further than usual, or over missed frames."""

from collections.abc import Iterable

import numpy as np

from autonuclei.track.assignment import Links, assign_links
from autonuclei.track.costs import (
    PossibleLinks,
    compute_end_costs,
    join_links,
    list_links_between,
)
from autonuclei.track.spots import Bools, Spots
from autonuclei.track.statistics import MovieStatistics

_MISSED_FRAME_COST = 2.0
_NEAREST = 4


def close_gaps(
    spots: Spots,
    statistics: MovieStatistics,
    *,
    is_end: Bools,
    is_start: Bools,
    max_frame_gap: int,
    max_link_distance: float | None = None,
    max_gap_distance: float | None = None,
) -> Links:
    """Link ends of tracks to starts of tracks that lie 2 to `max_frame_gap` frames later.

    Parameters
    ----------
    is_end, is_start : (n,)
        Spots at which a track ends, or starts, without a division.
    max_link_distance, max_gap_distance
        Longest way from one frame to the next, and over all frames of a gap; by default that of
        `MovieStatistics.compute_reach`.

    Returns
    -------
    Links
        Those over gaps alone.
    """
    possible = list_open_links(
        spots,
        statistics,
        is_end=is_end,
        is_start=is_start,
        lapses=range(2, max_frame_gap + 1),
        max_link_distance=max_link_distance,
        max_distance=max_gap_distance,
    )
    return assign_links(possible, compute_end_costs(spots, statistics))


def list_open_links(
    spots: Spots,
    statistics: MovieStatistics,
    *,
    is_end: Bools,
    is_start: Bools,
    lapses: Iterable[int],
    max_link_distance: float | None = None,
    max_distance: float | None = None,
) -> PossibleLinks:
    """List the possible links from ends of tracks to starts that lie some frames later.

    Parameters
    ----------
    is_end, is_start : (n,)
        Spots at which a track ends, or starts, without a division.
    lapses
        So many frames may lie between the two: 1 for frames that follow each other.
    max_link_distance, max_distance
        Longest way from one frame to the next, and over all frames of a lapse; by default that of
        `MovieStatistics.compute_reach`. Both may be longer than the movie shows: the usual step
        then does not count against a link, but its spots must look alike.
    """
    late, early = np.flatnonzero(is_end), np.flatnonzero(is_start)
    by_frame = {
        int(frame): early[spots.frame[early] == frame] for frame in np.unique(spots.frame[early])
    }
    parts = []
    for lapse in lapses:
        usual = statistics.compute_reach(lapse)
        reach = max_distance or statistics.compute_reach(lapse, max_link_distance)
        assumed = statistics.widen(reach, lapse) if reach > usual else statistics
        ends = compute_end_costs(spots, assumed)
        for frame in np.unique(spots.frame[late]).tolist():
            there = by_frame.get(frame + lapse)
            if there is None:
                continue
            here = late[spots.frame[late] == frame]
            parts.append(
                list_links_between(
                    spots,
                    assumed,
                    ends,
                    here,
                    there,
                    places=spots.position[here],
                    reach=reach,
                    n_nearest=_NEAREST,
                    extra_cost=_MISSED_FRAME_COST * (lapse - 1),
                )
            )
    return join_links(parts)
