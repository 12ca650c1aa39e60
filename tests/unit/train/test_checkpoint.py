"""What is taken note of after each epoch; that a training goes on is tested in test_training."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autonuclei.settings import TrainSettings
from autonuclei.train.checkpoint import PATIENCE_EPOCHS, TrainingState, digest_training


class Rate:
    """A learning rate that can be set, like a variable of Keras."""

    def __init__(self) -> None:
        self.value = 1.0

    def assign(self, value: float) -> None:
        self.value = value

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.value, dtype)


def make_state(folder: Path) -> TrainingState:
    optimizer = SimpleNamespace(learning_rate=Rate(), variables=[])
    weights = [np.zeros(2, np.float32)]
    keras_model = SimpleNamespace(optimizer=optimizer, get_weights=lambda: weights)
    model = SimpleNamespace(keras_model=keras_model)
    return TrainingState(model, folder / "checkpoint.npz", "digest")


@pytest.mark.parametrize("halve", [True, False])
def test_learning_rate_halves_where_nothing_is_gained(tmp_path: Path, halve: bool) -> None:
    state = make_state(tmp_path)
    losses = [3.0, 1.0, *[2.0] * (PATIENCE_EPOCHS + 1)]
    rates = [state.end_epoch(loss, loss, 0.1, halve=halve) for loss in losses]
    assert set(rates[:-1]) == {1.0}
    assert rates[-1] == (0.5 if halve else 1.0)
    assert state.best_epoch == 1
    assert state.n_epochs == len(losses)
    assert state.history["val_loss"] == losses
    assert state.history["learning_rate"] == rates


def test_a_training_is_known_by_its_data_settings_and_seed() -> None:
    settings = TrainSettings()
    pair = (np.zeros((4, 4), np.float32), np.ones((4, 4), np.int32))
    other = (pair[0] + 1, pair[1])
    known = digest_training([pair], settings, 1)
    assert digest_training([pair], replace(settings, device="cpu"), 1) == known
    for changed in (
        digest_training([other], settings, 1),
        digest_training([pair], replace(settings, epochs=1), 1),
        digest_training([pair], settings, 2),
    ):
        assert changed != known


@pytest.mark.parametrize("left", ["nothing", "half", "all but a byte", "a changed byte", "a list"])
def test_a_damaged_checkpoint_is_set_aside(tmp_path: Path, left: str) -> None:
    make_state(tmp_path).end_epoch(1.0, 1.0, 0.1, halve=False)
    path = tmp_path / "checkpoint.npz"
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[whole.index("digest".encode("utf-32-le"))] ^= 1
    n = {"nothing": 0, "half": len(whole) // 2, "all but a byte": -1}.get(left)
    path.write_bytes(bytes(changed) if n is None else whole[:n])
    if left == "a list":
        np.savez(path, meta=np.array("[1]"))
    told: list[str] = []
    state = make_state(tmp_path)
    state.load(told.append)
    assert state.n_epochs == 0
    assert len(told) == 1
    assert told[0].startswith(f"{path}: is damaged (")
    assert "\n" not in told[0]
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.npz.damaged"]


def test_a_checkpoint_of_another_training_stays(tmp_path: Path) -> None:
    make_state(tmp_path).end_epoch(1.0, 1.0, 0.1, halve=False)
    other = make_state(tmp_path)
    other._digest = "another"
    told: list[str] = []
    other.load(told.append)
    assert (other.n_epochs, told) == (0, [])
    assert (tmp_path / "checkpoint.npz").is_file()
