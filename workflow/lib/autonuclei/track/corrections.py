"""What a user's corrections of the results come to: nuclei, links and label images.

Whatever was given back, label images, a TrackMate file, a GEFF or Cell Tracking Challenge folder,
becomes `Corrections`. A nucleus that is the same as before keeps its label; new ones get labels
above those of the frame.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.errors import InputError
from autonuclei.track.link import LinkResult
from autonuclei.track.spots import read_spots
from autonuclei.track.tables import tabulate_tracks

Array = npt.NDArray[Any]

LINK_COLUMNS = ("frame", "label", "next_frame", "next_label")
# How many things of a kind a line names.
_NAMED = 3


@dataclass(frozen=True)
class Corrections:
    """Corrected label images, and the links between their nuclei.

    Stands for the label images by frame itself: ``corrections[frame]`` is (height, width) int32.

    Attributes
    ----------
    nuclei : DataFrame
        One row per nucleus, by frame and label: `frame`, `label`, `id` (in the file that was
        given; its value in a label image) and `change`: `kept` (every pixel as before), `edited`
        or `added`.
    links : DataFrame or None
        One row per link: `frame`, `label`, `next_frame`, `next_label`. A nucleus has at most one
        before it; one with two after it divides. None where masks alone were given.
    notes : list of str
        What the user must know: what was left out, what overlaps.
    draw : function of the frame
    """

    nuclei: pd.DataFrame
    links: pd.DataFrame | None
    notes: list[str]
    draw: Callable[[int], npt.NDArray[np.int32]]

    def __getitem__(self, frame: int, /) -> npt.NDArray[np.int32]:
        return self.draw(frame)


def tabulate_links(
    nuclei: pd.DataFrame, links: pd.DataFrame, *, frame_interval_min: float | None = None
) -> LinkResult:
    """Make the tables of tracks and lineages from links that are known.

    Parameters
    ----------
    nuclei : DataFrame
        The corrected nuclei, measured; the table that `link_nuclei` takes.
    links : DataFrame
        Of `Corrections`.
    frame_interval_min : float, optional
        Minutes between frames; None = unknown.

    Returns
    -------
    LinkResult
        As of `link_nuclei`. No division has a score.

    Raises
    ------
    InputError
        A link is to a nucleus that is not in the table, or two lead to one.
    """
    nuclei = nuclei.sort_values(["frame", "label"], kind="stable").reset_index(drop=True)
    spots = read_spots(nuclei)
    index = pd.MultiIndex.from_frame(nuclei[["frame", "label"]])
    ends = []
    for names in (LINK_COLUMNS[:2], LINK_COLUMNS[2:]):
        keys = pd.MultiIndex.from_frame(links[list(names)], names=["frame", "label"])
        rows = index.get_indexer(keys)
        if (rows < 0).any():
            frame, label = keys[rows < 0][0]
            raise InputError(
                f"Links: nucleus {label} of frame {frame} is not among the nuclei. Use the masks "
                "that belong to the links."
            )
        ends.append(rows.astype(np.int64))
    earlier, later = ends
    if len(np.unique(later)) < len(later):
        twice = nuclei.loc[np.flatnonzero(np.bincount(later) > 1)[0]]
        raise InputError(
            f"Links: two lead to nucleus {twice['label']} of frame {twice['frame']}. Take one out."
        )
    n_after = np.bincount(earlier, minlength=len(nuclei))
    goes_on = n_after[earlier] == 1
    before = np.full(len(nuclei), -1, np.int64)
    before[later[goes_on]] = earlier[goes_on]
    divisions = _pair_daughters(earlier[~goes_on], later[~goes_on])
    lapse = spots.frame[later] - spots.frame[earlier]
    tracks, lineages = tabulate_tracks(
        nuclei,
        spots,
        before=before,
        divisions=divisions,
        scores=np.full(len(divisions), np.nan),
        frame_interval_min=frame_interval_min,
    )
    known = spots.frame_numbers
    between = np.setdiff1d(np.arange(known[0], known[-1] + 1), known) if len(known) else known
    parameters: dict[str, Any] = {
        "links": "corrected by the user",
        "unit": spots.unit,
        "frames_without_objects": between.tolist(),
        "divisions": int((n_after > 1).sum()),
        "gaps_closed": int((lapse[goes_on] > 1).sum()),
    }
    return LinkResult(tracks, lineages, parameters)


def _pair_daughters(mothers: Array, daughters: Array) -> npt.NDArray[np.int64]:
    """Mother and two daughters a row; a third daughter has a row where she stands twice."""
    order = np.lexsort((daughters, mothers))
    rows = []
    for mother, group in pd.Series(daughters[order]).groupby(mothers[order]):
        children = group.to_list()
        for first, second in zip(children[::2], [*children[1::2], children[-1]], strict=False):
            rows.append((mother, first, second))
    return np.array(rows, np.int64).reshape(-1, 3)


def refuse_merges(source: object, links: pd.DataFrame, name: Callable[[int], str]) -> None:
    """Refuse links that join two nuclei into one: which of the two lines goes on is unknown.

    Parameters
    ----------
    source
        The file that was given, for the message.
    links : DataFrame
        `earlier` and `later`, row numbers.
    name
        Gives the name of a nucleus, with its frame, by row number.
    """
    joined = links[links.duplicated("later", keep=False)]
    if joined.empty:
        return
    pairs = joined.groupby("later")["earlier"].agg(list)
    merges = [
        f"{' and '.join(map(name, before))} to {name(later)}"
        for later, before in zip(pairs.index.to_list(), pairs.to_list(), strict=True)
    ]
    raise InputError(
        f"{source}: nuclei become one in {len(merges)} place(s): {list_some(merges)}. A nucleus "
        "has one before it: cut the wrong links, and save again."
    )


def refuse_other_movie(source: object, given: Sequence[int], ours: Sequence[int]) -> None:
    """Refuse a file of another movie; sizes are width, height and number of frames."""
    if tuple(given) != tuple(ours):
        shown = ["{} x {} px and {} frames".format(*size) for size in (given, ours)]
        raise InputError(
            f"{source}: is of a movie of {shown[0]}, this one has {shown[1]}. Give the file of "
            "this sample."
        )


def list_some(names: Sequence[object]) -> str:
    """The first few of many, and how many more there are."""
    shown = ", ".join(map(str, names[:_NAMED]))
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
