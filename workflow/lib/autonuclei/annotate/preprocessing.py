"""The same preparation of an image for annotation, training and prediction."""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autonuclei.settings import PreprocessSettings

Array = npt.NDArray[Any]

# Percentiles of an image that become 0 and 1 for the network.
NORMAL_PERCENTS = (1.0, 99.8)


def preprocess_image(
    image: Array,
    *,
    values: Literal["keep", "8bit"] = PreprocessSettings.values,
    scale: float = PreprocessSettings.scale,
    background_radius_px: float = PreprocessSettings.background_radius_px,
) -> Array:
    """Convert and rescale an image, and subtract its background.

    Parameters
    ----------
    image : (height, width)
        Any real type.
    values
        ``keep`` leaves grey values as they are; ``8bit`` maps darkest to brightest pixel to
        0 to 255 unless the image is 8-bit already.
    scale
        Pixels after per pixels before; 0.5 halves the image.
    background_radius_px
        Radius of the rolling ball, in px before rescaling; 0 subtracts nothing.

    Returns
    -------
    (height, width) uint8 or uint16 where the steps keep integers, else float32.
    """
    image = convert_values(image, values)
    if background_radius_px > 0:
        image = subtract_background(image, background_radius_px)
    if scale != 1:
        image = rescale_image(image, scale)
    return image


def convert_values(
    image: Array, values: Literal["keep", "8bit"], limits: tuple[float, float] | None = None
) -> Array:
    """Grey values as uint8, uint16 or float32; see `preprocess_image` for `values`.

    `limits` are the least and the largest value, where the image is a part of a larger one.
    """
    if values == "8bit" and image.dtype != np.uint8:
        low, high = map(float, limits or (image.min(), image.max()))
        span = high - low or 1.0
        return np.round((image.astype(np.float32) - low) * (255 / span)).astype(np.uint8)
    if image.dtype in (np.uint8, np.uint16):
        return image
    if image.dtype.kind in "iu":
        low, high = limits or (image.min(), image.max())
        if low >= 0 and high <= 65535:
            return image.astype(np.uint16)
    return image.astype(np.float32)


def rescale_image(image: Array, scale: float) -> Array:
    """Resize by linear interpolation, with smoothing where it shrinks; keeps the type."""
    from skimage.transform import resize

    shape = scaled_shape(image.shape, scale)
    resized = resize(image.astype(np.float32), shape, order=1, anti_aliasing=scale < 1)
    return np.asarray(np.round(resized) if image.dtype.kind == "u" else resized, image.dtype)


def rescale_labels(labels: Array, scale: float) -> Array:
    """Resize a label image to the nearest pixel; numbers and type stay."""
    if scale == 1:
        return labels
    nearest = map(find_nearest, scaled_shape(labels.shape, scale), labels.shape)
    return labels[np.ix_(*nearest)]


def find_nearest(n: int, size: int) -> npt.NDArray[np.intp]:
    """For each of `n` pixels after rescaling the nearest one of `size` before."""
    return np.minimum(((np.arange(n) + 0.5) * size / n).astype(np.intp), size - 1)


def rescale_part(
    image: Array,
    scale: float,
    rows: slice,
    columns: slice,
    prepare: Callable[[Array], npt.NDArray[np.float32]],
) -> npt.NDArray[np.float32]:
    """A part of what `rescale_image` makes of an image, from the pixels that it depends on.

    Parameters
    ----------
    image : (height, width)
        Anything that gives a part by `image[rows, columns]`.
    scale
        Pixels after per pixels before.
    rows, columns
        Of the result, with start and stop.
    prepare
        Applied to the pixels before they are resized; makes them float32.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    near, places, sigmas = [], [], []
    for n, size, wanted in zip(
        scaled_shape(image.shape, scale), image.shape, (rows, columns), strict=True
    ):
        # As skimage's `resize` smooths and places.
        step = size / n
        sigma = max(0.0, (step - 1) / 2) if scale < 1 else 0.0
        centres = (np.arange(wanted.start, wanted.stop) + 0.5) * step - 0.5
        margin = int(4 * sigma + 0.5) + 1
        start = max(0, math.floor(centres[0]) - margin)
        near.append(slice(start, min(size, math.ceil(centres[-1]) + margin + 1)))
        places.append(centres - start)
        sigmas.append(sigma)
    part = prepare(image[tuple(near)])
    if any(sigmas):
        part = gaussian_filter(part, sigmas, mode="mirror")
    grid = np.meshgrid(*places, indexing="ij")
    return np.asarray(map_coordinates(part, grid, order=1, mode="mirror"), np.float32)


def scaled_shape(shape: tuple[int, ...], scale: float) -> tuple[int, int]:
    """Rows and columns after rescaling."""
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def subtract_background(image: Array, radius_px: float) -> Array:
    """Subtract a rolling-ball background (Sternberg 1983), as Fiji does; keeps the type.

    Like Fiji, balls of more than 10 px roll over a shrunken image (the minimum of each block),
    since the background is smooth at that scale.
    """
    from skimage.measure import block_reduce
    from skimage.restoration import rolling_ball
    from skimage.transform import resize

    shrink = choose_shrinking(radius_px)
    grey = image.astype(np.float32)
    small = block_reduce(grey, shrink, np.min, cval=float(grey.max())) if shrink > 1 else grey
    ball = rolling_ball(small, radius=radius_px / shrink)
    background = ball if shrink == 1 else resize(ball, image.shape, order=1)
    difference = np.clip(grey - background, 0, None)
    return np.asarray(np.round(difference) if image.dtype.kind == "u" else difference, image.dtype)


def choose_shrinking(radius_px: float) -> int:
    """How many times smaller the image is over which a ball of this radius rolls."""
    return 1 if radius_px <= 10 else 2 if radius_px <= 30 else 4 if radius_px <= 100 else 8


def normalize_image(
    image: Array, low: float = NORMAL_PERCENTS[0], high: float = NORMAL_PERCENTS[1]
) -> Array:
    """Map two percentiles of an image to 0 and 1, as StarDist's examples do; float32.

    Where both are equal, as with one small nucleus on a black background, the brightest pixel
    becomes 1; a constant image becomes 0.
    """
    return stretch_image(image, *find_range(image, low, high))


def find_range(
    image: Array, low: float = NORMAL_PERCENTS[0], high: float = NORMAL_PERCENTS[1]
) -> tuple[float, float]:
    """The grey values that `normalize_image` maps to 0 and 1."""
    dark, bright = find_percentiles(image, (low, high))
    if bright <= dark:
        bright = float(image.max())
    return dark, bright


def stretch_image(image: Array, dark: float, bright: float) -> npt.NDArray[np.float32]:
    """Map two grey values to 0 and 1; float32."""
    return (image.astype(np.float32) - np.float32(dark)) / np.float32(max(bright - dark, 1e-20))


def find_percentiles(image: Array, percents: tuple[float, ...]) -> list[float]:
    """As `numpy.percentile`, for 8 and 16-bit images counted: half the time and no sorted copy."""
    if image.dtype not in (np.uint8, np.uint16):
        return [float(value) for value in np.percentile(image, percents)]
    cumulative = np.cumsum(np.bincount(image.ravel()))
    values = []
    for percent in percents:
        position = (image.size - 1) * percent / 100
        lower = int(position)
        below = int(np.searchsorted(cumulative, lower, side="right"))
        above = int(np.searchsorted(cumulative, min(lower + 1, image.size - 1), side="right"))
        values.append(below + (position - lower) * (above - below))
    return values
