"""What the network learns from: an image and its labels, with rejected objects out of the way."""

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.annotate.preprocessing import find_percentiles

Array = npt.NDArray[Any]


def compose_training_pair(
    image: Array,
    objects: Array,
    nuclei: Array,
    *,
    rejected: str,
    noise_low: float,
    noise_high: float,
    noise_unit: str,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Make what the network learns from: an image and a label image.

    Parameters
    ----------
    image
        2-D preprocessed grey values.
    objects
        Label image of all objects, rejected ones included.
    nuclei
        Label image of the accepted objects.
    rejected
        ``noise``: everything that is not an accepted nucleus is painted over with uniform
        noise, as published. ``ignore``: the image stays as it is and rejected objects get the
        label -1, which takes no part in the loss. ``keep``: the image stays as it is and
        rejected objects count as background; only to compare with.
    noise_low, noise_high
        Range of the noise, in grey values (`noise_unit` ``grey``) or as parts of the way from
        the 1st to the 99.8th percentile of the image (``relative``).

    Returns
    -------
    image
        Of the type of `image`.
    labels
        int32; accepted nuclei 1..n, background 0, ignored -1.
    """
    labels = label_training(objects, nuclei, ignore=rejected == "ignore")
    if rejected in ("ignore", "keep"):
        return image, labels
    if noise_unit == "relative":
        dark, bright = find_percentiles(image, (1, 99.8))
        noise_low, noise_high = (dark + part * (bright - dark) for part in (noise_low, noise_high))
    noise = rng.random(image.shape, dtype=np.float32)
    noise = np.float32(noise_low) + noise * np.float32(noise_high - noise_low)
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
