"""Nuclei that are found in two pieces for a few frames, told by the frames before and after.

Two kinds: a nucleus that condenses for mitosis and is found in two pieces, which look like
daughters born side by side; and a nucleus from which a piece is cut off for a moment, which looks
like one that comes from nowhere and is gone again.
"""

import numpy as np
import pandas as pd

# What is apart for more frames than these is two nuclei.
LONGEST_CUT = 3
# So are those that only a bridge joins: common border in diameters of the smaller one.
LEAST_BORDER = 0.5
# A piece that is cut off for a moment is at most so much brighter or dimmer than the rest.
MOST_CONTRAST = 1.5


def find_needless_cuts(tracks: pd.DataFrame) -> "pd.Series[int]":
    """Find the nuclei that are pieces of one.

    Parameters
    ----------
    tracks : DataFrame
        From `link_nuclei` without gaps, of a table with `touches` and `border_px`
        (`segment.alternatives.find_touching`) and `row`, a number of each nucleus.

    Returns
    -------
    Series
        By `row` of each piece the label of the whole, the least of its two pieces.
    """
    nuclei = tracks.set_index(["track", "frame"], drop=False).rename_axis([None, None])
    pairs = [*_list_pieces_of_mothers(nuclei), *_list_passing_pieces(nuclei)]
    merged: dict[int, int] = {}
    for pieces in pairs:
        whole = pieces[["label", "label_other"]].min(axis=1)
        found = {
            row: label
            for name in ("row", "row_other")
            for row, label in zip(pieces[name], whole, strict=True)
        }
        if not found.keys() & merged.keys():
            merged |= found
    return pd.Series(merged, dtype=np.int64)


def _list_pieces_of_mothers(nuclei: pd.DataFrame) -> list[pd.DataFrame]:
    """The pairs of daughters that are a mother which does not divide yet.

    True daughters are born apart, joined by a bridge at most, or stay close for longer.
    """
    found = []
    born = nuclei[nuclei["parent"] > 0].groupby("parent")["track"].unique()
    for one, other in (pair for pair in born if len(pair) == 2):
        pieces = _join_neighbours(nuclei.loc[one], nuclei.loc[other])
        length = int(_touch(pieces).cumprod().sum())
        if 0 < length <= LONGEST_CUT:
            found.append(pieces[:length])
    return found


def _list_passing_pieces(nuclei: pd.DataFrame) -> list[pd.DataFrame]:
    """The pairs of a short track that comes from nowhere and ends, and the nucleus it is part of.

    With the piece, of its brightness, that nucleus has the area of before and after rather than
    without.
    """
    frames, tracks = nuclei["frame"], nuclei["track"]
    length = tracks.groupby(tracks.to_numpy()).transform("size")
    is_inside = (frames > frames.min()) & (frames < frames.max())
    is_short = (length <= LONGEST_CUT) & (nuclei["parent"] == 0) & ~tracks.isin(nuclei["parent"])
    track_of = nuclei.reset_index(drop=True).set_index(["frame", "label"])["track"]
    found = []
    for track, piece in nuclei[is_short].groupby("track"):
        touched_places = pd.MultiIndex.from_frame(piece[["frame", "touches"]])
        touched = set(track_of.reindex(touched_places, fill_value=0))
        if not is_inside.loc[track].all() or len(touched) > 1 or 0 in touched:
            continue
        own = nuclei.loc[touched.pop()]
        pieces = _join_neighbours(piece.droplevel(0), own)
        is_whole = len(pieces) == len(piece) and bool((_touch(pieces) & _match(pieces)).all())
        if is_whole and _explains_areas(pieces, own["area_px"]):
            found.append(pieces)
    return found


def _join_neighbours(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Two tracks side by side, in the frames that both have."""
    return one.merge(other, left_index=True, right_index=True, suffixes=("", "_other"))


def _touch(pieces: pd.DataFrame) -> "pd.Series[bool]":
    """Whether two tracks touch each other over a wide border, by frame."""
    touch: pd.Series[bool] = pieces["touches"] == pieces["label_other"]
    touch |= pieces["touches_other"] == pieces["label"]
    smaller = pieces[["area_px", "area_px_other"]].min(axis=1)
    border = pieces[["border_px", "border_px_other"]].min(axis=1)
    touch &= border >= LEAST_BORDER * 2 * np.sqrt(smaller / np.pi)
    return touch


def _match(pieces: pd.DataFrame) -> "pd.Series[bool]":
    """Whether two tracks are about as bright as each other, by frame."""
    one, other = (
        pieces[f"mean_intensity{end}"] - pieces[f"background_intensity{end}"]
        for end in ("", "_other")
    )
    return (one < MOST_CONTRAST * other) & (other < MOST_CONTRAST * one)


def _explains_areas(pieces: pd.DataFrame, area: "pd.Series[float]") -> bool:
    """Whether both together fit the areas of the other before and after better than it alone.

    One without a nucleus before is no whole; one that ends or divides has none after.
    """
    first, last = pieces.index[0], pieces.index[-1]
    if first - 1 not in area.index:
        return False
    for frame, known in ((first, first - 1), (last, last + 1)):
        if known in area.index:
            alone = area[frame]
            together = alone + pieces.loc[frame, "area_px"]
            if abs(np.log(together / area[known])) >= abs(np.log(alone / area[known])):
                return False
    return True


def join_pieces(known: pd.DataFrame, merged: "pd.Series[int]") -> pd.DataFrame:
    """The table with the pieces of each nucleus that is made whole as one row.

    Parameters
    ----------
    known : DataFrame
        Nuclei, by `row`.
    merged : Series
        From `find_needless_cuts`.
    """
    pieces = known.loc[merged.index].assign(label=merged)
    weighted = ["y_px", "x_px", "y_um", "x_um", "mean_intensity"]
    sums = pieces[weighted].mul(pieces["area_px"], axis=0)
    sums[["area_px", "area_um2"]] = pieces[["area_px", "area_um2"]]
    places = [pieces["frame"], pieces["label"]]
    joined = sums.groupby(places).sum(min_count=1)
    joined[weighted] = joined[weighted].div(joined["area_px"], axis=0)
    for name in ("background_intensity", "touches_border"):
        joined[name] = pieces[name].groupby(places).max()
    joined["row"] = pieces["row"].groupby(places).min()
    both = pd.concat([known.drop(merged.index), joined.reset_index()], ignore_index=True)
    return both.set_index("row", drop=False).rename_axis(None)
