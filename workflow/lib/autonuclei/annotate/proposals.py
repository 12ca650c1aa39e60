"""All objects of an image that could be nuclei: two proposals, and the better one at each place.

One proposal has one threshold for the whole image and splits by shape; the other finds each
nucleus at a level of its own (`component_tree`). The first is surer about single, textured
nuclei and those at the border, the second where the light is uneven or nuclei differ in
brightness. Which one explains a place better is told from the shapes alone.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.annotate import boundaries, clumps
from autonuclei.annotate.component_tree import (
    choose_step,
    estimate_area,
    find_nuclei,
    score_ellipses,
)
from autonuclei.annotate.filtering import FilteredImage, enlarge, reduce_image
from autonuclei.annotate.splitting import split_nuclei
from autonuclei.annotate.unusual_nuclei import find_dim_nuclei
from autonuclei.labels.growth import open_contacts
from autonuclei.labels.numbers import number_by_position
from autonuclei.labels.overlap import count_overlaps
from autonuclei.labels.shapes import measure_ellipticity
from autonuclei.settings import AnnotateSettings

Array = npt.NDArray[Any]

# Objects less elliptic than this may be several nuclei; pieces must be better by the gain.
SURELY_ONE = 0.97
LEAST_GAIN = 0.01
# Finer than where the threshold is split, since only pieces of a better shape are kept.
SHAPE_SMOOTHING = 0.15
SMALLEST_PIECE_PX = 10
# Objects of two proposals are the same place if they share this part of the smaller one.
SAME_PLACE = 0.2
# The proposal by threshold must be better by this part to be taken.
LEAST_ADVANTAGE = 0.02


def find_objects(
    image: Array,
    foreground: Array,
    *,
    local_levels: bool = AnnotateSettings.local_levels,
    refine_boundaries: bool = AnnotateSettings.refine_boundaries,
    cut_clumps: bool = AnnotateSettings.cut_clumps,
    unusual_nuclei: bool = AnnotateSettings.unusual_nuclei,
    smoothing_px: float = AnnotateSettings.smoothing_px,
    split_distance: float = AnnotateSettings.split_distance,
    minimum_area_px: int = AnnotateSettings.minimum_area_px,
) -> npt.NDArray[np.int32]:
    """Find all objects of an image that could be nuclei.

    Parameters
    ----------
    image : (height, width)
        Grey values.
    foreground : (height, width) bool
        Of one threshold (`foreground.find_foreground`); empty: no object.
    local_levels
        Whether nuclei are also looked for at levels of their own (`propose_by_level`).
    refine_boundaries
        Whether boundaries are drawn anew (`boundaries.refine_boundaries`).
    cut_clumps
        Whether what is left of touching nuclei is cut between notches (`clumps.cut_clumps`).
    unusual_nuclei
        Whether dim nuclei are looked for beside the others (`unusual_nuclei.find_dim_nuclei`).
    smoothing_px
        Standard deviation of the Gaussian filter where levels are looked for, in px.
    split_distance, minimum_area_px
        As in `splitting.split_nuclei`.

    Returns
    -------
    (height, width) int32
        Label image.
    """
    filtered = FilteredImage(image)
    area = np.nan
    if local_levels and foreground.any():
        area = estimate_area(filtered, smoothing_px=smoothing_px, minimum_area_px=minimum_area_px)
    # What is a nucleus can be told from fewer pixels than its boundary, which is drawn last.
    step = choose_step(area) if refine_boundaries else 1
    objects = _propose(
        filtered.reduce(step),
        reduce_image(foreground, step) == 1,  # so that narrow gaps stay open
        area / step**2,
        refine_boundaries=refine_boundaries,
        cut_clumps=cut_clumps,
        unusual_nuclei=unusual_nuclei,
        smoothing_px=smoothing_px,
        split_distance=split_distance,
        minimum_area_px=minimum_area_px / step**2,
    )
    if step > 1:
        # The line where two meet is to be finer than these pixels.
        objects = enlarge(open_contacts(objects), step, image.shape)
    objects = number_by_position(objects)
    # Where nothing is done to the first proposal, it has its boundary.
    is_redrawn = refine_boundaries and (local_levels or cut_clumps or unusual_nuclei)
    return boundaries.refine_boundaries(filtered, objects) if is_redrawn else objects


def _propose(
    image: FilteredImage,
    foreground: Array,
    area: float,
    *,
    refine_boundaries: bool,
    cut_clumps: bool,
    unusual_nuclei: bool,
    smoothing_px: float,
    split_distance: float,
    minimum_area_px: float,
) -> Array:
    """`find_objects` before the last boundary; without nuclei at levels if `area` is NaN."""
    objects = split_nuclei(
        foreground, split_distance=split_distance, minimum_area_px=minimum_area_px
    )
    if refine_boundaries:
        objects = boundaries.refine_boundaries(image, objects)
    if not objects.any():
        return objects
    if not np.isnan(area):
        nuclei, area = propose_by_level(
            image,
            area,
            refine_boundaries=refine_boundaries,
            smoothing_px=smoothing_px,
            split_distance=split_distance,
            minimum_area_px=minimum_area_px,
        )
        if nuclei.any():
            objects = choose_better(nuclei, objects, typical_area=area)
    if cut_clumps:
        objects, _ = clumps.cut_clumps(objects)
    if unusual_nuclei:
        found = find_dim_nuclei(
            image, objects, smoothing_px=smoothing_px, minimum_area_px=minimum_area_px
        )
        objects = np.where(found > 0, found + objects.max(), objects)
    return objects


def propose_by_level(
    image: Array | FilteredImage,
    area: float | None = None,
    *,
    refine_boundaries: bool = AnnotateSettings.refine_boundaries,
    smoothing_px: float = AnnotateSettings.smoothing_px,
    split_distance: float = AnnotateSettings.split_distance,
    minimum_area_px: float = AnnotateSettings.minimum_area_px,
) -> tuple[Array, float]:
    """Find nuclei at levels of their own; parameters as in `find_objects`.

    Parameters
    ----------
    area
        Typical area of a nucleus in px, about; None: from `component_tree.estimate_area`.

    Returns
    -------
    labels : (height, width) int32
        Label image.
    area : float
        Typical area of a nucleus in px; NaN without any.
    """
    image = FilteredImage.wrap(image)
    nuclei, area = find_nuclei(
        image, area, smoothing_px=smoothing_px, minimum_area_px=minimum_area_px
    )
    if not nuclei.any():
        return nuclei, area
    if refine_boundaries:
        nuclei = boundaries.refine_boundaries(image, nuclei)
    nuclei = split_by_shape(nuclei, split_distance=split_distance)
    if refine_boundaries:
        nuclei = boundaries.refine_boundaries(image, nuclei)
    return nuclei, area


def split_by_shape(
    labels: Array, *, split_distance: float = AnnotateSettings.split_distance
) -> Array:
    """Split objects whose pieces are better ellipses than the whole.

    Pieces come from `splitting.split_nuclei`. Gives a 2-D int32 label image, 1..n.
    """
    area, ellipticity = measure_ellipticity(labels)
    doubtful = (ellipticity < SURELY_ONE) & (area > 0)
    doubtful[0] = False
    if not doubtful.any():
        return number_by_position(labels)
    # Neighbours must not grow together: the line between them stays open.
    inside = doubtful[labels]
    inside[1:] &= (labels[1:] == labels[:-1]) | (labels[:-1] == 0)
    inside[:, 1:] &= (labels[:, 1:] == labels[:, :-1]) | (labels[:, :-1] == 0)
    pieces = split_nuclei(
        inside,
        split_distance=split_distance,
        minimum_area_px=SMALLEST_PIECE_PX,
        smoothing=SHAPE_SMOOTHING,
    )
    piece_area, piece_ellipticity = measure_ellipticity(pieces)
    n, n_pieces = len(area), len(piece_area)
    whole = np.zeros(n_pieces, np.int64)
    whole[pieces.ravel()] = labels.ravel()
    whole = whole[1:]
    total = np.bincount(whole, weights=piece_area[1:], minlength=n)
    fit = np.bincount(whole, weights=(piece_area * piece_ellipticity)[1:], minlength=n)
    gain = fit / np.maximum(total, 1) - ellipticity
    better = (np.bincount(whole, minlength=n) > 1) & (gain > LEAST_GAIN)
    better[0] = False
    split = better[labels]
    return number_by_position(np.where(split, np.where(pieces > 0, pieces + n, 0), labels))


def choose_better(first: Array, second: Array, *, typical_area: float) -> Array:
    """At each place the objects of that label image whose shapes make the better nuclei.

    A place is a set of objects of both that overlap. Compared is the sum over objects of their
    area times their score (`component_tree.score_ellipses`); `first` is taken unless `second`
    is clearly better, or alone.

    Returns
    -------
    2-D int32 label image; numbers of `second` come after those of `first`.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    area_a, value_a = _value_objects(first, typical_area)
    area_b, value_b = _value_objects(second, typical_area)
    n_a, n_b = len(area_a), len(area_b)
    a, b, shared = count_overlaps(first, second)
    same = shared >= SAME_PLACE * np.minimum(area_a[a], area_b[b])
    a, b = a[same], b[same] + n_a
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(n_a + n_b, n_a + n_b))
    n_places, place = connected_components(graph, directed=False)

    def total(values: Array, places: Array) -> Array:
        return np.bincount(places, weights=values, minlength=n_places)

    is_alone = total(area_a, place[:n_a]) == 0
    is_better = total(value_b, place[n_a:]) > (1 + LEAST_ADVANTAGE) * total(value_a, place[:n_a])
    take_second = is_alone | is_better
    keep_a, keep_b = ~take_second[place[:n_a]], take_second[place[n_a:]]
    keep_a[0] = keep_b[0] = False
    kept = np.where(keep_a[first], first, 0)
    free = (kept == 0) & keep_b[second]
    return np.where(free, second + (n_a - 1), kept).astype(np.int32)


def _value_objects(labels: Array, typical_area: float) -> tuple[Array, Array]:
    """Area of each label, and area times score; 0 for the background."""
    area, ellipticity = measure_ellipticity(labels)
    at_border = np.zeros(len(area), bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        at_border[edge] = True
    area[0] = 0
    return area, area * score_ellipses(ellipticity, area, typical_area, at_border)
