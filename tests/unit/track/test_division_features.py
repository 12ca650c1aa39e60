"""What tells divisions from nuclei that only lie beside each other."""

import numpy as np
import pytest

from autonuclei.track.division_features import compare_looks


def test_likeness_to_the_sure_divisions_of_the_movie() -> None:
    """Five divisions of all movies (mean 0, variance 1) and five of this one (all 1)."""
    values = np.array([1.0] * 6 + [0.0, np.nan])
    sure = np.arange(8) < 5
    found = compare_looks({"fades": values}, sure, {"fades": (0.0, 1.0)})
    # Mean 1/2 and variance 3/4 together; 4/9 and 65/81 for a sure one, which does not count.
    assert found[5] == pytest.approx((1 - 1 / 3 - np.log(3 / 4)) / 2)
    assert found[6] == pytest.approx((0 - 1 / 3 - np.log(3 / 4)) / 2)
    assert found[:5] == pytest.approx([(1 - 25 / 65 - np.log(65 / 81)) / 2] * 5)
    assert found[7] == 0


def test_without_sure_divisions_there_is_no_likeness() -> None:
    values = np.array([0.3, 2.0, -1.0])
    none = np.zeros(3, bool)
    assert compare_looks({"fades": values}, none, {"fades": (0.0, 1.0)}).tolist() == [0, 0, 0]


def test_likeness_is_bounded() -> None:
    values = np.array([0.0] * 50 + [9.0])
    found = compare_looks({"fades": values}, values == 0, {"fades": (0.0, 1.0)})
    assert found[-1] == -5
