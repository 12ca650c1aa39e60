"""What the figures of `autonuclei.quality` mean: good, look or unsuitable, and what to do.

Every limit comes from images with masks drawn by hand; docs/quality.md has the measurements. An
indicator that told nothing about the real F1 there has no limit and is information only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.annotate.selection import NOT_CONVEX, TOO_DIM, TOO_LARGE, TOO_SMALL
from autonuclei.evaluate.quality import NAN, REJECTED, count_verdicts

Array = npt.NDArray[Any]
Row = dict[str, Any]

GOOD, LOOK, UNSUITABLE = "good", "look", "unsuitable"
INFORMATION, UNDEFINED = "information", "undefined"
ORDER = (UNSUITABLE, LOOK, GOOD, INFORMATION, UNDEFINED)
# What an indicator is about, and so why it may be undefined.
ANNOTATION, AGREEMENT, IMAGE, MOVIE = "annotation", "agreement", "image", "movie"
# So many images are named in a finding, the worst ones.
MOST_IMAGES = 20


@dataclass(frozen=True)
class Indicator:
    """One figure and how to read it.

    `look` and `unsuitable` are the limits from which on a value is no longer good; None: there is
    none. `low_is_bad` says on which side. `of_images`: images are judged by it one by one, too.
    """

    name: str
    title: str
    unit: str
    meaning: str
    remedy: str = ""
    look: float | None = None
    unsuitable: float | None = None
    low_is_bad: bool = True
    of_images: bool = False
    about: str = IMAGE

    def judge(self, value: float) -> str:
        """The verdict on one value."""
        if value != value:
            return UNDEFINED
        for limit, verdict in ((self.unsuitable, UNSUITABLE), (self.look, LOOK)):
            if limit is not None and (value < limit if self.low_is_bad else value > limit):
                return verdict
        return INFORMATION if self.look is None and self.unsuitable is None else GOOD


PERCENT = "share, 0 to 1"

INDICATORS = (
    # What the network learned from.
    Indicator(
        "area_accepted",
        "Accepted part of the annotation",
        PERCENT,
        "Share of the annotated area that lies in accepted objects; the network learns from these.",
        "Look at annotation/ to see what was rejected: {reason}",
        about=ANNOTATION,
        look=0.7,
        unsuitable=0.5,
        of_images=True,
    ),
    Indicator(
        "annotated_area_ratio",
        "Largest annotated objects",
        "times the median area",
        "Area that one in ten annotated objects of an image exceeds, over the median area. Large "
        "where nuclei are merged, since they touch or lie in clumps, and where debris is many.",
        "Lower annotate.split_distance; learn from sparser images (column 'train'). Nuclei that "
        "touch nearly everywhere do not suit the method.",
        low_is_bad=False,
        about=ANNOTATION,
        of_images=True,
        look=1.55,
        unsuitable=2.5,
    ),
    Indicator(
        "n_training",
        "Nuclei to learn from",
        "nuclei",
        "Accepted nuclei in the training frames.",
        "Name more frames in the column 'train' of the sample sheet.",
        look=100,
        unsuitable=20,
        about=ANNOTATION,
    ),
    Indicator(
        "nucleus_in_patch",
        "Nucleus against training patch",
        "diameters per patch side",
        "Diameter of the median nucleus over train.patch_px, both in pixels of the network.",
        "The nuclei are large: leave train.diameter_px at its default, or set train.patch_px to "
        "twice their diameter.",
        low_is_bad=False,
        look=1.0,
    ),
    # Network against annotation.
    Indicator(
        "agreement_f1",
        "Agreement of network and annotation",
        "F1",
        "F1 at IoU 0.5 between accepted objects and the network's nuclei on the annotated frames; "
        "nuclei on rejected objects are left out.",
        "Train longer (train.epochs) or on more frames (column 'train'); look at annotation/ for "
        "mistakes that repeat.",
        of_images=True,
        about=AGREEMENT,
        look=0.95,
        unsuitable=0.7,
    ),
    Indicator(
        "accepted_found",
        "Accepted objects that the network finds",
        PERCENT,
        "Share of the accepted objects that the network draws with an IoU above 0.5.",
        "Train longer (train.epochs).",
        about=AGREEMENT,
    ),
    Indicator(
        "agreement_iou",
        "Overlap of network and annotation",
        "IoU",
        "Mean IoU of the accepted objects and the network's nuclei that match.",
        about=AGREEMENT,
    ),
    Indicator(
        "outside_annotation",
        "Nuclei that the annotation did not see",
        PERCENT,
        "Share of the network's nuclei, on annotated frames, outside of all annotated objects.",
        "If they are nuclei, lower annotate.threshold_factor; if not, learn from cleaner frames.",
        low_is_bad=False,
        about=AGREEMENT,
    ),
    Indicator(
        "probability",
        "The network's own certainty",
        "probability",
        "Median probability that the network gives its nuclei.",
    ),
    # The images.
    Indicator(
        "contrast",
        "Contrast",
        "times the pixel noise",
        "Brightness of the median nucleus above the background around it.",
        "Expose longer or stain more; raise annotate.smoothing_px for noisy images.",
        of_images=True,
        look=3.0,
        unsuitable=1.5,
    ),
    Indicator(
        "sharpness",
        "Focus",
        "nuclear radii per edge width",
        "Radius of the median nucleus over the width of its edge.",
        "Focus anew, or leave blurred frames out of the column 'train'; for nuclei of few pixels "
        "use a higher magnification.",
        of_images=True,
        look=1.7,
        unsuitable=1.3,
    ),
    Indicator(
        "unclear_outline",
        "Outlines without an edge",
        PERCENT,
        "Share of the outlines at which brightness falls less than half as steeply as usual.",
        "Look at the outlines in Fiji; even out the light (preprocess.background_radius_px).",
        low_is_bad=False,
        of_images=True,
    ),
    Indicator(
        "saturated_share",
        "Saturation",
        "share of the pixels of nuclei",
        "Pixels of nuclei at the largest value of the image.",
        "Expose shorter: what is cut off cannot be split or measured.",
        low_is_bad=False,
        of_images=True,
        look=0.5,
    ),
    Indicator(
        "illumination",
        "Uneven background",
        "times the contrast",
        "How much the background beside the nuclei varies over the image (5th to 95th percentile).",
        "Correct for the light of the microscope, or set preprocess.background_radius_px to about "
        "twice the diameter of a nucleus.",
        low_is_bad=False,
        of_images=True,
        look=0.25,
        unsuitable=0.5,
    ),
    Indicator(
        "brightness_spread",
        "Nuclei of different brightness",
        "times the median contrast",
        "Interquartile range of the contrast of the nuclei.",
        "Lower annotate.threshold_factor so that dim nuclei are annotated too.",
        low_is_bad=False,
        look=0.7,
        of_images=True,
    ),
    Indicator(
        "covered_share",
        "Density",
        "share of the image",
        "Part of the image that nuclei cover.",
        low_is_bad=False,
    ),
    Indicator(
        "touching_share",
        "Touching nuclei",
        PERCENT,
        "Nuclei with a neighbour at most 2 px away.",
        "Nuclei that touch nearly everywhere do not suit the method: image sooner after seeding, "
        "or learn from sparser frames.",
        low_is_bad=False,
        of_images=True,
        look=0.6,
    ),
    Indicator(
        "shared_outline",
        "Shared outlines",
        "share of all outlines",
        "Part of the outlines that borders another nucleus.",
        low_is_bad=False,
    ),
    Indicator(
        "diameter_px",
        "Diameter of the nuclei",
        "px",
        "Of a disk with the median area.",
        "Nuclei of few pixels: preprocess.scale: 2, or a higher magnification.",
    ),
    Indicator(
        "diameter_in_image",
        "Nucleus against image",
        "diameters per shorter side",
        "Diameter of the median nucleus over the shorter side of the image.",
        "Few and large nuclei do not suit the method: use a lower magnification or larger images.",
        low_is_bad=False,
        look=0.2,
    ),
    # Movies.
    Indicator(
        "neighbour_share",
        "Nuclei with a counterpart in the next frame",
        PERCENT,
        "Nuclei with an IoU of 0.25 or more with one in the frame before or after, drift taken "
        "out. Low where nuclei come and go, or move by more than their radius.",
        "Take frames more often; look at the frames in tracking/*/outlines.mp4.",
        of_images=True,
        about=MOVIE,
    ),
    Indicator(
        "neighbour_iou",
        "Overlap with the counterpart",
        "IoU",
        "Median IoU of a nucleus and its counterpart.",
        about=MOVIE,
    ),
    Indicator(
        "flicker",
        "Nuclei that flicker",
        PERCENT,
        "Nuclei seen in the frames before and after but not in this one.",
        "track.max_frame_gap of 2 or more closes such gaps; look at dim and out-of-focus frames.",
        low_is_bad=False,
        of_images=True,
        about=MOVIE,
    ),
)

FAILED = Indicator(
    "failed_images",
    "Images that were not segmented",
    "share of the images",
    "They could not be read, or nothing can be measured in them; the log of the run says why.",
    "Mend or leave out these files.",
    look=0,
    unsuitable=0.5,
    low_is_bad=False,
)
EMPTY = Indicator(
    "empty_images",
    "Images without a nucleus",
    "share of the images",
    "The network found no nucleus in them, or they have no contrast beyond their noise.",
    "Look at these images; lower annotate.minimum_contrast if they do show nuclei.",
    look=0,
    unsuitable=0.5,
    low_is_bad=False,
)
REASONS = {
    TOO_LARGE: "most are too large, so nuclei are merged; lower annotate.split_distance.",
    TOO_SMALL: "most are too small, so debris or pieces; raise annotate.smoothing_px or "
    "annotate.minimum_area_px.",
    NOT_CONVEX: "most have no convex shape, so nuclei are merged or lobed; lower "
    "annotate.split_distance, or raise annotate.solidity_tolerance if they are nuclei.",
}


def list_rejections(table: Mapping[str, Array]) -> dict[str, float]:
    """Reasons of rejection of annotated objects by share of the rejected area, largest first.

    Without objects that are too dim, as `quality.count_verdicts` counts areas.
    """
    verdict, area = np.asarray(table["verdict"]), np.asarray(table["area_px"], np.float64)
    shares = {
        name.removeprefix(REJECTED): float(area[verdict == name.removeprefix(REJECTED)].sum())
        for name in count_verdicts(table)
        if name.startswith(REJECTED) and name != REJECTED + TOO_DIM
    }
    total = sum(shares.values())
    return {k: v / total for k, v in sorted(shares.items(), key=lambda item: -item[1])}


def summarize_images(
    images: Sequence[Row],
    *,
    objects: Mapping[str, Array] | None,
    n_training: float,
    patch_px: float,
    scale: float = 1.0,
    diameter_px: Sequence[float] | None = None,
) -> dict[str, float]:
    """The indicators of a whole experiment.

    Parameters
    ----------
    images
        A row per image, as `quality.measure_sample` gives them.
    objects
        All annotated objects with their verdicts; None without an automatic annotation.
    n_training
        Nuclei that the network learned from; NaN if it was given.
    patch_px
        Side of a training patch, in pixels of the network.
    scale, diameter_px
        Pixels of training per pixel of the raw image; range of diameters to which the network's
        images were rescaled from there, or None (`training.choose_scale`).

    Returns
    -------
    By name of `INDICATORS`, `FAILED` and `EMPTY`: of values per image their median over the
    images that have one, NaN if none has. The accepted area is that of all objects together:
    images of nuclei of another size than in the rest may have hardly any.
    """
    values = {}
    for indicator in INDICATORS:
        column = np.array([row.get(indicator.name, NAN) for row in images], np.float64)
        known = column[np.isfinite(column)]
        values[indicator.name] = float(np.median(known)) if len(known) else NAN
    if objects is not None:
        counted = count_verdicts(objects)
        values["area_accepted"] = counted["area_accepted"]
    values["n_training"] = n_training
    diameter = values["diameter_px"] * scale
    if diameter_px is not None:
        diameter = min(max(diameter, diameter_px[0]), diameter_px[1])
    values["nucleus_in_patch"] = diameter / patch_px
    counts = np.array([row["n_nuclei"] for row in images], np.float64)
    values[FAILED.name] = float(np.isnan(counts).mean())
    values[EMPTY.name] = float((counts == 0).mean())
    return values


def add_verdicts(images: Sequence[Row], objects: Mapping[str, Array]) -> None:
    """Add to each annotated image what became of its objects (`quality.count_verdicts`)."""
    key = list(zip(objects["sample"].tolist(), objects["frame"].tolist(), strict=True))
    numbers = {name: i for i, name in enumerate(dict.fromkeys(key))}
    index = np.array([numbers[name] for name in key], np.int64)
    rejections = [name for name in count_verdicts(objects) if name.startswith(REJECTED)]
    for row in images:
        if row["n_accepted"] != row["n_accepted"]:
            continue
        own = index == numbers.get((row["sample"], int(row["frame"])), -1)
        row |= dict.fromkeys(rejections, 0.0) if own.any() else {}
        row |= count_verdicts({name: objects[name][own] for name in ("verdict", "area_px")})


def describe_missing(samples: Sequence[Mapping[str, Any]], *, model_given: bool) -> dict[str, str]:
    """Why indicators of an experiment are undefined, by what they are about.

    `samples` have `kind`, `masks` (whether masks were given) and `training` (frames).
    """
    missing = {}
    if model_given:
        missing[ANNOTATION] = missing[AGREEMENT] = "a model was given, so nothing was annotated."
    elif not any(sample["training"] and not sample["masks"] for sample in samples):
        missing[ANNOTATION] = "masks were given in the place of the annotation."
    if all(sample["kind"] == "stills" for sample in samples):
        missing[MOVIE] = "stills have no neighbouring frames."
    return missing


def judge_images(images: Sequence[Row]) -> None:
    """Add to each row its `verdict`, the worst by any indicator of images, and `weak` points."""
    for row in images:
        judged = {i.title: i.judge(row.get(i.name, NAN)) for i in INDICATORS if i.of_images}
        weak = [title for title, verdict in judged.items() if verdict in (LOOK, UNSUITABLE)]
        worst = min(judged.values(), key=ORDER.index)
        row["verdict"] = worst if weak else GOOD
        if np.isnan(row["n_nuclei"]):
            row["verdict"], weak = LOOK, [FAILED.title]
        elif row["n_nuclei"] == 0:
            row["verdict"], weak = LOOK, [EMPTY.title]
        row["weak"] = "; ".join(weak)


def list_findings(
    images: Sequence[Row],
    values: Mapping[str, float],
    *,
    objects: Mapping[str, Array] | None,
    missing: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Each indicator of an experiment with its verdict, what it means and what to do.

    Parameters
    ----------
    images, objects
        As for `summarize_images`, which gives `values`.
    missing
        By what an indicator is about, why it is undefined in this experiment.

    Returns
    -------
    Worst first. `value` is None where it is undefined, and `meaning` then says why; `images` are
    the (sample, frame) of those images that are not good by it, the worst first.
    """
    findings = []
    for indicator in (FAILED, EMPTY, *INDICATORS):
        value = values[indicator.name]
        verdict, meaning = indicator.judge(value), indicator.meaning
        weak = [row for row in images if _is_weak(indicator, row)]
        if verdict == UNDEFINED:
            why = missing.get(indicator.about, "no image has a nucleus in which to measure it.")
            meaning = f"{meaning} Undefined: {why}"
        remedy = indicator.remedy if verdict in (LOOK, UNSUITABLE) or weak else ""
        if "{reason}" in remedy:
            first = next(iter(list_rejections(objects)), "") if objects is not None else ""
            remedy = remedy.format(reason=REASONS.get(first, f"most are rejected as: {first}."))
        sign = 1 if indicator.low_is_bad else -1
        weak.sort(key=lambda row, i=indicator, s=sign: s * row.get(i.name, 0))  # type: ignore[misc]
        findings.append(
            {
                "indicator": indicator.name,
                "title": indicator.title,
                "value": None if verdict == UNDEFINED else float(f"{value:.6g}"),
                "unit": indicator.unit,
                "verdict": verdict,
                "meaning": meaning,
                "remedy": remedy,
                "images": [[row["sample"], int(row["frame"])] for row in weak[:MOST_IMAGES]],
            }
        )
    return sorted(findings, key=lambda finding: ORDER.index(finding["verdict"]))


