"""What frames of a movie tell of each other: jumps, missing and foreign frames, fading light.

A frame that is fine by itself may still not belong where it is. It is compared with the frame
before, by the masks alone, and with all frames of its movie.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.strips import list_strips

Array = npt.NDArray[Any]
NAN = float("nan")

# Of each frame against the one before; `compare_frames`.
PAIR_COLUMNS = ("resemblance", "shift_px", "movement_px")
# Of each frame against all of its movie; `compare_with_movie`.
MOVIE_COLUMNS = (
    "jump",
    "relative_movement",
    "relative_light",
    "relative_sharpness",
    "count_change",
)

# Side of a pixel in which masks are laid over each other, per diameter of a nucleus.
PIXELS_PER_DIAMETER = 6
# A shift of up to a diameter is taken if its correlation is this part of the best: nuclei on a
# regular pattern look the same a whole step further.
NEARLY_BEST = 0.8
FEWEST_NUCLEI = 6  # fewer tell nothing
# Shorter movies do not tell what is usual in them.
FEWEST_FRAMES = 5
# Frames with which the number of nuclei is compared, and how many of them come before.
FRAMES_AROUND, FRAMES_BESIDE = 4, 2
# Standard deviations of a number that is counted, which chance makes.
CHANCE = 3.0
# The step of the median nucleus is compared with this many before and after it.
STEPS_BESIDE = 4
# Its standard deviation by chance, in parts of itself, times the root of the number of nuclei;
# drawn movies of 8 to 45 nuclei have this.
STEP_SPREAD = 0.65
# So many standard deviations, and at least this factor, make a step that is longer than usual.
STEP_CHANCE, LEAST_STEP = 4.0, 1.4


def compare_frames(
    previous: ArrayLike,
    current: ArrayLike,
    places_before: Array,
    places: Array,
    *,
    diameter_px: float,
) -> dict[str, float]:
    """Compare the masks of a frame with those of the frame before, wherever these have gone.

    Parameters
    ----------
    previous, current : (height, width) int
        Label images of the same shape.
    places_before, places : (n, 2), (m, 2)
        Centroids (row, column) of their nuclei in px; rows of NaN are passed over.
    diameter_px
        Of a nucleus.

    Returns
    -------
    dict
        `PAIR_COLUMNS`, NaN with fewer than six nuclei in one of them: correlation of the two
        masks at the shift at which it is largest (1: the same masks); length of that shift; how
        far the median nucleus goes beside it.
    """
    row = dict.fromkeys(PAIR_COLUMNS, NAN)
    one, other = (own[np.isfinite(own[:, 0])] for own in (places_before, places))
    if min(len(one), len(other)) < FEWEST_NUCLEI:
        return row
    row["resemblance"], shift = lay_over(previous, current, diameter_px=diameter_px)
    moves = _pair_nearest(one + shift, other)
    # The shift is known to `side` px only.
    common = np.median(moves, axis=0)
    row["shift_px"] = float(np.hypot(*(shift + common)))
    row["movement_px"] = float(np.median(np.hypot(*(moves - common).T)))
    return row


def lay_over(one: ArrayLike, other: ArrayLike, *, diameter_px: float) -> tuple[float, Array]:
    """Find where the masks of one label image lie in another one.

    Parameters
    ----------
    one, other : (height, width) int
        Label images of the same shape.
    diameter_px
        Of a nucleus.

    Returns
    -------
    resemblance : float
        Correlation of the two masks at the shift at which it is largest (1: the same masks); NaN
        where one is empty or full.
    shift : (2,)
        From the one to the other, rows and columns, in px; to a sixth of a diameter.
    """
    side = max(1, int(diameter_px / PIXELS_PER_DIAMETER))
    resemblance, shift = _correlate(_shrink(one, side), _shrink(other, side))
    return resemblance, shift * side


def _shrink(labels: ArrayLike, side: int) -> Array:
    """Share of nuclei in each square, float32; what is left over at the ends is cut off."""
    columns = labels.shape[1] // side
    strips = []
    for block in list_strips(labels.shape, multiple=side):
        rows = (block.end_row - block.row) // side
        strip = labels[block.row : block.row + rows * side, : columns * side] > 0
        # Along rows first: neighbours in memory are added at once.
        count = strip.reshape(rows, side, -1).sum(axis=1, dtype=np.uint16)
        count = count.reshape(rows, columns, side).sum(axis=2, dtype=np.float32)
        strips.append(count / np.float32(side**2))
    return np.concatenate(strips)


def _correlate(one: Array, other: Array) -> tuple[float, Array]:
    """Largest correlation of two images over all shifts, and the shift from one to the other.

    Of shifts that are nearly as good, one of at most a diameter goes first.
    """
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    if size == 0:
        return NAN, np.zeros(2)
    product = np.conj(np.fft.rfft2(one)) * np.fft.rfft2(other)
    correlation = np.fft.irfft2(product, s=one.shape)
    # Shifts of more than half the image are those to the other side.
    rows, columns = (np.fft.fftfreq(n, 1 / n) for n in one.shape)
    near = np.where(np.hypot(rows[:, None], columns) <= PIXELS_PER_DIAMETER, correlation, -np.inf)
    best = near if near.max() >= NEARLY_BEST * correlation.max() else correlation
    row, column = np.unravel_index(int(best.argmax()), one.shape)
    return float(best.max()) / size, np.array([rows[row], columns[column]])


def _pair_nearest(one: Array, other: Array) -> Array:
    """Steps (row, column) between nuclei that are each other's nearest; (n, 2), never empty."""
    nearest = cKDTree(other).query(one)[1]
    back = cKDTree(one).query(other)[1]
    mutual = back[nearest] == np.arange(len(one))
    return np.asarray(other[nearest[mutual]] - one[mutual])


