"""Lineages as trees: where to draw each nucleus, and the Newick format."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from autonuclei.measure.units import Units


def find_largest_lineages(cycles: pd.DataFrame, n: int) -> list[int]:
    """Find the n lineages with most tracks, the largest first; equal ones by number."""
    sizes = cycles.groupby("lineage").size()
    order = np.lexsort((sizes.index, -sizes.to_numpy()))
    return [int(number) for number in sizes.index[order[:n]]]


def layout_trees(cycles: pd.DataFrame, lineages: Iterable[int], *, units: Units) -> pd.DataFrame:
    """Lay out lineages side by side, one line per track, with time along the line.

    Tracks without daughters stand 1 apart from left to right, a mother in the middle between
    her first and last daughter, and lineages have a free place between them.

    Parameters
    ----------
    cycles : DataFrame
        From `autonuclei.measure.lineages.tabulate_cycles`.
    lineages : iterable of int
        From left to right.
    units : Units

    Returns
    -------
    DataFrame
        One row per track: `track`, `lineage`, `parent`, `generation`, `end`, `x`, the line from
        `from_<time>` to `to_<time>` (of a mother to the birth of the first daughter, so that
        lines meet), and, for mothers, `left_x` and `right_x`: the ends of the bar to her
        daughters, which is at `to_<time>` (else NaN).
    """
    own = cycles.set_index("track")
    daughters = _list_daughters(cycles)
    place: dict[int, float] = {}
    bars: dict[int, tuple[float, float]] = {}
    free = 0
    for lineage in lineages:
        for root in _find_roots(cycles, lineage):
            for track in _walk_up(root, daughters):
                below = [place[daughter] for daughter in daughters.get(track, [])]
                if below:
                    place[track] = (below[0] + below[-1]) / 2
                    bars[track] = (below[0], below[-1])
                else:
                    place[track] = free
                    free += 1
            free += 1
    tracks = list(place)
    shown = own.loc[tracks].reset_index()
    start, end = _find_ends(own)
    table = shown[["track", "lineage", "parent", "generation", "end"]].assign(
        x=np.array(list(place.values()), np.float64)
    )
    table[f"from_{units.time}"] = start.loc[tracks].to_numpy() * units.time_factor
    table[f"to_{units.time}"] = end.loc[tracks].to_numpy() * units.time_factor
    ends = np.array([bars.get(track, (np.nan, np.nan)) for track in tracks]).reshape(-1, 2)
    return table.assign(left_x=ends[:, 0], right_x=ends[:, 1])


def format_newick(cycles: pd.DataFrame, *, units: Units) -> str:
    """Write all lineages in the Newick format, one tree per line.

    Names are `t` and the number of the track: readers take a bare number at a fork for a
    support value. The branch of a track is as long as the time from its birth (or from when it
    was first seen) to its division (or to when it was last seen), in minutes, or frames where
    the interval is unknown; the root has one too.

    Parameters
    ----------
    cycles : DataFrame
        From `autonuclei.measure.lineages.tabulate_cycles`.
    units : Units

    Returns
    -------
    str
        A line per lineage in the order of their numbers, such as `(t2:30,t3:45)t1:20;`; a
        lineage of one track is `t4:60;`.
    """
    daughters = _list_daughters(cycles)
    start, end = _find_ends(cycles.set_index("track"))
    length = ((end - start) * units.time_factor).to_dict()
    parent = cycles["parent"]
    roots = cycles[~parent.isin(cycles["track"])].sort_values(["lineage", "track"])["track"]
    lines = []
    for root in roots:
        text: dict[int, str] = {}
        for track in _walk_up(root, daughters):
            inner = ",".join(text.pop(daughter) for daughter in daughters.get(track, []))
            text[track] = f"({inner})" if inner else ""
            text[track] += f"t{track}:{length[track]:.10g}"
        lines.append(f"{text[root]};\n")
    return "".join(lines)


def _list_daughters(cycles: pd.DataFrame) -> dict[int, list[int]]:
    ordered = cycles[cycles["parent"] > 0].sort_values("track")
    daughters: dict[int, list[int]] = {}
    for track, mother in zip(ordered["track"].tolist(), ordered["parent"].tolist(), strict=True):
        daughters.setdefault(mother, []).append(track)
    return daughters


def _find_roots(cycles: pd.DataFrame, lineage: int) -> list[int]:
    own = cycles[cycles["lineage"] == lineage]
    return sorted(own.loc[~own["parent"].isin(own["track"]), "track"])


def _walk_up(root: int, daughters: dict[int, list[int]]) -> list[int]:
    """List a tree so that daughters come before their mother, from left to right.

    Without recursion, which Python limits: a tree may be deep.
    """
    order, waiting = [], [root]
    while waiting:
        track = waiting.pop()
        order.append(track)
        waiting += daughters.get(track, [])
    return order[::-1]


def _find_ends(own: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Frames where the line of each track begins and ends."""
    start = own["birth_frame"].fillna(own["first_frame"])
    # A track that was cut goes to where the next piece begins.
    firsts = own[own["parent"] > 0].groupby("parent")["first_frame"].min()
    return start, own["division_frame"].fillna(firsts).fillna(own["last_frame"])
