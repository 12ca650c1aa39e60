"""Label images by frame, wherever they lie."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError
from autonuclei.io.hyperstack import LARGEST_EXACT
from autonuclei.io.images import open_image
from autonuclei.io.label_images import read_page


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
        with open_image(path, as_stored=True) as file:
            found = [(image.n_planes, image.height, image.width) for image in file.header.images]
            if found != [(1, *self._shape)] or file.header.images[0].is_rgb:
                listed = ", ".join(" x ".join(map(str, shape)) for shape in found)
                raise InputError(
                    f"{path}: has shape {listed}, the images have 1 x {self._shape[0]} x "
                    f"{self._shape[1]}. Give one label image of the same size for each frame."
                )
            image = read_page(file, path, 0)
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
