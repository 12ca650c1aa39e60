"""The foreground of an image: one threshold for all of it.

The method of Englbrecht, Ruider and Bausch 2021 (PLOS ONE 16(4): e0250093), with its
constants as arguments.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.annotate.filtering import blur_image, estimate_noise
from autonuclei.labels.pieces import fill_holes
from autonuclei.settings import AnnotateSettings

Array = npt.NDArray[Any]


def find_foreground(
    image: Array,
    *,
    smoothing_px: float = AnnotateSettings.smoothing_px,
    threshold_factor: float = AnnotateSettings.threshold_factor,
    minimum_contrast: float = AnnotateSettings.minimum_contrast,
) -> tuple[Array, float]:
    """Find the pixels of nuclei with one threshold by Otsu (1979) for the whole image.

    Parameters
    ----------
    image : (height, width)
        Grey values.
    smoothing_px
        Standard deviation of the Gaussian filter before the threshold, in px.
    threshold_factor
        The threshold is this part of the way from the background (mean below Otsu's
        threshold) to Otsu's threshold; 1 is Otsu's threshold itself.
    minimum_contrast
        Difference between the means above and below the threshold, in standard deviations of
        the noise; below it the image counts as empty.

    Returns
    -------
    foreground : (height, width) bool
        With holes filled.
    threshold : float
        Grey value; NaN when the image counts as empty.
    """
    from skimage.filters import threshold_otsu

    smooth = blur_image(image, smoothing_px)
    if smooth.min() == smooth.max():
        return np.zeros(image.shape, bool), float("nan")
    threshold = float(threshold_otsu(smooth))
    above = smooth > threshold
    background = float(smooth[~above].mean())
    if minimum_contrast > 0:
        contrast = float(smooth[above].mean()) - background
        if contrast < minimum_contrast * estimate_noise(image):
            return np.zeros(image.shape, bool), float("nan")
    if threshold_factor != 1:
        threshold = background + threshold_factor * (threshold - background)
        above = smooth > threshold
    return fill_holes(above), threshold


def is_empty(image: Array, minimum_contrast: float = AnnotateSettings.minimum_contrast) -> bool:
    """Whether an image has no contrast beyond its noise, as in `find_foreground`, but faster.

    Looks at means of 4 x 4 pixels instead of a smoothed image. True if all pixels are equal.
    """
    return is_flat(average_squares(image), estimate_noise(image[::4]), minimum_contrast)


def average_squares(image: Array) -> npt.NDArray[np.float32]:
    """Means of 4 x 4 pixels, in one row; what is left over at the right and below is left out."""
    rows, columns = (size // 4 * 4 for size in image.shape)
    squares = image[:rows, :columns].reshape(rows // 4, 4, columns // 4, 4)
    return np.asarray(squares.mean(axis=(1, 3), dtype=np.float32).ravel())


def is_flat(means: Array, noise: float, minimum_contrast: float) -> bool:
    """As `is_empty`, from `average_squares` and the noise of every fourth row."""
    from skimage.filters import threshold_otsu

    if means.min() == means.max():
        return True
    above = means > float(threshold_otsu(means))
    contrast = float(means[above].mean() - means[~above].mean())
    return contrast < minimum_contrast * noise
