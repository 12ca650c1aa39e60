"""Parting, padding and thresholds on drawn labels, and a training that was killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonuclei.train.training import (
    LOSS_COLUMNS,
    TrainingSettings,
    choose_scale,
    choose_thresholds,
    compute_cosine_rate,
    flip_rotate,
    format_duration,
    optimize_thresholds,
    pad_pair,
    split_validation,
)
from shapes import GRID, draw_disks

Array = npt.NDArray[Any]
TESTS = Path(__file__).resolve().parents[2]


def make_pairs(n: int, shape: tuple[int, int] = (96, 128)) -> list[tuple[Array, Array]]:
    numbers = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    return [(numbers + i, np.full(shape, i, np.int32)) for i in range(n)]


@pytest.mark.parametrize(("n", "expected"), [(4, 1), (5, 1), (10, 2), (20, 3), (40, 6)])
def test_whole_images_are_set_aside(n: int, expected: int) -> None:
    train, validation, said = split_validation(
        make_pairs(n), fraction=0.15, patch_px=64, rng=np.random.default_rng(0)
    )
    assert len(validation) == expected
    assert said == f"{expected} of {n} images"
    numbers = sorted(int(labels[0, 0]) for _, labels in train + validation)
    assert numbers == list(range(n))
    for image, labels in train + validation:
        assert image[0, 0] == labels[0, 0]


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("shape", [(96, 160), (160, 96)])
def test_fields_are_set_aside_of_few_images(n: int, shape: tuple[int, int]) -> None:
    pairs = make_pairs(n, shape)
    train, validation, said = split_validation(
        pairs, fraction=0.15, patch_px=32, rng=np.random.default_rng(0)
    )
    assert f"a field of 15% of each of {n} images" in said
    for (image, _), (kept, kept_labels), (aside, aside_labels) in zip(
        pairs, train, validation, strict=True
    ):
        assert kept.shape == kept_labels.shape
        assert aside.shape == aside_labels.shape
        assert min(aside.shape) >= 32
        # No pixel is in both, and none is lost.
        together = np.concatenate([kept.ravel(), aside.ravel()])
        np.testing.assert_array_equal(np.sort(together), np.sort(image.ravel()))


def test_image_that_is_too_small_to_part_serves_for_both() -> None:
    train, validation, said = split_validation(
        make_pairs(1, (64, 64)), fraction=0.15, patch_px=64, rng=np.random.default_rng(0)
    )
    assert train[0][0] is validation[0][0]
    assert "1 too small to part, used for training and validation" in said


def test_same_seed_same_parting() -> None:
    def chosen(seed: int) -> list[int]:
        rng = np.random.default_rng(seed)
        validation = split_validation(make_pairs(30), fraction=0.2, patch_px=64, rng=rng)[1]
        return [int(labels[0, 0]) for _, labels in validation]

    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)


@given(height=st.integers(1, 80), width=st.integers(1, 80), side=st.integers(1, 80))
@settings(max_examples=60, deadline=None)
def test_padding_is_ignored(height: int, width: int, side: int) -> None:
    image = np.random.default_rng(0).random((height, width)).astype(np.float32)
    labels = np.ones((height, width), np.int32)
    padded, padded_labels = pad_pair(image, labels, side)
    assert padded.shape == padded_labels.shape == (max(height, side), max(width, side))
    assert padded.dtype == np.float32
    np.testing.assert_array_equal(padded[:height, :width], image)
    assert (padded_labels[:height, :width] == 1).all()
    assert (padded_labels == -1).sum() == padded.size - image.size


def test_flips_keep_image_and_labels_together() -> None:
    np.random.seed(0)  # noqa: NPY002 - what StarDist draws from
    image = np.arange(64.0).reshape(8, 8)
    seen = set()
    for _ in range(60):
        turned, labels = flip_rotate(image, image.astype(np.int32))
        np.testing.assert_array_equal(turned, labels)
        seen.add(turned.tobytes())
    assert len(seen) == 8


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (7200, "2.0 h")],
)
def test_durations(seconds: float, said: str) -> None:
    assert format_duration(seconds) == said


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


@pytest.mark.parametrize(("radius", "diameter"), [(3, 12), (6, 12), (8, 16), (10, 20), (14, 20)])
def test_nuclei_are_brought_to_the_size_that_the_network_sees(radius: int, diameter: int) -> None:
    labels = draw_disks((96, 96), GRID[:4], radius)
    labels[:4] = -1
    scale = choose_scale([(labels.astype(np.float32), labels)], (12, 20))
    drawn = 2 * np.sqrt((labels == 1).sum() / np.pi)
    assert scale * drawn == pytest.approx(diameter, rel=0.05)
    if 12 <= drawn <= 20:
        assert scale == 1


def test_what_cannot_be_measured_is_not_rescaled() -> None:
    labels = np.full((9, 9), -1, np.int32)
    assert choose_scale([(labels.astype(np.float32), labels)], (12, 20)) == 1
    assert choose_scale([(np.zeros((9, 9), np.float32), np.eye(9, dtype=np.int32))], None) == 1


def test_the_default_network_is_the_published_one_trained_shorter() -> None:
    default = TrainingSettings()
    assert (default.rays, default.grid, default.patch_px, default.batch) == (32, 2, 64, 4)
    assert default.schedule == "cosine"
    assert default.epochs * default.steps_per_epoch < 100 * 256 / 2


def test_cosine_falls_from_the_given_rate_to_nearly_none() -> None:
    settings = TrainingSettings(epochs=10, learning_rate=0.2, schedule="cosine")
    rates = [compute_cosine_rate(settings, epoch) for epoch in range(10)]
    assert rates[0] == 0.2
    assert rates[5] == pytest.approx(0.1)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[9] < 0.01


CODE = """
import os, signal, sys
import numpy as np
from autonuclei.train.networks import choose_device
from autonuclei.train.training import TrainingSettings, train_model
from shapes import GRID, draw_disks, photograph

