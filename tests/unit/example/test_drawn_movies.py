"""The drawn movies: truth and pixels agree, and the settings do what they say."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import label

from autonuclei.example.drawn_movies import (
    SMALLEST_VISIBLE_PX,
    DrawnMovie,
    draw_frames,
    draw_movie,
)
from autonuclei.example.drawn_nuclei import MovieSettings


@pytest.fixture(scope="module")
def movie() -> DrawnMovie:
    return draw_movie(MovieSettings(), seed=1)


def test_default_movie_has_the_promised_size_and_divisions(movie: DrawnMovie) -> None:
    assert movie.images.shape == movie.labels.shape == (30, 256, 256)
    assert movie.images.dtype == movie.labels.dtype == np.uint16
    counts = [len(np.unique(frame)) - 1 for frame in movie.labels]
    assert 24 <= counts[0] <= 38
    assert counts[-1] >= counts[0] + 8
    daughters = movie.tracks.loc[movie.tracks.parent > 0].groupby("parent").size()
    assert (daughters == 2).sum() >= 8
    assert set(daughters) == {2}


def test_track_table_says_what_the_label_images_show(movie: DrawnMovie) -> None:
    ends = movie.tracks.set_index("label")
    for row in ends.itertuples():
        present = (movie.labels == row.Index).any(axis=(1, 2))
        assert np.flatnonzero(present).tolist() == list(range(row.begin, row.end + 1))
        if row.parent:
            assert ends.loc[row.parent, "end"] == row.begin - 1
    assert set(np.unique(movie.labels)) == {0, *ends.index}


def test_every_label_is_one_piece_of_visible_size(movie: DrawnMovie) -> None:
    for frame in movie.labels[::10]:
        for value in np.unique(frame)[1:]:
            _, pieces = label(frame == value)
            assert pieces == 1
            assert (frame == value).sum() >= SMALLEST_VISIBLE_PX - 10


def test_nuclei_are_brighter_than_background(movie: DrawnMovie) -> None:
    frame, labels = movie.images[0].astype(float), movie.labels[0]
    background = np.median(frame[labels == 0])
    means = [frame[labels == value].mean() for value in np.unique(labels)[1:]]
    assert min(means) > 2 * background
    assert np.std(means) / np.mean(means) > 0.1


def test_same_seed_same_movie_other_seed_other_movie() -> None:
    settings = MovieSettings(frames=2, height_px=64, width_px=80, nuclei=4)
    first, again, other = (list(draw_frames(settings, seed)) for seed in (3, 3, 4))
    assert first[0].image.shape == (64, 80)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.image, two.image)
        np.testing.assert_array_equal(one.labels, two.labels)
    assert (first[0].image != other[0].image).any()


def test_mother_condenses_and_brightens_before_the_division(movie: DrawnMovie) -> None:
    ratios = []
    for row in movie.tracks.itertuples():
        children = movie.tracks[movie.tracks.parent == row.label]
        if len(children) != 2 or row.end - row.begin < 7:
            continue
        look = []
        for frame in (row.end - 7, row.end):
            mask = movie.labels[frame] == row.label
            look.append((mask.sum(), movie.images[frame][mask].mean()))
        touches = (movie.labels[row.end] == row.label)[[0, -1]].any()
        if not touches:
            ratios.append((look[1][0] / look[0][0], look[1][1] / look[0][1]))
    assert len(ratios) >= 3
    areas, means = np.array(ratios).T
    assert np.median(areas) < 0.8
    assert np.median(means) > 1.2


def test_no_condensation_no_brightening_keeps_the_look() -> None:
    settings = MovieSettings(condensation=1.0, brightening=0.0, bleaching_per_frame=0.0)
    movie = draw_movie(settings, seed=0)
    sums = [movie.images[f][movie.labels[f] > 0].mean() for f in range(0, settings.frames, 5)]
    assert max(sums) / min(sums) < 1.2


def test_drift_moves_the_field_the_other_way() -> None:
    still = MovieSettings(
        frames=2, speed_um_per_min=0.0, drift_jitter_um=0.0, drift_um_per_min=(0.0, 0.0)
    )
    moved = replace(still, drift_um_per_min=(0.5, 0.0))  # 2.5 um = 5 px a frame
    for settings, shift in ((still, 0), (moved, -5)):
        movie = draw_movie(settings, seed=2)
        shifts = []
        for value in np.intersect1d(*movie.labels)[1:]:
            rows = [np.nonzero(frame == value)[0] for frame in movie.labels]
            if all(len(r) and r.min() > 0 and r.max() < 255 for r in rows):
                shifts.append(rows[1].mean() - rows[0].mean())
        assert np.median(shifts) == pytest.approx(shift, abs=0.6)


def test_bleaching_dims_the_movie() -> None:
    settings = MovieSettings(frames=10, bleaching_per_frame=0.1, cycle_min=1e6, nuclei=10)
    movie = draw_movie(settings, seed=0)
    light = [movie.images[f][movie.labels[f] > 0].mean() for f in (0, 9)]
    assert light[1] < 0.7 * light[0]
