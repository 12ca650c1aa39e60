"""Motility gives what it gave: as in version 0.3.0, tracks since the last fit of divisions."""

import numpy as np
import pytest

from autonuclei.measure.motility import Motility, measure_motility
from autonuclei.track.link import link_nuclei
from drawn_nuclei_table import N_FRAMES, SHAPE, UNITS, make_nuclei


def measure(*, complete: bool, remove_drift: bool) -> Motility:
    result = link_nuclei(
        make_nuclei(complete=complete), frame_interval_min=UNITS["frame_interval_min"]
    )
    return measure_motility(
        result.tracks, frames=range(N_FRAMES), image_shape=SHAPE, remove_drift=remove_drift, **UNITS
    )


def test_drawn_movie() -> None:
    motility = measure(complete=True, remove_drift=True)
    found = {
        "speed": motility.steps["speed_um_per_min"].median(),
        "neighbour": motility.steps["nearest_neighbour_um"].median(),
        "straightness": motility.tracks["straightness"].median(),
        "mean speed": motility.tracks["mean_speed_um_per_min"].mean(),
        "density": motility.frames["nuclei_per_mm2"].iloc[-1],
        "msd 1": motility.msd["msd_um2"].iloc[0],
        "msd 10": motility.msd["msd_um2"].iloc[9],
        "drift x": motility.drift["drift_x_um"].iloc[-1],
        "drift y": motility.drift["drift_y_um"].iloc[-1],
        "daughters": motility.divisions["daughter_distance_um"].median(),
    }
    recorded = {
        "speed": 0.0803178160,
        "neighbour": 12.9766535,
        "straightness": 0.702535162,
        "mean speed": 0.101311549,
        "density": 2929.6875,
        "msd 1": 0.357336336,
        "msd 10": 15.3960957,
        "drift x": 1.79265503,
        "drift y": -2.97366705,
        "daughters": 8.68083074,
    }
    assert found == pytest.approx(recorded, rel=1e-6)
    assert motility.frames["n_mitoses"].sum() == len(motility.divisions) == 13


def test_drawn_movie_with_missed_nuclei_in_the_field_of_view() -> None:
    motility = measure(complete=False, remove_drift=False)
    assert motility.steps["step_frames"].max() == 2
    assert motility.frames["n_tracks"].iloc[-1] == 47
    found = [
        motility.steps["speed_um_per_min"].median(),
        motility.tracks["mean_speed_um_per_min"].mean(),
        *motility.msd["msd_um2"].iloc[[0, 9]],
        motility.divisions["orientation_deg"].median(),
    ]
    recorded = [0.0839939487, 0.110924982, 0.58493409, 18.9282922, 84.5172716]
    np.testing.assert_allclose(found, recorded, rtol=1e-6)