choose_device("cpu", 1)
labels = [draw_disks((96, 96), GRID, 8 + i) for i in range(2)]
labels[0][:20, :20] = -1
images = [photograph(np.maximum(x, 0)).astype(np.float32) / 2000 for x in labels]
settings = TrainingSettings(
    rays=8, patch_px=32, batch=2, steps_per_epoch=3, epochs=3, learning_rate=1e-3,
    augment="flip_rotate",
)

def train(folder, seed=1, kill_after=None, settings=settings):
    said = []
    def log(line):
        said.append(line)
        if kill_after and line.startswith(f"epoch {kill_after}/"):
            os.kill(os.getpid(), signal.SIGKILL)
    history = train_model(
        list(zip(images, labels)), folder=f"{folder}/model", checkpoint=f"{folder}/checkpoint.npz",
        settings=settings, seed=seed, log=log,
    )
    np.savez(f"{folder}/history.npz", **history)
    open(f"{folder}/said.txt", "w").write("\\n".join(said))

"""


def run_training(folder: Path, body: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", CODE + body],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TESTS), "CUDA_VISIBLE_DEVICES": "-1"},
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def read_weights(folder: Path) -> list[Array]:
    import h5py

    found: list[Array] = []
    with h5py.File(folder / "model" / "weights_best.h5") as file:
        file.visititems(
            lambda _, item: found.append(item[()]) if isinstance(item, h5py.Dataset) else None
        )
    return found


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(tmp_path: Path) -> None:
    for name in ("killed", "whole", "other"):
        (tmp_path / name).mkdir()
    assert run_training(tmp_path, "train('killed', kill_after=2)") == -signal.SIGKILL
    killed = tmp_path / "killed"
    assert (killed / "checkpoint.npz").exists()
    assert not (killed / "model").exists()
    assert run_training(tmp_path, "train('killed'); train('whole'); train('other', seed=2)") == 0
    said = (killed / "said.txt").read_text()
    assert "epoch 3/3" in said
    assert "epoch 1/3" not in said
    # Lost after the last epoch: the model is written again from what is there.
    (tmp_path / "lost").mkdir()
    (killed / "checkpoint.npz").rename(tmp_path / "lost" / "checkpoint.npz")
    assert run_training(tmp_path, "train('lost')") == 0
    assert "epoch 3/3" not in (tmp_path / "lost" / "said.txt").read_text()
    for a, b in zip(read_weights(killed), read_weights(tmp_path / "lost"), strict=True):
        np.testing.assert_array_equal(a, b)
    ours, whole, other = (read_weights(tmp_path / n) for n in ("killed", "whole", "other"))
    assert len(ours) > 20
    for a, b in zip(ours, whole, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(whole, other, strict=True))
    histories = [dict(np.load(tmp_path / n / "history.npz")) for n in ("killed", "whole")]
    for column in LOSS_COLUMNS[:-1]:  # the seconds differ
        np.testing.assert_array_equal(*(history[column] for history in histories))
    assert histories[0]["epoch"].tolist() == [1, 2, 3]


def test_a_rescaled_training_says_so(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    body = "from dataclasses import replace\n"
    body += 'train("large", settings=replace(settings, diameter_px=(34, 40)))'
    assert run_training(tmp_path, body) == 0
    scale = json.loads((tmp_path / "large/model/scale.json").read_text())
    # The disks have radii of 8 and 9 px.
    assert 34 / 19 < scale["network_px_per_image_px"] < 34 / 16
    assert "images are rescaled by" in (tmp_path / "large/said.txt").read_text()


def test_mixed_precision_learns_nearly_the_same(tmp_path: Path) -> None:
    """16 bits for the layers between input and outputs; the weights and the loss keep 32."""
    for name in ("whole", "mixed"):
        (tmp_path / name).mkdir()
    body = """
from dataclasses import replace
train("whole"); train("mixed", settings=replace(settings, precision="mixed"))
"""
    assert run_training(tmp_path, body) == 0
    whole, mixed = (read_weights(tmp_path / name) for name in ("whole", "mixed"))
    assert all(weights.dtype == np.float32 for weights in mixed)
    assert any((a != b).any() for a, b in zip(whole, mixed, strict=True))
    losses = [np.load(tmp_path / name / "history.npz")["loss"] for name in ("whole", "mixed")]
    np.testing.assert_allclose(*losses, rtol=0.05)


def test_a_training_that_no_longer_gains_ends_early(tmp_path: Path) -> None:
    """With this learning rate the network stays as it is."""
    (tmp_path / "early").mkdir()
    body = """
from dataclasses import replace
train("early", settings=replace(settings, epochs=40, learning_rate=1e-30, stop_after_epochs=2))
"""
    run_training(tmp_path, body)
    said = (tmp_path / "early" / "said.txt").read_text()
    epochs = dict(np.load(tmp_path / "early" / "history.npz"))["val_loss"]
    assert len(epochs) == 3
    assert len(set(epochs)) == 1
    assert "stopped: no better epoch for 2 epochs" in said
