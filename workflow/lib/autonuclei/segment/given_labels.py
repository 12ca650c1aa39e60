"""Label images that the user gives in the place of a prediction."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError
from autonuclei.io.formats.base import Window
from autonuclei.io.images import find_range
from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.numbers import fit_numbers
from autonuclei.labels.outlines import trace_outlines
from autonuclei.labels.strips import share_out

_MOST_NAMED = 5


class GivenLabels:
    """Given label images by frame, read when they are asked for; too large numbers are replaced.

    Parameters
    ----------
    places
        `path`, `page` and `window` of each, by frame number.
    read
        As `io.label_images.read_label_image`.
    """

    def __init__(
        self,
        places: Mapping[int, Mapping[str, Any]],
        read: Callable[[str, int, Window | None], npt.NDArray[np.int32]],
    ) -> None:
        self._places = places
        self._read = read

    def __getitem__(self, frame: int, /) -> npt.NDArray[np.int32]:
        place = self._places[frame]
        return np.asarray(fit_numbers(self._read(place["path"], place["page"], place["window"])))


def prepare_labels(
    labels: ArrayLike, shape: Sequence[int], *, name: str
) -> tuple[ArrayLike, list[str]]:
    """Check a label image against its image, and number it anew where it must be.

    Numbers stay where they fit: up to 65535, or up to the number of pixels, which no image of
    consecutive numbers exceeds.

    Parameters
    ----------
    labels : (height, width) int32
        As `io.label_images.LabelReader` gives it, a large one to be read part by part.
    shape
        Height and width of the image.
    name
        Its file, for the message.

    Returns
    -------
    labels : (height, width) int32
    remarks
        Lines for the user: numbered anew, nuclei in several pieces.

    Raises
    ------
    InputError
        The sizes differ.
    """
    if labels.shape != tuple(shape):
        raise InputError(
            f"{name}: is {labels.shape[1]} x {labels.shape[0]} pixels, but its image is "
            f"{shape[1]} x {shape[0]}. Give the label image of this very image."
        )
    remarks = []
    fitting = fit_numbers(labels)
    if fitting is not labels:
        largest = find_range(labels)[1]
        remarks.append(f"its numbers go up to {largest}; they were numbered anew from 1")
    labels = fitting
    split = []
    for strip in share_out(labels):
        outlines = trace_outlines(strip.own_labels)
        split += outlines.labels[outlines.n_pieces > 1].tolist()
    split.sort()
    if split:
        named = ", ".join(map(str, split[:_MOST_NAMED]))
        more = f" and {len(split) - _MOST_NAMED} more" if len(split) > _MOST_NAMED else ""
        remarks.append(
            f"nuclei in several pieces, each counted as one: {named}{more}. Outlines show the "
            "largest piece"
        )
    return labels, remarks
