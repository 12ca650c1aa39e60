import numpy as np
import pandas as pd
import pytest

from autonuclei.track.drift import (
    _count_near,
    estimate_shift,
    measure_common_steps,
    remove_drift,
)
from autonuclei.track.spots import read_spots
from autonuclei.track.statistics import measure_statistics

PLACES = np.array([(y, x) for y in range(30, 400, 60) for x in range(30, 400, 60)], float)


def move(far: tuple[float, float], n: int = len(PLACES)) -> np.ndarray:
    """Resting nuclei, unevenly placed, on a stage that has gone `far`."""
    jitter = np.random.default_rng(1).uniform(-12, 12, PLACES.shape)
    return (PLACES + jitter + far)[:n]


def tabulate(movie: list[np.ndarray]) -> pd.DataFrame:
    tables = [
        pd.DataFrame(places, columns=["y_px", "x_px"]).assign(
            frame=frame, label=np.arange(len(places)) + 1, area_px=200.0
        )
        for frame, places in enumerate(movie)
    ]
    return pd.concat(tables, ignore_index=True)


def test_a_jump_further_than_nuclei_are_apart_is_found_without_links() -> None:
    spots = read_spots(tabulate([move((0, 0)), move((0, 0)), move((-21, 95))]))
    still, drift = remove_drift(spots, measure_statistics(spots))
    np.testing.assert_allclose(drift, [(0, 0), (0, 0), (-21, 95)], atol=1e-6)
    np.testing.assert_allclose(still.position[still.of(2)], move((0, 0)), atol=1e-6)


def test_five_nuclei_tell_no_drift() -> None:
    spots = read_spots(tabulate([move((0, 0), 5), move((9, 9), 5)]))
    assert not remove_drift(spots, measure_statistics(spots))[1].any()


def test_shift_of_a_label_image_in_whole_px() -> None:
    absent = np.full((1, 2), np.nan)
    one, other = np.vstack([absent, move((0, 0))]), np.vstack([absent, move((3.2, -1.8))])
    assert estimate_shift(one, other) == (3, -2)
    assert estimate_shift(one[:6], other) == (0, 0)


def test_common_steps_of_known_tracks() -> None:
    tracks = tabulate([move((0, 0)), move((-21, 95)), move((0, 0), 9)])
    frames, n_tracks, steps = measure_common_steps(tracks.assign(track=tracks["label"]))
    assert frames.tolist() == [0, 1, 2]
    assert n_tracks.tolist() == [0, len(PLACES), 9]
    np.testing.assert_allclose(steps, [(np.nan, np.nan), (95, -21), (np.nan, np.nan)], atol=1e-9)


@pytest.mark.parametrize("width", [0, 0.2, 3])
def test_the_fullest_place_is_counted_in_full_and_none_too_high(width: float) -> None:
    rng = np.random.default_rng(0)
    steps = np.vstack([rng.uniform(-20, 20, (2000, 2)), rng.normal(7, width, (300, 2))])
    places = np.vstack([np.zeros((1, 2)), steps[::3]])

    counts = _count_near(steps, places, 1.5)

    apart = places[:, None] - steps
    every = (np.hypot(apart[..., 0], apart[..., 1]) <= 1.5).sum(axis=1)
    assert counts[0] == every[0]
    assert np.argmax(counts) == np.argmax(every)
    assert counts.max() == every.max()
    assert (counts <= every).all()
