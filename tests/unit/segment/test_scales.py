"""The scale of a given network, found from images; the network is played by a function."""

import json
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autonuclei.errors import InputError
from autonuclei.segment import scales
from autonuclei.segment.scales import ScaleTrial, fit_scale, write_fitted_model
from autonuclei.train.networks import MODEL_FILES, Network
from shapes import GRID, draw_disks, photograph

RADIUS_PX = 10


def play_network(monkeypatch: pytest.MonkeyPatch, best_px: float) -> list[float]:
    """A network that draws nuclei the worse, the further they are from a diameter; its scales."""
    asked: list[float] = []

    def find(network: Network, image: np.ndarray, **_: Any) -> tuple[np.ndarray, np.ndarray]:
        asked.append(network.scale)
        error = abs(np.log2(2 * RADIUS_PX * network.scale / best_px))
        found = draw_disks(image.shape, GRID, max(1.0, RADIUS_PX * (1 - 0.4 * error)))
        return found.astype(np.int32), np.ones(len(GRID))

    monkeypatch.setattr(scales, "predict_nuclei", find)
    return asked


@pytest.mark.parametrize("best_px", [12.0, 20.0, 33.0, 70.0])
@pytest.mark.parametrize("own", [1.0, 4.0])
def test_scale_at_which_the_network_finds_most(
    monkeypatch: pytest.MonkeyPatch, best_px: float, own: float
) -> None:
    play_network(monkeypatch, best_px)
    image = photograph(draw_disks((96, 96), GRID, RADIUS_PX), seed=1)
    scale, trials = fit_scale(Network(None, own), [image])
    wanted = best_px / (2 * RADIUS_PX)
    agreement = {trial.scale: trial.agreement for trial in trials}
    assert trials[0].scale == own
    assert agreement[scale] >= max(agreement.values()) - scales.LEAST_GAIN
    assert scale == pytest.approx(wanted, rel=0.3)


def test_own_scale_stays_unless_another_is_clearly_better(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = play_network(monkeypatch, 20)
    image = photograph(draw_disks((96, 96), GRID, RADIUS_PX), seed=1)
    assert fit_scale(Network(None, 1.05), [image])[0] == 1.05
    # Far beyond, where images are large and nothing is found, is not looked at.
    assert max(asked) < 80 / (2 * RADIUS_PX)


def test_images_without_nuclei_tell_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    play_network(monkeypatch, 20)
    empty = photograph(np.zeros((96, 96)), seed=1)
    assert fit_scale(Network(None, 1.7), [empty]) == (1.7, [])
    assert fit_scale(Network(None, 1.7), []) == (1.7, [])


def test_large_images_are_looked_at_in_their_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []

    def annotate(images: list[np.ndarray], *_: Any, **__: Any) -> list[Any]:
        shapes.extend(image.shape for image in images)
        return []

    monkeypatch.setattr(scales, "annotate_images", annotate)
    fit_scale(Network(None, 1), [np.zeros((3000, 700)), np.zeros((10, 1025))])
    assert shapes == [(1024, 700), (10, 1024)]


def test_fitted_model_is_the_given_one_with_another_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def convert(
        folder: Path, model: Any, thresholds: dict[str, float], scale: float, *, name: str
    ) -> None:
        made.append((model, thresholds, scale, name))
        raise InputError("layers of another kind: then TensorFlow predicts")

    monkeypatch.setattr(scales, "write_onnx_network", convert)
    thresholds = namedtuple("Thresholds", ("prob", "nms"))(0.5, 0.4)
    model = SimpleNamespace(thresholds=thresholds)
    given = tmp_path / "given"
    given.mkdir()
    for name in (*MODEL_FILES, "scale.json", "notes.txt"):
        (given / name).write_text(name)
    trials = [ScaleTrial(1.0, 0.2), ScaleTrial(0.5, 0.9)]
    write_fitted_model(tmp_path / "fitted", given, model, 0.5, trials)
    assert made == [(model, {"prob": 0.5, "nms": 0.4}, 0.5, "fitted")]
    fitted = tmp_path / "fitted"
    assert {path.name for path in fitted.iterdir()} == {*MODEL_FILES, "scale.json", "scales.csv"}
    assert all((fitted / name).read_text() == name for name in MODEL_FILES)
    assert json.loads((fitted / "scale.json").read_text()) == {"network_px_per_image_px": 0.5}
    assert (fitted / "scales.csv").read_text().split() == ["scale,agreement", "0.5,0.9", "1,0.2"]
