"""The state of a training after each epoch, from which an interrupted one goes on."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.io.files import write_beside
from autonuclei.settings import TrainSettings

Array = npt.NDArray[Any]

LOSS_COLUMNS = ("epoch", "loss", "val_loss", "learning_rate", "seconds")

# The learning rate halves when the validation loss has not fallen for this many epochs, as
# StarDist does by default.
PATIENCE_EPOCHS = 40


def digest_training(
    annotated: Sequence[tuple[Array, Array]], settings: TrainSettings, seed: int
) -> str:
    """A name for the data, settings and seed of a training, and for what computes it."""
    named = {key: value for key, value in asdict(settings).items() if key != "device"}
    versions = [metadata.version(name) for name in ("keras", "stardist")]
    digest = hashlib.sha256(json.dumps([named, seed, versions], sort_keys=True).encode())
    for pair in annotated:
        for array in pair:
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


class TrainingState:
    """What the next epoch depends on: weights, optimizer, loss history, best epoch.

    Parameters
    ----------
    model
        StarDist2D, prepared for training.
    path
        File of the checkpoint; None: there is none.
    digest
        Of the training (`digest_training`); a checkpoint of another one is not taken over.
    """

    def __init__(self, model: Any, path: str | os.PathLike[str] | None, digest: str) -> None:
        self._model = model.keras_model
        self._path = None if path is None else Path(path)
        self._digest = digest
        self.history: dict[str, list[float]] = {name: [] for name in LOSS_COLUMNS}
        self.best_epoch = -1
        self.best_weights: list[npt.NDArray[Any]] = []
        self._waited = 0

    @property
    def n_epochs(self) -> int:
        """Epochs that are done."""
        return len(self.history["epoch"])

    @property
    def _optimizer(self) -> Any:
        return self._model.optimizer

    def load(self, log: Callable[[str], None]) -> None:
        """Take over a checkpoint of the same training, where there is one.

        One that cannot be read is set aside.
        """
        if self._path is None or not self._path.is_file():
            return
        try:
            # Each array has a checksum: what can be read is what was written.
            # numpy leaves a file open that it cannot read.
            with self._path.open("rb") as file, np.load(file) as stored:
                meta = json.loads(str(stored["meta"]))
                if meta["digest"] != self._digest:
                    return
                arrays = {name: stored[name] for name in stored.files if name != "meta"}
        except Exception as error:  # zipfile, zlib, numpy and json have many for a damaged file
            aside = self._path.replace(self._path.with_name(f"{self._path.name}.damaged"))
            log(
                f"{self._path}: is damaged ({str(error) or type(error).__name__}). Set aside as "
                f"{aside.name}; the training begins again."
            )
            return
        self._optimizer.build(self._model.trainable_variables)
        for name, variables in (("w", self._model.weights), ("o", self._optimizer.variables)):
            for i, variable in enumerate(variables):
                variable.assign(arrays[f"{name}{i}"])
        self.best_weights = [arrays[f"b{i}"] for i in range(len(self._model.weights))]
        self.history = meta["history"]
        self.best_epoch, self._waited = meta["best_epoch"], meta["waited"]
        log(f"going on after epoch {self.n_epochs}, found in {self._path}")

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the next epoch."""
        self._optimizer.learning_rate.assign(rate)

    def end_epoch(self, loss: float, val_loss: float, seconds: float, *, halve: bool) -> float:
        """Take note of an epoch, halve the learning rate if due, and write the checkpoint.

        Returns
        -------
        The learning rate that the epoch had.
        """
        epoch = self.n_epochs
        rate = float(np.asarray(self._optimizer.learning_rate))
        for name, value in zip(
            LOSS_COLUMNS, (epoch + 1, loss, val_loss, rate, seconds), strict=True
        ):
            self.history[name].append(value)
        if self.best_epoch < 0 or val_loss < self.history["val_loss"][self.best_epoch]:
            self.best_epoch, self._waited = epoch, 0
            self.best_weights = self._model.get_weights()
        else:
            self._waited += 1
            if halve and self._waited >= PATIENCE_EPOCHS:
                self.set_rate(rate / 2)
                self._waited = 0
        self._write()
        return rate

    def _write(self) -> None:
        if self._path is None:
            return
        meta = {
            "digest": self._digest,
            "history": self.history,
            "best_epoch": self.best_epoch,
            "waited": self._waited,
        }
        arrays = {"meta": np.array(json.dumps(meta))}
        for name, values in (
            ("w", self._model.get_weights()),
            ("o", [np.asarray(variable) for variable in self._optimizer.variables]),
            ("b", self.best_weights),
        ):
            arrays |= {f"{name}{i}": value for i, value in enumerate(values)}
        with write_beside(self._path) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
