"""The links between the rows of a track table."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def find_edges(tracks: pd.DataFrame) -> npt.NDArray[np.int64]:
    """List the links between nuclei, within tracks and from mother to daughters.

    Parameters
    ----------
    tracks : DataFrame
        Track table; columns `frame`, `track`, `parent` and `lineage` are used.

    Returns
    -------
    (n, 2) int64 array
        Row numbers (positions, not index labels) of the earlier and the later nucleus of
        each link, ordered by the later one. A link over a gap spans more than one frame.

    Raises
    ------
    ValueError
        The table contradicts itself: a track twice in a frame, two parents for one track, a
        parent that is absent or ends after its daughter begins, or lineages that are not the
        connected components of the links.
    """
    frame = tracks["frame"].to_numpy(np.int64)
    track = tracks["track"].to_numpy(np.int64)
    parent = tracks["parent"].to_numpy(np.int64)
    lineage = tracks["lineage"].to_numpy(np.int64)
    order = np.lexsort((frame, track))
    same = track[order][1:] == track[order][:-1]
    if np.any(same & (frame[order][1:] == frame[order][:-1])):
        raise ValueError("a track has two nuclei in one frame")
    if np.any(same & (parent[order][1:] != parent[order][:-1])):
        raise ValueError("a track has two parents")
    within = np.stack([order[:-1][same], order[1:][same]], axis=1)

    is_first = np.concatenate([[True], ~same])[: len(order)]
    is_last = np.concatenate([~same, [True]])[: len(order)]
    firsts, lasts = order[is_first], order[is_last]
    daughters = firsts[parent[firsts] > 0]
    slot = np.searchsorted(track[lasts], parent[daughters])
    known = slot < len(lasts)
    known[known] = track[lasts[slot[known]]] == parent[daughters[known]]
    if not known.all():
        missing = parent[daughters[~known]][0]
        raise ValueError(f"track {missing} is named as a parent but has no nuclei")
    mothers = lasts[slot]
    if np.any(frame[mothers] >= frame[daughters]):
        raise ValueError("a daughter begins before its mother ends")

    edges = np.concatenate([within, np.stack([mothers, daughters], axis=1)])
    edges = edges[np.argsort(edges[:, 1], kind="stable")]
    n = len(tracks)
    graph = coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(n, n))
    n_components, component = connected_components(graph, directed=False)
    pairs = np.unique(np.stack([component, lineage], axis=1), axis=0)
    if len(pairs) != n_components or len(np.unique(pairs[:, 1])) != n_components:
        raise ValueError("the lineages are not the connected components of the tracks")
    return edges
