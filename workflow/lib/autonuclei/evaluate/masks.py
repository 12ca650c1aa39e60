"""Comparing label images with a ground truth that was drawn for the raw image."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.annotate.preprocessing import rescale_labels
from autonuclei.errors import InputError
from autonuclei.labels.matching import count_matches
from autonuclei.labels.numbers import keep_labels
from autonuclei.settings import PreprocessSettings

Array = npt.NDArray[Any]

ANNOTATION, SEGMENTATION = "annotation", "segmentation"


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