def compare_with_movie(images: pd.DataFrame) -> pd.DataFrame:
    """Compare each frame with all of its movie.

    Parameters
    ----------
    images : DataFrame
        `n_nuclei`, `diameter_px`, `light`, `sharpness`, `shift_px` and `movement_px` of each
        frame, in order.

    Returns
    -------
    DataFrame
        `MOVIE_COLUMNS`, a row per frame: jump (how far the shift from the frame before differs
        from that between most frames, in diameters), relative_movement (how far nuclei go from
        the frame before, over the longest step that chance would make of those around it),
        relative_light (brightness of
        the nuclei above the background, over that of the brightest frames), relative_sharpness
        (over that of most frames), count_change (share by which the number of nuclei differs
        from that of the four frames around, beyond chance). NaN in movies of fewer than five
        frames.
    """
    table = pd.DataFrame(NAN, index=images.index, columns=list(MOVIE_COLUMNS))
    if len(images) < FEWEST_FRAMES:
        return table
    shift, diameter = images["shift_px"], images["diameter_px"].median()
    table["jump"] = (shift - shift.median()).abs() / diameter
    table["relative_movement"] = _compare_steps(
        images["movement_px"].to_numpy(np.float64), images["n_nuclei"].to_numpy(np.float64)
    )
    table["relative_light"] = _divide(images["light"], float(images["light"].quantile(0.9)))
    table["relative_sharpness"] = _divide(images["sharpness"], images["sharpness"].median())
    table["count_change"] = _compare_counts(images["n_nuclei"].to_numpy(np.float64))
    return table


def _divide(values: pd.Series, by: float) -> pd.Series:
    return values / by if by > 0 else values * NAN


def _compare_steps(step: Array, count: Array) -> Array:
    """Each step over the longest one that chance makes, by the steps around it."""
    usual = np.full(len(step), np.nan)
    for k in range(len(step)):
        first = max(0, k - STEPS_BESIDE)
        around = np.delete(step[first : k + STEPS_BESIDE + 1], k - first)
        if (known := around[np.isfinite(around)]).any():
            usual[k] = np.median(known)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = step / usual
        change = np.log(ratio[ratio > 0])
        seen = 1.4826 * np.median(np.abs(change)) if len(change) else 0.0
        chance = STEP_SPREAD / np.sqrt(count)
        # What few steps show is uncertain, and nuclei of one field do not move independently.
        spread = np.maximum(chance, np.sqrt((chance**2 + seen**2) / 2))
        return np.asarray(ratio / np.maximum(LEAST_STEP, np.exp(STEP_CHANCE * spread)))


def _compare_counts(count: Array) -> Array:
    change = np.full(len(count), NAN)
    for k, own in enumerate(count):
        # As many at the ends of the movie, so that one bad frame does not make half of them.
        first = min(max(0, k - FRAMES_BESIDE), max(0, len(count) - FRAMES_AROUND - 1))
        around = np.delete(count[first : first + FRAMES_AROUND + 1], k - first)
        around = around[np.isfinite(around)]
        if len(around) and np.isfinite(own):
            usual = float(np.median(around))
            beyond = abs(own - usual) - CHANCE * np.sqrt(max(usual, 1))
            change[k] = max(0.0, beyond) / max(usual, 1)
    return change
