"""What the figures of `quality` mean: good, look or unsuitable, and what to do.

`indicators` has the limits and the words.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.annotate.selection import ACCEPTED, TOO_DIM
from autonuclei.evaluate.indicators import (
    AGREEMENT,
    ANNOTATION,
    EMPTY,
    FAILED,
    GOOD,
    INDICATORS,
    INFORMATION,
    LOOK,
    MOVIE,
    NETWORK,
    PIXEL_SIZE,
    REASONS,
    REPEATED,
    UNDEFINED,
    UNLIKELY_SIZE,
    UNSUITABLE,
    Indicator,
)
from autonuclei.evaluate.quality import ANNOTATION_COLUMNS, REJECTED, count_decisions
from autonuclei.settings import PreprocessSettings, TrainSettings

ORDER = (UNSUITABLE, LOOK, GOOD, INFORMATION, UNDEFINED)
_NOT_GOOD = (UNSUITABLE, LOOK)
# So many images are named in a finding, the worst ones.
_MOST_IMAGES = 20
# Diameters (um) between which the median nucleus of nearly every cell lies.
LIKELY_DIAMETER_UM = (4.0, 30.0)
# So much wider or narrower (um) than the others are nuclei of another kind, or measured wrongly: a
# nucleus of twice the volume has 1.26 of the diameter.
_MOST_WIDER = 1.6
# A median of fewer nuclei is not compared with others.
_FEWEST_NUCLEI = 10
_MOST_SIZES = 3
_MOST_NAMED = 3
# So many frames of a sample, or runs of frames, are named in the sentence.
_MOST_FRAMES = 12
# With fewer images a median is that of single ones.
_FEWEST_IMAGES = 3


def check_sizes(
    nuclei: Mapping[str, pd.DataFrame], sources: Mapping[str, str]
) -> dict[str, list[str]]:
    """Say which pixel sizes make nuclei of a size that is most likely wrong.

    Parameters
    ----------
    nuclei
        `area_px` and `area_um2` of the nuclei of each sample.
    sources
        Where the pixel size of a sample came from, or nothing.

    Returns
    -------
    dict
        Of each sample with a known pixel size and a nucleus, a line for each pixel size whose
        median nucleus is no `LIKELY_DIAMETER_UM` wide, or of a very different width than those
        of the other samples and pixel sizes; images of a sample may differ in it.
    """
    measured = []
    for sample, table in nuclei.items():
        known = table[table["area_um2"].notna()]
        size_um = ((known["area_um2"] / known["area_px"]) ** 0.5).map("{:.4g}".format)
        for size, areas in known["area_um2"].groupby(size_um):
            measured.append((sample, size, 2 * math.sqrt(areas.median() / math.pi), len(areas)))
    many = np.array([diameter for *_, diameter, n in measured if n >= _FEWEST_NUCLEI])
    usual = float(np.median(many)) if len(many) else float("nan")
    checked: dict[str, list[str]] = {sample: [] for sample, *_ in measured}
    for sample, size, diameter, n in measured:
        others = many.sum() - diameter if len(many) == 2 else usual
        differs = n >= _FEWEST_NUCLEI and abs(math.log(diameter / others)) > math.log(_MOST_WIDER)
        if differs or not LIKELY_DIAMETER_UM[0] <= diameter <= LIKELY_DIAMETER_UM[1]:
            source = f" (from {sources[sample]})" if sources.get(sample) else ""
            line = f"pixel size {size} µm{source} makes nuclei of {_format_length(diameter)} in "
            line += sample + (f", {_format_length(others)} in the others" if differs else "")
            checked[sample].append(line)
    return checked


def _format_length(length_um: float) -> str:
    value, unit = (length_um, "µm") if length_um < 1000 else (length_um / 1000, "mm")
    return f"{value:.0f} {unit}" if value >= 10 else f"{value:.2g} {unit}"


def judge_experiment(
    experiment: str,
    images: pd.DataFrame,
    *,
    objects: pd.DataFrame | None,
    samples: Sequence[Mapping[str, Any]],
    sizes: Mapping[str, Sequence[str]] | None = None,
    model_given: bool = False,
    patch_px: float = TrainSettings.patch_px,
    diameter_px: Sequence[float] | None = TrainSettings.diameter_px,
    scale: float = PreprocessSettings.scale,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Say whether to trust the result of an experiment, why, and what to do.

    Parameters
    ----------
    experiment
        Its name.
    images
        `sample` and the columns of `quality.measure_sample`, a row per image.
    objects
        `sample`, `frame`, `area_px` and `verdict` of all annotated objects; None without an
        automatic annotation.
    samples
        Of each sample `sample` (its name), `kind`, `masks` (whether masks to learn from were
        given), `labels` (whether its nuclei were), `corrected` (whether a user corrected them)
        and `training` (frames to learn from).
    sizes
        What `check_sizes` says.
    model_given
        Whether the network is one from before.
    patch_px, diameter_px
        Side of a training patch and range of diameters (None: any) of the network, in its pixels.
    scale
        Pixels of training per pixel of the raw image.

    Returns
    -------
    images : DataFrame
        With what became of the annotated objects (`quality.count_decisions`), `verdict`, the
        worst by any indicator of images, and `weak` points; and `quality` (`judge_frames`).
    verdict : dict
        `experiment`, `verdict` (that of the worst finding or sample), `sentence`, `samples`
        (`judge_samples`) and `findings`: of each indicator, the worst first, `indicator` (its
        name), `title`, `value` (None where it is undefined), `unit`, `verdict`, `meaning`,
        `remedy`, and `images`, the [sample, frame] of those that are not good by it, the worst
        first. A value is that of most images; one image that is unsuitable asks for a look.
    """
    if objects is not None:
        images = _add_decisions(images, objects)
    images = _judge_images(images)
    judged = judge_samples(
        images, movies=[sample["sample"] for sample in samples if sample["kind"] == "movie"]
    )
    n_training = float("nan")
    if not model_given:
        training = {(sample["sample"], frame) for sample in samples for frame in sample["training"]}
        own = [place in training for place in zip(images["sample"], images["frame"], strict=True)]
        # All nuclei that were given are learned from.
        given = images["sample"].isin(_list_given(samples))
        n_training = images["n_accepted"].where(~given, images["n_nuclei"])[own].sum(skipna=False)
    values = _summarize_images(
        images,
        objects=objects,
        n_training=n_training,
        patch_px=patch_px,
        diameter_px=diameter_px,
        scale=scale,
    )
    if not _has_network(samples):
        values["nucleus_in_patch"] = float("nan")
    sizes = sizes or {}
    unlikely = [line for lines in sizes.values() for line in lines]
    if sizes:
        values[UNLIKELY_SIZE.name] = sum(map(bool, sizes.values())) / len(sizes)
    missing = _describe_missing(samples, model_given=model_given)
    findings = _list_findings(
        images,
        values,
        reason=_explain_rejection(objects),
        sizes=_join_sizes(unlikely),
        missing=missing,
        has_network=_has_network(samples),
    )
    worst = findings[0]["verdict"]
    verdict = worst if worst in _NOT_GOOD else GOOD
    if verdict == GOOD and any(sample["verdict"] in _NOT_GOOD for sample in judged):
        verdict = LOOK
    return images, {
        "experiment": experiment,
        "verdict": verdict,
        "sentence": _write_sentence(verdict, findings, judged, sizes=_join_sizes(unlikely))
        + _name_given(samples)
        + _name_corrected(samples),
        "samples": judged,
        "findings": findings,
    }


