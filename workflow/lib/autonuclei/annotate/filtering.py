"""The noise of an image and its blurred versions, computed once for all steps that need them."""

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from autonuclei.labels.strips import find_median

Array = npt.NDArray[Any]

# Median absolute difference of neighbouring pixels over the standard deviation of the noise.
_NEIGHBOUR_DIFFERENCE = 0.6745 * math.sqrt(2)
# The same for their mean, and the standard deviation of rounding to whole numbers.
_MEAN = 2 / math.sqrt(math.pi)
_ROUNDING = 1 / math.sqrt(12)


class FilteredImage:
    """An image with its noise and its blurred versions, each computed when it is first used.

    Parameters
    ----------
    values : (height, width)
        Grey values.
    blurred
        Blurred versions that are known, by standard deviation.
    noise
        Its noise, if that is known.
    """

    def __init__(
        self,
        values: Array,
        blurred: Mapping[float, Array] | None = None,
        noise: float | None = None,
    ) -> None:
        self.values = values
        self._blurred = dict(blurred or {})
        self._noise = noise

    @classmethod
    def wrap(cls, image: "Array | FilteredImage") -> "FilteredImage":
        """Make one of an array; give one as it is."""
        return image if isinstance(image, FilteredImage) else cls(image)

    @functools.cached_property
    def noise(self) -> float:
        """As `estimate_noise`."""
        return estimate_noise(self.values) if self._noise is None else self._noise

    def blur(self, sigma_px: float) -> Array:
        """The image after a Gaussian filter with this standard deviation, float32."""
        if sigma_px not in self._blurred:
            self._blurred[sigma_px] = ndi.gaussian_filter(self.values, sigma_px, output=np.float32)
        return self._blurred[sigma_px]

    def reduce(self, step: int) -> "FilteredImage":
        """The image on means of `step` x `step` px, with the noise that they have."""
        if step == 1:
            return self
        return FilteredImage(reduce_image(self.values, step), noise=self.noise / step)


def reduce_image(image: Array, step: int) -> npt.NDArray[np.float32]:
    """Means of `step` x `step` px; edge pixels are repeated to fill the last ones."""
    values = image.astype(np.float32)
    if step == 1:
        return values
    values = np.pad(values, [(0, -size % step) for size in values.shape], mode="edge")
    rows, columns = (size // step for size in values.shape)
    return np.asarray(values.reshape(rows, step, columns, step).mean(axis=(1, 3)))


def enlarge(image: Array, step: int, shape: tuple[int, ...]) -> Array:
    """Each pixel as a square of `step` x `step` px, in an image of some shape."""
    if step == 1:
        return image
    return np.repeat(np.repeat(image, step, axis=1)[:, : shape[1]], step, axis=0)[: shape[0]]


def smooth_noise(noise: float, sigma_px: float) -> float:
    """What a Gaussian filter leaves of noise that is independent from pixel to pixel."""
    left: float = noise / max(1.0, 2 * np.sqrt(np.pi) * sigma_px)
    return left


def estimate_noise(image: Array) -> float:
    """Standard deviation of pixel noise from the differences of neighbouring pixels.

    The median ignores the few differences that are edges (Rousseeuw and Croux 1993). Where
    most neighbours are equal (a dark image cut off at zero), it is 0 and the mean serves.
    Noise of less than a grey value cannot be told from rounding, whose standard deviation is
    the least that an image of whole numbers gets.
    """
    if image.dtype in (np.uint8, np.uint16):
        left, right = image[:, :-1], image[:, 1:]
        difference = np.maximum(left, right) - np.minimum(left, right)
    else:
        difference = np.abs(np.diff(image.astype(np.float32), axis=1))
    median = find_median([difference])
    mean = 0.0 if median > 0 else float(difference.mean(dtype=np.float32))
    return find_noise(median, mean, image.dtype)


def find_noise(median: float, mean: float, dtype: np.dtype[Any]) -> float:
    """As `estimate_noise`, from median and mean difference of neighbouring pixels.

    The mean matters where the median is 0.
    """
    noise = median / _NEIGHBOUR_DIFFERENCE if median > 0 else mean / _MEAN
    return max(noise, _ROUNDING) if dtype.kind in "ui" else noise
