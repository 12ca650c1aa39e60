"""What the network learns from: an image and its labels, with rejected objects out of the way."""

import zlib
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autonuclei.settings import AnnotateSettings

Array = npt.NDArray[Any]


def compose_training_pair(
    image: Array,
    objects: Array,
    nuclei: Array,
    *,
    rejected: Literal["ignore", "noise"] = AnnotateSettings.rejected,
    noise_grey: tuple[float, float] = AnnotateSettings.noise_grey,
    rng: np.random.Generator,
) -> tuple[Array, npt.NDArray[np.int32]]:
    """Make what the network learns from: an image and a label image.

    Parameters
    ----------
    image : (height, width)
        Preprocessed grey values.
    objects, nuclei : (height, width) int
        Label images of all objects, rejected ones included, and of the accepted ones.
    rejected
        ``noise``: everything that is not an accepted nucleus is painted over with uniform
        noise, as published. ``ignore``: the image stays as it is and rejected objects get the
        label -1, which takes no part in the loss.
    noise_grey
        Range of the noise in grey values.
    rng
        Of `make_generator`.

    Returns
    -------
    image : (height, width)
        Of the type of `image`.
    labels : (height, width) int32
        Accepted nuclei 1..n, background 0, ignored -1. Background only where the image is black.
    """
    # An image that was passed over; masks that are given for it must not be learned from.
    if not image.any():
        return image, np.zeros(image.shape, np.int32)
    labels = label_training(objects, nuclei, ignore=rejected == "ignore")
    if rejected == "ignore":
        return image, labels
    low, high = noise_grey
    noise = rng.random(image.shape, dtype=np.float32)
    noise = np.float32(low) + noise * np.float32(high - low)
    if image.dtype.kind == "u":
        noise = np.clip(np.rint(noise, out=noise), 0, np.iinfo(image.dtype).max)
    return np.where(nuclei > 0, image, noise.astype(image.dtype)), labels


def label_training(objects: Array, nuclei: Array, *, ignore: bool) -> Array:
    """Labels to learn from: accepted nuclei 1..n, background 0, int32.

    With `ignore`, pixels of `objects` that are no accepted nucleus get -1.
    """
    from skimage.segmentation import relabel_sequential

    labels: Array = relabel_sequential(nuclei)[0].astype(np.int32)
    if ignore:
        labels[(objects > 0) & (nuclei == 0)] = -1
    return labels


def make_generator(seed: int, sample: str, frame: str) -> np.random.Generator:
    """Random numbers for the noise of one frame: its own, whatever else is in the experiment."""
    return np.random.default_rng([seed, zlib.crc32(f"{sample}/{frame}".encode())])
