"""Training a StarDist network from scratch on annotated images.

The loop is our own, since StarDist's cannot go on after it was killed: after each epoch
everything that the next one depends on is written down, and each epoch draws its patches from
its own random numbers, so that an interrupted training ends with the same weights.
"""

import hashlib
import json
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.annotate.preprocessing import rescale_image, rescale_labels
from autonuclei.errors import InputError
from autonuclei.io.files import write_beside
from autonuclei.labels.drawing import draw_polygons
from autonuclei.labels.matching import drop_ignored, score_accuracy
from autonuclei.train.networks import SCALE_FILE

Array = npt.NDArray[Any]
Pair = tuple[Array, Array]

LOSS_COLUMNS = ("epoch", "loss", "val_loss", "learning_rate", "seconds")

# The learning rate halves when the validation loss has not fallen for this many epochs, as
# StarDist does by default.
PATIENCE_EPOCHS = 40
VALIDATION_PATCHES = 64
VALIDATION_PIXELS = 2_000_000
PROBABILITIES = tuple(np.round(np.arange(0.2, 0.91, 0.05), 2))
OVERLAPS = (0.3, 0.4, 0.5)
# Taken unless the validation nuclei tell against them by more than their number can err.
USUAL_PROBABILITY, USUAL_OVERLAP = 0.4, 0.3
# For `StarDist2D.predict_instances`: points of the grid along the border of the image that are no
# centre of a nucleus. StarDist's own 2 lose nuclei that the border cuts, 0 finds some twice.
BORDER = {"b": 1}


@dataclass(frozen=True)
class TrainingSettings:
    """The network and its training, as in Englbrecht et al. 2021, with fewer, larger steps."""

    rays: int = 32
    grid: int = 2
    patch_px: int = 64
    batch: int = 4
    steps_per_epoch: int = 100
    epochs: int = 60
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    stop_after_epochs: int | None = None
    validation_fraction: float = 0.15
    augment: str = "none"
    precision: str = "float32"
    diameter_px: Sequence[float] | None = (18, 32)


def split_validation(
    pairs: Sequence[Pair], *, fraction: float, patch_px: int, rng: np.random.Generator
) -> tuple[list[Pair], list[Pair], str]:
    """Set a part of the annotated images aside: whole images from four on, else fields.

    Parameters
    ----------
    pairs
        Normalised images (float32) and label images (int32, -1 ignored) of one shape each.
    fraction
        Part to set aside.
    patch_px
        No field is made smaller than a patch.

    Returns
    -------
    Pairs to learn from, pairs to validate with, and what was done, in words.
    """
    if len(pairs) >= 4:
        n = max(1, round(fraction * len(pairs)))
        chosen = set(rng.permutation(len(pairs))[:n].tolist())
        train = [pair for i, pair in enumerate(pairs) if i not in chosen]
        return train, [pairs[i] for i in sorted(chosen)], f"{n} of {len(pairs)} images"
    train, validation, n_whole = [], [], 0
    for image, labels in pairs:
        axis = int(np.argmax(image.shape))
        length = image.shape[axis]
        width = max(patch_px, round(fraction * length))
        if length - width < patch_px:
            # Too small to part: the same image serves for both.
            n_whole += 1
            train.append((image, labels))
            validation.append((image, labels))
            continue
        cut = [slice(None), slice(None)]
        cut[axis] = slice(0, length - width)
        train.append((image[tuple(cut)], labels[tuple(cut)]))
        cut[axis] = slice(length - width, length)
        validation.append((image[tuple(cut)], labels[tuple(cut)]))
    said = f"a field of {fraction:.0%} of each of {len(pairs)} images"
    if n_whole:
        said += f"; {n_whole} too small to part, used for training and validation"
    return train, validation, said


def pad_pair(image: Array, labels: Array, side: int) -> Pair:
    """Enlarge an image that is smaller than a patch; what is added is ignored (-1)."""
    missing = [max(0, side - size) for size in image.shape]
    if not any(missing):
        return image, labels
    widths = [(0, n) for n in missing]
    return (
        np.pad(image, widths, mode="symmetric"),
        np.pad(labels, widths, constant_values=-1),
    )


