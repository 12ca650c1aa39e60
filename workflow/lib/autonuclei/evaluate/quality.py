"""Quality of images and masks without a ground truth: what can be measured of each frame.

`verdicts` says what the figures mean. What they are worth was measured on images with masks
drawn by hand: docs/quality.md.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.annotate.boundaries import SMOOTHING_PX, measure_brightness, measure_dark
from autonuclei.annotate.filtering import FilteredImage, estimate_noise
from autonuclei.annotate.parts import Part
from autonuclei.annotate.preprocessing import rescale_labels
from autonuclei.annotate.selection import ACCEPTED, TOO_DIM, TOO_SMALL, drop_specks
from autonuclei.evaluate.calibration import CALIBRATION_COLUMNS, count_confirmed
from autonuclei.evaluate.movies import (
    MOVIE_COLUMNS,
    PAIR_COLUMNS,
    compare_frames,
    compare_with_movie,
)
from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.io.tables import concatenate_tables
from autonuclei.labels.growth import grow_labels
from autonuclei.labels.outlines import list_sides
from autonuclei.labels.overlap import (
    Overlaps,
    measure_overlaps,
    overlap_runs,
    rate_overlaps,
)
from autonuclei.labels.shapes import Runs, find_centres, list_runs, shift_runs
from autonuclei.labels.strips import (
    Share,
    cut_strips,
    hold,
    list_shares,
    list_strips,
)
from autonuclei.segment.image_numbers import measure_noise
from autonuclei.settings import PreprocessSettings
from autonuclei.track.drift import estimate_shift

Array = npt.NDArray[Any]
Row = dict[str, float]
NAN = float("nan")

IMAGE_COLUMNS = (
    "n_nuclei",
    "diameter_px",
    "diameter_in_image",
    "large_area_ratio",
    "light",
    "contrast",
    "brightness_spread",
    "edge_width_px",
    "sharpness",
    "unclear_outline",
    "saturated_share",
    "illumination",
    "covered_share",
    "touching_share",
    "shared_outline",
)
ANNOTATION_COLUMNS = (
    "n_annotated",
    "share_accepted",
    "area_accepted",
    "annotated_area_ratio",
    "specks",
)
AGREEMENT_COLUMNS = (
    "n_accepted",
    "agreement_f1",
    "agreement_iou",
    "accepted_found",
    "outside_annotation",
)
NEIGHBOUR_COLUMNS = ("drift_px", "neighbour_share", "neighbour_iou", "flicker")
# Columns of the reasons of rejection, which the annotation names, begin so.
REJECTED = "rejected: "
SAMPLE_COLUMNS = (
    *IMAGE_COLUMNS,
    "repeats",
    *AGREEMENT_COLUMNS,
    *NEIGHBOUR_COLUMNS,
    *PAIR_COLUMNS,
    *MOVIE_COLUMNS,
    "probability",
)

# Above it, a nucleus of one label image has at most one partner in another.
MATCH_IOU = 0.5
# Nuclei move between frames; half a radius to the side leaves an IoU of 0.5, one radius 0.24.
NEIGHBOUR_IOU = 0.25
# Covered by nuclei to a smaller part than this, a place counts as without one.
BARE = 0.1
# A gap of this many pixels between two nuclei still counts as touching.
GAP_PX = 2


def measure_image(image: ArrayLike, labels: "ArrayLike | LocatedLabels") -> Row:
    """Measure what decides whether the nuclei of one image can be found.

    Parameters
    ----------
    image : (height, width)
        Grey values.
    labels : (height, width) int
        Label image, found by the network or by the annotation. `LocatedLabels` where it is
        looked at otherwise, too.

    Returns
    -------
    dict
        `IMAGE_COLUMNS`, NaN where the image has no nucleus:

        n_nuclei, diameter_px (of a disk with the median area), diameter_in_image (over the
        shorter side), large_area_ratio (90th percentile of the areas over their median), light
        (median over nuclei of median brightness above the background around it, in grey values),
        contrast (the same in standard deviations of the pixel noise), brightness_spread (its
        interquartile range over its median), edge_width_px (contrast over slope, median over the
        outlines), sharpness (radius over edge width), unclear_outline (share of the outlines where
        the slope is below half its median), saturated_share (of the pixels of nuclei, at the
        largest value of the image),
        illumination (5th to 95th percentile of the background over the median contrast),
        covered_share (of the image, by nuclei), touching_share (nuclei with a neighbour at most
        `GAP_PX` away), shared_outline (share of all outlines that borders another nucleus).
    """
    located = LocatedLabels.wrap(labels)
    image, labels = hold(image), located.labels
    row = dict.fromkeys(IMAGE_COLUMNS, NAN)
    area = located.runs.sum_up(located.runs.length).astype(np.int64)
    present = area > 0
    row["n_nuclei"] = int(present.sum())
    row["covered_share"] = float(area.sum() / (labels.shape[0] * labels.shape[1]))
    if not present.any():
        return row
    median, large = np.quantile(area[present], (0.5, 0.9))
    radius = float(np.sqrt(median / np.pi))
    row["diameter_px"] = 2 * radius
    row["diameter_in_image"] = 2 * radius / min(labels.shape)
    row["large_area_ratio"] = float(large / median)
    row["saturated_share"] = _measure_saturation(image, labels)
    row |= _measure_touching(labels, present)

    distance = max(1, round(0.6 * radius))
    parts = _Strips(image, labels, margin=math.ceil(2 * distance + radius) + 8)
    dark, darkest = measure_dark(parts, len(area), distance, radius)
    contrast = np.full(len(area), np.nan, np.float32)
    for part in parts:
        bright = measure_brightness(part.image.blur(SMOOTHING_PX), part.labels, dark, darkest)
        contrast[part.owned] = (bright - dark)[part.owned]
    known = contrast[1:][np.isfinite(contrast[1:])]
    if len(known) == 0:  # no nucleus is brighter than its surroundings
        return row
    typical = float(np.median(known))
    row["light"] = typical
    noise = measure_noise(image) if len(parts) > 1 else estimate_noise(image[:, :])
    row["contrast"] = typical / noise
    row["brightness_spread"] = _spread(known, 0.25, 0.75) / typical
    row["illumination"] = _spread(dark[1:][np.isfinite(contrast[1:])], 0.05, 0.95) / typical
    slope = np.concatenate([_measure_slopes(part, contrast) for part in parts])
    if len(slope) and (steepness := float(np.median(slope))) > 0:
        row["edge_width_px"] = 1 / steepness
        row["sharpness"] = radius * steepness
        row["unclear_outline"] = float((slope < steepness / 2).mean())
    return row


class _Strips:
    """An image and its labels in strips, each as a `Part`; those of a large one are made anew."""

    def __init__(self, image: ArrayLike, labels: ArrayLike, *, margin: int) -> None:
        self._image = image
        self._labels = labels
        self._shares = list_shares(labels, margin=margin)
        self._whole = [self._cut(share) for share in self._shares] if len(self) == 1 else None

    def __len__(self) -> int:
        return len(self._shares)

    def __iter__(self) -> Iterator[Part]:
        return iter(self._whole) if self._whole else map(self._cut, self._shares)

    def _cut(self, share: Share) -> Part:
        seen = share.block.slices
        image, shape = FilteredImage(self._image[seen]), self._labels.shape
        return Part(image, self._labels[seen], share.block, share.core, shape, share.owned)


def _spread(values: Array, low: float, high: float) -> float:
    first, last = np.quantile(values, (low, high))
    return float(last - first)


def _measure_saturation(image: ArrayLike, labels: ArrayLike) -> float:
    """Share of the pixels of nuclei with the largest value of the image.

    Of the image and not of its type, since a camera of 12 bits saturates at 4095 in a file of 16.
    """
    largest = max(strip.max() for _, strip in cut_strips(image))
    n = n_saturated = 0
    for block, strip in cut_strips(labels):
        inside = image[block.slices][strip > 0]
        n += inside.size
        n_saturated += int((inside == largest).sum())
    return n_saturated / n


def _measure_touching(labels: ArrayLike, present: Array) -> Row:
    touches = np.zeros(len(present), bool)
    sides = shared = 0
    for core in list_strips(labels.shape):
        # A pixel and the one below it are a pair of the strip of the upper one.
        window = core.grow(GAP_PX // 2 + 1, labels.shape)
        seen = labels[window.slices]
        rows = slice(core.row - window.row, core.end_row + 1 - window.row)
        n_rows = core.end_row - core.row
        near = list_sides(grow_labels(seen, GAP_PX // 2)[rows], n_rows)
        touches[near[:, (near > 0).all(axis=0)]] = True
        faces = list_sides(seen[rows], n_rows)
        both = int((faces > 0).all(axis=0).sum())
        sides += faces.shape[1] + both
        shared += 2 * both
    return {
        "touching_share": float(touches[present].mean()),
        "shared_outline": shared / sides if sides else NAN,
    }


def _measure_slopes(part: Part, contrast: Array) -> Array:
    """Slopes of brightness on the outlines that face the background, in contrasts per px."""
    smooth, labels = part.image.blur(SMOOTHING_PX).reshape(-1), part.labels
    is_free = labels == 0
    faces = is_free[:-2, 1:-1] | is_free[2:, 1:-1]
    faces |= is_free[1:-1, :-2]
    faces |= is_free[1:-1, 2:]
    faces &= ~is_free[1:-1, 1:-1]
    # Rows of the core, but not the first and the last of the image.
    first = part.core.row - part.window.row
    faces[: max(0, first - 1)] = False
    faces[max(0, part.core.end_row - part.window.row - 1) :] = False
    rows, columns = np.divmod(np.flatnonzero(faces), faces.shape[1])
    width = labels.shape[1]
    places = (rows + 1) * width + columns + 1
    slope = np.hypot(
        smooth[places + width] - smooth[places - width], smooth[places + 1] - smooth[places - 1]
    )
    relative = slope / 2 / contrast[labels.reshape(-1)[places]]
    return np.asarray(relative[np.isfinite(relative)])


def count_decisions(objects: pd.DataFrame) -> Row:
    """Count how many annotated objects of a frame, or of several, were accepted, and why not.

    Parameters
    ----------
    objects
        `area_px`, `verdict` (what the annotation decided on each object) and, where known,
        `solidity`.

    Returns
    -------
    dict
        `ANNOTATION_COLUMNS` (area_accepted: share of the area; annotated_area_ratio: 90th
        percentile of the areas over their median, without specks where these outnumber the
        nuclei; both without the objects that are too dim, which may be anything; specks: share
        of the objects that are too small) and ``rejected: REASON`` for each reason of the table,
        as share of the objects.
    """
    decision, area = objects["verdict"].to_numpy(), objects["area_px"].to_numpy()
    row: Row = dict.fromkeys(ANNOTATION_COLUMNS, NAN)
    row["n_annotated"] = len(decision)
    if len(decision) == 0:
        return row
    accepted = decision == ACCEPTED
    row["share_accepted"] = float(accepted.mean())
    row["specks"] = float((decision == TOO_SMALL).mean())
    bright = objects[decision != TOO_DIM]
    if len(bright):
        median, large = np.quantile(drop_specks(bright)["area_px"], (0.5, 0.9))
        row["area_accepted"] = float(area[accepted].sum() / bright["area_px"].sum())
        row["annotated_area_ratio"] = float(large / median)
    for reason in np.unique(decision[~accepted]).tolist():
        row[f"{REJECTED}{reason}"] = float((decision == reason).mean())
    return row


def compare_annotation(
    fields: Iterable[tuple[Array, Array, Array]],
) -> tuple[Row, list[tuple[Array, Array]]]:
    """Compare annotation and network on a frame that was annotated, or on blocks of it.

    Parameters
    ----------
    fields
        Of the frame, or of each block, three (height, width) label images: of all annotated
        objects, of the accepted ones, with the same numbers, and of the network.

    Returns
    -------
    row : dict
        `AGREEMENT_COLUMNS`: number of accepted objects; F1 at IoU 0.5 between them and those
        predicted nuclei that do not lie on rejected objects by more than half; mean IoU of the
        pairs; share of accepted objects that the network finds; share of predicted nuclei outside
        of all objects.
    checked : list of (n,) int, (n,) bool
        Of each field its predicted labels, and whether some annotated object, accepted or not,
        has an IoU above 0.5 with them.
    """
    n_accepted = n_counted = n_predicted = n_outside = 0
    matched = [np.zeros(0)]
    checked = []
    for objects, nuclei, predicted in fields:
        accepted = np.unique(nuclei[nuclei > 0])
        iou = measure_overlaps(objects, predicted)[0][accepted]
        area = np.bincount(predicted.ravel())
        area[0] = 0
        present = np.flatnonzero(area)
        back, covered = measure_overlaps(predicted, objects)
        on_rejected = measure_overlaps(predicted, np.where(nuclei > 0, 0, objects))[1]
        n_accepted += len(accepted)
        n_counted += int((on_rejected[present] <= 0.5).sum())
        n_predicted += len(present)
        n_outside += int((covered[present] < BARE).sum())
        matched.append(iou[iou > MATCH_IOU])
        checked.append((present, back[present] > MATCH_IOU))
    ious = np.concatenate(matched)
    n = n_accepted + n_counted
    row: Row = {
        "n_accepted": n_accepted,
        "agreement_f1": 2 * len(ious) / n if n else NAN,
        "agreement_iou": float(ious.mean()) if len(ious) else NAN,
        "accepted_found": len(ious) / n_accepted if n_accepted else NAN,
        "outside_annotation": n_outside / n_predicted if n_predicted else NAN,
    }
    return row, checked


class LocatedLabels:
    """A label image with its runs and centroids, computed when they are first used.

    Attributes
    ----------
    labels : (height, width) int
    """

    def __init__(self, labels: ArrayLike) -> None:
        self.labels = hold(labels)

    @classmethod
    def wrap(cls, labels: "ArrayLike | LocatedLabels") -> "LocatedLabels":
        """Make one of a label image; give one as it is."""
        return labels if isinstance(labels, LocatedLabels) else cls(labels)

    @functools.cached_property
    def runs(self) -> Runs:
        """The pixels of its nuclei as runs along the rows."""
        return list_runs(self.labels)

    @functools.cached_property
    def places(self) -> Array:
        """Centroids (row, column) by label, (n + 1, 2); NaN for absent ones and for 0."""
        return find_centres(self.runs)


def compare_neighbours(
    previous: ArrayLike | LocatedLabels | None,
    current: ArrayLike | LocatedLabels,
    following: ArrayLike | LocatedLabels | None,
) -> tuple[Row, Array]:
    """Compare the nuclei of a movie frame with those of the frames before and after.

    Parameters
    ----------
    previous, current, following : (height, width) int
        Label images; None at the ends of the movie and beside missing frames. `LocatedLabels`
        where the same image is compared several times.

    Returns
    -------
    row : dict
        `NEIGHBOUR_COLUMNS`: drift from the frame before; share of the nuclei with a counterpart
        (IoU of `NEIGHBOUR_IOU` after taking out the drift) in a neighbouring frame, mean over
        the neighbours; median IoU of those pairs; flicker: nuclei seen before and after but not
        here, as share of the nuclei that should be here.
    confirmed : (n + 1,) bool
        By label of `current`, whether a neighbouring frame has a counterpart. Nuclei that the
        border cuts count like all others.
    """
    row = dict.fromkeys(NEIGHBOUR_COLUMNS, NAN)
    here = LocatedLabels.wrap(current)
    places = here.places
    present = np.isfinite(places[:, 0])
    confirmed = np.zeros(len(present), bool)
    moved: list[Runs] = []
    overlaps: list[Overlaps] = []
    shares, pairs = [], []
    for neighbour in (previous, following):
        if neighbour is None:
            continue
        beside = LocatedLabels.wrap(neighbour)
        step = estimate_shift(beside.places, places)
        if neighbour is previous:
            row["drift_px"] = float(np.hypot(*step))
        moved.append(shift_runs(beside.runs, step))
        overlaps.append(overlap_runs(here.runs, moved[-1]))
        iou = rate_overlaps(overlaps[-1])[0]
        found = iou >= NEIGHBOUR_IOU
        confirmed |= found
        if present.any():
            shares.append(found[present].mean())
        pairs.append(iou[found])
    if shares:
        row["neighbour_share"] = float(np.mean(shares))
    if pairs and len(joined := np.concatenate(pairs)):
        row["neighbour_iou"] = float(np.median(joined))
    if len(moved) == 2:
        before, after = moved
        stays = rate_overlaps(overlap_runs(before, after))[0] >= NEIGHBOUR_IOU
        missed = int((stays & (rate_overlaps(overlaps[0].turn())[1] < BARE)).sum())
        n = missed + int(present.sum())
        row["flicker"] = missed / n if n else NAN
    return row, confirmed


class Page(NamedTuple):
    """A frame of a sample; image and labels are None where it could not be segmented."""

    frame: int
    image: ArrayLike | None
    labels: ArrayLike | None


class Annotated(NamedTuple):
    """Label images of all annotated objects and of the accepted ones, of a frame or a part of it.

    `slices` are the rows and columns of the frame that it is, in px of the raw image.
    """

    objects: Array
    nuclei: Array
    slices: tuple[slice, slice] = (slice(None), slice(None))


def measure_sample(
    pages: Iterable[Page],
    nuclei: pd.DataFrame,
    *,
    is_movie: bool,
    digests: Mapping[int, str] | None = None,
    read_annotation: Callable[[int], Iterable[Annotated]] = lambda frame: (),
    scale: float = PreprocessSettings.scale,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure the images of a sample one by one.

    Parameters
    ----------
    pages
        The frames in order, with the label images of the network.
    nuclei
        `frame`, `label` and `probability` that the network gave of each of its nuclei.
    is_movie
        Whether a frame is compared with the ones before and after, and with all others.
    digests
        Of the pixels of each frame; the same in two frames: the same image.
    read_annotation
        What was annotated of a frame.
    scale
        Pixels of the annotated images per raw pixel.

    Returns
    -------
    images : DataFrame
        `frame` and `SAMPLE_COLUMNS`, a row per frame; `probability` is the median over nuclei,
        `repeats` is 1 for an image that an earlier frame has too, else 0.
        NaN is undefined, all of it where labels are None.
    calibration : DataFrame
        `calibration.CALIBRATION_COLUMNS`, the rows of `count_confirmed` frame after frame.
    """
    by_frame = dict(iter(nuclei.groupby("frame")))
    seen_before: set[str] = set()
    images, calibration = [], []
    located: dict[int, LocatedLabels] = {}
    for before, here, after in _with_neighbours(pages):
        frame, image, labels = here
        row: dict[str, Any] = {"frame": frame} | dict.fromkeys(SAMPLE_COLUMNS, NAN)
        images.append(row)
        if image is None or labels is None:
            continue
        # Each label image is located once and compared as frame before, here and after.
        located = {
            page.frame: located.get(page.frame) or LocatedLabels(page.labels)
            for page in (before, here, after)
            if page is not None and page.labels is not None
        }
        row |= measure_image(image, located[frame])
        if digests:
            row["repeats"] = float(digests[frame] in seen_before)
            seen_before.add(digests[frame])
        largest = max(int(strip.max()) for _, strip in cut_strips(labels))
        probability = np.full(largest + 1, NAN)
        if frame in by_frame:
            probability[by_frame[frame]["label"]] = by_frame[frame]["probability"]
        if np.isfinite(probability).any():
            row["probability"] = float(np.nanmedian(probability))
        agreement, checked = compare_annotation(
            (own.objects, own.nuclei, rescale_labels(labels[own.slices], scale))
            for own in read_annotation(frame)
        )
        if checked:
            row |= agreement
        calibration += [
            count_confirmed("annotation", probability[found], is_confirmed)
            for found, is_confirmed in checked
        ]
        if is_movie:
            neighbours = [located.get(frame - 1), located.get(frame + 1)]
            beside, confirmed = compare_neighbours(neighbours[0], located[frame], neighbours[1])
            row |= beside
            if neighbours[0] is not None:
                row |= compare_frames(
                    neighbours[0].labels,
                    labels,
                    neighbours[0].places,
                    located[frame].places,
                    diameter_px=row["diameter_px"],
                )
            if any(neighbour is not None for neighbour in neighbours):
                calibration.append(count_confirmed("neighbouring frames", probability, confirmed))
    table = pd.DataFrame(images, columns=["frame", *SAMPLE_COLUMNS])
    if is_movie:
        table[list(MOVIE_COLUMNS)] = compare_with_movie(table)
    return table, concatenate_tables(calibration, CALIBRATION_COLUMNS)


def _with_neighbours(pages: Iterable[Page]) -> Iterator[tuple[Page | None, Page, Page | None]]:
    """Each page with the one before and the one after, None at the ends; three in memory."""
    before: Page | None = None
    current: Page | None = None
    for after in itertools.chain(pages, [None]):
        if current is not None:
            yield before, current, after
        before, current = current, after
