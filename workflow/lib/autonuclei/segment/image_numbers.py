"""The numbers of a large image that its blocks share, measured band by band."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.annotate.filtering import find_noise
from autonuclei.annotate.foreground import average_squares, is_flat
from autonuclei.annotate.preprocessing import NORMAL_PERCENTS
from autonuclei.annotate.windows import prepare_image
from autonuclei.io.images import find_range
from autonuclei.io.lazy_planes import ArrayLike, iterate_bands
from autonuclei.settings import AnnotateSettings

Array = npt.NDArray[Any]
Chunks = Callable[[], Iterator[Array]]


@dataclass(frozen=True)
class ImageNumbers:
    """What must be known of a whole image to look at a part of it.

    Attributes
    ----------
    minimum, maximum
        Of the raw grey values.
    noise
        As `filtering.estimate_noise` of the raw image.
    dark, bright
        What becomes 0 and 1 for the network (`preprocessing.normalize_image`), of the
        preprocessed image.
    is_empty
        As `foreground.is_empty`.
    """

    minimum: float
    maximum: float
    noise: float
    dark: float
    bright: float
    is_empty: bool


def measure_image(
    image: ArrayLike,
    steps: Mapping[str, Any],
    *,
    minimum_contrast: float = AnnotateSettings.minimum_contrast,
) -> ImageNumbers:
    """Measure what the blocks of an image share.

    Order statistics are exact, those of float images too: their bits sort as they do, and are
    counted in two walks, first the upper and then the lower half.

    Parameters
    ----------
    image
        Raw grey values, none of them NaN or infinite.
    steps
        Of the preparation, as `settings.list_steps` gives them.
    minimum_contrast
        As of `foreground.is_empty`.
    """
    minimum, maximum = map(float, find_range(image))
    means = np.concatenate([average_squares(band) for band in iterate_bands(image, 4)])
    prepared = prepare_image(image, (minimum, maximum), **steps)
    dark, bright = find_percentiles(lambda: iterate_bands(prepared), NORMAL_PERCENTS)
    if bright <= dark:
        bright = float(find_range(prepared)[1])
    return ImageNumbers(
        minimum=minimum,
        maximum=maximum,
        noise=measure_noise(image),
        dark=dark,
        bright=bright,
        is_empty=is_flat(means, measure_noise(image, step=4), minimum_contrast),
    )


def measure_noise(image: ArrayLike, *, step: int = 1) -> float:
    """As `filtering.estimate_noise` of every n-th row."""

    def differences() -> Iterator[Array]:
        for band in iterate_bands(image, step):
            yield np.abs(np.diff(band[::step].astype(np.float32), axis=1))

    (median,) = find_percentiles(differences, (50.0,))
    total = n = 0.0
    if median == 0:
        for difference in differences():
            total += float(difference.sum(dtype=np.float64))
            n += difference.size
    return find_noise(median, total / max(n, 1), image.dtype)


def find_percentiles(chunks: Chunks, percents: tuple[float, ...]) -> list[float]:
    """As `numpy.percentile`, of values that never stand in memory at once.

    Parameters
    ----------
    chunks
        Gives the values anew each time, in parts of any shape; finite, of at most 16 bits or
        float32.
    percents
    """
    upper = np.zeros(2**16, np.int64)
    for values in chunks():
        upper += np.bincount(_sort_bits(values) >> 16, minlength=2**16)
    ends = np.cumsum(upper)
    positions = [(int(ends[-1]) - 1) * percent / 100 for percent in percents]
    ranks = sorted({r for p in positions for r in (int(p), min(int(p) + 1, int(ends[-1]) - 1))})
    halves = {rank: int(np.searchsorted(ends, rank, side="right")) for rank in ranks}
    lower = {half: np.zeros(2**16, np.int64) for half in halves.values()}
    for values in chunks():
        bits = _sort_bits(values)
        for half, count in lower.items():
            count += np.bincount(bits[bits >> 16 == half] & 0xFFFF, minlength=2**16)
    found = {}
    for rank, half in halves.items():
        before = int(ends[half - 1]) if half else 0
        low = int(np.searchsorted(np.cumsum(lower[half]), rank - before, side="right"))
        found[rank] = _unsort_bits(half << 16 | low)
    return [
        found[int(p)] + (p - int(p)) * (found[min(int(p) + 1, ranks[-1])] - found[int(p)])
        for p in positions
    ]


def _sort_bits(values: Array) -> npt.NDArray[np.uint32]:
    """Whole numbers that sort as floats do; -0 as 0."""
    bits = (values.astype(np.float32, copy=False).ravel() + np.float32(0)).view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | np.uint32(2**31))


def _unsort_bits(bits: int) -> float:
    own = bits & 0x7FFFFFFF if bits >> 31 else ~bits & 0xFFFFFFFF
    return float(np.array(own, np.uint32).view(np.float32))
