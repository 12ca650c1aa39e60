"""The light beside the cells: the local background of an image."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.strips import take_pixels

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Side of a block: in diameters of a nucleus, at least in px, and how many an image may have.
BLOCK_DIAMETERS, SMALLEST_BLOCK_PX, MOST_BLOCKS = 1.5, 32, 500
# A block, or an image, with fewer free pixels has no background of its own.
FEWEST_PX = 100
# Pixels that are read along each side of a block: more make it no better.
SAMPLED_PX = 36
# A background is local if it was measured no farther away than this, in sides of a block.
LOCAL_BLOCKS = 3
# Held against the slope: it cannot be known where all measured blocks lie in one spot.
SLOPE_PENALTY = 0.05


class Background(NamedTuple):
    """The background of an image at n places.

    Attributes
    ----------
    level : (n,) float64
        Grey value, NaN where unknown.
    error : (n,) float64
        Its standard error, from how far blocks are from a smooth surface.
    is_local : (n,) bool
        Whether it was measured near the place.
    """

    level: Floats
    error: Floats
    is_local: Flags

    @classmethod
    def none(cls, n: int) -> "Background":
        """That of an image from which it was taken off before."""
        return cls(np.zeros(n), np.zeros(n), np.zeros(n, np.bool_))

    def take(self, index: Array) -> "Background":
        """The background at some of the places."""
        return Background(self.level[index], self.error[index], self.is_local[index])


class BackgroundGrid:
    """The pixels free of cells, in blocks, from which the background of a channel is measured.

    As in SExtractor (Bertin and Arnouts 1996, Astronomy and Astrophysics Supplement 117:393)
    each block has a level, see `find_level`, blocks that stand out are left out, and a smooth
    surface goes through the rest. Here it is a local regression (Cleveland 1979, Journal of the
    American Statistical Association 74:829): at each place a plane is fitted to the levels,
    near blocks counting more, so that a slope is followed up to the border and over places
    where cells leave no pixel free. Light of cells only ever adds: only blocks above the
    surface, by three standard deviations of all, are left out.

    Parameters
    ----------
    free : (height, width) bool
        Pixels without any cell.
    y_px, x_px : (n,) float64
        The places where the background is wanted.
    diameter_px
        Of a typical nucleus. Blocks are 1.5 times as wide, at least 32 px, and so wide that
        about 500 cover the image. One with fewer than 100 pixels does not count; where no block
        has more, all free pixels together have one level.
    """

    def __init__(self, free: Flags, y_px: Floats, x_px: Floats, *, diameter_px: float) -> None:
        widest = float(np.sqrt(free.size / MOST_BLOCKS))
        side = max(SMALLEST_BLOCK_PX, BLOCK_DIAMETERS * diameter_px, widest)
        step = max(1, int(side / SAMPLED_PX))
        rows, columns = np.nonzero(free[::step, ::step])
        rows, columns = rows * step, columns * step
        block = (rows / side).astype(np.int64) * (int(free.shape[1] / side) + 1)
        block += (columns / side).astype(np.int64)
        counts = np.bincount(block, minlength=1)
        self.is_one = bool(counts.max() < FEWEST_PX)
        if self.is_one:
            rows, columns = np.nonzero(free)
            block, counts = np.zeros(len(rows), np.int64), np.array([len(rows)])
        is_enough = counts >= FEWEST_PX
        order = np.argsort(block, kind="stable")
        order = order[is_enough[block[order]]]
        self.counts = counts[is_enough]
        self.places = rows[order] * free.shape[1] + columns[order]
        self.y = _average_groups(rows[order], self.counts) / side
        self.x = _average_groups(columns[order], self.counts) / side
        self.place_y, self.place_x = y_px / side, x_px / side
        self.near_places = self._weigh_blocks(self.place_y, self.place_x)
        self.near_blocks = self._weigh_blocks(self.y, self.x)

    def _weigh_blocks(self, y: Floats, x: Floats) -> npt.NDArray[np.float32]:
        """Weight of each block at each place, (n, n_blocks).

        It falls fast, but never to nothing: far blocks count where no near one is left.
        """
        weights: npt.NDArray[np.float32] = np.subtract.outer(y, self.y).astype(np.float32) ** 2
        weights += np.subtract.outer(x, self.x).astype(np.float32) ** 2
        weights += 1
        return np.asarray(weights**-3)

    def measure(self, image: ArrayLike) -> Background:
        """Measure the background of an image (height, width).

        Pixels that are NaN or infinite are not looked at.
        """
        n = len(self.place_y)
        ends = np.cumsum(self.counts)
        values = take_pixels(image, self.places)
        bounds = zip((ends - self.counts).tolist(), ends.tolist(), strict=True)
        levels = np.array([find_level(values[start:end]) for start, end in bounds])
        known = np.isfinite(levels)
        if self.is_one or not known.any():
            level = levels[0] if known.any() else np.nan
            return Background(np.full(n, level), np.zeros(n), np.zeros(n, np.bool_))
        # Sums of small numbers lose less.
        middle = float(np.median(levels[known]))
        levels = np.where(known, levels - middle, 0)
        weights = np.where(known, self.counts, 0).astype(np.float64)
        spread = 0.0
        for _ in range(3):
            surface = self._fit_planes(self.near_blocks, self.y, self.x, levels, weights)
            above = levels - surface
            spread = 1.4826 * float(np.median(np.abs(above[weights > 0])))
            stands_out = (above > 3 * spread) & (weights > 0)
            if not stands_out.any():
                break
            weights[stands_out] = 0
        near = self.near_places
        level = self._fit_planes(near, self.place_y, self.place_x, levels, weights)
        share = (near**2 @ weights**2) / (near @ weights) ** 2
        closest = near[:, weights > 0].max(axis=1)
        is_local = closest >= (1 + LOCAL_BLOCKS**2) ** -3
        return Background(middle + level, spread * np.sqrt(share), is_local)

    def _fit_planes(
        self, near: Array, y: Floats, x: Floats, levels: Floats, weights: Floats
    ) -> Floats:
        """Levels at places, from a plane fitted to the levels of the blocks near each."""
        v, u = self.y, self.x
        terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v])
        terms = np.concatenate([terms, levels * terms[:3]])
        one, su, sv, suu, suv, svv, sz, szu, szv = (near @ (weights * terms).T).T
        # From here on offsets are from the place itself.
        suu, svv = suu - 2 * x * su + x * x * one, svv - 2 * y * sv + y * y * one
        suv = suv - x * sv - y * su + x * y * one
        szu, szv = szu - x * sz, szv - y * sz
        su, sv = su - x * one, sv - y * one
        penalty = SLOPE_PENALTY * one
        matrix = np.array([[one, su, sv], [su, suu + penalty, suv], [sv, suv, svv + penalty]])
        solved = np.linalg.solve(matrix.transpose(2, 0, 1), np.array([sz, szu, szv]).T[..., None])
        return np.asarray(solved[:, 0, 0])


def _average_groups(values: Array, counts: Array) -> Floats:
    group = np.repeat(np.arange(len(counts)), counts)
    return np.asarray(np.bincount(group, weights=values, minlength=len(counts)) / counts)


def find_level(values: Array) -> float:
    """Find the level of pixels of which some are too bright; NaN for fewer than 100 pixels.

    The median of those below a limit, three standard deviations above it; these are measured
    below the median, where no light of cells is. That lets up to about a third of the pixels be
    parts of cells. Whole numbers stand for the range that was rounded to them, so that the
    level of a dark image is not a step of its grey values.

    Parameters
    ----------
    values : (n,)
        Those that are NaN or infinite do not count.
    """
    is_whole = values.dtype.kind != "f"
    values = np.sort(values if is_whole else values[np.isfinite(values)])
    n = len(values)
    if n < FEWEST_PX:
        return np.nan
    middle = 0.0
    for _ in range(20):
        middle = float(values[n // 2])
        spread = max(middle - float(values[int(0.1587 * n)]), 1.0 if is_whole else 0.0)
        below = int(np.searchsorted(values[:n], middle + 3 * spread, side="right"))
        if below == n:
            break
        n = below
    if not is_whole:
        return float(np.median(values[:n]))
    first = int(np.searchsorted(values[:n], middle, side="left"))
    last = int(np.searchsorted(values[:n], middle, side="right"))
    return middle - 0.5 + (n / 2 - first) / (last - first)
