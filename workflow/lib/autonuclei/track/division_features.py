"""What tells a division from two nuclei that only lie beside each other."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autonuclei.track.frame_links import FrameLinks
from autonuclei.track.gaps import close_gaps
from autonuclei.track.robust import find_median
from autonuclei.track.spots import Bools, Floats, Ints, Spots

_HISTORY = 5  # frames before a division that tell what the mother usually looks like
_FUTURE = 4  # frames after it that tell whether the daughters live and grow
_DIVISIONS_ELSEWHERE = 5.0  # of a movie, for which those of all movies count
_LARGEST_LIKENESS = 5.0  # nats


@dataclass(frozen=True)
class TrackContext:
    """Past and future of every spot along its links, (n,); NaN where there is none.

    Attributes
    ----------
    contrast
        Log contrast over that of the frame, so that bleaching is no fading.
    chromatin
        Log of area times contrast; log area alone where there is no intensity.
    past_area, past_contrast, past_chromatin
        Medians (of log values) over the spot and the last frames before it.
    past_length
        Frames before the spot in its track, at most 5.
    growth, fading
        Mean log area and log contrast of the next frames over those of the spot.
    life
        Frames after the spot in its track, at most 4.
    returns
        Whether the track starts where an earlier one ended: a gap, no birth.
    goes_on
        Whether the track ends where a later one starts: a gap, no division.
    """

    contrast: Floats
    chromatin: Floats
    past_area: Floats
    past_contrast: Floats
    past_chromatin: Floats
    past_length: Floats
    growth: Floats
    fading: Floats
    life: Floats
    returns: Bools
    goes_on: Bools


def measure_context(spots: Spots, found: FrameLinks) -> TrackContext:
    """Measure what comes before and after each spot."""
    n, links = len(spots), found.links
    contrast = np.empty(n)
    for i in range(len(spots.frame_numbers)):
        here = spots.of(i)
        contrast[here] = spots.log_contrast[here] - find_median(spots.log_contrast[here])
    area = np.where(spots.at_border, np.nan, spots.log_area)
    chromatin = area + np.nan_to_num(contrast)
    past, lived = _follow_links(links.before, _HISTORY)
    past = np.column_stack([np.arange(n), past])
    ahead, life = _follow_links(links.following, _FUTURE)
    # A track that runs out of the field or of the movie has not died.
    last = np.arange(n)
    for column in ahead.T:
        last = np.where(column >= 0, column, last)
    censored = spots.at_border[last] | (spots.frame[last] == spots.frame[-1])
    gaps = close_gaps(
        spots,
        found.statistics,
        is_end=links.following < 0,
        is_start=links.before < 0,
        max_frame_gap=_FUTURE,
    )
    return TrackContext(
        contrast=contrast,
        chromatin=chromatin,
        past_area=_find_medians(area, past),
        past_contrast=_find_medians(contrast, past),
        past_chromatin=_find_medians(chromatin, past),
        past_length=np.where(spots.frame - lived <= spots.frame[0], np.nan, lived.astype(float)),
        growth=_find_means(area, ahead) - area,
        fading=_find_means(contrast, ahead) - contrast,
        life=np.where(censored & (life < _FUTURE), np.nan, life.astype(float)),
        returns=gaps.before >= 0,
        goes_on=gaps.following >= 0,
    )


def _follow_links(links: Ints, n_frames: int) -> tuple[Ints, Ints]:
    """The next `n_frames` spots along the links (n, n_frames), -1 after the end; how many."""
    found = np.full((len(links), n_frames), -1, np.int64)
    at = np.arange(len(links))
    for column in range(n_frames):
        at = np.where(at >= 0, links[at], -1)
        found[:, column] = at
    return found, (found >= 0).sum(axis=1)


def _gather(values: Floats, spots: Ints) -> Floats:
    return np.where(spots >= 0, values[spots], np.nan)


def _find_medians(values: Floats, spots: Ints) -> Floats:
    gathered = np.sort(_gather(values, spots), axis=1)  # NaN last
    number = np.isfinite(gathered).sum(axis=1)
    rows = np.arange(len(gathered))
    lower, upper = np.maximum(number - 1, 0) // 2, np.maximum(number, 1) // 2
    return np.asarray((gathered[rows, lower] + gathered[rows, upper]) / 2)


def _find_means(values: Floats, spots: Ints) -> Floats:
    gathered = _gather(values, spots)
    number = np.isfinite(gathered).sum(axis=1)
    total = np.nansum(gathered, axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _average(one: Floats, other: Floats) -> Floats:
    """Mean of two values, or the one that is known."""
    return np.asarray(
        (np.where(np.isnan(one), other, one) + np.where(np.isnan(other), one, other)) / 2
    )


def describe_divisions(
    spots: Spots, found: FrameLinks, context: TrackContext, trios: Ints
) -> dict[str, Floats]:
    """Describe possible divisions by features without units.

    Lengths are in diameters of the mother, areas and intensities log ratios.

    Parameters
    ----------
    trios : (m, 3)
        Mother and two daughters of each, as numbers of spots.

    Returns
    -------
    dict of (m,) float64
        NaN where unknown. `middle`: from the mother's expected place to the middle between the
        daughters; `middle_moves`: the same in widths of usual steps; `separation`: between the
        daughters; `lopsided`: difference of their distances from the mother over the sum;
        `area_differs`, `mean_differs`: between the daughters; `total_sum`, `larger_total`:
        chromatin of both, and of the one with more, against the mother's past;
        `larger_daughter_now`: area of the larger one against the mother's last;
        `mother_brightens`: in her last frame; `daughters_grow`, `daughters_fade`: in their next
        frames; `daughters_across`: 1 for two plates that stand across the line between them;
        `mother_lived`: frames; `new`: 2 for two daughters that no other link explains;
        `enters`: daughters that begin at the border; `returns`: a track goes on after a gap;
        `remerges`: 1 for a nucleus that was split for a few frames; `mother_swells`: two nuclei
        that were merged in her last frame.
    """
    mother, a, b = trios.T
    following, before = found.links.following, found.links.before
    diameter = 2 * np.sqrt(np.exp(context.past_area[mother]) / np.pi) * spots.length_per_px
    diameter = np.where(np.isfinite(diameter), diameter, found.statistics.diameter)
    place = spots.position[mother] + found.expected[mother]
    to_a, to_b = spots.position[a] - place, spots.position[b] - place
    length_a, length_b = np.hypot(*to_a.T), np.hypot(*to_b.T)
    middle = np.hypot(*((to_a + to_b) / 2).T)
    axis = to_b - to_a
    area = np.where(spots.at_border, np.nan, spots.log_area)
    past_area, past_chromatin = context.past_area[mother], context.past_chromatin[mother]
    chromatin_a, chromatin_b = context.chromatin[a], context.chromatin[b]

    def across(spot: Ints) -> Floats:
        # 1 for a plate that stands across the axis, -1 for one along it, 0 for a disc.
        angle = spots.orientation[spot] - np.arctan2(axis[:, 1], axis[:, 0])
        shape = np.where(spots.at_border[spot], np.nan, spots.eccentricity[spot])
        return np.asarray(-np.cos(2 * angle) * shape**2)

    # One daughter vanishes within a few frames; the other then has the size of the mother, or
    # is gone as well.
    life_a, life_b = (np.nan_to_num(context.life[spot], nan=_FUTURE) for spot in (a, b))
    brief = np.minimum(life_a, life_b) < _FUTURE
    survivor = np.where(life_a > life_b, a, b)
    grown = area[survivor] + context.growth[survivor] - past_area
    remerges = np.where(brief, np.nan_to_num(np.exp(-((grown / 0.3) ** 2)), nan=1.0), 0.0)
    follower = following[mother]
    new_a, new_b = before[a] < 0, before[b] < 0
    return {
        "middle": np.clip(middle / diameter, 0, 1.5),
        "middle_moves": np.clip(
            middle / np.hypot(found.statistics.step_sigma, 0.15 * diameter), 0, 5
        ),
        "separation": np.clip(np.hypot(*axis.T) / diameter, 0, 2),
        "lopsided": np.abs(length_a - length_b) / np.maximum(length_a + length_b, 1e-9),
        "area_differs": np.clip(np.abs(area[a] - area[b]), 0, 1.2),
        "mean_differs": np.clip(np.abs(spots.log_contrast[a] - spots.log_contrast[b]), 0, 1),
        "total_sum": np.clip(
            np.log(np.exp(chromatin_a) + np.exp(chromatin_b)) - past_chromatin, -1.2, 1.2
        ),
        "larger_total": np.clip(np.fmax(chromatin_a, chromatin_b) - past_chromatin, -1.5, 0.7),
        "larger_daughter_now": np.clip(np.fmax(area[a], area[b]) - area[mother], -1.5, 1),
        "mother_brightens": np.clip(
            context.contrast[mother] - context.past_contrast[mother], -0.5, 0.8
        ),
        "daughters_grow": np.clip(_average(context.growth[a], context.growth[b]), -0.5, 0.7),
        "daughters_fade": np.clip(_average(context.fading[a], context.fading[b]), -0.7, 0.5),
        "daughters_across": _average(across(a), across(b)),
        "mother_lived": context.past_length[mother],
        "new": 1.0 * new_a + new_b + ((follower == a) | (follower == b)),
        "enters": 1.0 * (new_a & spots.at_border[a]) + (new_b & spots.at_border[b]),
        "returns": 1.0 * (context.returns[a] | context.returns[b] | context.goes_on[mother]),
        "remerges": remerges,
        "mother_swells": np.clip(area[mother] - past_area - 0.25, 0, 0.5),
    }


def compare_looks(
    features: Mapping[str, Floats], sure: Bools, looks: Mapping[str, tuple[float, float]]
) -> Floats:
    """Compare possible divisions with the sure ones of the same movie.

    A feature that differs much among these, as where mitosis does not show, tells nothing then.

    Parameters
    ----------
    features : dict of (m,)
    sure : (m,)
        Which are divisions beyond doubt. None of them is compared with itself.
    looks : dict
        By feature: mean and variance among the divisions of many movies.

    Returns
    -------
    (m,) float64
        How much likelier (nats) the features are for a division of this movie than for one of any
        movie, each feature on its own; -5 to 5, and 0 where nothing is known.
    """
    likeness = np.zeros(len(sure))
    for name, (mean, variance) in looks.items():
        values = features[name]
        known = np.isfinite(values)
        counts = sure & known
        own = np.where(counts, values, 0.0)  # what each itself adds to the sums
        n = _DIVISIONS_ELSEWHERE + counts.sum() - counts
        mean_here = (_DIVISIONS_ELSEWHERE * mean + own.sum() - own) / n
        square = _DIVISIONS_ELSEWHERE * (variance + mean**2) + (own**2).sum() - own**2
        variance_here = square / n - mean_here**2
        gain = (values - mean) ** 2 / variance - (values - mean_here) ** 2 / variance_here
        gain -= np.log(variance_here / variance)
        likeness += np.where(known, gain / 2, 0.0)
    return np.clip(likeness, -_LARGEST_LIKENESS, _LARGEST_LIKENESS)
