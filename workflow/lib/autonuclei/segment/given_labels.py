"""Label images that the user gives in the place of a prediction."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError
from autonuclei.labels.numbers import number_anew
from autonuclei.labels.outlines import trace_outlines

LARGEST_UINT16 = int(np.iinfo(np.uint16).max)
_MOST_NAMED = 5


def prepare_labels(
    labels: npt.NDArray[np.int32], shape: Sequence[int], *, name: str
) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Check a label image against its image, and number it anew where it must be.

    Numbers stay where they fit: up to 65535, or up to the number of pixels, which no image of
    consecutive numbers exceeds.

    Parameters
    ----------
    labels : (height, width) int32
        As `io.label_images.read_label_image` gives it.
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
    largest = int(labels.max(initial=0))
    if largest > max(LARGEST_UINT16, labels.size):
        labels = number_anew(labels)
        remarks.append(f"its numbers go up to {largest}; they were numbered anew from 1")
    outlines = trace_outlines(labels)
    split = outlines.labels[outlines.n_pieces > 1].tolist()
    if split:
        named = ", ".join(map(str, split[:_MOST_NAMED]))
        more = f" and {len(split) - _MOST_NAMED} more" if len(split) > _MOST_NAMED else ""
        remarks.append(
            f"nuclei in several pieces, each counted as one: {named}{more}. Outlines show the "
            "largest piece"
        )
    return labels, remarks
