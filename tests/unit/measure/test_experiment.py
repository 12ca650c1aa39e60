"""All samples of an experiment together: what is counted, joined and averaged."""

import numpy as np
import pandas as pd
import pytest

from autonuclei.measure.experiment import (
    add_quality,
    count_images,
    gather_experiment,
    join_tracks,
    summarise_movie,
)

COUNTS = pd.DataFrame(
    {
        "sample": ["a", "a", "b"],
        "frame": [0, 3, 0],
        "predicted": [10.0, np.nan, 6.0],
        "quality": ["good", "unsuitable", "look"],
    }
)
MEGAPIXELS = {"a": {0: 2.0, 3: 2.0}, "b": {0: 1.0}}


def test_density_leaves_out_what_was_passed_over() -> None:
    sizes: dict[str, dict[int, float | None]] = {"a": {0: 0.5, 3: 0.5}, "b": {0: 1.0}}
    images = count_images(COUNTS, MEGAPIXELS, sizes)
    assert images["a"]["nuclei_per_mm2"].tolist() == [20]
    assert images["b"]["nuclei_per_mm2"].tolist() == [6]
    sizes["b"][0] = None
    images = count_images(COUNTS, MEGAPIXELS, sizes)
    assert images["a"]["nuclei_per_megapixel"].tolist() == [5]
    assert images["a"]["n_nuclei"].tolist() == [10]


def test_images_and_nuclei_say_whether_to_leave_them_out() -> None:
    nuclei = {
        "b": pd.DataFrame({"frame": [0], "area_px": 5}),
        "a": pd.DataFrame({"frame": [0, 3, 0], "area_px": [7, 8, 9]}),
    }
    marked = add_quality(nuclei, COUNTS)
    assert list(marked) == ["a", "b"]
    assert marked["a"]["quality"].tolist() == ["good", "unsuitable", "good"]
    assert marked["a"]["area_px"].tolist() == [7, 8, 9]
    assert marked["b"]["quality"].tolist() == ["look"]
    sizes = {"a": {0: 0.5, 3: 0.5}, "b": {0: 1.0}}
    images = count_images(COUNTS, MEGAPIXELS, sizes)
    assert images["a"]["quality"].tolist() == ["good"]


def test_track_and_cycle_have_durations_of_their_own() -> None:
    motility = pd.DataFrame(
        {"track": [1, 2], "duration_min": [5.0, 20.0], "mean_speed_um_per_min": 1}
    )
    cycles = pd.DataFrame(
        {
            "track": [2, 1],
            "duration_min": [120.0, np.nan],
            "first_frame": 0,
            "end": ["division", "lost"],
        }
    )
    table = join_tracks(motility, cycles)
    assert table["duration_min"].tolist() == [5, 20]
    assert table["end"].tolist() == ["lost", "division"]
    np.testing.assert_array_equal(table["cycle_duration_min"], [np.nan, 120])
    assert "first_frame" not in table


@pytest.mark.parametrize(("unit", "hours"), [("min", 2 / 3), ("frames", 4)])
def test_rate_of_divisions(unit: str, hours: float) -> None:
    rate = "mitoses_per_nucleus_and_" + ("hour" if unit == "min" else "frame")
    frames = pd.DataFrame(
        {
            # A frame is missing: 10 nuclei are seen over one step, 20 over the double.
            "frame": [0, 1, 3, 4],
            f"time_{unit}": np.array([0, 1, 3, 4]) * (10 if unit == "min" else 1),
            "n_nuclei": [10, 20, 10, 10],
            "n_mitoses": [0, 3, 2, 1],
            rate: np.nan,
        }
    )
    cycles = pd.DataFrame({f"median_{unit}": [90.0], f"median_low_{unit}": [80.0]})
    found = summarise_movie(frames, cycles)
    step = 1 / 6 if unit == "min" else 1
    assert found == {
        "n_mitoses": 6,
        rate: pytest.approx(6 / ((10 + 2 * 20 + 10) * step)),
        f"median_cycle_{unit}": 90,
    }


def make_nuclei(level: float, n: int = 4) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "frame": np.zeros(n, int),
            "label": np.arange(n) + 1,
            "area_um2": np.arange(n) + 50.0,
            "mean_intensity": 7.0,
            "GFP_core_mean": level,
            "GFP_ring_ratio": np.array([np.nan, *[2.0] * 9])[:n],
        }
    )


def test_movies_and_stills_come_together() -> None:
    columns = {name: {"condition": name, "replicate": "1"} for name in "abc"}
    images = {
        name: pd.DataFrame({"frame": [0], "n_nuclei": 4, "nuclei_per_mm2": 8.0}) for name in "abc"
    }
    nuclei = {"a": make_nuclei(5), "b": make_nuclei(9), "c": make_nuclei(0, n=0)}
    tracks = {"b": pd.DataFrame({"track": [1, 2], "mean_speed_um_per_min": [1.0, 3.0]})}
    gathered = gather_experiment(
        images, nuclei, tracks, {"b": {"n_mitoses": 1, "median_cycle_min": np.nan}}, columns,
        channels=["GFP"],
    )  # fmt: skip
    assert gathered.measures == {
        "nuclei_per_mm2": "images",
        "area_um2": "nuclei",
        "GFP_core_mean": "nuclei",
        "GFP_ring_ratio": "nuclei",
        "mean_speed_um_per_min": "tracks",
    }
    samples = gathered.samples.set_index("sample")
    assert list(gathered.nuclei)[:3] == ["condition", "replicate", "sample"]
    assert samples["n_nuclei"].tolist() == [4, 4, 0]
    np.testing.assert_array_equal(samples["n_tracks"], [np.nan, 2, np.nan])
    np.testing.assert_array_equal(samples["GFP_core_mean"], [5, 9, np.nan])
    np.testing.assert_array_equal(samples["mean_speed_um_per_min"], [np.nan, 2, np.nan])
    assert samples["GFP_ring_ratio"].iloc[0] == 2


def test_without_channels_the_intensity_is_compared() -> None:
    images = {"a": pd.DataFrame({"frame": [0], "n_nuclei": 4, "nuclei_per_megapixel": 8.0})}
    nuclei = {"a": make_nuclei(5).assign(area_um2=np.nan, area_px=3)}
    gathered = gather_experiment(images, nuclei, {}, {}, {"a": {}})
    assert list(gathered.measures) == ["nuclei_per_megapixel", "area_px", "mean_intensity"]
    assert len(gathered.tracks) == 0
    own = gather_experiment(
        images, nuclei, {}, {}, {"a": {}}, channels=["GFP"], own_channels=["GFP"]
    )
    assert list(own.measures) == ["nuclei_per_megapixel", "area_px", "GFP_core_mean"]
