"""Clumps of touching nuclei, cut between their notches.

Two nuclei that touch leave a notch on either side of the line where they meet. Of all straight
cuts through an object, the one is looked for that is short and leaves the best ellipses. It is
made where the pieces are large enough, good ellipses, and better ones than the object.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from autonuclei.labels.shapes import count_pixels, fit_moments, measure_polygon, sum_moments

Array = npt.NDArray[Any]

# Smallest object that is cut, and smallest piece, relative to the median area of the image.
LEAST_CLUMP = 1.4
LEAST_PIECE = 0.5
# Least mean ellipticity of the pieces. Half an ellipse has 0.946, most nuclei have 0.97 to 0.99.
LEAST_ELLIPTICITY = 0.975
# Longest cut, in diameters of the smaller piece, and what a cut of one diameter costs in
# ellipticity.
LONGEST_CUT = 1.1
COST_OF_LENGTH = 0.1
# Points along the outline between which cuts are looked for.
N_POINTS = 64


def cut_clumps(labels: Array, typical_area: float | None = None) -> tuple[Array, Array]:
    """Cut objects that are several touching nuclei.

    Parameters
    ----------
    labels : (height, width) int
        Label image.
    typical_area
        Of a nucleus, in px; None: the median of these.

    Returns
    -------
    cut : (height, width) int32
        Label image of the same foreground. One piece of an object keeps its number, the others
        get numbers above the highest.
    origin : (n + 1,) int
        origin[i] is the number that object i had in `labels`.
    """
    cut = labels.astype(np.int32)
    area = count_pixels(cut)
    origin = list(range(len(area)))
    if not area.any():
        return cut, np.array(origin)
    typical = float(np.median(area[area > 0])) if typical_area is None else typical_area
    boxes = ndi.find_objects(cut)
    for label in np.flatnonzero(area >= LEAST_CLUMP * typical):
        box = boxes[label - 1]
        for piece, _ in cut_object(cut[box] == label, typical)[1:]:
            cut[box][piece] = len(origin)
            origin.append(int(label))
    return cut, np.array(origin)


def cut_object(inside: Array, typical_area: float) -> list[tuple[Array, float]]:
    """Masks of the nuclei that one object is made of, each with its ellipticity.

    Pieces are cut further as long as that helps; it is the last ones that must be good. Gives
    the object itself where it is one nucleus.
    """
    from skimage.draw import polygon2mask

    outline = trace_outline(inside)
    ellipticity = measure_polygon(outline)
    whole = [(inside, ellipticity)]
    if np.count_nonzero(inside) < LEAST_CLUMP * typical_area:
        return whole
    chord = find_best_chord(outline, inside, LEAST_PIECE * typical_area)
    if chord is None:
        return whole
    start, end = chord
    piece = inside & polygon2mask(inside.shape, outline[start : end + 1])
    halves = (piece, inside & ~piece)
    if not all(half.any() for half in halves):
        return whole
    pieces = [part for half in halves for part in cut_object(half, typical_area)]
    area = [np.count_nonzero(part) for part, _ in pieces]
    mean = float(np.average([fit for _, fit in pieces], weights=area))
    return pieces if mean >= max(LEAST_ELLIPTICITY, ellipticity) else whole


def trace_outline(inside: Array) -> Array:
    """Points along the outer outline of a mask, evenly spaced; (n, 2) rows and columns."""
    from skimage.measure import find_contours

    outlines = find_contours(np.pad(inside, 1).astype(np.float32), 0.5)
    closed = max(outlines, key=len) - 1
    along = np.append(0, np.cumsum(np.hypot(*np.diff(closed, axis=0).T)))
    steps = np.linspace(0, along[-1], N_POINTS, endpoint=False)
    return np.stack([np.interp(steps, along, axis) for axis in closed.T], axis=1)


def find_best_chord(outline: Array, inside: Array, least_piece_px: float) -> tuple[int, int] | None:
    """Indices of the two points of an outline between which a cut leaves the best ellipses.

    The value of a cut is the mean ellipticity of both pieces, weighed by area, less the cost of
    its length. The moments of all pieces come from sums along the outline (Green's theorem).
    None where no cut lies inside and leaves large enough pieces.
    """
    points = outline - outline.mean(axis=0)
    steps = sum_moments(points, np.roll(points, -1, axis=0))
    along = np.concatenate([np.zeros((1, 6)), np.cumsum(steps, axis=0)])
    start, end = np.triu_indices(len(points), 3)
    first = along[end] - along[start] + sum_moments(points[end], points[start])
    # The sign of the area tells the direction; a piece of the other sign crosses itself.
    sign = np.sign(along[-1, 0])
    area, ellipticity = fit_moments(sign * np.stack([first, along[-1] - first]))
    smaller = area.min(axis=0)
    length = np.hypot(*(points[start] - points[end]).T)
    diameter = 2 * np.sqrt(smaller / np.pi)
    possible = (smaller >= least_piece_px) & (length < LONGEST_CUT * diameter)
    value = (area * ellipticity).sum(axis=0) / area.sum(axis=0) - COST_OF_LENGTH * length / diameter
    value[~possible] = -np.inf
    between = np.linspace(0.15, 0.85, 8)[:, None]
    for best in np.argsort(-value)[: np.count_nonzero(possible)]:
        line = outline[start[best]] * (1 - between) + outline[end[best]] * between
        rows, columns = np.round(line).astype(int).T
        if inside[rows, columns].all():
            return int(start[best]), int(end[best])
    return None
