"""Batches of patches for the network, drawn while it computes."""

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from autonuclei.settings import TrainSettings
from autonuclei.train.pairs import Image, Labels, Pair

VALIDATION_PATCHES = 64


def draw_batches(
    pairs: Sequence[Pair], settings: TrainSettings, seed: int, *, validation: bool = False
) -> Iterator[tuple[Any, Any]]:
    """Draw the batches of one epoch, or the one batch of patches to validate with.

    Parameters
    ----------
    pairs
        Images and label images, none smaller than a patch.
    seed
        The same seed gives the same patches.
    validation
        One batch of `VALIDATION_PATCHES` patches as they are, instead of an epoch.

    Yields
    ------
    Images, and what the network is to give for them.
    """
    from stardist.models.model2d import StarDistData2D

    np.random.seed(seed % 2**32)  # noqa: NPY002 - StarDist draws from numpy's global numbers
    data = StarDistData2D(
        [image for image, _ in pairs],
        [labels for _, labels in pairs],
        batch_size=VALIDATION_PATCHES if validation else settings.batch,
        n_rays=settings.rays,
        length=1 if validation else settings.steps_per_epoch,
        patch_size=(settings.patch_px, settings.patch_px),
        grid=(settings.grid, settings.grid),
        augmenter=flip_rotate if settings.augment == "flip_rotate" and not validation else None,
        foreground_prob=0.9,
    )
    yield from (data[i] for i in range(len(data)))


def flip_rotate(image: Image, labels: Labels) -> Pair:
    """Mirror and turn a patch at random; draws from numpy's global numbers as StarDist does."""
    turns, mirror = np.random.randint(4), np.random.randint(2)  # noqa: NPY002
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    return (image[:, ::-1], labels[:, ::-1]) if mirror else (image, labels)


def prefetch(batches: Iterable[Any], depth: int = 8) -> Iterator[Any]:
    """Draw up to `depth` batches ahead in a thread, while the network computes."""
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
