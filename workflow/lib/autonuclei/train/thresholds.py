"""The thresholds of a trained network, chosen with the nuclei of the validation part."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.labels.drawing import draw_polygons
from autonuclei.labels.matching import drop_ignored, score_accuracy
from autonuclei.train.networks import find_polygons
from autonuclei.train.pairs import Pair

Array = npt.NDArray[Any]

VALIDATION_PIXELS = 2_000_000
# None above 0.5: a nucleus that the network finds and the annotation missed counts as a wrong one
# here, which speaks for high thresholds. Of some forty networks of real images one had chosen
# 0.65, with an F1 of 0.870 on its test images, where 0.5 has 0.896 (docs/annotation.md).
PROBABILITIES = tuple(np.round(np.arange(0.2, 0.51, 0.05), 2))
OVERLAPS = (0.3, 0.4, 0.5)
# Taken unless the validation nuclei tell against them by more than their number can err.
USUAL_PROBABILITY, USUAL_OVERLAP = 0.4, 0.3


def optimize_thresholds(model: Any, pairs: Sequence[Pair]) -> dict[str, float]:
    """Choose the thresholds of probability and overlap with the nuclei of the validation part.

    The score is StarDist's: the accuracy TP / (TP + FP + FN), mean over IoU 0.3, 0.5 and 0.7.
    Predicted nuclei that lie mostly on ignored pixels do not count. Non-maximum suppression
    goes from probable to improbable, so one run at the lowest probability serves all higher
    ones. Of all thresholds within one standard error of the best, those next to the usual ones
    are taken (the rule of one standard error, Breiman et al. 1984): few nuclei, of which the
    annotation knows only some, would choose by chance.

    Parameters
    ----------
    model
        StarDist2D.
    pairs
        Images and label images of the validation part; of large ones only the middle is used.

    Returns
    -------
    `prob`, `nms` and `score` (NaN when the validation part has no nucleus; then the usual ones
    are taken).
    """
    middles = _limit_pixels(pairs, VALIDATION_PIXELS)
    n_nuclei = sum(len(np.unique(labels[labels > 0])) for _, labels in middles)
    table: dict[tuple[float, float], float] = {}
    for overlap in OVERLAPS if n_nuclei else ():
        predicted = [
            find_polygons(model, image, minimum_probability=min(PROBABILITIES), overlap=overlap)
            for image, _ in middles
        ]
        for minimum in PROBABILITIES:
            scores = []
            for (_, labels), (polygons, probability) in zip(middles, predicted, strict=True):
                keep = probability >= minimum
                drawn = draw_polygons(polygons[keep], probability[keep], labels.shape)
                truth = np.maximum(labels, 0)
                scores.append(score_accuracy(truth, drop_ignored(drawn, labels < 0)))
            defined = [score for score in scores if score == score]
            table[float(minimum), overlap] = sum(defined) / max(1, len(defined))
    return choose_thresholds(table, n_nuclei)


def choose_thresholds(
    scores: Mapping[tuple[float, float], float], n_nuclei: int
) -> dict[str, float]:
    """Of thresholds (probability, overlap) that score as the best one, the most usual ones.

    `scores` are accuracies on `n_nuclei` nuclei. As good as the best: within its standard error,
    that of a share, sqrt(s (1 - s) / n).
    """
    if not scores:
        return {"prob": USUAL_PROBABILITY, "nms": USUAL_OVERLAP, "score": math.nan}
    best = max(scores.values())
    least = best - math.sqrt(best * (1 - best) / n_nuclei)
    probability, overlap = min(
        (key for key, score in scores.items() if score >= least),
        key=lambda key: (abs(key[0] - USUAL_PROBABILITY), abs(key[1] - USUAL_OVERLAP)),
    )
    return {"prob": probability, "nms": overlap, "score": scores[probability, overlap]}


def _limit_pixels(pairs: Sequence[Pair], total: int) -> list[tuple[Array, Array]]:
    """The middle of each image, so that all of them together have at most `total` pixels."""
    share = total / len(pairs)
    limited = []
    for image, labels in pairs:
        shrink = min(1.0, (share / image.size) ** 0.5)
        cut = []
        for size in image.shape:
            keep = max(1, round(size * shrink))
            cut.append(slice((size - keep) // 2, (size - keep) // 2 + keep))
        rows, columns = cut
        limited.append((image[rows, columns], labels[rows, columns].astype(np.int32)))
    return limited
