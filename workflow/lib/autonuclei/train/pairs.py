"""Annotated images to learn from: their scale, their least size, and a part to validate with."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.settings import TrainSettings
from autonuclei.train.stored import StoredImage, StoredLabels

Array = npt.NDArray[Any]
# An image and its labels (0 background, -1 ignored), of one shape.
Pair = tuple[StoredImage, StoredLabels]

# Part of the annotated images that is set aside for validation.
VALIDATION_FRACTION = 0.15


def choose_scale(
    annotated: Iterable[Array], diameter_px: tuple[float, float] | None = TrainSettings.diameter_px
) -> float:
    """Find the factor that brings the median diameter of the annotated nuclei into a range.

    Patches hold a fixed number of pixels, and the network predicts on a grid: nuclei of 10 px are
    too coarse to part, and of those of 60 px a patch shows less than one.

    Parameters
    ----------
    annotated
        Label images.
    diameter_px
        Least and largest diameter, of a disk of the same area, in px; None: always 1.

    Returns
    -------
    Pixels of the network per pixel of the images; from 1/8 to 4, and 1 without a nucleus.
    """
    areas = [np.bincount(labels[labels > 0]) for labels in annotated if (labels > 0).any()]
    if diameter_px is None or not areas:
        return 1.0
    known = np.concatenate(areas)
    diameter = 2 * math.sqrt(float(np.median(known[known > 0])) / math.pi)
    wanted = min(max(diameter, diameter_px[0]), diameter_px[1])
    return min(max(wanted / diameter, 1 / 8), 4.0)


def prepare_pair(image: Array, labels: Array, *, scale: float = 1.0, side: int = 0) -> Pair:
    """An image and its labels as the network takes them, a part at a time.

    Parameters
    ----------
    image : (height, width)
        Grey values of any type, which are kept as they are.
    labels : (height, width) int
        0 background, -1 ignored.
    scale
        Pixels of the network per pixel of the image.
    side
        Images that are smaller are enlarged to this; what is added is ignored (-1).
    """
    pair = StoredImage(image, scale), StoredLabels(labels, scale)
    missing = [max(0, side - size) for size in pair[0].shape]
    if not any(missing):
        return pair
    widths = [(0, n) for n in missing]
    whole = (slice(None), slice(None))
    return (
        StoredImage(np.pad(pair[0][whole], widths, mode="symmetric"), normalized=True),
        StoredLabels(np.pad(pair[1][whole], widths, constant_values=-1)),
    )


def split_validation(
    pairs: Sequence[Pair],
    *,
    fraction: float = VALIDATION_FRACTION,
    patch_px: int = TrainSettings.patch_px,
    rng: np.random.Generator,
) -> tuple[list[Pair], list[Pair], str]:
    """Set a part of the annotated images aside: whole images from four on, else fields.

    Parameters
    ----------
    pairs
        Images and label images.
    fraction
        Part to set aside.
    patch_px
        No field is made smaller than a patch.
    rng
        Chooses the images.

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
        train.append((image.cut(*cut), labels.cut(*cut)))
        cut[axis] = slice(length - width, length)
        validation.append((image.cut(*cut), labels.cut(*cut)))
    said = f"a field of {fraction:.0%} of each of {len(pairs)} images"
    if n_whole:
        said += f"; {n_whole} too small to part, used for training and validation"
    return train, validation, said
