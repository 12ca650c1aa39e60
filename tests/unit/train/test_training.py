"""A training that is killed and goes on, and what it is made of."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from autonuclei.settings import TrainSettings
from autonuclei.train.checkpoint import LOSS_COLUMNS
from autonuclei.train.training import compute_cosine_rate, format_duration

Array = npt.NDArray[Any]
TESTS = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (7200, "2.0 h")],
)
def test_durations(seconds: float, said: str) -> None:
    assert format_duration(seconds) == said


def test_the_default_network_is_the_published_one_trained_shorter() -> None:
    default = TrainSettings()
    assert (default.rays, default.grid, default.patch_px, default.batch) == (32, 2, 64, 4)
    assert default.schedule == "cosine"
    assert default.epochs * default.steps_per_epoch < 100 * 256 / 2


def test_cosine_falls_from_the_given_rate_to_nearly_none() -> None:
    settings = TrainSettings(epochs=10, learning_rate=0.2, schedule="cosine")
    rates = [compute_cosine_rate(settings, epoch) for epoch in range(10)]
    assert rates[0] == 0.2
    assert rates[5] == pytest.approx(0.1)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[9] < 0.01


CODE = """
import os, signal, sys
import numpy as np
from dataclasses import replace
from autonuclei.settings import TrainSettings
from autonuclei.train.networks import build_model, choose_device
from autonuclei.train.training import train_model
from shapes import GRID, draw_disks, photograph

choose_device("cpu", 1)
labels = [draw_disks((96, 96), GRID, 8 + i) for i in range(2)]
labels[0][:20, :20] = -1
images = [photograph(np.maximum(x, 0)).astype(np.float32) / 2000 for x in labels]
settings = TrainSettings(
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
        zip(images, labels), f"{folder}/model", checkpoint=f"{folder}/checkpoint.npz",
        settings=settings, seed=seed, log=log, tell=said.append,
    )
    history.to_csv(f"{folder}/history.csv", index=False)
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
    # The first epoch of a process takes longer than those that are left.
    said = (tmp_path / "whole/said.txt").read_text()
    told = [line for line in said.splitlines() if re.match(r"epoch \d of 3, ", line)]
    assert [line.split(",")[0] for line in told] == ["epoch 2 of 3", "epoch 3 of 3"]
    assert told[-1] == "epoch 3 of 3, 0 s left"
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
    histories = [pd.read_csv(tmp_path / name / "history.csv") for name in ("killed", "whole")]
    assert tuple(histories[0]) == LOSS_COLUMNS
    for column in LOSS_COLUMNS[:-1]:  # the seconds differ
        np.testing.assert_array_equal(*(history[column] for history in histories))
    assert histories[0]["epoch"].tolist() == [1, 2, 3]


def test_a_rescaled_training_says_so(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    body = 'train("large", settings=replace(settings, diameter_px=(34, 40)))'
    assert run_training(tmp_path, body) == 0
    scale = json.loads((tmp_path / "large/model/scale.json").read_text())
    # The disks have radii of 8 and 9 px.
    assert 34 / 19 < scale["network_px_per_image_px"] < 34 / 16
    assert "images are rescaled by" in (tmp_path / "large/said.txt").read_text()


def test_mixed_precision_computes_with_16_bits_and_keeps_32(tmp_path: Path) -> None:
    """Layers between input and outputs compute in bfloat16; weights and outputs keep float32."""
    (tmp_path / "mixed").mkdir()
    body = """
import json
kinds = {}
for precision in ("float32", "mixed"):
    model = build_model(replace(settings, precision=precision)).keras_model
    own, outputs = set(), set()
    for layer in model.layers:
        kinds_of = outputs if layer.name in model.output_names else own
        kinds_of.add(f"{layer.compute_dtype} {layer.variable_dtype}")
    kinds[precision] = [sorted(own), sorted(outputs)]
json.dump(kinds, open("mixed/kinds.json", "w"))
train("mixed", settings=replace(settings, precision="mixed", epochs=5, steps_per_epoch=10))
"""
    assert run_training(tmp_path, body) == 0
    kinds = json.loads((tmp_path / "mixed/kinds.json").read_text())
    assert kinds["float32"] == [["float32 float32"]] * 2
    assert kinds["mixed"] == [["bfloat16 float32"], ["float32 float32"]]
    weights = read_weights(tmp_path / "mixed")
    assert {array.dtype for array in weights} == {np.dtype(np.float32)}
    assert all(np.isfinite(array).all() for array in weights)
    history = pd.read_csv(tmp_path / "mixed/history.csv")
    assert np.isfinite(history.to_numpy()).all()
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
