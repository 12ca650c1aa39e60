"""Linking gives what it gave: links as in version 0.3.0, divisions since their last fit."""

import pytest

from autonuclei.track.link import link_nuclei
from drawn_nuclei_table import UNITS, make_nuclei


@pytest.mark.parametrize(
    ("complete", "counts", "step_sigma", "scores"),
    [
        (True, (1209, 67, 41, 1142, 13, 1), 0.58223709, (0.9846339, 0.9995472)),
        (False, (1176, 66, 44, 1110, 11, 29), 0.58462402, (0.9614142, 0.9994980)),
    ],
)
def test_drawn_movie(
    complete: bool, counts: tuple[int, ...], step_sigma: float, scores: tuple[float, float]
) -> None:
    result = link_nuclei(
        make_nuclei(complete=complete), frame_interval_min=UNITS["frame_interval_min"]
    )
    tracks, lineages, parameters = result.tracks, result.lineages, result.parameters
    assert counts == (
        len(tracks),
        len(lineages),
        lineages["lineage"].nunique(),
        (tracks["track"].diff() == 0).sum(),
        parameters["divisions"],
        parameters["gaps_closed"],
    )
    assert parameters["step_sigma"] == pytest.approx(step_sigma, rel=1e-6)
    found = lineages["division_score"].agg(["min", "median"]).tolist()
    assert found == pytest.approx(scores, abs=1e-5)


def test_values_derived_from_the_movie() -> None:
    parameters = link_nuclei(make_nuclei(complete=True)).parameters
    names = ("nucleus_diameter", "nearest_neighbour_distance", "max_link_distance")
    names += ("max_division_distance", "own_motion_weight", "neighbour_motion_weight")
    expected = (11.644741797, 12.97665353, 17.467112695, 18.631586875, 0.45123888, 0)
    assert [parameters[name] for name in names] == pytest.approx(expected, rel=1e-6)
    assert parameters["stage_drift"][-1] == pytest.approx((-1.215, 0.728), abs=0.002)