def _is_weak(indicator: Indicator, row: Row) -> bool:
    if indicator is FAILED:
        return bool(np.isnan(row["n_nuclei"]))
    if indicator is EMPTY:
        return bool(row["n_nuclei"] == 0)
    return indicator.of_images and indicator.judge(row.get(indicator.name, NAN)) in (
        LOOK,
        UNSUITABLE,
    )


def judge_experiment(experiment: str, findings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The verdict on an experiment: that of its worst finding, with one plain sentence."""
    worst = findings[0]["verdict"]
    verdict = worst if worst in (LOOK, UNSUITABLE) else GOOD
    named = [f for f in findings if f["verdict"] == verdict]
    points = ", ".join(f"{f['title'].lower()} ({_format(f['value'])} {f['unit']})" for f in named)
    n_good = sum(f["verdict"] == GOOD for f in findings)
    sentence = {
        GOOD: f"Nothing speaks against this result: all {n_good} indicators that can be judged "
        "are good.",
        LOOK: f"Look before you trust this result: {points}.",
        UNSUITABLE: f"These images do not suit the method as it was set: {points}.",
    }[verdict]
    return {
        "experiment": experiment,
        "verdict": verdict,
        "sentence": sentence,
        "findings": list(findings),
    }


def _format(value: float) -> str:
    return f"{value:.2f}" if 0 < abs(value) < 10 and value % 1 else f"{value:.0f}"
