"""Preparing a large image window by window: the same values as in one piece.

Each step is an image of which parts are computed from parts of the one before.
"""

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from autonuclei.annotate.preprocessing import choose_shrinking, convert_values, scaled_shape
from autonuclei.io.formats.base import Window
from autonuclei.io.lazy_planes import ArrayLike, LazyPlane
from autonuclei.labels.blocks import Block

Array = npt.NDArray[Any]


def prepare_image(
    image: ArrayLike,
    limits: tuple[float, float],
    *,
    values: Literal["keep", "8bit"],
    scale: float,
    background_radius_px: float,
) -> LazyPlane:
    """As `preprocessing.preprocess_image`, of an image that is read part by part.

    Parameters
    ----------
    image
        Raw grey values.
    limits
        Least and largest value of the whole image.
    values, scale, background_radius_px
        As of `preprocessing.preprocess_image`.
    """
    dtype = convert_values(np.zeros((1, 1), image.dtype), values, limits).dtype

    def convert(window: Window) -> Array:
        return convert_values(image[Block(*window).slices], values, limits)

    prepared = LazyPlane(_take_shape(image), dtype, convert)
    if background_radius_px > 0:
        prepared = subtract_background(prepared, background_radius_px)
    return rescale_to(prepared, scaled_shape(image.shape, scale)) if scale != 1 else prepared


def subtract_background(image: ArrayLike, radius_px: float) -> LazyPlane:
    """As `preprocessing.subtract_background`, of an image that is read part by part."""
    shrink = choose_shrinking(radius_px)
    background = _roll_ball(image, shrink, radius_px / shrink)
    if shrink > 1:
        background = rescale_to(background, image.shape)

    def read(window: Window) -> Array:
        part = Block(*window).slices
        difference = np.clip(image[part].astype(np.float32) - background[part], 0, None)
        rounded = np.round(difference) if image.dtype.kind == "u" else difference
        return np.asarray(rounded, image.dtype)

    return LazyPlane(_take_shape(image), image.dtype, read)


def _roll_ball(image: ArrayLike, shrink: int, radius: float) -> LazyPlane:
    """A ball rolling under the darkest pixels of squares of `shrink` px, a pixel for each."""
    height, width = image.shape
    shape = -(-height // shrink), -(-width // shrink)

    def read(window: Window) -> Array:
        from skimage.measure import block_reduce
        from skimage.restoration import rolling_ball

        inner = Block(*window)
        outer = inner.grow(math.ceil(radius) + 1, shape)
        rows = slice(outer.row * shrink, min(outer.end_row * shrink, height))
        columns = slice(outer.column * shrink, min(outer.end_column * shrink, width))
        grey = image[rows, columns].astype(np.float32)
        if shrink > 1:
            grey = block_reduce(grey, shrink, np.min, cval=float(grey.max()))
        return np.asarray(rolling_ball(grey, radius=radius)[inner.place_in(outer).slices])

    return LazyPlane(shape, np.float32, read)


def rescale_to(image: ArrayLike, shape: tuple[int, ...]) -> LazyPlane:
    """An image with so many rows and columns, as `preprocessing.rescale_image` makes it."""
    # Pixels before per pixel after, along each axis.
    steps = [old / new for old, new in zip(image.shape, shape, strict=True)]
    sigmas = [max(0.0, (step - 1) / 2) for step in steps]

    def read(window: Window) -> Array:
        inner = Block(*window).slices
        outer, offset = [], []
        for part, step, sigma, length in zip(inner, steps, sigmas, image.shape, strict=True):
            margin = math.ceil(4 * sigma) + 2
            start = max(0, math.floor(part.start * step) - margin)
            outer.append(slice(start, min(length, math.ceil(part.stop * step) + margin)))
            # Both grids count pixel centres at whole numbers, and cover the same area.
            offset.append((part.start + 0.5) * step - 0.5 - start)
        seen = image[outer[0], outer[1]].astype(np.float32)
        if max(sigmas) > 0:
            seen = ndi.gaussian_filter(seen, sigmas, mode="mirror")
        resized = ndi.affine_transform(
            seen,
            np.array(steps),
            offset=offset,
            output_shape=Block(*window).shape,
            order=1,
            mode="mirror",
        )
        rounded = np.round(resized) if image.dtype.kind == "u" else resized
        return np.asarray(rounded, image.dtype)

    return LazyPlane((shape[0], shape[1]), image.dtype, read)


def _take_shape(image: ArrayLike) -> tuple[int, int]:
    height, width = image.shape
    return height, width
