"""Drawing polygons as a label image."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def draw_polygons(polygons: Array, probability: Array, shape: tuple[int, ...]) -> Array:
    """Draw star-convex polygons as a label image; the more probable one lies on top.

    Parameters
    ----------
    polygons : (n, 2, rays) float
        Rows and columns of the corners in px, as StarDist gives them.
    probability : (n,) float
    shape
        Rows and columns of the image.

    Returns
    -------
    int32 label image; label i + 1 is the i-th polygon.
    """
    from stardist.geometry import polygons_to_label_coord

    order = np.argsort(probability, kind="stable")
    return np.asarray(polygons_to_label_coord(polygons[order], shape, labels=order), dtype=np.int32)
