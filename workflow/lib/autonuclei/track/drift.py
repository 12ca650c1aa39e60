"""How all nuclei go together from one frame to the next, as on a stage that drifts.

Three questions, three functions:

- `remove_drift`: where did the stage go, when no links are known yet and it may have jumped
  further than nuclei are apart? Linking asks it.
- `estimate_shift`: by how many whole pixels does one label image lie best on the next? The
  quality measures ask it of single pairs of frames, in which nuclei hardly move.
- `measure_common_steps`: how do nuclei go together whose tracks are known? Motility asks it.

Nuclei that migrate as a sheet move together as well: the two cannot be told apart.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from autonuclei.track.spots import Floats, Ints, Spots
from autonuclei.track.statistics import MovieStatistics

_FEWEST_NUCLEI = 6  # fewer tell nothing
_ENOUGH_NUCLEI = 1500  # so many tell the drift of all
_ENOUGH_PLACES = 4000
# With fewer, each would make a tenth of the drift and more.
_FEWEST_TRACKS = 10


def remove_drift(spots: Spots, statistics: MovieStatistics) -> tuple[Spots, Floats]:
    """Find where most nuclei go together, without links, and take it out.

    All steps between two frames up to some length are laid over each other: true steps pile up
    at the drift, wrong ones spread evenly. A pile counts only when it clearly beats the one at
    no drift.

    Parameters
    ----------
    statistics
        From `measure_statistics` of the same spots.

    Returns
    -------
    spots : Spots
        As if the stage had stood still.
    drift : (k, 2) float64
        Position of the stage in each frame that holds nuclei, from the first one.
    """
    reach = max(2.5 * statistics.neighbour_distance, 3 * statistics.diameter)
    radius = 0.35 * statistics.diameter
    drift = np.zeros((len(spots.frame_numbers), 2))
    for i in range(len(drift) - 1):
        here, there = spots.position[spots.of(i)], spots.position[spots.of(i + 1)]
        drift[i + 1] = drift[i] + _find_pile(here, there, reach, radius)
    still = spots.position - drift[np.searchsorted(spots.frame_numbers, spots.frame)]
    return replace(spots, position=still), drift


def _find_pile(one: Floats, other: Floats, reach: float, radius: float) -> Floats:
    """Middle of the largest pile (of a radius) of steps; 0 if none stands out."""
    if min(len(one), len(other)) < _FEWEST_NUCLEI:
        return np.zeros(2)
    if len(one) > _ENOUGH_NUCLEI:
        one = one[:: len(one) // _ENOUGH_NUCLEI + 1]
    near = cKDTree(one).sparse_distance_matrix(cKDTree(other), reach, output_type="ndarray")
    if len(near) == 0:
        return np.zeros(2)
    # The order decides which steps are tried.
    near = near[np.lexsort((near["j"], near["i"]))]
    steps = other[near["j"]] - one[near["i"]]
    # No step and the steps of a subset are the places to try.
    places = np.vstack([np.zeros((1, 2)), steps[:: len(steps) // _ENOUGH_PLACES + 1]])
    counts = _count_near(steps, places, radius)
    best = int(np.argmax(counts))
    chance = len(steps) * (radius / reach) ** 2
    if counts[best] < counts[0] + 3 * np.sqrt(counts[0] + chance) + 0.1 * len(one):
        best = 0
    centre = places[best]
    for _ in range(5):
        inside = steps[np.hypot(*(steps - centre).T) < radius]
        if len(inside) < max(5, 0.2 * min(len(one), len(other))):
            return np.zeros(2)
        centre = inside.mean(axis=0)
    # The spread of a mean over few nuclei is no drift.
    error = inside.std(axis=0) / np.sqrt(len(inside))
    return np.where(np.abs(centre) > 3 * error, centre, 0.0)


def _count_near(steps: Floats, places: Floats, radius: float) -> Ints:
    """How many steps lie within a radius of each place; 0 where another place must have more.

    The first place is always counted.
    """
    # What is within the radius lies in the square of a place or in one beside it.
    side = 1.01 * radius
    lowest = np.minimum(steps.min(axis=0), places.min(axis=0)) - side
    square, own = (((points - lowest) / side).astype(np.int64) for points in (steps, places))
    height, width = np.maximum(square.max(axis=0), own.max(axis=0)) + 2
    full = np.bincount(square @ [width, 1], minlength=height * width).reshape(height, width)
    beside = sum(full[own[:, 0] + y, own[:, 1] + x] for y in (-1, 0, 1) for x in (-1, 0, 1))
    counts = np.zeros(len(places), np.int64)
    tree = cKDTree(steps)
    some = np.array([0, np.argmax(beside)])
    for _ in range(2):
        counts[some] = tree.query_ball_point(places[some], radius, return_length=True)
        some = np.flatnonzero(beside >= counts.max())
    return counts


def estimate_shift(one: Floats, other: Floats) -> tuple[int, int]:
    """Estimate the step in whole px that most nuclei take from one frame to another.

    The median over nuclei that are each other's nearest; no step with fewer than six of them.

    Parameters
    ----------
    one, other : (n, 2), (m, 2)
        Centroids (row, column) of the nuclei of the two frames in px; rows of NaN are passed
        over.
    """
    one, other = (places[np.isfinite(places[:, 0])] for places in (one, other))
    if min(len(one), len(other)) < _FEWEST_NUCLEI:
        return 0, 0
    nearest = cKDTree(other).query(one)[1]
    back = cKDTree(one).query(other)[1]
    mutual = back[nearest] == np.arange(len(one))
    if mutual.sum() < _FEWEST_NUCLEI:
        return 0, 0
    rows, columns = np.rint(np.median((other[nearest] - one)[mutual], axis=0)).tolist()
    return int(rows), int(columns)


def measure_common_steps(tracks: pd.DataFrame) -> tuple[Ints, Ints, Floats]:
    """Measure the median step along each axis of the tracks that go on from frame to frame.

    Parameters
    ----------
    tracks : DataFrame
        Table of tracks; columns `frame`, `track`, `x_px` and `y_px` are used.

    Returns
    -------
    frame_numbers : (k,) int64
        The frames that hold nuclei, ascending.
    n_tracks : (k,) int64
        Tracks with a nucleus in the frame and in the one of these before.
    steps : (k, 2) float64
        Along x and y in px since the frame before; NaN for fewer than 10 such tracks.
    """
    frame_numbers: Ints = np.unique(tracks["frame"].to_numpy(np.int64))
    place = tracks[["track", "x_px", "y_px"]].assign(
        index=np.searchsorted(frame_numbers, tracks["frame"].to_numpy(np.int64))
    )
    before = place.assign(index=place["index"] + 1)
    pairs = place.merge(before, on=["track", "index"], suffixes=("", "_before"))
    moves = pd.DataFrame(
        {axis: pairs[f"{axis}_px"] - pairs[f"{axis}_px_before"] for axis in "xy"}
    ).groupby(pairs["index"])
    every = np.arange(len(frame_numbers))
    n_tracks = np.bincount(pairs["index"], minlength=len(every))
    steps: Floats = moves.median().reindex(every).to_numpy(np.float64, copy=True)
    steps[n_tracks < _FEWEST_TRACKS] = np.nan
    return frame_numbers, n_tracks, steps
