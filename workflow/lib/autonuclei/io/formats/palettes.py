"""Palettes: colours for display of intensities, or colours of a picture."""

import numpy as np

from autonuclei.io.formats.base import Array


def is_ramp(colormap: Array, *, strict: bool) -> bool:
    """Whether the colours of a palette only get brighter: then the index is the intensity.

    Parameters
    ----------
    colormap
        (3, n) red, green and blue by index.
    strict
        Each of red, green and blue must rise or stay; else their sum as the eye takes it.
    """
    colours = colormap.astype(np.float64)
    if not strict:
        colours = np.array([[0.299, 0.587, 0.114]]) @ colours
    rises = bool((np.diff(colours, axis=1) >= 0).all())
    return rises and bool((colours[:, -1] > colours[:, 0]).any())
