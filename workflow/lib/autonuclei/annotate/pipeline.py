"""The annotation as a whole: from raw images to label images of nuclei.

Each step is a job of its own in the workflow (rules/annotate.smk), in this order and with these
functions.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.annotate.candidates import measure_candidates
from autonuclei.annotate.composition import label_training
from autonuclei.annotate.foreground import find_foreground
from autonuclei.annotate.preprocessing import preprocess_image
from autonuclei.annotate.proposals import find_objects
from autonuclei.annotate.selection import (
    CANDIDATE_COLUMNS,
    AcceptedRange,
    compute_accepted_range,
    judge_objects,
    keep_accepted,
)
from autonuclei.io.tables import concatenate_tables
from autonuclei.settings import AnnotateSettings, PreprocessSettings, list_steps

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Annotation:
    """What the annotation makes of one image.

    Attributes
    ----------
    image : (height, width)
        The preprocessed image, to which all others belong.
    foreground : (height, width) bool
        Pixels above the threshold.
    objects : (height, width) int32
        Label image of all objects that could be nuclei.
    table : DataFrame
        A row per object: `selection.CANDIDATE_COLUMNS` and the `verdict` on it, ``accepted`` or
        why it is no nucleus.
    accepted_range : AcceptedRange
        What the objects were judged by.
    nuclei : (height, width) int32
        Label image of the accepted objects, with their numbers in `objects`.
    """

    image: Array
    foreground: npt.NDArray[np.bool_]
    objects: npt.NDArray[np.int32]
    table: pd.DataFrame
    accepted_range: AcceptedRange
    nuclei: npt.NDArray[np.int32]

    @property
    def training_pair(self) -> tuple[Array, npt.NDArray[np.int32]]:
        """Image and labels for `train_model`: nuclei 1..n, rejected objects -1 (ignored)."""
        return self.image, label_training(self.objects, self.nuclei, ignore=True)


def annotate_image(
    image: Array,
    settings: AnnotateSettings | None = None,
    *,
    preprocess: PreprocessSettings | None = None,
    accepted_range: AcceptedRange | None = None,
) -> Annotation:
    """Find the nuclei of one raw image without a network and without a drawn label.

    Parameters
    ----------
    image : (height, width)
        Raw grey values of any real type.
    settings, preprocess
        Sections `annotate` and `preprocess` of the configuration; None: the defaults. The `crop`
        is for those who read images, and not done here.
    accepted_range
        What counts as a nucleus; None: judged by the median of the objects of this image.

    Returns
    -------
    Annotation
    """
    (annotation,) = annotate_images(
        [image], settings, preprocess=preprocess, accepted_range=accepted_range
    )
    return annotation


def annotate_images(
    images: Iterable[Array],
    settings: AnnotateSettings | None = None,
    *,
    preprocess: PreprocessSettings | None = None,
    accepted_range: AcceptedRange | None = None,
) -> list[Annotation]:
    """Find the nuclei of the images of one experiment; parameters as in `annotate_image`.

    Without an `accepted_range`, the objects of all images together set it.
    """
    settings, preprocess = settings or AnnotateSettings(), preprocess or PreprocessSettings()
    found = []
    for raw in images:
        image = preprocess_image(raw, **list_steps(preprocess))
        foreground, _ = find_foreground(
            image,
            smoothing_px=settings.smoothing_px,
            threshold_factor=settings.threshold_factor,
            minimum_contrast=settings.minimum_contrast,
        )
        objects = find_objects(
            image,
            foreground,
            local_levels=settings.local_levels,
            refine_boundaries=settings.refine_boundaries,
            cut_clumps=settings.cut_clumps,
            unusual_nuclei=settings.unusual_nuclei,
            smoothing_px=settings.smoothing_px,
            split_distance=settings.split_distance,
            minimum_area_px=settings.minimum_area_px,
        )
        found.append((image, foreground, objects, measure_candidates(image, objects)))
    accepted_range = accepted_range or compute_accepted_range(
        concatenate_tables([table for *_, table in found], CANDIDATE_COLUMNS),
        area_tolerance=settings.area_tolerance,
        area_tolerance_above=settings.area_tolerance_above,
        solidity_tolerance=settings.solidity_tolerance,
        share_at_border=settings.share_at_border,
        minimum_relative_contrast=settings.minimum_relative_contrast,
        unusual_nuclei=settings.unusual_nuclei,
    )
    annotations = []
    for image, foreground, objects, table in found:
        table["verdict"] = judge_objects(table, accepted_range)
        nuclei = keep_accepted(objects, table)
        annotations.append(Annotation(image, foreground, objects, table, accepted_range, nuclei))
    return annotations
