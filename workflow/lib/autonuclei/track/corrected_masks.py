"""Corrections from label images, with the tracks of a Cell Tracking Challenge folder or alone.

A nucleus of an edited image is one of ours if it has the same pixels, else if the two share more
than half of their union; its number does not matter.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.errors import InputError
from autonuclei.io.label_frames import LabelFrames
from autonuclei.labels.overlap import choose_partners, find_overlaps
from autonuclei.track.corrections import (
    LINK_COLUMNS,
    Corrections,
    list_some,
    refuse_merges,
)

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

# Above a half a nucleus has only one of the other image.
_SAME_IOU = float(np.nextafter(0.5, 1))


def correct_masks(masks: LabelFrames, *, labels: LabelFrames, frames: Sequence[int]) -> Corrections:
    """Take nuclei from label images that were ours and that a user edited; links are made anew.

    Parameters
    ----------
    masks, labels : sequence of (height, width) int
        The edited and our label image of each frame.
    frames : sequence of int
        The frames (or numbers of stills) that have both.

    Raises
    ------
    InputError
        The images of a frame differ in size.
    """
    numbers: dict[int, Ints] = {}
    tables = [_NO_NUCLEI]
    for frame in frames:
        numbers[frame], table = _number_as_before(masks[frame], labels[frame], frame)
        tables.append(table)
    nuclei = pd.concat(tables).sort_values(["frame", "label"], ignore_index=True)

    def paint(frame: int) -> npt.NDArray[np.int32]:
        return np.asarray(numbers[frame].astype(np.int32)[masks[frame]])

    return Corrections(nuclei, None, [], paint)


_NO_NUCLEI = pd.DataFrame(
    {name: np.zeros(0, np.int64) for name in ("frame", "label", "id")}
    | {"change": np.zeros(0, object)}
)


def _number_as_before(given: Array, ours: Array, frame: int) -> tuple[Ints, pd.DataFrame]:
    """New number of each value of an edited image, and the nuclei of the frame."""
    if given.shape != ours.shape:
        raise InputError(
            f"corrected masks: frame {frame} has shape {given.shape}, the image {ours.shape}. "
            "Give masks of the same size, not cropped or scaled."
        )
    overlaps = find_overlaps(given, ours)
    area, own_area = overlaps.area_own, overlaps.area_other
    values = np.flatnonzero(area[1:]) + 1
    number = choose_partners(overlaps, iou=_SAME_IOU, n_labels=len(area) - 1)
    is_new = number[values] == 0
    number[values[is_new]] = len(own_area) + np.arange(is_new.sum())
    # Of those that are ours: do all pixels agree?
    are_ours = number[overlaps.own] == overlaps.other
    agree = np.bincount(
        overlaps.own[are_ours], weights=overlaps.shared[are_ours], minlength=len(area)
    )
    own = np.where(is_new, 0, number[values])
    is_same = ~is_new & (agree[values] == area[values]) & (own_area[own] == area[values])
    table = pd.DataFrame(
        {
            "frame": np.full(len(values), frame, np.int64),
            "label": number[values],
            "id": values,
            "change": np.select([is_new, is_same], ["added", "kept"], "edited").astype(object),
        }
    )
    return number, table


def correct_ctc(
    source: object,
    table: pd.DataFrame,
    masks: LabelFrames,
    *,
    labels: LabelFrames,
    n_frames: int,
) -> Corrections:
    """Take nuclei and links from a Cell Tracking Challenge folder that a user edited.

    Masks say where nuclei are: those of one label are linked from frame to frame, over frames
    without it too. The track file says who is whose daughter. Where the two disagree the masks
    hold, and it is told.

    Parameters
    ----------
    source
        The folder, for messages.
    table : DataFrame
        Of `autonuclei.export.ctc.read_ctc`: `label`, `begin`, `end`, `parent`.
    masks : sequence of (height, width) int
        Of each frame.
    labels, n_frames
        Our label images and how many frames there are.

    Raises
    ------
    InputError
        The images differ in size, a label is listed twice, or a daughter begins before her mother
        ends.
    """
    twice = table.loc[table.duplicated("label"), "label"]
    if len(twice):
        raise InputError(
            f"{source}: the track file lists label {twice.iloc[0]} twice. Take one line out."
        )
    corrections = correct_masks(masks, labels=labels, frames=range(n_frames))
    nuclei, notes = corrections.nuclei, list(corrections.notes)
    # By label and frame; a row number is a place in this table.
    rows = nuclei.sort_values(["id", "frame"], ignore_index=True)
    is_first = ~rows.duplicated("id").to_numpy()
    is_last = ~rows.duplicated("id", keep="last").to_numpy()
    within = np.flatnonzero(~is_first)
    firsts = pd.Series(np.flatnonzero(is_first), rows["id"][is_first].to_numpy())
    lasts = pd.Series(np.flatnonzero(is_last), rows["id"][is_last].to_numpy())
    lines = table.set_index("label")
    notes += _tell_differences(rows, firsts, lasts, lines)

    born = lines.index[(lines["parent"] > 0) & lines.index.isin(firsts.index)]
    born = born[lines.loc[born, "parent"].isin(firsts.index)]
    daughter, mother = firsts[born].to_numpy(), lasts[lines.loc[born, "parent"]].to_numpy()
    frame = rows["frame"].to_numpy()
    early = np.flatnonzero(frame[mother] >= frame[daughter])
    if len(early):
        first, second = rows["id"][mother[early[0]]], rows["id"][daughter[early[0]]]
        raise InputError(
            f"{source}: track {second} begins in frame {frame[daughter[early[0]]]}, but its parent "
            f"{first} is still there in frame {frame[mother[early[0]]]}. Correct one of the two."
        )
    links = pd.DataFrame(
        {
            "earlier": np.concatenate([within - 1, mother]),
            "later": np.concatenate([within, daughter]),
        }
    )
    refuse_merges(source, links, lambda row: f"label {rows['id'][row]} (frame {frame[row]})")
    label = rows["label"].to_numpy()
    earlier, later = links["earlier"].to_numpy(), links["later"].to_numpy()
    ends = (frame[earlier], label[earlier], frame[later], label[later])
    found = pd.DataFrame(dict(zip(LINK_COLUMNS, ends, strict=True)))
    found = found.sort_values(list(LINK_COLUMNS), ignore_index=True)
    return Corrections(nuclei, found, notes, corrections.draw)


def _tell_differences(
    rows: pd.DataFrame, firsts: pd.Series, lasts: pd.Series, lines: pd.DataFrame
) -> list[str]:
    """Where the track file does not say what the masks show."""
    frame = rows["frame"].to_numpy()
    both = lines.index.intersection(firsts.index)
    begin, end = frame[firsts[both].to_numpy()], frame[lasts[both].to_numpy()]
    differ = both[(lines.loc[both, "begin"] != begin) | (lines.loc[both, "end"] != end)]
    orphans = lines.index[
        (lines["parent"] > 0) & ~lines["parent"].isin(firsts.index) & lines.index.isin(firsts.index)
    ]
    gaps = rows.loc[rows.groupby("id")["frame"].diff() > 1, "id"].unique()
    told = (
        (firsts.index.difference(lines.index), "are not in the track file: no parent"),
        (lines.index.difference(firsts.index), "are in the track file and in no mask: left out"),
        (differ, "begin or end elsewhere than in the track file: masks hold"),
        (orphans, "have a parent that is in no mask: no parent"),
        (gaps, "are missing in frames between: taken as gaps"),
    )
    return [
        f"{len(which)} label(s) {what}: {list_some(list(which))}."
        for which, what in told
        if len(which)
    ]
