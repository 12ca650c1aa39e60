"""What is left of an image without the objects that are known and the background around them.

Levels of brightness for a whole image reach from its background to its brightest nuclei. A nucleus
of a twentieth of their brightness lies below the lowest of these levels, or in the light that
others throw around them. In the remainder it stands out from the noise.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from autonuclei.annotate.component_tree import choose_step, find_nuclei_at
from autonuclei.annotate.filtering import FilteredImage, reduce_image
from autonuclei.labels.growth import grow_mask
from autonuclei.labels.shapes import count_pixels
from autonuclei.settings import AnnotateSettings

Array = npt.NDArray[Any]

# The background is averaged with a Gaussian so wide, from squares of this side, in radii.
BACKGROUND_RADII, SQUARE_RADII = 3.0, 0.5
# Parts are looked for at this radius in px, and at so many levels: what is found is drawn anew.
WORKING_RADIUS, N_LEVELS = 5, 15


@dataclass(frozen=True)
class Remainder:
    """What is left of an image.

    Attributes
    ----------
    image : (height, width) float32
        Grey values above the background, 0 at and around the known objects; with the noise of the
        whole image.
    background : (height, width) float32
        From `estimate_background`.
    median_area : float
        Of the known objects, in px.
    """

    image: FilteredImage
    background: npt.NDArray[np.float32]
    median_area: float

    def find_parts(
        self,
        *,
        smoothing_px: float = AnnotateSettings.smoothing_px,
        minimum_area_px: float = AnnotateSettings.minimum_area_px,
    ) -> Array:
        """Label image of what could be nuclei, at levels of their own.

        Parameters
        ----------
        smoothing_px, minimum_area_px
            As in `component_tree.find_nuclei`.
        """
        step = choose_step(self.median_area, WORKING_RADIUS)
        found, _ = find_nuclei_at(
            self.image, step, self.median_area, smoothing_px, minimum_area_px, n_levels=N_LEVELS
        )
        return np.asarray(found)


def take_out(image: FilteredImage, objects: Array, *, reach: float) -> Remainder:
    """Take the known objects out of an image.

    Parameters
    ----------
    image : (height, width)
    objects : (height, width) int
        Label image, with at least one object.
    reach
        How far around each all light is its own, in radii of the median one.
    """
    area = count_pixels(objects)
    median_area = float(np.median(area[area > 0]))
    radius = np.sqrt(median_area / np.pi)
    taken = grow_mask(objects > 0, max(1, round(reach * radius)))
    background = estimate_background(image.values, taken, radius)
    left = image.values - background
    left[taken] = 0
    return Remainder(FilteredImage(left, noise=image.noise), background, median_area)


def estimate_background(image: Array, taken: Array, radius: float) -> npt.NDArray[np.float32]:
    """Background at each pixel: the mean of what lies around and is not taken.

    Parameters
    ----------
    image : (height, width)
        Grey values.
    taken : (height, width) bool
        Pixels that are no background.
    radius
        Of a nucleus, in px.
    """
    side = max(1, round(SQUARE_RADII * radius))
    weight = reduce_image(~taken, side)
    total = reduce_image(np.where(taken, 0, image), side)
    overall = total.sum() / max(weight.sum(), 1e-6)
    sigma = BACKGROUND_RADII * radius / side
    little = 1e-3
    weight = ndi.gaussian_filter(weight, sigma, mode="constant") + little
    total = ndi.gaussian_filter(total, sigma, mode="constant") + little * overall
    return draw_smoothly(total / weight, side, image.shape)


def draw_smoothly(values: Array, side: int, shape: tuple[int, ...]) -> Array:
    """Each value as a square of `side` px, and each pixel as the mean of a square around it.

    As `scipy.ndimage.uniform_filter` of `filtering.enlarge`, in a third of the time: each axis is
    drawn out and averaged by itself, the first one on as few columns as there are values.
    """
    rows = np.repeat(values, side, axis=0)[: shape[0]]
    rows = ndi.uniform_filter1d(rows, side, axis=0)
    pixels = np.repeat(rows, side, axis=1)[:, : shape[1]]
    return np.asarray(ndi.uniform_filter1d(pixels, side, axis=1))