def choose_scale(pairs: Sequence[Pair], diameter_px: Sequence[float] | None) -> float:
    """Factor that brings the median diameter of the annotated nuclei into a range.

    Patches hold a fixed number of pixels, and the network predicts on a grid: nuclei of 10 px are
    too coarse to part, and of those of 60 px a patch shows less than one.

    Parameters
    ----------
    diameter_px
        Least and largest diameter, of a disk of the same area, in px; None: always 1.

    Returns
    -------
    Pixels of the network per pixel of the images; from 1/8 to 4, and 1 without a nucleus.
    """
    areas = [np.bincount(labels[labels > 0]) for _, labels in pairs if (labels > 0).any()]
    if diameter_px is None or not areas:
        return 1.0
    known = np.concatenate(areas)
    diameter = 2 * math.sqrt(float(np.median(known[known > 0])) / math.pi)
    wanted = min(max(diameter, diameter_px[0]), diameter_px[1])
    return min(max(wanted / diameter, 1 / 8), 4.0)


def flip_rotate(image: Array, labels: Array) -> Pair:
    """Mirror and turn a patch at random; draws from numpy's global numbers as StarDist does."""
    turns, mirror = np.random.randint(4), np.random.randint(2)  # noqa: NPY002
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    return (image[:, ::-1], labels[:, ::-1]) if mirror else (image, labels)


def train_model(
    pairs: Sequence[Pair],
    *,
    folder: str | os.PathLike[str],
    checkpoint: str | os.PathLike[str],
    settings: TrainingSettings,
    seed: int,
    log: Callable[[str], None],
) -> dict[str, list[float]]:
    """Train a StarDist network and write its model folder.

    Parameters
    ----------
    pairs
        Normalised images (2-D float32) and label images (int32; 0 background, -1 ignored).
    folder
        Written when the training is complete: config.json, thresholds.json, weights_best.h5, as
        StarDist has them, and scale.json (`networks.read_scale`).
    checkpoint
        File for the state after each epoch. A training with the same data, settings, seed and
        versions goes on from it. It stays, so that a job that is lost after its last epoch does
        not train again; whoever has the model may remove it.
    seed
        The same seed and data give the same weights on the same CPU machine.

    log
        Called with one line per epoch, with the time that is left.

    Returns
    -------
    The columns `LOSS_COLUMNS`, one value per epoch.

    Raises
    ------
    InputError
        No image has an annotated nucleus.
    """
    import keras

    scale = choose_scale(pairs, settings.diameter_px)
    if scale != 1:
        log(f"images are rescaled by {scale:.3f} for the network")
        pairs = [
            (rescale_image(image, scale), rescale_labels(labels, scale)) for image, labels in pairs
        ]
    pairs = [pad_pair(image, labels, settings.patch_px) for image, labels in pairs]
    if not any((labels > 0).any() for _, labels in pairs):
        raise InputError(
            "There is no nucleus in any training image, so there is nothing to learn. Look at "
            "the annotation, change 'annotate' in the configuration or choose other frames."
        )
    rng = np.random.default_rng(seed)
    train, validation, said = split_validation(
        pairs, fraction=settings.validation_fraction, patch_px=settings.patch_px, rng=rng
    )
    log(f"training on {len(train)} image(s); for validation: {said}")
    keras.utils.set_random_seed(seed)
    model = _build_model(settings)
    state = _TrainingState(model, Path(checkpoint), _digest(pairs, settings, seed))
    if state.load():
        log(f"going on after epoch {len(state.history['epoch'])}, found in {checkpoint}")
    validation_batch = next(_draw_batches(validation, settings, seed, None))
    started, first = time.monotonic(), len(state.history["epoch"])
    for epoch in range(first, settings.epochs):
        if settings.stop_after_epochs and epoch > state.best_epoch + settings.stop_after_epochs:
            log(f"stopped: no better epoch for {settings.stop_after_epochs} epochs")
            break
        begin = time.monotonic()
        if settings.schedule == "cosine":
            state.set_rate(compute_cosine_rate(settings, epoch))
        keras_model = model.keras_model
        keras_model.reset_metrics()
        result: dict[str, float] = {}
        for x, y in _prefetch(_draw_batches(train, settings, seed + 1 + epoch, epoch)):
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
            epoch,
            loss,
            float(tested["loss"]),
            seconds,
            halve=settings.schedule == "plateau",
        )
        left = (time.monotonic() - started) / (epoch + 1 - first) * (settings.epochs - epoch - 1)
        log(
            f"epoch {epoch + 1}/{settings.epochs}: loss {loss:.4f}, validation loss "
            f"{tested['loss']:.4f}, learning rate {rate:.2g}, {seconds:.1f} s, "
            f"{format_duration(left)} left"
        )
    model.keras_model.set_weights(state.best_weights)
    thresholds = optimize_thresholds(model, _limit_pixels(validation, VALIDATION_PIXELS))
    log(
        f"best epoch {state.best_epoch + 1}; thresholds from the validation part: probability "
        f"{thresholds['prob']}, overlap {thresholds['nms']}, score {thresholds['score']:.3f}"
    )
    _write_model(model, thresholds, scale, Path(folder))
    return state.history


