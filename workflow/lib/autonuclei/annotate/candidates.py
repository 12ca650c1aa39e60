"""Measuring annotated objects: candidates for nuclei."""

from typing import Any

import numpy.typing as npt
import pandas as pd

from autonuclei.annotate.boundaries import measure_contrast
from autonuclei.annotate.filtering import FilteredImage
from autonuclei.labels.measurement import measure_objects

Array = npt.NDArray[Any]


def measure_candidates(
    image: Array | FilteredImage, objects: Array, *, frame: int = 0
) -> pd.DataFrame:
    """Measure what decides whether annotated objects count as nuclei.

    Parameters
    ----------
    image, objects : (height, width)
        Preprocessed grey values and label image.
    frame
        Written into the column `frame`.

    Returns
    -------
    DataFrame
        `selection.CANDIDATE_COLUMNS`: those of `labels.measurement.measure_objects`, and
        `relative_contrast` (`boundaries.measure_contrast`); a row per object in order of its label.
    """
    image = FilteredImage.wrap(image)
    table = measure_objects(objects, image.values, frame=frame)
    table["relative_contrast"] = measure_contrast(image, objects)[table["label"]]
    return table
