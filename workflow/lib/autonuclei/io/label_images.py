"""Label images drawn by others: a ground truth, or masks in the place of the annotation."""

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError
from autonuclei.io.images import read_plane


def read_label_image(path: str | os.PathLike[str], page: int = 0) -> npt.NDArray[np.int32]:
    """Read a label image and check that it is one.

    Parameters
    ----------
    path
        An image file of any format and type that `images.read_plane` reads.
    page
        Number of the image in the file.

    Returns
    -------
    (height, width) int32
        0 is background.

    Raises
    ------
    InputError
        Not whole numbers from 0, or one number for everything (a mask without instances).
    """
    image: npt.NDArray[Any] = read_plane(path, frame=page)
    with np.errstate(invalid="ignore"):  # NaN and the like differ from what they become
        labels = np.asarray(image).astype(np.int32)
    if image.dtype.kind == "f" and not (labels == image).all():
        raise InputError(f"{path}: is not a label image, its values are no whole numbers.")
    if labels.min() < 0:
        raise InputError(f"{path}: is not a label image, it has values below 0.")
    numbers = np.unique(labels)
    if len(numbers) == 2 and numbers[0] == 0:
        from scipy.ndimage import label

        n_pieces = label(labels)[1]
        if n_pieces > 1:
            raise InputError(
                f"{path}: has one value ({numbers[1]}) for {n_pieces} separate objects. Give each "
                "nucleus its own number (Fiji: MorphoLibJ > Connected Components Labeling)."
            )
    return labels
