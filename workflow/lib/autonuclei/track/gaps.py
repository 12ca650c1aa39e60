"""Links over frames in which a nucleus is missed."""

import numpy as np

from autonuclei.track.assignment import Links, assign_links
from autonuclei.track.costs import compute_end_costs, join_links, list_links_between
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
    max_gap_distance: float | None = None,
) -> Links:
    """Link ends of tracks to starts of tracks that lie 2 to `max_frame_gap` frames later.

    Parameters
    ----------
    is_end, is_start : (n,)
        Spots at which a track ends, or starts, without a division.
    max_gap_distance
        None = derived from the movie.

    Returns
    -------
    Links
        Those over gaps alone.
    """
    ends = compute_end_costs(spots, statistics)
    late, early = np.flatnonzero(is_end), np.flatnonzero(is_start)
    by_frame = {
        int(frame): early[spots.frame[early] == frame] for frame in np.unique(spots.frame[early])
    }
    parts = []
    for frame in np.unique(spots.frame[late]).tolist():
        here = late[spots.frame[late] == frame]
        for lapse in range(2, max_frame_gap + 1):
            there = by_frame.get(frame + lapse)
            if there is None:
                continue
            reach = statistics.max_step * np.sqrt(lapse)
            if max_gap_distance is not None:
                reach = min(reach, max_gap_distance)
            parts.append(
                list_links_between(
                    spots,
                    statistics,
                    ends,
                    here,
                    there,
                    places=spots.position[here],
                    reach=reach,
                    n_nearest=_NEAREST,
                    extra_cost=_MISSED_FRAME_COST * (lapse - 1),
                )
            )
    return assign_links(join_links(parts), ends)
