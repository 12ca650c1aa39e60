"""The reporters of drawn movies: asked for only, true as the table says, with known effects."""

from dataclasses import replace
from functools import cache
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from autonuclei.example.drawn_movies import DrawnMovie, draw_frames, draw_movie
from autonuclei.example.drawn_nuclei import MovieSettings
from autonuclei.example.drawn_reporters import REPORTERS

SETTINGS = MovieSettings(
    reporters=True, frames=36, nuclei=10, height_px=160, width_px=160, cycle_min=120,
    background_unevenness=0, psf_sigma_um=0.01, read_noise=0, counts_per_photon=0.01,
)  # fmt: skip


@cache
def draw(settings: MovieSettings = SETTINGS) -> tuple[DrawnMovie, pd.DataFrame]:
    movie = draw_movie(settings, 2)
    assert movie.truth is not None
    return movie, movie.truth


def test_movie_is_the_same_with_and_without() -> None:
    with_them, _ = draw()
    without = draw_movie(replace(SETTINGS, reporters=False), 2)
    assert without.reporters == {}
    assert without.truth is None
    np.testing.assert_array_equal(with_them.images, without.images)
    np.testing.assert_array_equal(with_them.labels, without.labels)
    pd.testing.assert_frame_equal(with_them.tracks, without.tracks)


def test_default_movie_keeps_its_masks() -> None:
    digest = sha256()
    for drawn in draw_frames(MovieSettings(frames=3, height_px=96, width_px=96, nuclei=6), 0):
        assert drawn.reporters == {}
        digest.update(drawn.labels.tobytes())
    assert digest.hexdigest() == "9fc1618f4f667a9e1a4ad57b69530ac0f6a060849abe4e7305e1ef09565300fe"


def test_truth_has_a_row_for_every_nucleus_that_is_seen() -> None:
    movie, truth = draw()
    seen = [(f, v) for f, labels in enumerate(movie.labels) for v in np.unique(labels)[1:].tolist()]
    assert sorted(zip(truth["frame"], truth["label"], strict=True)) == seen
    assert not truth.isna().any(axis=None)
    assert truth["phase"].between(0, 1).all()


@pytest.mark.parametrize("name", REPORTERS)
def test_light_is_that_of_the_table(name: str) -> None:
    movie, truth = draw()
    for frame in range(0, SETTINGS.frames, 7):
        image = movie.reporters[name][frame].astype(float) - SETTINGS.background
        labels = movie.labels[frame]
        for row in truth[truth["frame"] == frame].to_dict("records"):
            median = np.median(image[labels == row["label"]])
            assert median == pytest.approx(row[name], abs=2)
        rings = image[labels == 0]
        strongest = truth.loc[truth["frame"] == frame, f"{name}_ring"].max()
        assert rings.max() == pytest.approx(strongest, abs=30)
        assert (np.abs(rings) < 10).mean() > 0.1


def test_cycle_rises_with_age_and_starts_low_in_daughters() -> None:
    movie, truth = draw()
    # Where only one daughter lies in the field, it keeps the label.
    for _, own in truth.groupby(["label", "cycle_min"]):
        assert (own["cycle"].diff().dropna() > 0).all()
        most = own["cycle"] / (0.1 + 0.9 * own["phase"])
        np.testing.assert_allclose(most, most.iloc[0])
    last = truth.groupby("label")["cycle"].last()
    first = truth.groupby("label")["cycle"].first()
    born = movie.tracks[movie.tracks["parent"] > 0]
    assert len(born) > 4
    assert (first[born["label"]].to_numpy() < 0.25 * last[born["parent"]].to_numpy()).all()
    np.testing.assert_allclose(truth["cycle_ring"], 0.15 * truth["cycle"])


def test_shuttle_goes_in_at_its_time_and_daughters_know_it() -> None:
    movie, truth = draw()
    truth = truth.assign(ratio=truth["shuttle"] / truth["shuttle_ring"])
    late = truth["frame"] * SETTINGS.interval_min - truth["shuttle_min"]
    assert np.allclose(truth.loc[late < -13, "ratio"], 0.25)
    assert np.allclose(truth.loc[late > 13, "ratio"], 4)
    between = truth[late.abs() < 12.5]
    assert ((between["ratio"] > 1) == (late[between.index] > 0)).all()
    times = truth.groupby("label")["shuttle_min"].agg(["min", "max"])
    assert (times["min"] == times["max"]).all()
    assert times["min"].mean() == pytest.approx(75, abs=10)
    born = movie.tracks[movie.tracks["parent"] > 0]
    own, mother = (times["min"][born[column]].to_numpy() for column in ("label", "parent"))
    np.testing.assert_array_equal(own, mother)


def test_a_condition_has_the_effect_that_was_set() -> None:
    _, truth = draw()
    _, brighter = draw(replace(SETTINGS, cycle_brightness=1.5 * SETTINGS.cycle_brightness))
    pd.testing.assert_series_equal(brighter["cycle"], 1.5 * truth["cycle"])
    pd.testing.assert_series_equal(brighter["shuttle"], truth["shuttle"])
    _, slower = draw(replace(SETTINGS, frames=2, cycle_min=180))
    start = truth[truth["frame"] == 0]
    assert slower["cycle_min"].mean() == pytest.approx(1.5 * start["cycle_min"].mean(), rel=0.1)


def test_field_without_nuclei_has_background_only() -> None:
    settings = replace(SETTINGS, frames=1, height_px=24, width_px=24, nuclei=0)
    movie = draw_movie(settings, 0)
    assert movie.truth is not None
    assert list(movie.truth)[:2] == ["frame", "label"]
    if not movie.labels.any():
        assert movie.truth.empty
        assert movie.reporters["cycle"].max() < SETTINGS.background + 10
