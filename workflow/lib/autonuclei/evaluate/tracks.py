"""How well tracks agree with true ones, in the measures of the field.

TRA, DET, LNK, SEG, CT, TF, BC(i) and CHOTA are computed by `ctc_metrics` (Matula et al. 2015,
PLOS ONE 10(12): e0144959; Ulman et al. 2017, Nature Methods 14:1141; Maska et al. 2023, Nature
Methods 20:1010; Kaiser et al. 2024, arXiv:2408.11571), the divisions by `traccuracy`. Both get
the same matches: a nucleus is found when one result mask covers more than half of the true one.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
from ctc_metrics.scripts.evaluate import calculate_metrics
from numpy.typing import NDArray
from traccuracy import TrackingGraph
from traccuracy.matchers import Matched
from traccuracy.metrics import DivisionMetrics

from autonuclei.errors import InputError
from autonuclei.evaluate.masks import drop_at_border
from autonuclei.export.ctc import TRACK_COLUMNS, read_ctc
from autonuclei.io.formats.base import Window
from autonuclei.io.images import open_image
from autonuclei.io.label_frames import LabelFiles
from autonuclei.labels.overlap import find_overlaps

LabelImage = NDArray[np.integer]

# Columns of a result, by the names of the library. BC(i) takes divisions that are at most i frames
# early or late.
MEASURES = {"TRA": "TRA", "DET": "DET", "LNK": "LNK", "SEG": "SEG", "CT": "CT", "TF": "TF"} | {
    f"BC_{frames}": f"BC({frames})" for frames in range(4)
}
# Asked for by name: its cost grows with true times found tracks.
CHOTA = "CHOTA"


@dataclass(frozen=True)
class _Matches:
    """Per frame: labels of truth and result, matched pairs and their IoU."""

    labels_ref: list[list[int]]
    labels_comp: list[list[int]]
    mapped_ref: list[list[int]]
    mapped_comp: list[list[int]]
    ious: list[list[float]]


def match_frame(
    truth: LabelImage, result: LabelImage
) -> tuple[list[int], list[int], list[int], list[int], list[float]]:
    """Match the masks of one frame as the Cell Tracking Challenge does.

    A result mask is matched to the true mask of which it covers more than half; one result
    mask can so be matched to several true ones.

    Parameters
    ----------
    truth, result : (rows, columns) int

    Returns
    -------
    True labels, result labels, matched true labels, their result labels, IoU of the matches.

    Raises
    ------
    InputError
        The two images differ in size.
    """
    if truth.shape != result.shape:
        raise InputError(
            f"Label images of truth {truth.shape} and result {result.shape} differ in size."
            " Give the truth of this very movie."
        )
    one, other, overlap, size_t, size_r = find_overlaps(truth, result)
    keep = overlap > 0.5 * size_t[one]
    one, other, overlap = one[keep], other[keep], overlap[keep]
    iou = overlap / (size_t[one] + size_r[other] - overlap)
    return (
        (np.flatnonzero(size_t[1:]) + 1).tolist(),
        (np.flatnonzero(size_r[1:]) + 1).tolist(),
        one.tolist(),
        other.tolist(),
        iou.tolist(),
    )


def evaluate_tracks(
    truth_tracks: pd.DataFrame,
    truth_labels: Iterable[LabelImage],
    result_tracks: pd.DataFrame,
    result_labels: Iterable[LabelImage],
    *,
    frame_buffers: Sequence[int] = (0, 1),
    border_px: int = 0,
    window: Window | None = None,
    chota: bool = False,
) -> dict[str, float | str]:
    """Compare tracks with true ones. Label images are read one frame at a time.

    Parameters
    ----------
    truth_tracks, result_tracks : DataFrame
        One row per track: `label`, `begin`, `end`, `parent` (see `ctc.make_ctc_tracks`).
    truth_labels, result_labels : iterable of (rows, columns) int
        Label images of the frames 0, 1, ... whose values are the labels of the tables.
    frame_buffers : sequence of int
        By how many frames a division may be early or late and still count as found.
    border_px : int
        Found nuclei that lie wholly within so many pixels of the border do not count: the field
        of interest of the Cell Tracking Challenge, whose truth has none there. A track that
        leaves the field for a while goes on as another one with the first as parent.
    window
        First row, end row, first column and end column of the part of the truth that the result
        is of; None for all. A true track that leaves this part ends there; should it come back,
        it is a new one. Divisions count that are within it: a mother outside is none.
    chota : bool
        Whether to compute CHOTA too.

    Returns
    -------
    dict
        `MEASURES` (SEG over the true track masks), CHOTA; per frame buffer b
        `division_precision_b`, `division_recall_b`, `division_f1_b`, and the counts
        `divisions_true`, `divisions_found`, `divisions_right_b`; `frames`, `nuclei_true`,
        `nuclei_found`, `tracks_true`, `tracks_found`; versions of the two libraries. NaN where
        a measure is undefined: LNK without true links, division measures without true or
        without found divisions.

    Raises
    ------
    InputError
        The numbers of frames or the image sizes differ, or a table and its images disagree.
    """
    matches = _Matches([], [], [], [], [])
    everywhere: list[list[int]] = []
    whole_truth: list[list[int]] = []
    for truth, result in _zip_frames(truth_labels, result_labels):
        if window:
            whole_truth.append(np.unique(truth[truth > 0]).tolist())
            truth = truth[window[0] : window[1], window[2] : window[3]]
        if border_px:
            everywhere.append(np.unique(result[result > 0]).tolist())
        found = match_frame(truth, drop_at_border(result, border_px))
        for series, value in zip(vars(matches).values(), found, strict=True):
            series.append(value)
    if window:
        _check_table(truth_tracks, whole_truth, "truth")
        parts = _cut_tracks(truth_tracks, matches.labels_ref, matches.mapped_ref)
        truth_tracks = _keep_seen_births(parts, truth_tracks)
    _check_table(truth_tracks, matches.labels_ref, "truth")
    if border_px:
        _check_table(result_tracks, everywhere, "result")
        result_tracks = _cut_tracks(result_tracks, matches.labels_comp, matches.mapped_comp)
    _check_table(result_tracks, matches.labels_comp, "result")
    nuclei_true = sum(map(len, matches.labels_ref))
    values: dict[str, float | str] = {
        **_measure_ctc(truth_tracks, result_tracks, matches, chota=chota),
        **_measure_divisions(truth_tracks, result_tracks, matches, frame_buffers),
        "frames": len(matches.labels_ref),
        "nuclei_true": nuclei_true,
        "nuclei_found": sum(map(len, matches.labels_comp)),
        "tracks_true": len(truth_tracks),
        "tracks_found": len(result_tracks),
        "py_ctcmetrics_version": version("py-ctcmetrics"),
        "traccuracy_version": version("traccuracy"),
    }
    return values


def evaluate_ctc_folders(
    truth: str | Path,
    result: str | Path,
    *,
    frame_buffers: Sequence[int] = (0, 1),
    border_px: int = 0,
    window: Window | None = None,
    chota: bool = False,
) -> dict[str, float | str]:
    """Compare two folders in the Cell Tracking Challenge layout; see `evaluate_tracks`.

    Raises
    ------
    InputError
        As `read_ctc` and `evaluate_tracks`.
    """
    true_table, true_masks = read_ctc(truth)
    found_table, found_masks = read_ctc(result)
    return evaluate_tracks(
        true_table,
        _open_masks(true_masks),
        found_table,
        _open_masks(found_masks),
        frame_buffers=frame_buffers,
        border_px=border_px,
        window=window,
        chota=chota,
    )


def _open_masks(paths: Sequence[Path]) -> Iterator[LabelImage]:
    """The label images of a movie, all of the size of the first one."""
    with open_image(paths[0], as_stored=True) as file:
        header = file.header.images[0]
    masks = LabelFiles(paths, (header.height, header.width))
    return (masks[frame] for frame in range(len(masks)))


def _cut_tracks(
    tracks: pd.DataFrame, labels: list[list[int]], mapped: list[list[int]]
) -> pd.DataFrame:
    """Give the tracks as they are seen within the field, with their numbers in the lists too.

    A part after an absence gets a new number, and the part before as parent.
    """
    parent_of = dict(zip(tracks["label"].tolist(), tracks["parent"].tolist(), strict=True))
    last: dict[int, int] = {}  # by track, the frame in which it was seen last
    part_of: dict[int, int] = {}
    rows: dict[int, list[int]] = {}
    numbers = itertools.count(max(parent_of, default=0) + 1)
    for frame, here in enumerate(labels):
        for label in here:
            if last.get(label) != frame - 1 or label not in part_of:
                before = part_of.get(label, part_of.get(parent_of[label], 0))
                part = next(numbers) if label in part_of else label
                part_of[label] = part
                rows[part] = [part, frame, frame, before]
            rows[part_of[label]][2] = last[label] = frame
        labels[frame] = sorted(part_of[label] for label in here)
        mapped[frame] = [part_of[label] for label in mapped[frame]]
    return pd.DataFrame(list(rows.values()), columns=list(TRACK_COLUMNS), dtype=np.int64)


def _keep_seen_births(parts: pd.DataFrame, tracks: pd.DataFrame) -> pd.DataFrame:
    """Leave a parent only to those parts of tracks that follow it as in the whole tracks.

    Nobody who sees a part of the field alone can tell where a nucleus that enters it comes from.
    """
    whole = parts[["label"]].merge(tracks, on="label", how="left")  # a second part has no such line
    end = parts.set_index("label")["end"].reindex(parts["parent"]).to_numpy()
    true_end = tracks.set_index("label")["end"].reindex(whole["parent"]).to_numpy()
    is_seen = (parts["begin"] == whole["begin"]) & (end == true_end)
    return parts.assign(parent=parts["parent"].where(is_seen, 0))


def _zip_frames(
    truth: Iterable[LabelImage], result: Iterable[LabelImage]
) -> Iterator[tuple[LabelImage, LabelImage]]:
    for one, other in itertools.zip_longest(truth, result):
        if one is None or other is None:
            raise InputError(
                "Truth and result differ in the number of frames. Give the truth of this very "
                "movie."
            )
        yield one, other


def _check_table(tracks: pd.DataFrame, labels: list[list[int]], name: str) -> None:
    """Refuse a table that does not list exactly the labels of the images.

    A label may miss frames between its first and last one (a gap).
    """
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for frame, here in enumerate(labels):
        for label in here:
            first.setdefault(label, frame)
            last[label] = frame
    known = tracks.set_index("label")
    if not known.index.is_unique:
        raise InputError(f"Track table of the {name}: a label is listed twice. Mend the table.")
    odd = sorted(set(known.index) ^ set(first))
    if odd:
        raise InputError(
            f"Track table of the {name}: label {odd[0]} is in the table or in the images, but not"
            f" in both ({len(odd)} such labels). Use the table that belongs to the images."
        )
    for label, begin, end, parent in tracks[list(TRACK_COLUMNS)].itertuples(index=False):
        if (first[label], last[label]) != (begin, end):
            raise InputError(
                f"Track table of the {name}: track {label} goes from frame {begin} to {end}, but"
                f" its masks from {first[label]} to {last[label]}. Use the table that belongs to"
                " the images."
            )
        if parent and (parent not in last or last[parent] >= begin):
            raise InputError(
                f"Track table of the {name}: the parent {parent} of track {label} is unknown or"
                " ends too late. Mend the table."
            )


def _list_links(
    tracks: pd.DataFrame, labels: list[list[int]]
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """List the links of all tracks, mother to daughters too, as pairs of (frame, label)."""
    links = []
    before: dict[int, int] = {}
    parent_of = dict(zip(tracks["label"].tolist(), tracks["parent"].tolist(), strict=True))
    for frame, here in enumerate(labels):
        for label in here:
            if label in before:
                links.append(((before[label], label), (frame, label)))
            elif parent_of[label]:
                parent = parent_of[label]
                links.append(((before[parent], parent), (frame, label)))
        before.update(dict.fromkeys(here, frame))
    return links


def _measure_divisions(
    truth: pd.DataFrame, result: pd.DataFrame, matches: _Matches, frame_buffers: Sequence[int]
) -> dict[str, float | str]:
    mapping = []
    for frame, (one, other) in enumerate(zip(matches.mapped_ref, matches.mapped_comp, strict=True)):
        # The library wants pairs; a result mask over several true nuclei found none of them.
        alone = {label for label, times in Counter(other).items() if times == 1}
        mapping += [((frame, a), (frame, b)) for a, b in zip(one, other, strict=True) if b in alone]
    graphs = [
        _make_graph(truth, matches.labels_ref),
        _make_graph(result, matches.labels_comp),
    ]
    matched = Matched(*graphs, mapping, {"name": "CTCMatcher", "matching type": "one-to-one"})
    scores = DivisionMetrics(max_frame_buffer=max(frame_buffers)).compute(matched).results
    values: dict[str, float | str] = {}
    for buffer in frame_buffers:
        score = scores[f"Frame Buffer {buffer}"]
        values[f"division_precision_{buffer}"] = float(score["Division Precision"])
        values[f"division_recall_{buffer}"] = float(score["Division Recall"])
        values[f"division_f1_{buffer}"] = _f1(
            score["True Positive Divisions"],
            score["Total Predicted Divisions"],
            score["Total GT Divisions"],
        )
        values[f"divisions_right_{buffer}"] = int(score["True Positive Divisions"])
        values["divisions_true"] = int(score["Total GT Divisions"])
        values["divisions_found"] = int(score["Total Predicted Divisions"])
    return values


def _f1(right: int, found: int, true: int) -> float:
    """Give F1 from counts: 0 when there are divisions but none is right, NaN without true ones.

    The library's own F1 is NaN for a result that finds none of the true divisions.
    """
    return 2 * right / (found + true) if true else np.nan


def _make_graph(tracks: pd.DataFrame, labels: list[list[int]]) -> TrackingGraph:
    graph: nx.DiGraph = nx.DiGraph()
    for frame, here in enumerate(labels):
        graph.add_nodes_from(((frame, label), {"t": frame}) for label in here)
    graph.add_edges_from(_list_links(tracks, labels))
    return TrackingGraph(graph, label_key=None, location_keys=())


def _measure_ctc(
    truth: pd.DataFrame, result: pd.DataFrame, matches: _Matches, *, chota: bool
) -> dict[str, float | str]:
    columns = MEASURES | ({CHOTA: CHOTA} if chota else {})
    if not any(matches.labels_ref):
        return dict.fromkeys(columns, np.nan)
    undefined = set()
    if not _list_links(truth, matches.labels_ref):
        undefined.add("LNK")
    if not truth["parent"].loc[truth["parent"] > 0].duplicated().any():
        undefined |= {name for name in columns if name.startswith("BC")}
    if not any(matches.labels_comp):
        # The library does not take an empty result: nothing is found.
        return {name: np.nan if name in undefined else 0.0 for name in columns}
    series = {name: list(value) for name, value in vars(matches).items()}
    if len(matches.labels_ref) == 1:
        # The library does not take a single frame; an empty one more changes no count.
        for value in series.values():
            value.append([])
    wanted = {"BC" if name.startswith("BC") else name for name in set(columns) - undefined}
    scores = calculate_metrics(
        result[list(TRACK_COLUMNS)].to_numpy(np.int64),
        truth[list(TRACK_COLUMNS)].to_numpy(np.int64),
        series,
        {"labels_ref": matches.labels_ref, "ious": matches.ious},
        metrics=sorted(wanted),
        is_valid=True,
    )
    return {
        name: np.nan if name in undefined else float(scores[key]) for name, key in columns.items()
    }
