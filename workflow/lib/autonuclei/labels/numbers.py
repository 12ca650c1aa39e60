"""The numbers of a label image: keeping some, numbering anew, replacing."""

from typing import Any, overload

import numpy as np
import numpy.typing as npt

from autonuclei.io.lazy_planes import ArrayLike, LazyPlane, iterate_bands

Array = npt.NDArray[Any]


def keep_labels(labels: Array, kept: Array) -> Array:
    """Keep the labels listed in `kept` and set the others to 0; numbers and type stay."""
    from skimage.util import map_array

    return np.asarray(map_array(labels, kept, kept.astype(labels.dtype)))


def number_by_position(labels: Array) -> Array:
    """Number labels 1..n in the order in which their first pixels come, row by row; int32."""
    flat = labels.ravel()
    inside = np.flatnonzero(flat != 0)
    first = np.full(int(flat.max(initial=0)) + 1, flat.size)
    # Of several values for one place the last stays.
    first[flat[inside[::-1]]] = inside[::-1]
    order = np.argsort(first, kind="stable")
    order = order[first[order] < flat.size]
    number = np.zeros(len(first), np.int32)
    number[order] = np.arange(1, len(order) + 1)
    return number[labels]


@overload
def number_anew(labels: Array) -> npt.NDArray[np.int32]: ...
@overload
def number_anew(labels: ArrayLike) -> ArrayLike: ...
def number_anew(labels: ArrayLike) -> ArrayLike:
    """Number labels 1..n in the order of their numbers, however large these are; int32.

    Of an image that is read part by part the result is read so, too.
    """
    present = np.unique(np.concatenate([np.unique(band) for band in iterate_bands(labels)]))
    first = 0 if present[0] == 0 else 1

    def renumber(part: Array) -> Array:
        return (np.searchsorted(present, part) + first).astype(np.int32)

    if isinstance(labels, LazyPlane):
        return labels.map(renumber, np.int32)
    return renumber(labels[:, :])


@overload
def fit_numbers(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]: ...
@overload
def fit_numbers(labels: ArrayLike) -> ArrayLike: ...
def fit_numbers(labels: ArrayLike) -> ArrayLike:
    """Number labels anew where their numbers are so large that lists by number are no bargain.

    They stay up to 65535, or up to the number of pixels.
    """
    largest = max((int(band.max(initial=0)) for band in iterate_bands(labels)), default=0)
    n_pixels = labels.shape[0] * labels.shape[1]
    return number_anew(labels) if largest > max(np.iinfo(np.uint16).max, n_pixels) else labels


def replace_labels(labels: ArrayLike, old: Array, new: Array, *, dtype: npt.DTypeLike) -> ArrayLike:
    """Replace the labels `old` by `new`.

    Parameters
    ----------
    labels : (height, width)
        Label image, whole numbers (as float32 beyond 65535), 0 is background. Of one that is read
        part by part the result is read so, too.
    old, new : (n,) int
        Labels and what they become.
    dtype
        Type of the result.

    Raises
    ------
    KeyError
        A label of the image is not in `old`, or one of `old` not in the image.
    """
    present = np.unique(np.concatenate([_list_runs(band) for band in iterate_bands(labels)]))
    used = np.zeros(int(max(old.max(initial=0), present.max(initial=0))) + 1, bool)
    used[present] = True
    used[0] = False
    known = np.zeros(len(used), bool)
    known[old] = True
    if not np.array_equal(used, known):
        raise KeyError(int(np.flatnonzero(used != known)[0]))
    table = np.zeros(len(used), dtype)
    table[old] = new

    def replace(part: Array) -> Array:
        return np.asarray(table[part.astype(np.intp)])

    return labels.map(replace, dtype) if isinstance(labels, LazyPlane) else replace(labels[:, :])


def _list_runs(labels: Array) -> npt.NDArray[np.intp]:
    """The number of each run of equal pixels: all numbers, often."""
    flat = labels.reshape(-1)
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    return np.append(flat[:1], flat[starts]).astype(np.intp)
