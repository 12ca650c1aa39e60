"""How the nuclei of a movie look and move: the widths that the costs of links are in units of."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from autonuclei.track.robust import find_median, measure_spread
from autonuclei.track.spots import Floats, Spots

# Floors, without which a nearly still movie could not be linked.
_LEAST_STEP = 0.05  # diameters
# Share of nuclei that are closer to the nearest one than about a diameter.
_CLOSE = 0.1
_LEAST_AREA_CHANGE, _LEAST_CONTRAST_CHANGE = 0.04, 0.03
_LONGEST = 8  # standard deviations of the longest step


@dataclass(frozen=True)
class MovieStatistics:
    """What is usual in a movie.

    Attributes
    ----------
    diameter : float
        Of a disk with the median area, in the unit of the spots. Where areas are unknown, the
        distance to the nearest nucleus that a tenth of them are closer than: 0.8 to 1.0 diameters
        in HeLa cells and in drawn movies of twelve kinds, crowded and sparse.
    neighbour_distance : float
        Median distance to the nearest nucleus.
    step_sigma : float
        Standard deviation of the step from frame to frame along one axis.
    area_sigma, contrast_sigma : float
        Standard deviations of the change of log area and log contrast from frame to frame.
    max_step : float
        Longest step that is looked at.
    own_motion, neighbour_motion : float
        How much of its own last step, and of the present step of its neighbours, a nucleus
        repeats.
    """

    diameter: float
    neighbour_distance: float
    step_sigma: float = 0.0
    area_sigma: float = 0.0
    contrast_sigma: float = 0.0
    max_step: float = 0.0
    own_motion: float = 0.0
    neighbour_motion: float = 0.0

    def update(
        self, step_lengths: Floats, area_changes: Floats, contrast_changes: Floats
    ) -> "MovieStatistics":
        """The statistics with the robust widths of these steps and changes of log values."""
        least = _LEAST_STEP * self.diameter
        # The median length of a two-dimensional normal step is sigma sqrt(2 ln 2).
        sigma = 0.2 * self.diameter
        if len(step_lengths):
            sigma = float(np.median(step_lengths)) / np.sqrt(2 * np.log(2))
        sigma = max(sigma, least)
        max_step = max(_LONGEST * sigma, 1.5 * self.diameter)
        return replace(
            self,
            step_sigma=sigma,
            area_sigma=max(measure_spread(area_changes), _LEAST_AREA_CHANGE),
            contrast_sigma=max(measure_spread(contrast_changes), _LEAST_CONTRAST_CHANGE),
            max_step=min(max_step, max(4 * self.neighbour_distance, 2 * self.diameter)),
        )

    def compute_reach(self, lapse: int, max_link_distance: float | None = None) -> float:
        """Compute how far a nucleus may go in `lapse` frames.

        Parameters
        ----------
        lapse
        max_link_distance
            Longest way from one frame to the next, if it is given.
        """
        if max_link_distance is None:
            return float(self.max_step * np.sqrt(lapse))
        return max_link_distance * lapse

    def widen(self, reach: float, lapse: int) -> "MovieStatistics":
        """The statistics for nuclei that may go as far as `reach` in `lapse` frames."""
        return replace(self, step_sigma=max(self.step_sigma, reach / np.sqrt(lapse) / _LONGEST))


def measure_statistics(spots: Spots) -> MovieStatistics:
    """Measure first values, before anything is linked.

    Steps and changes are those between mutual nearest neighbours in frames that follow each
    other.
    """
    area = np.exp(find_median(spots.log_area))
    diameter = 2 * float(np.sqrt(area / np.pi)) * spots.length_per_px
    gaps, steps, sources, targets = [], [], [], []
    for i in range(len(spots.frame_numbers)):
        here = spots.of(i)
        tree = cKDTree(spots.position[here])
        if here.stop - here.start > 1:
            gaps.append(tree.query(spots.position[here], k=2)[0][:, 1])
        if i + 1 < len(spots.frame_numbers):
            there = spots.of(i + 1)
            distance, forth = cKDTree(spots.position[there]).query(spots.position[here])
            _, back = tree.query(spots.position[there])
            mutual = back[forth] == np.arange(len(forth))
            steps.append(distance[mutual])
            sources.append(np.flatnonzero(mutual) + here.start)
            targets.append(forth[mutual] + there.start)
    if not np.isfinite(diameter) or diameter <= 0:
        diameter = float(np.quantile(np.concatenate(gaps), _CLOSE)) if gaps else 0.0
        diameter = diameter or 1.0
    neighbour = float(np.median(np.concatenate(gaps))) if gaps else 3 * diameter
    none = np.array([], np.int64)
    source, target = np.concatenate([none, *sources]), np.concatenate([none, *targets])
    return MovieStatistics(diameter, max(neighbour, 1e-9)).update(
        np.concatenate([np.array([]), *steps]),
        spots.log_area[target] - spots.log_area[source],
        spots.log_contrast[target] - spots.log_contrast[source],
    )
