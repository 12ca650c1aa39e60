"""Which nuclei there are in each frame of a movie, told by the frames before and after.

A real nucleus is there before and after, of a steady size and place. What could be a nucleus but
was passed over in a frame (`autonuclei.segment.alternatives`) is taken where it makes tracks
longer, or a steady track of its own. A nucleus that condenses for mitosis and is found in two
pieces is made whole again.
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
from autonuclei.track.spots import Bools, Ints, Spots, read_spots
from autonuclei.track.statistics import MovieStatistics

# What the image says for an alternative, in nats: links on both sides may cost so much more than
# the ends that they replace.
EVIDENCE = 9.0
# An alternative so much brighter than the median nucleus is surely something: it is taken where it
# has any link. In mitosis chromatin is dense.
LEAST_CONTRAST = 1.5
# Frames of a track that has no nucleus of the network.
LEAST_LENGTH = 5
# Daughters that touch for more frames than these from birth on are two nuclei.
LONGEST_CUT = 3
# So are those that only a bridge joins: common border in diameters of the smaller one.
LEAST_BORDER = 0.5
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
    known = table[is_known]
    if settings.find_divisions:
        merged = _find_needless_cuts(known, settings)
        if len(merged):
            chosen.loc[merged.index, "new_label"] = merged
            chosen.loc[merged.index, "found_by"] = MERGE
            known = _join_pieces(known, merged)
    taken = _take_alternatives(known, table[~is_known], settings)
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


def _find_needless_cuts(known: pd.DataFrame, settings: TrackSettings) -> "pd.Series[int]":
    """The rows that are pieces of a nucleus that does not divide yet, and its label, the least.

    Daughters that are born side by side are a mother that condenses, cut in two: true ones are
    born apart, joined by a bridge at most, or stay close for longer.
    """
    tracks = link_nuclei(known, settings).tracks
    place = pd.MultiIndex.from_frame(tracks[["frame", "label"]])
    row_of = pd.Series(known.index, index=pd.MultiIndex.from_frame(known[["frame", "label"]]))
    tracks = tracks.assign(row=row_of.loc[place].to_numpy()).set_index(["track", "frame"])
    born = tracks[tracks["parent"] > 0].reset_index().groupby("parent")["track"].unique()
    merged: dict[int, int] = {}
    for one, other in (pair for pair in born if len(pair) == 2):
        pieces = tracks.loc[one].join(tracks.loc[other], suffixes=("", "_other"), how="inner")
        touch = pieces["touches"] == pieces["label_other"]
        touch |= pieces["touches_other"] == pieces["label"]
        smaller = pieces[["area_px", "area_px_other"]].min(axis=1)
        border = pieces[["border_px", "border_px_other"]].min(axis=1)
        touch &= border >= LEAST_BORDER * 2 * np.sqrt(smaller / np.pi)
        length = int(touch.cumprod().sum())
        if 0 < length <= LONGEST_CUT:
            pieces = pieces[:length]
            whole = pieces[["label", "label_other"]].min(axis=1)
            for rows in ("row", "row_other"):
                merged |= dict(zip(pieces[rows], whole, strict=True))
    return pd.Series(merged, dtype=np.int64)


def _join_pieces(known: pd.DataFrame, merged: "pd.Series[int]") -> pd.DataFrame:
    """The table with the pieces of each nucleus that is made whole as one row."""
    pieces = known.loc[merged.index].assign(label=merged)
    weighted = ["y_px", "x_px", "y_um", "x_um", "mean_intensity"]
    sums = pieces[weighted].mul(pieces["area_px"], axis=0)
    sums[["area_px", "area_um2"]] = pieces[["area_px", "area_um2"]]
    places = [pieces["frame"], pieces["label"]]
    joined = sums.groupby(places).sum(min_count=1)
    joined[weighted] = joined[weighted].div(joined["area_px"], axis=0)
    for name in ("background_intensity", "touches_border"):
        joined[name] = pieces[name].groupby(places).max()
    both = pd.concat([known.drop(merged.index), joined.reset_index()], ignore_index=True)
    return both.sort_values(["frame", "label"], kind="stable").reset_index(drop=True)


def _take_alternatives(
    known: pd.DataFrame, alternatives: pd.DataFrame, settings: TrackSettings
) -> pd.Index:
    """The index of those alternatives that make the best tracks."""
    if not len(known) or not len(alternatives):
        return alternatives.index[:0]
    result = link_nuclei(known, replace(settings, max_frame_gap=1))
    tracks = result.tracks
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
    spots = _remove_drift(read_spots(both), np.unique(known["frame"]), result)
    statistics = _read_statistics(result.parameters)
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
    new = np.flatnonzero(is_new)
    # A link to itself: the alternative is not taken, and saves its end and its start.
    unused = PossibleLinks(new, new, np.where(is_bright, 2 * ends, EVIDENCE)[new])
    found = assign_links(join_links([links, unused]), ends)
    is_taken = is_new & (found.following != np.arange(len(both)))
    is_taken &= _is_long(found.following, is_taken)
    return alternatives.index[np.isin(alternatives.index, row[is_taken])]


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
