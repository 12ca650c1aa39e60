"""Comparing label images with a ground truth that was drawn for the raw image."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.annotate.preprocessing import rescale_labels
from autonuclei.errors import InputError
from autonuclei.evaluate.movies import lay_over
from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.matching import count_matches
from autonuclei.labels.numbers import keep_labels
from autonuclei.settings import PreprocessSettings

Array = npt.NDArray[Any]

ANNOTATION, SEGMENTATION = "annotation", "segmentation"
# Correlation of true and found masks from which on they are taken for the same nuclei, and the
# least shift of them that is told, in diameters.
LEAST_RESEMBLANCE, LEAST_SHIFT = 0.5, 0.3
LOW_F1 = 0.5


def compare_with_truth(
    truth: Array,
    found: Array,
    *,
    stage: str,
    scale: float = PreprocessSettings.scale,
    name: str = "ground truth",
) -> pd.DataFrame:
    """Match the nuclei that a stage found in an image with the true ones.

    Parameters
    ----------
    truth : (height, width) int
        Label image drawn for the raw image.
    found : (height, width) int
        Label image of the annotation, in the pixels of training, or of the segmentation, in
        those of the raw image.
    stage
        `ANNOTATION` or `SEGMENTATION`.
    scale
        Pixels of training per raw pixel; see `preprocessing.preprocess_image`.
    name
        Of the truth, for the error.

    Returns
    -------
    DataFrame
        `matching.COUNT_COLUMNS`, a row per IoU threshold.

    Raises
    ------
    InputError
        The truth is of another size than the image.
    """
    if stage == ANNOTATION:
        truth = rescale_labels(truth, scale)
    if truth.shape != found.shape:
        raise InputError(
            f"{name}: is {truth.shape[1]} x {truth.shape[0]} pixels, but its image is "
            f"{found.shape[1]} x {found.shape[0]}. Give the masks of this image."
        )
    return count_matches(truth, found)


def measure_shift(truth: ArrayLike, found: ArrayLike, diameter_px: float) -> float:
    """How far the true nuclei lie beside those that were found, as all of them do together.

    Parameters
    ----------
    truth, found : (height, width) int
        Label images of the same shape.
    diameter_px
        Of a nucleus.

    Returns
    -------
    Distance in px; 0 where the truth lies as well as it can, NaN where the two are not alike
    at any shift.
    """
    resemblance, shift = lay_over(truth, found, diameter_px=diameter_px)
    if not resemblance >= LEAST_RESEMBLANCE:
        return float("nan")
    length = float(np.hypot(*shift))
    return length if length >= LEAST_SHIFT * diameter_px else 0.0


def doubt_truth(metrics: pd.DataFrame) -> list[str]:
    """Lines for the user on a ground truth that cannot be that of its images.

    The numbers that it gives are right, and say nothing of the nuclei.

    Parameters
    ----------
    metrics : DataFrame
        A row per segmented image: `matching.METRIC_COLUMNS` and `truth_shift_px`, from
        `measure_shift`.
    """
    if not len(metrics):
        return []
    is_empty = (metrics["n_true"] == 0) & (metrics["n_predicted"] > 0)
    is_beside = (metrics["truth_shift_px"] > 0) & (metrics["f1"] < LOW_F1)
    lines = []
    if is_empty.any():
        lines.append(
            f"{is_empty.sum()} of {len(metrics)} images have no true nucleus, and "
            f"{metrics['n_predicted'][is_empty].sum()} were found in them"
        )
    if is_beside.any():
        shift = metrics["truth_shift_px"][is_beside].median()
        lines.append(
            f"in {is_beside.sum()} of {len(metrics)} images the true nuclei lie {shift:.0f} px "
            "beside those found, all of them alike"
        )
    return [f"{line}. Look whether the ground truth is that of these images." for line in lines]


def drop_at_border(labels: Array, border_px: int) -> Array:
    """Remove nuclei that lie wholly within so many pixels of the border; numbers stay.

    Parameters
    ----------
    labels : (height, width) int
        Label image, 0 is background.
    border_px
        Width of the margin; the challenge that this rule is from calls the rest the field of
        interest.
    """
    if not border_px:
        return labels
    inside = labels[border_px:-border_px, border_px:-border_px]
    return keep_labels(labels, np.unique(inside))
