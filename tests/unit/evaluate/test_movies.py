"""What frames of a movie tell of each other, on drawn movies with a fault and without one."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from autonuclei.evaluate.indicators import GOOD, LOOK, UNSUITABLE
from autonuclei.evaluate.movies import (
    MOVIE_COLUMNS,
    PAIR_COLUMNS,
    compare_frames,
    compare_with_movie,
)
from autonuclei.evaluate.quality import Page, measure_sample
from autonuclei.evaluate.verdicts import judge_frames, judge_samples
from autonuclei.example.spoiled_movies import SPOILED, SpoiledMovie, draw_clean
from shapes import GRID, draw_disks

# Faults that are found by the frame; the table of docs/quality.md has them all.
FOUND = (
    "out of focus, by a quarter",
    "dark frame",
    "repeated frame",
    "five frames dropped",
    "jump by two diameters",
    "another position from frame 5 on",
)


def measure(movie: SpoiledMovie) -> pd.DataFrame:
    digests = {k: hashlib.sha256(page.tobytes()).hexdigest() for k, page in enumerate(movie.images)}
    pages = zip(movie.images, movie.labels.astype(np.int32), strict=True)
    images, _ = measure_sample(
        [Page(k, *page) for k, page in enumerate(pages)],
        pd.DataFrame(columns=["frame", "label", "probability"]),
        is_movie=True,
        digests=digests,
    )
    return images.assign(sample="film")


@pytest.mark.parametrize("name", FOUND)
def test_faults_are_found_with_their_frames(name: str) -> None:
    movie = SPOILED[name](1)
    images = measure(movie)
    (sample,) = judge_samples(images, movies=["film"])
    assert tuple(sample["frames"]) == movie.bad, sample["words"]
    quality = judge_frames(images)
    assert (quality[list(movie.bad)] == UNSUITABLE).all()
    others = quality.drop(list(movie.bad))
    # One dark frame leaves the others as they are.
    assert (others == GOOD).all()


def test_bleaching_is_told_and_no_reason_to_leave_frames_out() -> None:
    images = measure(SPOILED["bleaching, 25 % a frame"](1))
    (sample,) = judge_samples(images, movies=["film"])
    assert sample["frames"] == [4, 5, 6, 7]
    assert "much dimmer than the brightest" in sample["words"]
    assert judge_frames(images).tolist()[:6] == [GOOD] * 4 + [LOOK] * 2


@pytest.mark.parametrize("changes", [{}, {"speed_um_per_min": 0.5, "drift_jitter_um": 2.0}])
def test_movies_without_a_fault_raise_no_alarm(changes: dict[str, float]) -> None:
    images = measure(draw_clean(7, **changes))
    assert (judge_frames(images) == GOOD).all()
    (sample,) = judge_samples(images, movies=["film"])
    assert (sample["verdict"], sample["words"]) == (GOOD, "")


def draw_at(
    places: Sequence[tuple[float, float]] | npt.NDArray[np.float64],
) -> npt.NDArray[np.int32]:
    return draw_disks((96, 96), [(int(y), int(x)) for y, x in places], 8)


@pytest.mark.parametrize("step", [(0, 0), (6, -4), (0, 12)])
def test_masks_are_laid_over_each_other_wherever_they_went(step: tuple[int, int]) -> None:
    """The nuclei lie on a grid that looks the same 32 px further."""
    one = draw_disks((96, 96), GRID, 8)
    places = np.array(GRID, np.float64)
    row = compare_frames(one, np.roll(one, step, (0, 1)), places, places + step, diameter_px=16)
    assert tuple(row) == PAIR_COLUMNS
    assert row["resemblance"] == pytest.approx(1, abs=0.02)
    assert row["shift_px"] == pytest.approx(np.hypot(*step), abs=1e-9)
    assert row["movement_px"] == pytest.approx(0, abs=1e-9)


def test_movement_is_without_the_shift_of_all() -> None:
    places = np.array(GRID, np.float64)
    own = np.array([(3, 0), (-3, 0), (0, 3), (0, -3), (0, 0), (3, 0), (-3, 0), (0, 3), (0, -3)])
    row = compare_frames(
        draw_at(places), draw_at(places + own + (4, 4)), places, places + own + (4, 4),
        diameter_px=16,
    )  # fmt: skip
    assert row["shift_px"] == pytest.approx(np.hypot(4, 4))
    assert row["movement_px"] == pytest.approx(3)


def test_few_nuclei_and_short_movies_tell_nothing() -> None:
    few = draw_disks((96, 96), GRID[:5], 8)
    places = np.array(GRID[:5], np.float64)
    assert np.isnan(list(compare_frames(few, few, places, places, diameter_px=16).values())).all()
    movie = draw_clean(1)
    short = measure(replace(movie, images=movie.images[:4], labels=movie.labels[:4]))
    assert short[list(MOVIE_COLUMNS)].isna().all(axis=None)
    assert short["resemblance"].notna().tolist() == [False, True, True, True]


@pytest.mark.parametrize(("n", "longest"), [(10, 2.28), (40, 1.51), (1000, 1.4)])
def test_a_step_is_compared_with_those_around_it(n: int, longest: float) -> None:
    columns = ("n_nuclei", "diameter_px", "light", "sharpness", "shift_px", "movement_px")
    images = pd.DataFrame(1.0, index=range(40), columns=list(columns))
    images["n_nuclei"] = n
    # Nuclei slow down to a third over the movie, which is no fault; one frame is missing.
    images["movement_px"] = np.linspace(3, 1, 40)
    images.loc[20, "movement_px"] *= 1.7
    images.loc[[0, 30], "movement_px"] = np.nan
    change = compare_with_movie(images)["relative_movement"]
    assert change[20] == pytest.approx(1.7 / longest, rel=0.03)
    assert change.drop(20).max() < 0.85
    assert change.isna().tolist() == [k in (0, 30) for k in range(40)]
    still = compare_with_movie(images.assign(movement_px=0.0))["relative_movement"]
    assert still.isna().all()


def test_numbers_of_nuclei_are_compared_with_the_frames_around() -> None:
    columns = ("n_nuclei", "diameter_px", "light", "sharpness", "shift_px", "movement_px")
    images = pd.DataFrame(1.0, index=range(9), columns=list(columns))
    images["n_nuclei"] = [30, 32, 31, 109, 33, 34, 0, 36, np.nan]
    change = compare_with_movie(images)["count_change"]
    assert change[3] == pytest.approx((109 - 32 - 3 * np.sqrt(32)) / 32, rel=0.05)
    assert change[6] > 0.4
    assert change[[0, 1, 2, 4, 5, 7]].tolist() == [0] * 6
    assert np.isnan(change[8])
