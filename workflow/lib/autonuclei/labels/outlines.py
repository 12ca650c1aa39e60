"""Outlines of nuclei along pixel corners, for all labels of an image or a strip in one pass."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.strips import hold, share_out


@dataclass(frozen=True)
class Outlines:
    """The outer boundary of every label of one image.

    Attributes
    ----------
    labels : (n,) int64
        The labels, ascending.
    n_pieces : (n,) int64
        In how many pieces (8-connected) each label lies. The outline is that of the piece
        that encloses the largest area.
    offsets : (n + 1,) int64
        The corners of label i are ``corners[offsets[i]:offsets[i + 1]]``.
    corners : (m, 2) int64
        x and y of pixel corners: (x, y) is the upper left corner of pixel [y, x] and so lies
        at (x - 0.5, y - 0.5) where pixel centres are at whole numbers. Clockwise on the
        screen, not closed, without corners on a straight line.
    """

    labels: npt.NDArray[np.int64]
    n_pieces: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    corners: npt.NDArray[np.int64]

    def get_corners(self, label: int) -> npt.NDArray[np.int64]:
        """Give the (k, 2) corners of one label; raise KeyError if the image has none of it."""
        index = int(np.searchsorted(self.labels, label))
        if index == len(self.labels) or self.labels[index] != label:
            raise KeyError(label)
        return self.corners[self.offsets[index] : self.offsets[index + 1]]


def trace_outlines(labels: ArrayLike) -> Outlines:
    """Trace the outer boundary of every label along the pixel corners.

    Each side of a pixel that borders another label is a directed edge with its own label on
    the right. Which edge follows depends on two pixels only, so the successors of all edges
    come from a few array operations; then each boundary is one cycle. Where two pixels of a
    label touch at a corner, the boundary goes on to the second one (8-connected). Holes are
    ignored. The area that an outline encloses is therefore the area of the piece with its
    holes filled.

    Parameters
    ----------
    labels : (height, width) int, or whole numbers as float
        Label image, 0 is background.

    Returns
    -------
    Outlines
    """
    parts = []
    for strip in share_out(hold(labels)):
        traced = _trace_strip(strip.own_labels)
        parts.append(replace(traced, corners=traced.corners + np.array([0, strip.block.row])))
    if len(parts) == 1:
        return parts[0]
    found, n_pieces, lengths = (
        np.concatenate(values)
        for values in zip(*((p.labels, p.n_pieces, np.diff(p.offsets)) for p in parts), strict=True)
    )
    order = np.argsort(found)
    begin = np.concatenate([[0], np.cumsum(lengths)])[order]
    offsets = np.concatenate([[0], np.cumsum(lengths[order])])
    take = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], lengths[order])
    corners = np.concatenate([part.corners for part in parts])[take]
    return Outlines(found[order], n_pieces[order], offsets, corners)


def _trace_strip(labels: npt.NDArray[np.generic]) -> Outlines:
    rings = _trace_rings(labels)
    outer = np.flatnonzero(rings.area > 0)
    ranked = outer[np.lexsort((-rings.area[outer], rings.owner[outer]))]
    found, first_of_label, n_pieces = np.unique(
        rings.owner[ranked], return_index=True, return_counts=True
    )
    chosen = ranked[first_of_label]
    begin, end = rings.offsets[:-1][chosen], rings.offsets[1:][chosen]
    offsets = np.concatenate([[0], np.cumsum(end - begin)])
    take = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], end - begin)
    return Outlines(found, n_pieces, offsets, rings.corners[take])


def list_sides(labels: npt.NDArray[Any], n_rows: int | None = None) -> npt.NDArray[Any]:
    """List the two labels on either side of all sides of pixels between different ones.

    Parameters
    ----------
    labels : (height, width) int
        Label image, 0 is background.
    n_rows
        Of the image, where `labels` has one more row, of which only the upper sides count.

    Returns
    -------
    (2, n) int
        Above and below, then left and right.
    """
    flat, width = labels.reshape(-1), labels.shape[1]
    above = np.flatnonzero(flat[width:] != flat[:-width])
    own = flat if n_rows is None else flat[: n_rows * width]
    left = np.flatnonzero(own[1:] != own[:-1])
    left = left[(left + 1) % width > 0]  # the next pixel lies in the same row
    places = np.concatenate([above, left]), np.concatenate([above + width, left + 1])
    return np.stack([flat[place] for place in places])


def trace_polygons(labels: ArrayLike) -> dict[int, list[list[npt.NDArray[np.int64]]]]:
    """Trace every label as polygons that hold its very pixels: all pieces, and their holes.

    Parameters
    ----------
    labels : (height, width) int
        Label image, 0 is background.

    Returns
    -------
    dict
        By label, ascending: its 4-connected pieces, each a list of rings: the outer boundary,
        then the holes. A ring is (k, 2) int64, corners as in `Outlines`, holes the other way
        round. No ring meets itself, so that these are polygons for any program; two rings of a
        piece may share a corner.
    """
    polygons: dict[int, list[list[npt.NDArray[np.int64]]]] = {}
    for strip in share_out(hold(labels)):
        polygons |= _trace_pieces(strip.own_labels, strip.block.row)
    return dict(sorted(polygons.items()))


def _trace_pieces(
    labels: npt.NDArray[Any], first_row: int
) -> dict[int, list[list[npt.NDArray[np.int64]]]]:
    from skimage.measure import label

    # Pieces that touch at a corner would be one ring that meets itself there.
    pieces = label(labels, background=0, connectivity=1)
    rings = _trace_rings(pieces)
    corners = rings.corners + np.array([0, first_row])
    of_piece = np.zeros(int(pieces.max(initial=0)) + 1, np.int64)
    of_piece[pieces.ravel()] = labels.ravel()
    polygons: dict[int, list[list[npt.NDArray[np.int64]]]] = {}
    # The one outer boundary of each piece comes first, holes have areas below 0.
    for ring in np.lexsort((-rings.area, rings.owner, of_piece[rings.owner])).tolist():
        own = polygons.setdefault(int(of_piece[rings.owner[ring]]), [])
        if rings.area[ring] > 0:
            own.append([])
        own[-1].append(corners[rings.offsets[ring] : rings.offsets[ring + 1]])
    return polygons


@dataclass(frozen=True)
class _Rings:
    """All boundaries of all labels: label, area (below 0 for a hole) and corners of each."""

    owner: npt.NDArray[np.int64]
    area: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    corners: npt.NDArray[np.int64]


def _trace_rings(labels: npt.NDArray[np.generic]) -> _Rings:
    padded = np.pad(labels, 1)
    width = padded.shape[1]
    flat = padded.ravel()
    # Offset to the pixel across the side, ahead along it, and across-and-ahead; the sides
    # are top (walked east), right (south), bottom (west), left (north).
    across = (-width, 1, width, -1)
    ahead = (1, width, -1, -width)

    # The frame of zeros keeps rows apart, so neighbours can be compared in the flat array.
    beside = np.flatnonzero(flat[1:] != flat[:-1])
    below = np.flatnonzero(flat[width:] != flat[:-width])
    owners = []
    for pixels in (below + width, beside, below, beside + 1):
        owners.append(pixels[flat[pixels] != 0])
    ids = [pixels * 4 + side for side, pixels in enumerate(owners)]
    edge_ids = np.concatenate(ids)
    if edge_ids.size == 0:
        none = np.zeros(0, np.int64)
        return _Rings(none, none.copy(), np.zeros(1, np.int64), np.zeros((0, 2), np.int64))

    next_ids = []
    for side in range(4):
        pixel = owners[side]
        own = flat[pixel]
        diagonal = pixel + ahead[side] + across[side]
        straight = pixel + ahead[side]
        next_ids.append(
            np.where(
                flat[diagonal] == own,
                diagonal * 4 + (side - 1) % 4,
                np.where(flat[straight] == own, straight * 4 + side, pixel * 4 + (side + 1) % 4),
            )
        )
    order = np.argsort(edge_ids, kind="stable")  # four runs in order, which it merges
    sorted_ids = edge_ids[order]
    walk, bounds = walk_rings(np.searchsorted(sorted_ids, np.concatenate(next_ids)[order]))
    walked = sorted_ids[walk]
    pixel, sides = np.divmod(walked, 4)
    y, x = np.divmod(pixel, width)
    # Where each side begins, in the coordinates of the image without its padding.
    x = x - 1 + ((sides == 1) | (sides == 2))
    y = y - 1 + ((sides == 2) | (sides == 3))

    step = np.array([1, 0, -1, 0])
    # Green's theorem; steps along x only. Positive for an outer boundary, negative for a hole.
    area = -np.add.reduceat(y * step[sides], bounds[:-1])
    owner = flat[pixel[bounds[:-1]]].astype(np.int64)

    previous = np.arange(len(walked)) - 1
    previous[bounds[:-1]] = bounds[1:] - 1
    is_corner = sides != sides[previous]
    offsets = np.concatenate([[0], np.cumsum(is_corner)])[bounds]
    return _Rings(owner, area, offsets, np.stack([x, y], axis=1)[is_corner])


def walk_rings(
    successor: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Walk along rings of edges.

    Parameters
    ----------
    successor : (n,) int64
        By edge the one that follows; each edge follows one.

    Returns
    -------
    walk : (n,) int64
        The edges one ring after the other, each ring from its least edge on.
    bounds : (k + 1,) int64
        Where in the walk each ring begins, and the end.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components, depth_first_order

    n = len(successor)

    def make_graph(following: npt.NDArray[np.int64]) -> csr_array:
        return csr_array((np.ones(n), following, np.arange(n + 1)), shape=(n, n))

    _, ring = connected_components(make_graph(successor), directed=False)
    first = np.sort(np.unique(ring, return_index=True)[1])
    before = np.empty(n, np.int64)
    before[successor] = np.arange(n)
    # Where a ring would close, the way goes on to the next one: one walk through all, which takes a
    # third of the time of a loop in Python.
    onward = successor.copy()
    onward[before[first]] = np.roll(first, -1)
    walk = depth_first_order(make_graph(onward), 0, return_predecessors=False)
    return walk, np.append(0, np.cumsum(np.bincount(ring)[ring[first]]))