def compute_cosine_rate(settings: TrainingSettings, epoch: int) -> float:
    """Learning rate of an epoch (from 0) that falls to 0 as half a cosine.

    Loshchilov and Hutter 2017 (SGDR), without restarts.
    """
    return settings.learning_rate * (1 + math.cos(math.pi * epoch / settings.epochs)) / 2


def format_duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def optimize_thresholds(model: Any, pairs: Sequence[Pair]) -> dict[str, float]:
    """Choose the probability and overlap thresholds with the nuclei of the validation part.

    The score is StarDist's: the accuracy TP / (TP + FP + FN), mean over IoU 0.3, 0.5 and 0.7.
    Predicted nuclei that lie mostly on ignored pixels do not count. Non-maximum suppression
    goes from probable to improbable, so one run at the lowest probability serves all higher
    ones. Of all thresholds within one standard error of the best, those next to the usual ones
    are taken (the rule of one standard error, Breiman et al. 1984): few nuclei, of which the
    annotation knows only some, would choose by chance.

    Returns
    -------
    `prob`, `nms` and `score` (NaN when the validation part has no nucleus; then the usual ones
    are taken).
    """
    n_nuclei = sum(len(np.unique(labels[labels > 0])) for _, labels in pairs)
    table: dict[tuple[float, float], float] = {}
    for overlap in OVERLAPS if n_nuclei else ():
        predicted = [
            model.predict_instances(
                image,
                prob_thresh=min(PROBABILITIES),
                nms_thresh=overlap,
                predict_kwargs=BORDER,
                return_labels=False,
            )[1]
            for image, _ in pairs
        ]
        for probability in PROBABILITIES:
            scores = []
            for (_, labels), found in zip(pairs, predicted, strict=True):
                keep = found["prob"] >= probability
                drawn = draw_polygons(found["coord"][keep], found["prob"][keep], labels.shape)
                truth = np.maximum(labels, 0)
                scores.append(score_accuracy(truth, drop_ignored(drawn, labels < 0)))
            defined = [score for score in scores if score == score]
            table[float(probability), overlap] = sum(defined) / max(1, len(defined))
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


