"""What a user changed: our nuclei, links and divisions against the corrected ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.io.label_frames import LabelFrames
from autonuclei.labels.overlap import find_overlaps
from autonuclei.track.edges import find_edges

Array = npt.NDArray[Any]

# Nuclei have outlines that can be edited; links and divisions are there or not.
_NUCLEI = ("before", "after", "unchanged", "edited", "added", "removed")
_LINKS = ("before", "after", "added", "removed")


@dataclass(frozen=True)
class Changes:
    """What was changed.

    Attributes
    ----------
    frames : DataFrame
        One row per frame: `frame`, and how many `nuclei_before`, `nuclei_after`,
        `nuclei_unchanged` (every pixel as before), `nuclei_edited` (other pixels), `nuclei_added`
        and `nuclei_removed` there are. Where tracks were compared also `links_before`,
        `links_after`, `links_added` and `links_removed`, in the frame where a link ends, and the
        same for `divisions`, in the frame of the first daughter. A division with other daughters
        is one removed and one added.
    sample : DataFrame
        The sums, a row for `nuclei`, `links` and `divisions` (column `what`): `before`, `after`,
        `unchanged`, `edited`, `added`, `removed` and `share_changed`, the share of all that were
        there before or after which is not unchanged; NaN where there are none.
    """

    frames: pd.DataFrame
    sample: pd.DataFrame


def compare_masks(ours: LabelFrames, corrected: LabelFrames, *, frames: Sequence[int]) -> Changes:
    """Compare our label images with corrected ones.

    Parameters
    ----------
    ours, corrected : sequence of (height, width) int
        Label images by frame. A nucleus that is in both has the same label, as in those of
        `Corrections`.
    frames : sequence of int
        Which to compare.
    """
    counts = [_compare_frame(ours[frame], corrected[frame]) for frame in frames]
    table = pd.DataFrame(counts, columns=[f"nuclei_{name}" for name in _NUCLEI], dtype=np.int64)
    table.insert(0, "frame", np.asarray(frames, np.int64))
    return Changes(table, _sum_up(table, ("nuclei",)))


def _compare_frame(before: Array, after: Array) -> tuple[int, ...]:
    if before.shape != after.shape:
        raise ValueError(f"label images of shapes {before.shape} and {after.shape}")
    overlaps = find_overlaps(before, after)
    n = max(len(overlaps.area_own), len(overlaps.area_other))
    old, new = (
        np.pad(area, (0, n - len(area))) for area in (overlaps.area_own, overlaps.area_other)
    )
    agree = overlaps.own == overlaps.other
    shared = np.zeros(n, np.int64)
    shared[overlaps.own[agree]] = overlaps.shared[agree]
    old[0] = new[0] = 0
    both = (old > 0) & (new > 0)
    same = both & (shared == old) & (shared == new)
    groups = (old > 0, new > 0, same, both & ~same, (new > 0) & ~both, (old > 0) & ~both)
    return tuple(int(group.sum()) for group in groups)


def compare_corrections(
    ours_tracks: pd.DataFrame,
    corrected_tracks: pd.DataFrame,
    ours_labels: LabelFrames,
    corrected_labels: LabelFrames,
    *,
    frames: Sequence[int],
) -> Changes:
    """Compare our tracks and label images with corrected ones.

    Parameters
    ----------
    ours_tracks, corrected_tracks : DataFrame
        Track tables.
    ours_labels, corrected_labels, frames
        As of `compare_masks`.

    Raises
    ------
    ValueError
        A track table contradicts itself.
    """
    table = compare_masks(ours_labels, corrected_labels, frames=frames).frames
    both = [_list_links(tracks) for tracks in (ours_tracks, corrected_tracks)]
    for what, (old, new) in zip(("links", "divisions"), zip(*both, strict=True), strict=True):
        frame_of = old | new
        groups = (old, new, new.keys() - old.keys(), old.keys() - new.keys())
        for name, keys in zip(_LINKS, groups, strict=True):
            where = pd.Series([frame_of[key] for key in keys], dtype=np.int64)
            counts = where.value_counts().reindex(table["frame"], fill_value=0)
            table[f"{what}_{name}"] = counts.to_numpy(np.int64)
    return Changes(table, _sum_up(table, ("nuclei", "links", "divisions")))


_Keys = dict[tuple[tuple[int, int], ...], int]


def _list_links(tracks: pd.DataFrame) -> tuple[_Keys, _Keys]:
    """Links and divisions by the frames and labels of their nuclei, and the frame they count in."""
    keys = list(zip(tracks["frame"].to_list(), tracks["label"].to_list(), strict=True))
    edges = find_edges(tracks).tolist()
    links: _Keys = {(keys[first], keys[second]): keys[second][0] for first, second in edges}
    after: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for mother, daughter in links:
        after.setdefault(mother, []).append(daughter)
    divisions = {
        (mother, *sorted(daughters)): min(daughters)[0]
        for mother, daughters in after.items()
        if len(daughters) > 1
    }
    return links, divisions


def _sum_up(table: pd.DataFrame, kinds: Sequence[str]) -> pd.DataFrame:
    rows = []
    for what in kinds:
        sums = {
            name: int(table[f"{what}_{name}"].sum())
            for name in _NUCLEI
            if f"{what}_{name}" in table
        }
        sums.setdefault("unchanged", sums["before"] - sums["removed"])
        sums.setdefault("edited", 0)
        total = sum(sums[name] for name in ("unchanged", "edited", "added", "removed"))
        share = 1 - sums["unchanged"] / total if total else np.nan
        rows.append(
            {"what": what, **{name: sums[name] for name in _NUCLEI}, "share_changed": share}
        )
    return pd.DataFrame(rows)
