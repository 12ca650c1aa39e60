"""Measuring annotated objects: candidates for nuclei."""

from typing import Any

import numpy.typing as npt
import pandas as pd

from autonuclei.annotate.boundaries import measure_contrast, relate_contrast
from autonuclei.annotate.filtering import FilteredImage
from autonuclei.annotate.unusual_nuclei import measure_significance
from autonuclei.labels.measurement import measure_objects
from autonuclei.labels.shapes import measure_ellipticity

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
        `relative_contrast` (`boundaries.relate_contrast`), `significance`
        (`unusual_nuclei.measure_significance`) and `ellipticity`
        (`labels.shapes.measure_ellipticity`); a row per object in order of its label.
    """
    image = FilteredImage.wrap(image)
    table = measure_objects(objects, image.values, frame=frame)
    contrast = measure_contrast(image, objects)[table["label"]]
    area = table["area_px"].to_numpy()
    table["relative_contrast"] = relate_contrast(contrast, area)
    table["significance"] = measure_significance(contrast, area, image.noise)
    table["ellipticity"] = measure_ellipticity(objects)[1][table["label"]]
    return table
