"""Label images by frame, wherever they lie."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import tifffile

from autonuclei.errors import InputError
from autonuclei.io.hyperstack import LARGEST_EXACT


class LabelFrames(Protocol):
    """The label images of a movie by frame: an array, a list, a `LabelStore`, a `LabelFiles`."""

    def __getitem__(self, frame: int, /) -> npt.NDArray[Any]: ...


class LabelFiles:
    """Label images in files of their own, one for each frame, as others gave them.

    Parameters
    ----------
    paths
        TIFF files, by frame.
    shape : (height, width)
        What they must have.
    """

    def __init__(self, paths: Sequence[Path], shape: tuple[int, int]) -> None:
        self._paths = paths
        self._shape = shape

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, frame: int, /) -> npt.NDArray[np.int32]:
        """The label image of a frame; 0 is background.

        Raises
        ------
        InputError
            The file cannot be read, has another size, or values that are no labels.
        """
        path = self._paths[frame]
        try:
            image = tifffile.imread(path)
        except Exception as error:  # what the decoders of a damaged file raise
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{path}: cannot be read ({reason}). Export it again.") from error
        if image.shape != self._shape:
            raise InputError(
                f"{path}: has shape {image.shape}, the images have {self._shape}. Give one label "
                "image of the same size for each frame."
            )
        # Comparisons with NaN are false.
        if image.dtype.kind not in "biuf" or not ((image >= 0) & (image <= LARGEST_EXACT)).all():
            raise InputError(
                f"{path}: has values that are no numbers from 0 to {LARGEST_EXACT}. Give a label "
                "image."
            )
        labels = np.asarray(image).astype(np.int32)
        if image.dtype.kind == "f" and (labels != image).any():
            raise InputError(f"{path}: has values that are no whole numbers. Give a label image.")
        return labels
