"""A second annotation, in which network and classical method check each other.

A network that learned from many nuclei finds some that the threshold missed or merged, and the
threshold knows better than a network where an edge is. What both say is taken as a nucleus, what
one of them says is ignored unless the network is sure, and the rest is background.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.annotate.boundaries import refine_boundaries
from autonuclei.annotate.candidates import measure_candidates
from autonuclei.annotate.filtering import FilteredImage
from autonuclei.annotate.selection import ACCEPTED, AcceptedRange, judge_objects
from autonuclei.labels.matching import compute_metrics, count_matches, drop_ignored, pool_counts
from autonuclei.labels.numbers import number_by_position
from autonuclei.labels.overlap import match_labels

Array = npt.NDArray[Any]

# From this IoU on, an object of the network and one of the classical method are the same nucleus.
AGREEMENT_IOU = 0.6
# From this probability on the network is sure.
SURE_PROBABILITY = 0.7

# Overlaps over which the criterion is a mean.
CRITERION_IOUS = (0.5, 0.6, 0.7, 0.8, 0.9)


def check_annotation(
    image: Array,
    first: Array,
    objects: Array,
    predicted: Array,
    probability: Array,
    accepted_range: AcceptedRange,
) -> Array:
    """Annotate an image anew from the classical annotation and what a network finds in it.

    An object of the network is a nucleus if an object of the classical method agrees with it
    (`AGREEMENT_IOU`) and one of three holds: the classical method accepts its own, or the
    network's has the area and shape of a nucleus, or the network is sure (`SURE_PROBABILITY`).
    Its boundary is the classical one. Without one that agrees, as where the threshold misses or
    merges nuclei, it needs the area and shape and the network must be sure; its boundary is
    drawn anew at its own level of brightness (`boundaries.refine_boundaries`).

    Parameters
    ----------
    image
        2-D preprocessed grey values.
    first
        Labels of the classical annotation: accepted nuclei above 0, ignored pixels -1.
    objects
        Label image of all objects of the classical method, rejected ones included.
    predicted, probability
        Label image of the network, 1..n, and (n,) probabilities, down to
        `rounds.DOUBT_PROBABILITY`.
    accepted_range
        Area and shape of a nucleus.

    Returns
    -------
    int32 label image; nuclei 1..n, background 0. -1 (ignored) is everything else that the
    classical annotation or the network does not hold for background.
    """
    filtered = FilteredImage(image)
    drawn = refine_boundaries(filtered, predicted)
    table = measure_candidates(filtered, drawn)
    n = len(probability)
    has_shape = np.zeros(n + 1, bool)
    has_shape[table["label"][judge_objects(table, accepted_range) == ACCEPTED]] = True
    is_sure = np.r_[False, probability >= SURE_PROBABILITY]
    partner = match_labels(drawn, objects, iou=AGREEMENT_IOU, n_labels=n)
    accepted = np.zeros(int(objects.max()) + 1, bool)
    accepted[objects[first > 0]] = True
    accepted[0] = False
    agrees = (partner > 0) & (accepted[partner] | has_shape | is_sure)
    is_new = (partner == 0) & has_shape & is_sure
    number = np.cumsum(agrees | is_new).astype(np.int32)

    # What one of the two holds for a nucleus is no background, but for the rim of those that
    # both know, where the classical boundary counts.
    is_doubtful = (first != 0) | (objects > 0) | (predicted > 0) & ~agrees[predicted]
    labels = np.where(is_doubtful, np.int32(-1), np.int32(0))
    labels[is_new[drawn]] = number[drawn[is_new[drawn]]]
    of_object = np.zeros(len(accepted), np.int32)
    of_object[partner[agrees]] = number[agrees]
    labels = np.where(of_object[objects] > 0, of_object[objects], labels)
    return np.where(labels < 0, labels, number_by_position(np.maximum(labels, 0)))


def count_changes(before: Array, after: Array) -> dict[str, int]:
    """What differs between two annotations of an image (0 background, -1 ignored).

    Returns
    -------
    Numbers of nuclei before and after, kept (the same nucleus in both), dropped and new, and of
    pixels that changed between nucleus, background and ignored.
    """
    first, second = np.maximum(before, 0), np.maximum(after, 0)
    n_before, n_after = (len(np.setdiff1d(labels, 0)) for labels in (first, second))
    kept = int((match_labels(first, second, iou=AGREEMENT_IOU) > 0).sum())
    return {
        "n_before": n_before,
        "n_after": n_after,
        "n_kept": kept,
        "n_dropped": n_before - kept,
        "n_new": n_after - kept,
        "changed_px": int((np.sign(before) != np.sign(after)).sum()),
    }


def measure_agreement(pairs: Iterable[tuple[Array, Array, Array]]) -> float:
    """How well a network agrees with the classical annotation where that is not in doubt.

    Mean F1 over `CRITERION_IOUS`, all images pooled, between the nuclei of the network and the
    accepted objects; nuclei that lie mostly on rejected objects do not count.

    Parameters
    ----------
    pairs
        Label images per image: nuclei of the network, all objects of the classical method, and
        the accepted ones of them.

    Returns
    -------
    From 0 to 1; NaN without an image, or where neither has a nucleus.
    """
    counts = [
        count_matches(
            accepted, drop_ignored(found, (objects > 0) & (accepted == 0)), CRITERION_IOUS
        )
        for found, objects, accepted in pairs
    ]
    if not counts:
        return float("nan")
    f1 = compute_metrics(pool_counts(pd.concat(counts)))["f1"]
    return float(f1.mean(skipna=False))
