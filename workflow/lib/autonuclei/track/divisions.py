"""Divisions: which nuclei are the two daughters of a nucleus in the frame before.

A division is looked for between frames that follow each other directly, once links without
divisions (`autonuclei.track.frame_links`) have told the past of every possible mother and the
future of every possible daughter. Its score is a logistic regression on the features of
`autonuclei.track.division_features`, fitted to drawn movies of many kinds (interval, density,
speed, look of mitosis) by research/fit_divisions.py, which writes divisions.json beside this
module. How mitosis looks differs from movie to movie, so a second look compares each possible
division with those of its movie that the first one was sure of.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.special import expit

from autonuclei.track.assignment import Links
from autonuclei.track.division_features import compare_looks, describe_divisions, measure_context
from autonuclei.track.frame_links import FrameLinks
from autonuclei.track.spots import Floats, Ints, Spots
from autonuclei.track.statistics import MovieStatistics

_NEAREST = 6  # spots near the mother of which any two may be the daughters
_REST = 4  # frames from birth in which a nucleus does not divide
_LEAST_LOSS, _LARGEST_LOSS = -16, 8  # those beyond are not told apart
_SURE = 0.9  # score of a division that tells how divisions of the movie look


@dataclass(frozen=True)
class LogisticWeights:
    """Weights of a logistic regression.

    Attributes
    ----------
    bias : float
    features : dict
        By name: usual value, weight of the difference from it, weight of its square.
    """

    bias: float
    features: Mapping[str, tuple[float, float, float]]

    def compute_logit(self, features: Mapping[str, Floats]) -> Floats:
        """Compute the logits (m,) that possible divisions are ones.

        Parameters
        ----------
        features : dict of (m,)
            All that the weights name. An unknown one (NaN) says nothing for or against.
        """
        usual, linear, square = np.array(list(self.features.values())).T
        values = np.column_stack([features[name] for name in self.features])
        unusual = np.nan_to_num(values - usual)
        return np.asarray(self.bias + unusual @ linear + unusual**2 @ square)


@dataclass(frozen=True)
class DivisionScore:
    """What gives possible divisions their score.

    Attributes
    ----------
    alone : LogisticWeights
        On the features of each for itself.
    looks : dict
        By feature: mean and variance among divisions, see `compare_looks`.
    final : LogisticWeights
        On these features and `like_others`.
    """

    alone: LogisticWeights
    looks: Mapping[str, tuple[float, float]]
    final: LogisticWeights

    def compare_with_sure(
        self, trios: Ints, features: Mapping[str, Floats], links: Links
    ) -> dict[str, Floats]:
        """Give the features and `like_others`, likeness to the sure divisions of the movie.

        Parameters
        ----------
        trios : (m, 3)
            All possible divisions of a movie: mother and daughters as numbers of spots.
        features : dict of (m,)
        links
            From `link_frames`.
        """
        sure = np.zeros(len(trios), bool)
        alone = expit(self.alone.compute_logit(features))
        sure[choose_divisions(trios, alone, _SURE, links)] = True
        return {**features, "like_others": compare_looks(features, sure, self.looks)}

    def compute_scores(self, trios: Ints, features: Mapping[str, Floats], links: Links) -> Floats:
        """Compute the scores (m,), 0 to 1; parameters as of `compare_with_sure`."""
        compared = self.compare_with_sure(trios, features, links)
        return np.asarray(expit(self.final.compute_logit(compared)))


@cache
def _read_weights() -> tuple[LogisticWeights, float, DivisionScore]:
    """Weights of the first look, the least logit that passes it, and the score."""
    place = resources.files("autonuclei.track") / "divisions.json"
    stored = json.loads(place.read_text(encoding="utf-8"))
    first, alone, final = (
        LogisticWeights(stored[look]["bias"], stored[look]["features"])
        for look in ("first", "alone", "final")
    )
    return first, stored["first"]["least_logit"], DivisionScore(alone, stored["looks"], final)


def compute_division_reach(statistics: MovieStatistics) -> float:
    """Compute the longest distance from the expected place of a mother to a daughter."""
    return 1.5 * statistics.diameter + 2 * statistics.step_sigma


def find_divisions(
    spots: Spots, found: FrameLinks, *, reach: float, min_score: float
) -> tuple[Ints, Floats]:
    """Find the divisions.

    Parameters
    ----------
    found
        From `link_frames` of the same spots.
    reach
        Longest distance from the expected place of the mother to a daughter.
    min_score
        Less likely divisions are not taken.

    Returns
    -------
    trios : (m, 3) int64
        Mother and daughters as numbers of spots; none shares a spot with another in the same
        role.
    scores : (m,) float64
        0 to 1.
    """
    first, least_logit, score = _read_weights()
    loss = LinkingLoss(found)
    parts = []
    for trios, features in describe_candidates(spots, found, reach=reach):
        # The loss takes long to find.
        promising = np.flatnonzero(first.compute_logit(features) > least_logit)
        trios = trios[promising]
        features = {name: values[promising] for name, values in features.items()}
        parts.append((trios, features | {"linking_loss": loss.measure(trios)}))
    if not parts:
        return np.empty((0, 3), np.int64), np.array([])
    trios = np.concatenate([trios for trios, _ in parts])
    features = {name: np.concatenate([part[name] for _, part in parts]) for name in parts[0][1]}
    scores = score.compute_scores(trios, features, found.links)
    chosen = choose_divisions(trios, scores, min_score, found.links)
    return trios[chosen], scores[chosen]


def describe_candidates(
    spots: Spots, found: FrameLinks, *, reach: float
) -> Iterator[tuple[Ints, dict[str, Floats]]]:
    """List the possible divisions frame by frame.

    Parameters
    ----------
    found
        From `link_frames` of the same spots.
    reach
        Longest distance from the expected place of the mother to a daughter.

    Yields
    ------
    trios : (m, 3) int64
        Mother and daughters as numbers of spots, m at least 1.
    features : dict of (m,) float64
        From `describe_divisions`.
    """
    context = measure_context(spots, found)
    for i in np.flatnonzero(np.diff(spots.frame_numbers) == 1).tolist():
        trios = _list_candidates(spots, i, reach, found)
        if len(trios):
            yield trios, describe_divisions(spots, found, context, trios)


def _list_candidates(spots: Spots, i: int, reach: float, found: FrameLinks) -> Ints:
    """Possible divisions between the i-th frame and the next."""
    here, there = spots.of(i), spots.of(i + 1)
    near = min(_NEAREST, there.stop - there.start)
    if near < 2:
        return np.empty((0, 3), np.int64)
    distance, nearest = cKDTree(spots.position[there]).query(
        spots.position[here] + found.expected[here], k=near, distance_upper_bound=reach
    )
    one, other = np.triu_indices(near, 1)
    both = np.isfinite(distance[:, other]) & np.isfinite(distance[:, one])
    mother = np.broadcast_to(np.arange(here.start, here.stop)[:, None], both.shape)[both]
    a = nearest[:, one][both] + there.start
    b = nearest[:, other][both] + there.start
    # At least one part of a division must be at odds with plain linking, or be its own link.
    before, follower = found.links.before, found.links.following[mother]
    odd = (before[a] < 0) | (before[b] < 0) | (follower == a) | (follower == b) | (follower < 0)
    trios: Ints = np.column_stack([mother, a, b])[odd]
    return trios


class LinkingLoss:
    """Finds what a division would cost the links around it.

    Parameters
    ----------
    found
        From `link_frames`.
    """

    def __init__(self, found: FrameLinks) -> None:
        self._possible, self._ends, self._links = found.possible, found.ends, found.links
        self._start = np.searchsorted(found.possible.source, np.arange(len(found.ends) + 1))

    def measure(self, trios: Ints) -> Floats:
        """Measure by how much (nats) the best linking of everything else gets worse.

        Negative: the division also frees others of an unlikely link, end or start.

        Parameters
        ----------
        trios : (m, 3)
            Mother and daughters as numbers of spots.

        Returns
        -------
        (m,) float64
        """
        losses = np.array([self._measure_one(*trio) for trio in trios.tolist()], np.float64)
        return np.asarray(np.clip(losses, _LEAST_LOSS, _LARGEST_LOSS))

    def _list_from(self, spots: set[int]) -> Ints:
        """Indices of the possible links from spots; -1 is none of them."""
        starts = self._start
        return np.concatenate([np.arange(starts[s], starts[s + 1]) for s in sorted(spots - {-1})])

    def _measure_one(self, mother: int, a: int, b: int) -> float:
        possible, before = self._possible, self._links.before
        sources = {mother, int(before[a]), int(before[b])}
        sources |= set(before[possible.target[self._list_from(sources)]].tolist())
        links = self._list_from(sources)
        source, target = possible.source[links], possible.target[links]
        gain = self._ends[source] + self._ends[target] - possible.cost[links]
        now = float(gain[self._links.following[source] == target].sum())
        owner = before[target]
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


def choose_divisions(trios: Ints, scores: Floats, min_score: float, links: Links) -> list[int]:
    """Choose the likeliest divisions first; none may share a nucleus with one already chosen.

    A nucleus does not divide again within a few frames of its birth: what looks like that is
    a wrong link beside a division, or a nucleus that the segmentation splits for a moment.

    Parameters
    ----------
    trios : (m, 3)
        Mother and daughters as numbers of spots.
    scores : (m,)
    min_score
        Less likely ones are not chosen.
    links
        From `link_frames`.

    Returns
    -------
    list of int
        Rows of `trios`.
    """
    chosen: list[int] = []
    no_mother: set[int] = set()
    no_daughter: set[int] = set()
    for row in np.argsort(-scores, kind="stable").tolist():
        if scores[row] < min_score:
            break
        mother, a, b = trios[row].tolist()
        if mother in no_mother or a in no_daughter or b in no_daughter:
            continue
        chosen.append(row)
        no_mother.add(mother)
        no_daughter |= {a, b}
        for spot, along, closed in (
            (a, links.following, no_mother),
            (b, links.following, no_mother),
            (mother, links.before, no_daughter),
        ):
            for _ in range(_REST):
                if spot < 0:
                    break
                closed.add(spot)
                spot = int(along[spot])
    return chosen