def _limit_pixels(pairs: Sequence[Pair], total: int) -> list[Pair]:
    """The middle of each image, so that all of them together have at most `total` pixels."""
    share = total / len(pairs)
    limited = []
    for image, labels in pairs:
        shrink = min(1.0, (share / image.size) ** 0.5)
        cut = []
        for size in image.shape:
            keep = max(1, round(size * shrink))
            cut.append(slice((size - keep) // 2, (size - keep) // 2 + keep))
        limited.append((image[tuple(cut)], labels[tuple(cut)]))
    return limited


def _build_model(settings: TrainingSettings) -> Any:
    from stardist.models import Config2D, StarDist2D

    config = Config2D(
        axes="YX",
        n_rays=settings.rays,
        grid=(settings.grid, settings.grid),
        n_channel_in=1,
        train_patch_size=(settings.patch_px, settings.patch_px),
        train_batch_size=settings.batch,
        train_epochs=settings.epochs,
        train_steps_per_epoch=settings.steps_per_epoch,
        train_learning_rate=settings.learning_rate,
        train_tensorboard=False,
        use_gpu=False,
    )
    model = StarDist2D(config, name="model", basedir=None)
    if settings.precision == "mixed":
        _compute_in_bfloat16(model.keras_model)
    model.prepare_for_training()
    return model


def _compute_in_bfloat16(keras_model: Any) -> None:
    """Let the layers compute with 16 bits; weights, outputs and loss keep 32.

    bfloat16 has the range of float32, so that the loss needs no scaling as with float16.
    """
    import keras

    policy = keras.dtype_policies.get("mixed_bfloat16")
    for layer in keras_model.layers:
        if layer.name not in keras_model.output_names:
            layer.dtype_policy = policy


def _write_model(model: Any, thresholds: dict[str, float], scale: float, folder: Path) -> None:
    with write_beside(folder) as partial:
        partial.mkdir()
        (partial / "config.json").write_text(json.dumps(vars(model.config), indent=1))
        chosen = {key: thresholds[key] for key in ("prob", "nms")}
        (partial / "thresholds.json").write_text(json.dumps(chosen))
        (partial / SCALE_FILE).write_text(json.dumps({"network_px_per_image_px": scale}))
        model.keras_model.save_weights(str(partial / "weights_best.h5"))


def _draw_batches(
    pairs: Sequence[Pair], settings: TrainingSettings, seed: int, epoch: int | None
) -> Iterator[tuple[Any, Any]]:
    """Batches of patches for one epoch, or (None) one batch of validation patches."""
    from stardist.models.model2d import StarDistData2D

    np.random.seed(seed % 2**32)  # noqa: NPY002 - StarDist draws from numpy's global numbers
    data = StarDistData2D(
        [image for image, _ in pairs],
        [labels for _, labels in pairs],
        batch_size=VALIDATION_PATCHES if epoch is None else settings.batch,
        n_rays=settings.rays,
        length=1 if epoch is None else settings.steps_per_epoch,
        patch_size=(settings.patch_px, settings.patch_px),
        grid=(settings.grid, settings.grid),
        augmenter=flip_rotate if settings.augment == "flip_rotate" and epoch is not None else None,
        foreground_prob=0.9,
    )
    yield from (data[i] for i in range(len(data)))


def _prefetch(batches: Iterator[Any], depth: int = 8) -> Iterator[Any]:
    """Draw batches in a thread while the network computes."""
    waiting: queue.Queue[Any] = queue.Queue(depth)
    end = object()

    def fill() -> None:
        try:
            for batch in batches:
                waiting.put(batch)
            waiting.put(end)
        except BaseException as error:
            waiting.put(error)

    threading.Thread(target=fill, daemon=True).start()
    while (item := waiting.get()) is not end:
        if isinstance(item, BaseException):
            raise item
        yield item


def _digest(pairs: Sequence[Pair], settings: TrainingSettings, seed: int) -> str:
    """A name for the data, settings and seed of a training, and for what computes it."""
    versions = [metadata.version(name) for name in ("keras", "stardist")]
    named = [asdict(settings), seed, versions]
    digest = hashlib.sha256(json.dumps(named, sort_keys=True).encode())
    for image, labels in pairs:
        digest.update(np.ascontiguousarray(image).tobytes())
        digest.update(np.ascontiguousarray(labels).tobytes())
    return digest.hexdigest()


class _TrainingState:
    """What the next epoch depends on: weights, optimizer, loss history, best epoch."""

    def __init__(self, model: Any, path: Path, digest: str) -> None:
        self._model = model.keras_model
        self._path = path
        self._digest = digest
        self.history: dict[str, list[float]] = {name: [] for name in LOSS_COLUMNS}
        self.best_epoch = -1
        self.best_weights: list[Array] = []
        self._waited = 0

    @property
    def _optimizer(self) -> Any:
        return self._model.optimizer

    def load(self) -> bool:
        """Take over a checkpoint of the same training; False when there is none."""
        if not self._path.is_file():
            return False
        try:
            with np.load(self._path) as stored:
                meta = json.loads(str(stored["meta"]))
                if meta["digest"] != self._digest:
                    return False
                arrays = {name: stored[name] for name in stored.files if name != "meta"}
        except (OSError, ValueError, KeyError):
            return False
        self._optimizer.build(self._model.trainable_variables)
        for name, variables in (("w", self._model.weights), ("o", self._optimizer.variables)):
            for i, variable in enumerate(variables):
                variable.assign(arrays[f"{name}{i}"])
        self.best_weights = [arrays[f"b{i}"] for i in range(len(self._model.weights))]
        self.history = meta["history"]
        self.best_epoch, self._waited = meta["best_epoch"], meta["waited"]
        return True

    def set_rate(self, rate: float) -> None:
        self._optimizer.learning_rate.assign(rate)

    def end_epoch(
        self, epoch: int, loss: float, val_loss: float, seconds: float, *, halve: bool
    ) -> float:
        """Take note of an epoch, halve the learning rate if due, and write the checkpoint."""
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
        return rate