def judge_frames(images: pd.DataFrame) -> pd.Series:
    """Say of each image whether to use its nuclei: `GOOD`, `LOOK` or `UNSUITABLE`.

    Parameters
    ----------
    images
        The columns of `quality.measure_sample`.

    Returns
    -------
    Series of str
        The worst by any indicator of images but those of the annotation: what the network did
        not learn from may still be found. An image that could not be segmented is unsuitable;
        one without a nucleus asks for a look, since it may be right.
    """
    judged = [
        images[indicator.name].map(indicator.judge)
        for indicator in INDICATORS
        if indicator.of_images and indicator.about != ANNOTATION and indicator.name in images
    ]
    quality = pd.Series(GOOD, index=images.index, dtype=object)
    quality[_find_weak(EMPTY, images)] = LOOK
    for verdict in (LOOK, UNSUITABLE):
        for own in judged:
            quality[own == verdict] = verdict
    quality[_find_weak(FAILED, images)] = UNSUITABLE
    return quality


def judge_samples(images: pd.DataFrame, *, movies: Collection[str]) -> list[dict[str, Any]]:
    """Say of each sample whether to trust it, and which of its images not.

    Parameters
    ----------
    images
        `sample`, `frame`, the columns of `quality.measure_sample` and, of stills, `image`.
    movies
        The samples whose images are called frames, by their numbers.

    Returns
    -------
    list of dict
        `sample`, `verdict`, `n_images`, `frames` (the images in doubt), `reasons` (why, the
        most frequent first), `weak` (the titles of what is weak in most of its images) and
        `words`: all of it in a line, or nothing. A median of less than three images asks for no
        look.
    """
    told = {indicator: _find_told(indicator, images) for indicator in INDICATORS}
    return [
        _judge_sample(
            str(name),
            images.iloc[rows],
            {indicator: own[rows] for indicator, own in told.items()},
            is_movie=name in movies,
        )
        for name, rows in images.groupby("sample", sort=False).indices.items()
    ]


