"""Drawn images with known objects, for the tests."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def draw_disks(
    shape: tuple[int, int], centres: Iterable[tuple[float, float]], radius: float
) -> npt.NDArray[np.int32]:
    """Label image of disks; each later one lies on top."""
    labels = np.zeros(shape, np.int32)
    rows, columns = np.indices(shape)
    for number, (y, x) in enumerate(centres, start=1):
        labels[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = number
    return labels


def draw_squares(
    shape: tuple[int, int], corners: Iterable[tuple[int, int]], side: int
) -> npt.NDArray[np.int32]:
    """Label image of squares with these top left corners."""
    labels = np.zeros(shape, np.int32)
    for number, (y, x) in enumerate(corners, start=1):
        labels[y : y + side, x : x + side] = number
    return labels


def photograph(
    labels: Array,
    *,
    background: float = 200,
    brightness: float = 2000,
    noise: float = 20,
    seed: int = 0,
) -> npt.NDArray[np.uint16]:
    """A fluorescence image of a label image: bright nuclei and camera noise."""
    rng = np.random.default_rng(seed)
    image = background + brightness * (labels > 0) + rng.normal(0, noise, labels.shape)
    return np.clip(image, 0, 65535).astype(np.uint16)


# Nine disks that fit into 96 x 96 px without touching each other, up to a radius of 14 px.
GRID = [(16.0 + 32 * i, 16.0 + 32 * k) for i in range(3) for k in range(3)]
