"""The best set of links: linear assignment."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from autonuclei.track.costs import PossibleLinks
from autonuclei.track.spots import Bools, Floats, Ints

# Possible links that are matched at once. The time of the matching grows faster than linearly.
_MATCHED_AT_ONCE = 500


@dataclass(frozen=True)
class Links:
    """Links that are made: spot that follows each spot and spot before it, (n,), -1 = none."""

    following: Ints
    before: Ints


def assign_links(
    possible: PossibleLinks,
    ends: Floats,
    *,
    mothers: Bools | None = None,
    daughters: Bools | None = None,
) -> Links:
    """Find the links whose costs, with those of all ends and starts, are least.

    Parameters
    ----------
    possible
        Between any frames; two links from one frame must not lead to different ones.
    ends : (n,)
        Cost of an end (or a start) at each spot.
    mothers, daughters : (n,), optional
        Spots from which, or to which, no link leads because they are parts of a division.
    """
    links = Links(np.full(len(ends), -1, np.int64), np.full(len(ends), -1, np.int64))
    source, target, cost = possible.source, possible.target, possible.cost
    if mothers is not None and daughters is not None:
        free = ~mothers[source] & ~daughters[target]
        source, target, cost = source[free], target[free], cost[free]
    if len(source) == 0:
        return links
    gain = cost - ends[source] - ends[target]  # below 0: better linked than not
    # Pairs of frames do not interact, and most of a frame falls apart into small groups.
    rows, row_of = np.unique(source, return_inverse=True)
    columns, column_of = np.unique(target, return_inverse=True)
    graph = coo_array(
        (np.ones(len(source), np.int8), (row_of, column_of + len(rows))),
        shape=(len(rows) + len(columns),) * 2,
    )
    _, group = connected_components(graph, directed=False)
    order = np.argsort(group[row_of], kind="stable")
    cuts = np.flatnonzero(np.diff(group[row_of][order])) + 1
    edges = np.append(np.insert(cuts, 0, 0), len(order))
    start = 0
    while start < len(edges) - 1:
        # As many whole groups as fit, at least one.
        beyond = int(np.searchsorted(edges, edges[start] + _MATCHED_AT_ONCE, "right"))
        stop = max(start + 1, beyond - 1)
        some = order[edges[start] : edges[stop]]
        best = some[_match(source[some], target[some], gain[some])]
        links.following[source[best]] = target[best]
        links.before[target[best]] = source[best]
        start = stop
    return links


def _match(source: Ints, target: Ints, gain: Floats) -> Ints:
    """Indices of the links of the best matching; every source may stay free at 0."""
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
