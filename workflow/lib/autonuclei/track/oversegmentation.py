"""Nuclei that are found in two pieces for a few frames, told by the frames before and after.

Two kinds: a nucleus that condenses for mitosis and is found in two pieces, which look like
daughters born side by side; and a nucleus from which a piece is cut off for a moment, which looks
like one that comes from nowhere and is gone again.
"""

import numpy as np
import pandas as pd

from autonuclei.track.spots import Ints

# What is apart for more frames than these is two nuclei.
LONGEST_CUT = 3
# So are those that only a bridge joins: common border in diameters of the smaller one.
LEAST_BORDER = 0.5
# A piece that is cut off for a moment is at most so much brighter or dimmer than the rest.
MOST_CONTRAST = 1.5
# What is looked at: the other columns would be copied for each pair.
COLUMNS = (
    "track",
    "frame",
    "label",
    "row",
    "parent",
    "touches",
    "border_px",
    "area_px",
    "mean_intensity",
    "background_intensity",
)


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
    nuclei = tracks[list(COLUMNS)]
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
    born = nuclei[nuclei["parent"] > 0].groupby("parent")["track"].unique()
    sisters = np.array([pair for pair in born if len(pair) == 2], np.int64).reshape(-1, 2)
    pieces = _join_neighbours(nuclei, *sisters.T)
    is_cut = _touch(pieces).groupby(pieces["pair"]).cumprod().astype(bool)
    length = is_cut.groupby(pieces["pair"]).transform("sum")
    return _part(pieces[is_cut & (length <= LONGEST_CUT)])


def _list_passing_pieces(nuclei: pd.DataFrame) -> list[pd.DataFrame]:
    """The pairs of a short track that comes from nowhere and ends, and the nucleus it is part of.

    With the piece, of its brightness, that nucleus has the area of before and after rather than
    without.
    """
    frames, tracks = nuclei["frame"], nuclei["track"]
    length = tracks.groupby(tracks).transform("size")
    is_inside = (frames > frames.min()) & (frames < frames.max())
    is_short = (length <= LONGEST_CUT) & (nuclei["parent"] == 0) & ~tracks.isin(nuclei["parent"])
    if not is_short.any():
        return []
    short = nuclei[is_short]
    track_of = nuclei.set_index(["frame", "label"])["track"]
    places = pd.MultiIndex.from_frame(short[["frame", "touches"]])
    touched = short.assign(
        is_inside=is_inside, touched=track_of.reindex(places, fill_value=0).to_numpy()
    ).groupby("track")
    own = touched["touched"].min()
    own = own[(own > 0) & (own == touched["touched"].max()) & touched["is_inside"].all()]
    pieces = _join_neighbours(nuclei, own.index.to_numpy(), own.to_numpy())
    is_whole = (_touch(pieces) & _match(pieces)).groupby(pieces["pair"]).transform("all")
    area = nuclei.set_index(["track", "frame"])["area_px"]
    return [
        pair
        for pair in _part(pieces[is_whole])
        if _explains_areas(pair, area.loc[pair["track_other"].iloc[0]])
    ]


def _join_neighbours(nuclei: pd.DataFrame, one: Ints, other: Ints) -> pd.DataFrame:
    """Pairs of tracks side by side, in the frames that both have: all in one table, by `pair`."""
    pairs = pd.DataFrame({"pair": np.arange(len(one)), "track": one, "track_other": other})
    pieces = pairs.merge(nuclei, on="track").merge(
        nuclei.rename(columns={"track": "track_other"}),
        on=["track_other", "frame"],
        suffixes=("", "_other"),
    )
    return pieces.sort_values(["pair", "frame"], ignore_index=True)


def _part(pieces: pd.DataFrame) -> list[pd.DataFrame]:
    """The table of each pair, by frame."""
    return [pair.set_index("frame") for _, pair in pieces.groupby("pair")]


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