def _judge_sample(
    name: str,
    images: pd.DataFrame,
    told: Mapping[Indicator, npt.NDArray[np.bool_]],
    *,
    is_movie: bool,
) -> dict[str, Any]:
    """`judge_samples` for one; `told` are its images that are named by each indicator."""
    bad = np.zeros(len(images), bool)
    counts: dict[str, int] = {}
    verdicts = [GOOD]
    weak = []
    for indicator, own in told.items():
        if own.any():
            bad |= own
            counts[indicator.bad] = counts.get(indicator.bad, 0) + int(own.sum())
        if indicator.of_images:
            verdict = indicator.judge(_take_median(images.get(indicator.name)))
        elif indicator in (FAILED, EMPTY):
            verdict = indicator.judge(float(own.mean()))
        else:
            continue
        if verdict == UNSUITABLE or (verdict == LOOK and len(images) >= _FEWEST_IMAGES):
            verdicts.append(verdict)
            weak.append(indicator.title)
    if bad.any():
        verdicts.append(UNSUITABLE if bad.mean() > 0.5 else LOOK)
    frames = images["frame"][bad].tolist()
    reasons = sorted(counts, key=lambda reason: -counts[reason])
    verdict = min(verdicts, key=ORDER.index)
    words = ""
    if frames:
        kind = "frames" if is_movie else "images"
        many = f"{len(frames)} of {len(images)} {kind}" if len(images) > 1 else "the one image"
        # "and" where each of them is bad in all these ways.
        joined = " and " if min(counts.values()) == len(frames) else " or "
        words = f"{many} {joined.join(reasons[:_MOST_NAMED])}"
        if len(images) > 1 and (is_movie or "image" not in images):
            words += f": {list_frames(frames)}"
        elif len(images) > 1:
            words += f": {_list_some(images['image'][bad].astype(str).tolist())}"
    elif verdict in _NOT_GOOD:
        words = "in most images: " + ", ".join(title.lower() for title in weak)
    return {
        "sample": name,
        "verdict": verdict,
        "n_images": len(images),
        "frames": frames,
        "reasons": reasons,
        "weak": weak,
        "words": words,
    }


