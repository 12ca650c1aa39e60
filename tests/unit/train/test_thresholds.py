"""The thresholds of a network, from what it finds on drawn labels."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autonuclei.train.thresholds import choose_thresholds, optimize_thresholds
from shapes import GRID, draw_disks

Array = npt.NDArray[Any]


def make_model(probability: list[float], centres: list[tuple[float, float]]) -> Any:
    """A network that finds a disk of radius 9 px at each place, with this probability."""
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    coord = np.array([[y + 9 * np.sin(angle), x + 9 * np.cos(angle)] for y, x in centres])

    def predict_instances(image: Array, *, prob_thresh: float, **options: Any) -> Any:
        keep = np.array(probability) >= prob_thresh
        return None, {"coord": coord[keep], "prob": np.array(probability)[keep]}

    return SimpleNamespace(predict_instances=predict_instances)


def test_probability_threshold_parts_right_from_wrong() -> None:
    labels = draw_disks((96, 96), GRID[:4], 9)
    model = make_model([0.8, 0.7, 0.65, 0.6, 0.4, 0.3], GRID[:6])
    best = optimize_thresholds(model, [(labels.astype(np.float32), labels)])
    assert 0.4 < best["prob"] <= 0.6
    assert best["score"] > 0.95


def test_what_the_annotation_does_not_know_may_be_nuclei() -> None:
    labels = draw_disks((96, 96), GRID[:4], 9)
    model = make_model([0.9, 0.85, 0.8, 0.75, 0.65, 0.6], GRID[:6])
    best = optimize_thresholds(model, [(labels.astype(np.float32), labels)])
    assert best["prob"] <= 0.5


def test_what_lies_on_ignored_pixels_does_not_count() -> None:
    labels = draw_disks((96, 96), GRID[:4], 9)
    rejected = draw_disks((96, 96), GRID[4:6], 9) > 0
    labels[rejected] = -1
    # The two on ignored ground are more probable than two of the nuclei.
    model = make_model([0.8, 0.7, 0.35, 0.3, 0.6, 0.5], GRID[:6])
    best = optimize_thresholds(model, [(labels.astype(np.float32), labels)])
    assert best["prob"] <= 0.3
    assert best["score"] > 0.95


@pytest.mark.parametrize("value", [0, -1])
def test_without_a_nucleus_to_compare_with(value: int) -> None:
    labels = np.full((96, 96), value, np.int32)
    best = optimize_thresholds(make_model([0.9], GRID[:1]), [(labels.astype(np.float32), labels)])
    assert (best["prob"], best["nms"]) == (0.4, 0.3)
    assert np.isnan(best["score"])


def test_thresholds_are_the_usual_ones_unless_enough_nuclei_tell_against_them() -> None:
    scores = {(0.2, 0.3): 0.5, (0.4, 0.3): 0.88, (0.6, 0.3): 0.89, (0.8, 0.5): 0.90}
    # Standard errors of 0.9: 0.047 of 40 nuclei, 0.0095 of 1000, 0.003 of 10,000.
    assert choose_thresholds(scores, 40) == {"prob": 0.4, "nms": 0.3, "score": 0.88}
    assert choose_thresholds(scores, 1000)["prob"] == 0.8
    assert choose_thresholds(scores | {(0.6, 0.3): 0.8999}, 10_000)["prob"] == 0.6
    # Equally good probabilities: the overlap next to the usual one.
    assert choose_thresholds({(0.4, 0.5): 0.9, (0.4, 0.4): 0.9}, 10)["nms"] == 0.4
