"""Movies as ImageJ hyperstacks, written page by page."""

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.files import write_beside
from autonuclei.io.lazy_planes import ArrayLike, iterate_bands

# Whole numbers up to this one are exact in float32, the widest type that ImageJ reads.
LARGEST_EXACT = 2**24
# A TIFF with more bytes cannot point to its last pages. ImageJ then takes the pages as
# lying one after the other behind the first, which they do when not compressed.
LARGEST_CLASSIC_TIFF = 2**32 - 2**25
# Pages of more pixels are compressed in strips, so that a part of them is read without the rest.
# Tiles would be read with less beside it, but ImageJ refuses to open a TIFF that has any.
_ONE_STRIP_PX = 2**24
_STRIP_ROWS = 64


def write_image_movie(
    path: str | os.PathLike[str],
    frames: Iterable[ArrayLike],
    *,
    n_frames: int,
    pixel_size_um: float | None,
    frame_interval_min: float | None,
    compress: bool = False,
) -> np.dtype[Any]:
    """Write a movie as an ImageJ hyperstack with axes TYX, one band of a frame in memory at a time.

    8-bit, 16-bit unsigned and 32-bit float images keep their type. Of other types the values
    stay what they are: booleans become 0 and 1 in 8-bit, half and double floats 32-bit float,
    and other whole numbers 32-bit float, which is refused where it would round them.

    Parameters
    ----------
    path
        The TIFF file to write.
    frames : iterable of (height, width)
        The images in order, all of one shape and type; arrays, or planes to be read part by part.
    n_frames : int
        How many there are.
    pixel_size_um, frame_interval_min : float or None
        None where unknown: the unit is then "pixel" and the interval 1.
    compress : bool
        Deflate each page (lossless). For label images, which shrink a hundredfold. Pages of more
        than 16 megapixels are in strips, of which a reader takes those that it needs.

    Returns
    -------
    dtype
        The type written.

    Raises
    ------
    InputError
        A frame is not a grey image or differs in shape or type from the first, the number of
        frames is not `n_frames`, or whole numbers are too large for ImageJ.
    """
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise InputError(f"{path}: the movie has no frames, so there is nothing to write.")
    if len(first.shape) != 2:
        raise InputError(
            f"{path}: frame 0 has shape {first.shape}, not (height, width). Give one channel of "
            "one plane."
        )
    dtype = _choose_dtype(first.dtype)
    height, width = first.shape
    rows = _STRIP_ROWS if compress and height * width > _ONE_STRIP_PX else max(1, height)

    def list_strips() -> Iterator[bytes | bytearray]:
        number = 0
        for number, frame in enumerate(chain([first], iterator), start=1):
            if frame.shape != first.shape or frame.dtype != first.dtype:
                raise InputError(
                    f"{path}: frame {number - 1} is {frame.shape} {frame.dtype}, the first frame "
                    f"{first.shape} {first.dtype}. Give frames of one size and type."
                )
            for band in iterate_bands(frame, rows if compress else None):
                _check_exact(path, number - 1, band, dtype)
                converted = np.ascontiguousarray(band, dtype=dtype)
                for row in range(0, len(band), rows):
                    strip = converted[row : row + rows].tobytes()
                    # zlib-ng packs as small as zlib in half the time.
                    yield imagecodecs.zlibng_encode(strip, level=6) if compress else strip
        if number != n_frames:
            raise InputError(f"{path}: {number} frames came where {n_frames} were announced.")

    metadata: dict[str, object] = {"axes": "TYX", "unit": "pixel"}
    resolution = (1.0, 1.0)
    if pixel_size_um is not None:
        metadata["unit"] = "um"
        resolution = (1 / pixel_size_um, 1 / pixel_size_um)
    # ImageJ reads a frame interval in seconds unless `tunit` names another unit.
    metadata["finterval"] = 1.0 if frame_interval_min is None else frame_interval_min
    metadata["tunit"] = "frame" if frame_interval_min is None else "min"
    shape = (n_frames, *first.shape)
    too_large = not compress and int(np.prod(shape)) * dtype.itemsize > LARGEST_CLASSIC_TIFF
    with write_beside(path) as partial, tifffile.TiffWriter(partial, imagej=True) as tif:
        tif.write(
            list_strips(),
            shape=shape,
            dtype=dtype,
            photometric="minisblack",
            metadata=metadata,
            resolution=resolution,
            compression="zlib" if compress else None,
            rowsperstrip=rows,
            truncate=too_large,
        )
        if next(iterator, None) is not None:
            raise InputError(f"{path}: more frames came than the {n_frames} announced.")
    return dtype


def _check_exact(
    path: str | os.PathLike[str], frame: int, band: npt.NDArray[Any], dtype: np.dtype[Any]
) -> None:
    if band.dtype.kind not in "iu" or dtype != np.float32:
        return
    largest = int(np.abs(band.astype(np.float64)).max(initial=0))
    if largest > LARGEST_EXACT:
        raise InputError(
            f"{path}: frame {frame} holds the value {largest}, which ImageJ cannot hold exactly "
            f"(limit {LARGEST_EXACT}). Rescale the image."
        )


def _choose_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype == np.bool_:
        return np.dtype(np.uint8)
    if dtype in (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32)):
        return dtype
    return np.dtype(np.float32)


def label_dtype(largest: int) -> np.dtype[Any]:
    """The smallest type that holds the labels up to `largest` and that ImageJ opens.

    uint16, else float32.

    Raises
    ------
    ValueError
        float32 does not hold them exactly.
    """
    if largest > LARGEST_EXACT:
        raise ValueError(f"{largest} labels do not fit into a float32 image")
    return np.dtype(np.uint16 if largest <= np.iinfo(np.uint16).max else np.float32)
