"""Which nuclei there are in each frame of a movie, told by the frames before and after.

A real nucleus is there before and after, of a steady size and place. What could be a nucleus but
was passed over in a frame (`autonuclei.segment.alternatives`) is taken where it makes tracks
longer, or a steady track of its own. A nucleus that is found in two pieces for a few frames is made
whole (`autonuclei.track.oversegmentation`).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from autonuclei.settings import TrackSettings
from autonuclei.track.assignment import assign_links
from autonuclei.track.costs import PossibleLinks, compute_end_costs, join_links
from autonuclei.track.gaps import list_open_links
from autonuclei.track.link import LinkResult, link_nuclei
from autonuclei.track.oversegmentation import find_needless_cuts, join_pieces
from autonuclei.track.spots import Bools, Floats, Ints, Spots, read_spots
from autonuclei.track.statistics import MovieStatistics

# What the image says for an alternative, in nats: links on both sides may cost so much more than
# the ends that they replace.
EVIDENCE = 9.0
# An alternative so much brighter than the median nucleus is surely something: it is taken where it
# has any link. In mitosis chromatin is dense.
LEAST_CONTRAST = 1.5
# Frames of a track that has no nucleus of the network.
LEAST_LENGTH = 5
# So many frames at most lie from an alternative to the next nucleus.
LONGEST_LAPSE = 2

NETWORK, IMAGE, MERGE = "network", "image", "merge"


def choose_nuclei(
    table: pd.DataFrame,
    settings: TrackSettings = TrackSettings(),  # noqa: B008 (it is frozen)
) -> pd.DataFrame:
    """Choose the nuclei of a movie.

    Parameters
    ----------
    table : DataFrame
        From `segment.alternatives.measure_alternatives`, of all frames.
    settings : TrackSettings

    Returns
    -------
    DataFrame
        `frame`, `label` and `probability` as in `table`; `new_label`, the number of the nucleus
        that it becomes, or becomes a part of, 0 for an alternative that is not taken; `found_by`:
        `network`, `image` or `merge`.
    """
    table = table.sort_values(["frame", "label"], kind="stable").reset_index(drop=True)
    is_known = table["is_known"].to_numpy(bool)
    chosen = table[["frame", "label", "probability"]].assign(
        new_label=np.where(is_known, table["label"], 0),
        found_by=np.where(is_known, NETWORK, IMAGE),
    )
    known = table[is_known].assign(row=table.index[is_known])
    without_gaps = replace(settings, max_frame_gap=1)
    linked = link_nuclei(known, without_gaps)
    merged = find_needless_cuts(linked.tracks)
    if len(merged):
        chosen.loc[merged.index, "new_label"] = merged
        chosen.loc[merged.index, "found_by"] = MERGE
        known = join_pieces(known, merged)
        linked = link_nuclei(known, without_gaps)
    taken = _take_alternatives(linked, table[~is_known], settings)
    # After the known ones of their frame.
    chosen.loc[taken, "new_label"] = chosen["label"][taken]
    return _renumber(chosen)


def list_nuclei(chosen: pd.DataFrame) -> pd.DataFrame:
    """The chosen nuclei by their new numbers: `frame`, `label`, `probability`, `found_by`."""
    kept = chosen[chosen["new_label"] > 0].drop(columns="label")
    nuclei = kept.rename(columns={"new_label": "label"}).groupby(["frame", "label"])
    return nuclei.agg({"probability": "max", "found_by": "first"}).reset_index()


def _renumber(chosen: pd.DataFrame) -> pd.DataFrame:
    """Number the nuclei of each frame without gaps, in the order of the numbers they have."""
    kept = chosen[chosen["new_label"] > 0]
    numbers = kept.groupby("frame")["new_label"].rank(method="dense").astype(np.int64)
    return chosen.assign(new_label=numbers.reindex(chosen.index, fill_value=0))


def _take_alternatives(
    linked: LinkResult, alternatives: pd.DataFrame, settings: TrackSettings
) -> pd.Index:
    """The index of those alternatives that make the best tracks."""
    tracks = linked.tracks
    if not len(tracks) or not len(alternatives):
        return alternatives.index[:0]
    is_last = tracks["track"] != tracks["track"].shift(-1)
    is_first = tracks["track"] != tracks["track"].shift(1)
    both = pd.concat(
        [
            tracks.assign(
                row=-1,
                is_end=is_last & ~tracks["track"].isin(tracks["parent"]),
                is_start=is_first & (tracks["parent"] == 0),
            ),
            alternatives.assign(row=alternatives.index, is_end=True, is_start=True),
        ]
    ).sort_values(["frame", "label"], kind="stable")
    row = both["row"].to_numpy()
    is_new = row >= 0
    spots = _remove_drift(read_spots(both), np.unique(tracks["frame"]), linked)
    statistics = _read_statistics(linked.parameters)
    links = list_open_links(
        spots,
        statistics,
        is_end=both["is_end"].to_numpy(bool),
        is_start=both["is_start"].to_numpy(bool),
        lapses=range(1, min(LONGEST_LAPSE, settings.max_frame_gap) + 1),
        max_link_distance=settings.max_link_distance,
    )
    ends = compute_end_costs(spots, statistics)
    contrast = (both["mean_intensity"] - both["background_intensity"]).to_numpy()
    is_bright = contrast >= LEAST_CONTRAST * np.median(contrast[~is_new])
    is_bright[_find_condensed(links, contrast, is_new)] = True
    new = np.flatnonzero(is_new)
    # A link to itself: the alternative is not taken, and saves its end and its start.
    unused = PossibleLinks(new, new, np.where(is_bright, 2 * ends, EVIDENCE)[new])
    found = assign_links(join_links([links, unused]), ends)
    is_taken = is_new & (found.following != np.arange(len(both)))
    is_taken &= _is_long(found.following, is_taken)
    return alternatives.index[np.isin(alternatives.index, row[is_taken])]


def _find_condensed(links: PossibleLinks, contrast: Floats, is_new: Bools) -> Ints:
    """The alternatives that are as much brighter than a nucleus before or after them."""
    pairs = [(links.source, links.target), (links.target, links.source)]
    new, known = np.concatenate([np.stack(pair) for pair in pairs], axis=1)
    # A nucleus that is no brighter than its background tells nothing.
    is_bright = (contrast[known] > 0) & (contrast[new] >= LEAST_CONTRAST * contrast[known])
    return np.asarray(new[is_new[new] & ~is_new[known] & is_bright])


def _is_long(following: Ints, is_taken: Bools) -> Bools:
    """Whether the chain that each spot is in has a nucleus of the network, or many alternatives."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(following)
    source = np.flatnonzero((following >= 0) & (following != np.arange(n)))
    graph = coo_array((np.ones(len(source)), (source, following[source])), shape=(n, n))
    _, chain = connected_components(graph, directed=False)
    length = np.bincount(chain)
    is_anchored = np.bincount(chain, weights=~is_taken) > 0
    return np.asarray((is_anchored | (length >= LEAST_LENGTH))[chain])


def _remove_drift(spots: Spots, frames: Ints, result: LinkResult) -> Spots:
    """The spots as if the stage had stood still; `frames` are those that the links were made of."""
    drift = np.array(result.parameters["stage_drift"])
    at = np.clip(np.searchsorted(frames, spots.frame), 0, len(drift) - 1)
    return replace(spots, position=spots.position - drift[at])


def _read_statistics(parameters: Mapping[str, Any]) -> MovieStatistics:
    """The widths that `link_nuclei` found."""
    return MovieStatistics(
        diameter=parameters["nucleus_diameter"],
        neighbour_distance=parameters["nearest_neighbour_distance"],
        step_sigma=parameters["step_sigma"],
        area_sigma=parameters["log_area_change_sigma"],
        contrast_sigma=parameters["log_intensity_change_sigma"],
        max_step=parameters["max_link_distance"],
    )
