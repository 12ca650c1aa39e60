"""Label images drawn by others: a ground truth, or masks in the place of the annotation."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError
from autonuclei.io.formats.base import (
    LARGEST_PIECE_PX,
    ImageFile,
    Window,
    check_window,
    explain_damage,
)
from autonuclei.io.images import FileKeeper
from autonuclei.io.lazy_planes import ArrayLike, LazyPlane, iterate_bands

Array = npt.NDArray[Any]

# Of pixels side by side that are no background, so many are of one nucleus: in nuclei of 2 x 2 px
# that touch everywhere half of them are.
LEAST_EQUAL, ENOUGH_PAIRS = 0.4, 100_000


class LabelReader(FileKeeper):
    """Reads label images; the file of the last one stays open for the next.

    To be used with `with`, and called as `read_label_image` is.
    """

    def __init__(self) -> None:
        super().__init__(as_stored=True)

    def __call__(
        self, path: str | os.PathLike[str], page: int = 0, window: Window | None = None
    ) -> npt.NDArray[np.int32]:
        """Read a label image; parameters, result and errors are those of `read_label_image`."""
        path = Path(path)
        if window is not None:
            return self.defer(path, page, window)[:, :]
        labels = _to_labels(read_page(self.open(path), path, page), path)
        _check_instances(labels, path)
        return labels

    def take(
        self, path: str | os.PathLike[str], page: int = 0, window: Window | None = None
    ) -> ArrayLike:
        """As a call with these arguments; a large image is given to be read part by part."""
        header = self.open(Path(path)).header.images[0]
        is_large = header.height * header.width > LARGEST_PIECE_PX
        return (self.defer if is_large else self)(path, page, window)

    def defer(
        self, path: str | os.PathLike[str], page: int = 0, window: Window | None = None
    ) -> LazyPlane:
        """The label image that a call with these arguments gives, to be read part by part.

        It can be read as long as the reader is not closed, and is checked as it is read; whether
        each nucleus has a number of its own is checked here, by the whole image.
        """
        path = Path(path)

        def read(part: Window) -> npt.NDArray[np.int32]:
            return _to_labels(read_page(self.open(path), path, page, part), path)

        read((0, 1, 0, 1))  # stands for the check of all that is asked for
        (header,) = self.open(path).header.images
        check_window(window, header, path)
        whole = LazyPlane((header.height, header.width), np.int32, read)
        _check_instances(whole, path)
        return whole if window is None else whole.cut(window)


def read_label_image(
    path: str | os.PathLike[str], page: int = 0, window: Window | None = None
) -> npt.NDArray[np.int32]:
    """Read a label image and check that it is one.

    Parameters
    ----------
    path
        An image file of any format that `images.open_image` opens, with a single position.
    page
        Number of the plane in the file, from 0, in the order time, z, channel: those of the first
        time point come first.
    window
        First row, end row, first column and end column (ends excluded) of the part to read, in
        px; None reads the whole.

    Returns
    -------
    (height, width) int32
        0 is background.

    Raises
    ------
    InputError
        The file cannot be read, has several positions, is in colour or has no such plane or part;
        or its values are not whole numbers from 0, or one number for everything (a mask without
        instances).
    """
    with LabelReader() as read:
        return read(path, page, window)


def read_page(file: ImageFile, path: Path, page: int, window: Window | None = None) -> Array:
    """The numbers of a label image, not yet checked to be labels.

    Parameters
    ----------
    file
        Of `images.open_image`, with the numbers as stored.
    path
        Its name in messages.
    page, window
        As of `read_label_image`.
    """
    if len(file.header.images) > 1:
        raise InputError(
            f"{path}: holds {len(file.header.images)} positions. Save the label images of each as "
            "a file of its own."
        )
    (header,) = file.header.images
    if not 0 <= page < header.n_planes:
        raise InputError(
            f"{path}: has no label image {page}, only 0 to {header.n_planes - 1}. Was the file "
            "replaced? Run again."
        )
    frame, place = divmod(page, header.n_slices * header.n_channels)
    z, channel = divmod(place, header.n_channels)
    with explain_damage(path):
        if window is None:
            plane = file.read(0, frame=frame, z=z, channel=channel)
        else:
            plane = file.read_window(0, window, frame=frame, z=z, channel=channel)
    if not header.is_rgb:
        return plane
    if (plane[..., :3] == plane[..., :1]).all():
        return plane[..., 0]
    raise InputError(
        f"{path}: is a colour image, not a label image, whose values are the numbers of the "
        "nuclei. Export it again without a colour table."
    )


def _to_labels(image: Array, path: Path) -> npt.NDArray[np.int32]:
    if image.dtype.kind == "c":
        raise InputError(f"{path}: is not a label image, its values are complex numbers.")
    with np.errstate(invalid="ignore"):  # NaN and the like differ from what they become
        labels = image.astype(np.int32)
    if not (labels == image).all():
        raise InputError(
            f"{path}: is not a label image, its values are no whole numbers up to "
            f"{np.iinfo(np.int32).max}."
        )
    if labels.min() < 0:
        raise InputError(f"{path}: is not a label image, it has values below 0.")
    return labels


def _check_instances(labels: ArrayLike, path: Path) -> None:
    """Refuse a mask, one number for all nuclei, and an image, whose numbers are grey values."""
    numbers: set[int] = set()
    n_pairs = n_equal = 0
    for band in iterate_bands(labels):
        numbers.update(np.unique(band).tolist())
        left, right = band[:, :-1], band[:, 1:]
        is_pair = (left > 0) & (right > 0)
        n_pairs += int(is_pair.sum())
        n_equal += int((is_pair & (left == right)).sum())
        if len(numbers - {0}) > 1 and n_pairs >= ENOUGH_PAIRS:
            break  # a large image is read again by whoever asked for it
    if n_equal < LEAST_EQUAL * n_pairs:
        raise InputError(
            f"{path}: is not a label image, its numbers change from pixel to pixel like grey "
            "values. Give one number to all pixels of a nucleus, and 0 to the background."
        )
    if len(numbers) == 2 and 0 in numbers:
        from scipy.ndimage import label

        # Pixels that touch at a corner belong together: people draw nuclei with such pixels.
        n_pieces = label(np.asarray(labels), np.ones((3, 3)))[1]
        if n_pieces > 1:
            raise InputError(
                f"{path}: has one value ({max(numbers)}) for {n_pieces} separate objects. Give "
                "each nucleus its own number (Fiji: MorphoLibJ > Connected Components Labeling)."
            )
