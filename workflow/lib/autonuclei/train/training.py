"""Training a StarDist network from scratch on annotated images.

The loop is our own, since StarDist's cannot go on after it was killed: after each epoch
everything that the next one depends on is written down, and each epoch draws its patches from
its own random numbers, so that an interrupted training ends with the same weights.
"""

import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.errors import InputError
from autonuclei.settings import Settings, TrainSettings
from autonuclei.train.batches import Patches, draw_batches, prefetch
from autonuclei.train.checkpoint import TrainingState, digest_training
from autonuclei.train.networks import build_model, write_model
from autonuclei.train.pairs import Pair, choose_scale, prepare_pair, split_validation
from autonuclei.train.stored import shrink_labels
from autonuclei.train.thresholds import optimize_thresholds


def train_model(
    annotated: Iterable[tuple[npt.NDArray[Any], npt.NDArray[np.int32]]],
    folder: str | os.PathLike[str],
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    settings: TrainSettings | None = None,
    seed: int = Settings.seed,
    log: Callable[[str], None] = print,
    tell: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """Train a StarDist network and write its model folder.

    Parameters
    ----------
    annotated
        Preprocessed images ((height, width) grey values) and their label images (int32; 0
        background, -1 ignored), as `Annotation.training_pair` gives them.
    folder
        Written when the training is complete: config.json, thresholds.json, weights_best.h5, as
        StarDist has them, scale.json (`networks.read_scale`) and trained_on.json
        (`networks.read_device`).
    checkpoint
        File for the state after each epoch. A training with the same data, settings, seed and
        versions goes on from it. It stays, so that a job that is lost after its last epoch does
        not train again; whoever has the model may remove it. None: no such file.
    settings
        The network and its training; None: the defaults. The device is not chosen here
        (`networks.choose_device`).
    seed
        The same seed and data give the same weights with as many threads on the same CPU machine;
        similar ones on a GPU.
    log
        Called with one line per epoch, with the time that is left.
    tell
        The same in few words.

    Returns
    -------
    DataFrame
        A row for each epoch: `epoch`, `loss`, `val_loss`, `learning_rate`, `seconds`.

    Raises
    ------
    InputError
        No image has an annotated nucleus, or the loss is no longer a number.
    """
    import keras

    settings = settings or TrainSettings()
    stored = [(image, shrink_labels(labels)) for image, labels in annotated]
    if not any((labels > 0).any() for _, labels in stored):
        raise InputError(
            "There is no nucleus in any training image, so there is nothing to learn. Look at "
            "the annotation, change 'annotate' in the configuration or choose other frames."
        )
    scale = choose_scale((labels for _, labels in stored), settings.diameter_px)
    if scale != 1:
        log(f"images are rescaled by {scale:.3f} for the network")
    pairs = [prepare_pair(*pair, scale=scale, side=settings.patch_px) for pair in stored]
    train, validation, said = split_validation(
        pairs, patch_px=settings.patch_px, rng=np.random.default_rng(seed)
    )
    log(f"training on {len(train)} image(s); for validation: {said}")
    keras.utils.set_random_seed(seed)
    model = build_model(settings)
    state = TrainingState(model, checkpoint, digest_training(stored, settings, seed))
    state.load(log)
    _train_epochs(model, state, train, validation, settings, seed, log, tell)
    model.keras_model.set_weights(state.best_weights)
    thresholds = optimize_thresholds(model, validation)
    log(
        f"best epoch {state.best_epoch + 1}; thresholds from the validation part: probability "
        f"{thresholds['prob']}, overlap {thresholds['nms']}, score {thresholds['score']:.3f}"
    )
    write_model(model, thresholds, scale, folder)
    return pd.DataFrame(state.history)


def _train_epochs(
    model: Any,
    state: TrainingState,
    train: Sequence[Pair],
    validation: Sequence[Pair],
    settings: TrainSettings,
    seed: int,
    log: Callable[[str], None],
    tell: Callable[[str], None],
) -> None:
    """Train the epochs that are not done yet; `state` takes note of each."""
    keras_model = model.keras_model
    # Only for one batch: their places are not needed again.
    validation_batch = next(
        draw_batches(Patches(validation, settings.patch_px), settings, seed, validation=True)
    )
    patches = Patches(train, settings.patch_px)
    first = state.n_epochs
    for epoch in range(first, settings.epochs):
        begin = time.monotonic()
        if settings.schedule == "cosine":
            state.set_rate(compute_cosine_rate(settings, epoch))
        keras_model.reset_metrics()
        result: dict[str, float] = {}
        for x, y in prefetch(draw_batches(patches, settings, seed + 1 + epoch)):
            result = keras_model.train_on_batch(x, y, return_dict=True)
        loss = float(result["loss"])
        if not np.isfinite(loss):
            raise InputError(
                f"train.learning_rate: the loss is no longer a number after epoch {epoch + 1}. "
                "Choose a smaller one."
            )
        tested = keras_model.evaluate(
            *validation_batch, batch_size=settings.batch, return_dict=True, verbose=0
        )
        seconds = time.monotonic() - begin
        rate = state.end_epoch(
            loss, float(tested["loss"]), seconds, halve=settings.schedule == "plateau"
        )
        # In its first epoch TensorFlow prepares the network, which takes as long as some epochs.
        if epoch <= first + 1:
            started = begin
        left = (time.monotonic() - started) / max(1, epoch - first) * (settings.epochs - epoch - 1)
        log(
            f"epoch {epoch + 1}/{settings.epochs}: loss {loss:.4f}, validation loss "
            f"{tested['loss']:.4f}, learning rate {rate:.2g}, {seconds:.1f} s, "
            f"{format_duration(left)} left"
        )
        if epoch > first:
            tell(f"epoch {epoch + 1} of {settings.epochs}, {format_duration(left)} left")


def compute_cosine_rate(settings: TrainSettings, epoch: int) -> float:
    """Learning rate of an epoch (from 0) that falls to 0 as half a cosine.

    Loshchilov and Hutter 2017 (SGDR), without restarts.
    """
    return settings.learning_rate * (1 + math.cos(math.pi * epoch / settings.epochs)) / 2


def format_duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