def list_frames(frames: Sequence[int]) -> str:
    """Write the numbers of frames, long runs as in 10-24."""
    runs: list[list[int]] = []
    for frame in sorted(frames):
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    parts: list[str] = []
    for run in runs:
        parts += [f"{run[0]}-{run[-1]}"] if len(run) > _MOST_NAMED else map(str, run)
    more = len(parts) - _MOST_FRAMES
    return ", ".join(parts[:_MOST_FRAMES]) + (f" and {more} more" if more > 0 else "")


def _find_told(indicator: Indicator, images: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which images are named by an indicator: the unsuitable ones, or all that are not good."""
    if indicator.alone:
        return _find_weak(indicator, images)
    if not indicator.of_images or indicator.about == ANNOTATION or indicator.name not in images:
        return np.zeros(len(images), bool)
    return (images[indicator.name].map(indicator.judge) == UNSUITABLE).to_numpy()


def _list_given(samples: Sequence[Mapping[str, Any]]) -> list[str]:
    """The samples whose nuclei no network found."""
    return [sample["sample"] for sample in samples if sample["labels"]]


def _has_network(samples: Sequence[Mapping[str, Any]]) -> bool:
    return any(sample["training"] or not sample["labels"] for sample in samples)


def _name_given(samples: Sequence[Mapping[str, Any]]) -> str:
    """Say which nuclei the verdict rests on, where some were given."""
    given = _list_given(samples)
    if not given:
        return ""
    if len(given) == len(samples):
        return " All masks were given: this tells of them and of the images, not of a network."
    return f" The masks of {_list_some(given)} were given."


def _name_corrected(samples: Sequence[Mapping[str, Any]]) -> str:
    corrected = [sample["sample"] for sample in samples if sample["corrected"]]
    return f" The masks of {_list_some(corrected)} were corrected by hand." if corrected else ""


def _list_some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _add_decisions(images: pd.DataFrame, objects: pd.DataFrame) -> pd.DataFrame:
    """Add to each annotated image what became of its objects (`quality.count_decisions`)."""
    place = ["sample", "frame"]
    counted = [
        dict(zip(place, key, strict=True)) | count_decisions(own)
        for key, own in objects.groupby(place)
    ]
    reasons = [name for name in count_decisions(objects) if name.startswith(REJECTED)]
    columns = [*reasons, *ANNOTATION_COLUMNS]
    decided = pd.DataFrame(counted, columns=[*place, *columns]).set_index(place).astype(float)
    decided[reasons] = decided[reasons].fillna(0.0)
    decided = decided.reindex(pd.MultiIndex.from_frame(images[place])).set_axis(images.index)
    decided["n_annotated"] = decided["n_annotated"].fillna(0)
    decided[images["n_accepted"].isna()] = np.nan  # not annotated, or not segmented
    return pd.concat([images, decided], axis=1)


def _judge_images(images: pd.DataFrame) -> pd.DataFrame:
    """Add to each image its `verdict`, the worst by any indicator of images, and `weak` points."""
    judged = pd.DataFrame(
        {
            indicator.title: images[indicator.name].map(indicator.judge)
            for indicator in INDICATORS
            if indicator.of_images and indicator.name in images
        }
    )
    is_weak = judged.isin(_NOT_GOOD)
    images = images.assign(quality=judge_frames(images))
    verdict = np.full(len(images), GOOD, dtype=object)
    verdict[is_weak.any(axis=1)] = LOOK
    verdict[(judged == UNSUITABLE).any(axis=1)] = UNSUITABLE
    weak = np.array(["; ".join(judged.columns[row]) for row in is_weak.to_numpy()], dtype=object)
    for indicator in (FAILED, EMPTY):
        own = _find_weak(indicator, images)
        verdict[own], weak[own] = LOOK, indicator.title
    return images.assign(verdict=verdict, weak=weak)


def _summarize_images(
    images: pd.DataFrame,
    *,
    objects: pd.DataFrame | None,
    n_training: float,
    patch_px: float,
    diameter_px: Sequence[float] | None,
    scale: float,
) -> dict[str, float]:
    """Compute the indicators of a whole experiment, by their names; NaN where undefined.

    Those of images are medians. The accepted area is that of all objects together: images of
    nuclei of another size than in the rest may have hardly any.
    """
    values = {indicator.name: _take_median(images.get(indicator.name)) for indicator in INDICATORS}
    if objects is not None:
        values["area_accepted"] = count_decisions(objects)["area_accepted"]
    values["n_training"] = n_training
    diameter = values["diameter_px"] * scale
    if diameter_px is not None:
        diameter = min(max(diameter, diameter_px[0]), diameter_px[1])
    values["nucleus_in_patch"] = diameter / patch_px
    for indicator in (FAILED, EMPTY):
        values[indicator.name] = float(_find_weak(indicator, images).mean())
    if images[REPEATED.name].notna().any():
        values[REPEATED.name] = float(images[REPEATED.name].mean())
    return values


def _take_median(values: pd.Series | None) -> float:
    known = np.zeros(0) if values is None else values[np.isfinite(values)].to_numpy()
    return float(np.median(known)) if len(known) else float("nan")


def _describe_missing(samples: Sequence[Mapping[str, Any]], *, model_given: bool) -> dict[str, str]:
    """Say why indicators of an experiment are undefined, by what they are about."""
    missing = {PIXEL_SIZE: "no pixel size is known, or there is no nucleus."}
    if len(_list_given(samples)) == len(samples):
        missing[AGREEMENT] = missing[NETWORK] = "all masks were given, so nothing was predicted."
        missing[ANNOTATION] = "all masks were given, so nothing was annotated."
    elif model_given:
        missing[ANNOTATION] = missing[AGREEMENT] = "a model was given, so nothing was annotated."
    elif not any(sample["training"] and not sample["masks"] for sample in samples):
        missing[ANNOTATION] = "masks were given in the place of the annotation."
    missing[MOVIE] = "no movie has enough frames, or enough nuclei in them, to say."
    if all(sample["kind"] == "stills" for sample in samples):
        missing[MOVIE] = "stills have no neighbouring frames."
    return missing


def _list_findings(
    images: pd.DataFrame,
    values: Mapping[str, float],
    *,
    reason: str,
    sizes: str,
    missing: Mapping[str, str],
    has_network: bool,
) -> list[dict[str, Any]]:
    """List the findings of `judge_experiment`; `missing` is of `_describe_missing`.

    `reason` and `sizes` are put into the remedies that ask for them. Remedies for annotation and
    network do not help where there are none.
    """
    findings = []
    for indicator in INDICATORS:
        value = values[indicator.name]
        verdict, meaning = indicator.judge(value), indicator.meaning
        weak = images[_find_weak(indicator, images)]
        told = int(_find_told(indicator, images).sum())
        if verdict == GOOD and told:
            verdict = LOOK
            meaning += f" The median is good, but {told} of {len(images)} images are not."
        if indicator.name in images:
            weak = weak.sort_values(indicator.name, ascending=indicator.low_is_bad, kind="stable")
        if verdict == UNDEFINED:
            why = missing.get(indicator.about, "no image has a nucleus in which to measure it.")
            meaning = f"{meaning} Undefined: {why}"
        remedy = ""
        if verdict in _NOT_GOOD or len(weak):
            remedy = indicator.remedy.format(reason=reason, sizes=sizes)
            if not has_network and indicator not in (FAILED, UNLIKELY_SIZE):
                remedy = "Look at these images with their masks."
        findings.append(
            {
                "indicator": indicator.name,
                "title": indicator.title,
                "value": None if verdict == UNDEFINED else float(f"{value:.6g}"),
                "unit": indicator.unit,
                "verdict": verdict,
                "meaning": meaning,
                "remedy": remedy,
                "images": weak[["sample", "frame"]].to_numpy().tolist()[:_MOST_IMAGES],
            }
        )
    return sorted(findings, key=lambda finding: ORDER.index(finding["verdict"]))


def _explain_rejection(objects: pd.DataFrame | None) -> str:
    first = "" if objects is None else _find_main_reason(objects)
    return REASONS.get(first, f"most are rejected as: {first}.")


def _join_sizes(lines: Sequence[str]) -> str:
    more = len(lines) - _MOST_SIZES
    return "; ".join([*lines[:_MOST_SIZES], *([f"{more} more"] if more > 0 else [])])


def _find_main_reason(objects: pd.DataFrame) -> str:
    """Find what rejects most of the area of annotated objects; "" where nothing is rejected.

    Without objects that are too dim, as `quality.count_decisions` counts areas.
    """
    rejected = objects[~objects["verdict"].isin([ACCEPTED, TOO_DIM])]
    areas = rejected.groupby("verdict")["area_px"].sum()
    return str(areas.idxmax()) if len(areas) else ""


def _find_weak(indicator: Indicator, images: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which images are not good by an indicator."""
    if indicator is FAILED:
        return images["n_nuclei"].isna().to_numpy()
    if indicator is EMPTY:
        return (images["n_nuclei"] == 0).to_numpy()
    if not indicator.of_images or indicator.name not in images:
        return np.zeros(len(images), bool)
    return images[indicator.name].map(indicator.judge).isin(_NOT_GOOD).to_numpy()


def _write_sentence(
    verdict: str,
    findings: Sequence[Mapping[str, Any]],
    samples: Sequence[Mapping[str, Any]],
    *,
    sizes: str,
) -> str:
    """Say what the verdict is, why, and of which samples and images."""
    if verdict == GOOD:
        n = sum(finding["verdict"] == GOOD for finding in findings)
        return (
            f"Nothing speaks against this result: all {n} indicators that can be judged are good."
        )
    named = [
        f"{finding['title'].lower()} ({_format_value(finding['value'])} {finding['unit']})"
        for finding in findings
        if _is_point(finding, verdict)
    ]
    parts = [", ".join(named)] if named else []
    # The many first: what most images are, or else which ones are not good.
    told = _name_samples(samples)
    points = "; ".join([*parts, *told] if verdict == UNSUITABLE else [*told, *parts])
    warning = f" Check the {sizes}: all lengths in µm rest on it." if sizes else ""
    if verdict == LOOK:
        return f"Look before you trust this result: {points}.{warning}"
    return f"These images do not suit the method as it was set: {points}.{warning}"


def _is_point(finding: Mapping[str, Any], verdict: str) -> bool:
    """Whether a finding is told by its value; where only some images are bad, they are named."""
    indicator = next(own for own in INDICATORS if own.name == finding["indicator"])
    if indicator in (FAILED, EMPTY, REPEATED) and verdict == LOOK:
        return False
    value = finding["value"]
    return value is not None and indicator.judge(value) == verdict


def _name_samples(samples: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the samples that are not good, and their images."""
    if len(samples) == 1:
        return [sample["words"] for sample in samples if sample["frames"]]
    lines = []
    unsuitable = [sample for sample in samples if sample["verdict"] == UNSUITABLE]
    if unsuitable:
        names = [f"{sample['sample']} ({sample['words']})" for sample in unsuitable]
        lines.append(f"{len(unsuitable)} of {len(samples)} samples unsuitable: {_list_some(names)}")
    weak = [f"{own['sample']} ({own['words']})" for own in samples if own["verdict"] == LOOK]
    if weak:
        lines.append(f"{len(weak)} of {len(samples)} samples to look at: {_list_some(weak)}")
    return lines


def _format_value(value: float) -> str:
    return f"{value:.2f}" if 0 < abs(value) < 10 and value % 1 else f"{value:.0f}"
