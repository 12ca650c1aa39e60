import numpy as np
import pytest

from autonuclei.measure.key_numbers import compare_numbers, summarise_numbers
from autonuclei.measure.motility import measure_motility
from correction_examples import INTERVAL, SHAPE, SIZE, make_movie
from track_examples import N_FRAMES


def summarise(tracks, size=SIZE, interval=INTERVAL):
    motility = measure_motility(
        tracks,
        frames=range(N_FRAMES),
        image_shape=SHAPE,
        pixel_size_um=size,
        frame_interval_min=interval,
    )
    return summarise_numbers(tracks, motility)


def test_numbers_of_a_movie():
    tracks, labels = make_movie()
    numbers = summarise(tracks)
    assert numbers["nuclei"] == sum(len(np.unique(page)) - 1 for page in labels)
    area = (labels > 0).sum() / numbers["nuclei"] * SIZE**2
    assert numbers["mean_area_um2"] == pytest.approx(area)
    assert (numbers["tracks"], numbers["divisions"]) == (tracks["track"].nunique(), 3)
    assert numbers["median_speed_um_per_min"] > 0
    assert {"median_track_duration_min", "median_net_displacement_um"} <= set(numbers)


def test_stills_have_no_tracks():
    tracks, _ = make_movie()
    assert list(summarise_numbers(tracks)) == ["nuclei", "mean_area_um2", "mean_intensity"]
    unknown = tracks.assign(area_um2=np.nan)
    assert list(summarise_numbers(unknown))[1] == "mean_area_px"


def test_how_they_moved():
    tracks, _ = make_movie()
    before = summarise(tracks)
    divided = tracks.loc[tracks["parent"] > 0, "lineage"].iloc[0]
    kept = tracks[tracks["lineage"] != divided]
    table = compare_numbers(before, summarise(kept)).set_index("quantity")
    lost = len(tracks) - len(kept)
    assert table.loc["nuclei", "change_percent"] == pytest.approx(-100 * lost / len(tracks))
    assert table.loc["divisions", "after"] < table.loc["divisions", "before"]


def test_changes_that_are_not_defined():
    table = compare_numbers(
        {"a": 0.0, "b": 2.0, "c": np.nan, "d": -2.0}, {"a": 3.0, "c": 1.0, "d": -3.0, "e": 1.0}
    )
    assert table["quantity"].tolist() == ["a", "b", "c", "d", "e"]
    assert table["change_percent"].tolist() == pytest.approx(
        [np.nan, np.nan, np.nan, -50.0, np.nan], nan_ok=True
    )
