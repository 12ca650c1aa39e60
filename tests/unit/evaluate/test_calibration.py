"""Probabilities of the network against what was confirmed."""

import numpy as np
import pandas as pd
import pytest

from autonuclei.evaluate.calibration import (
    CALIBRATION_COLUMNS,
    count_confirmed,
    pool_calibration,
)
from autonuclei.io.tables import concatenate_tables

PROBABILITY = np.array([np.nan, 0.05, 0.62, 0.68, 1.0])
CONFIRMED = np.array([True, False, True, False, True])


def test_nuclei_are_counted_by_bins_of_probability() -> None:
    table = count_confirmed("annotation", PROBABILITY, CONFIRMED)
    assert tuple(table) == CALIBRATION_COLUMNS
    assert table["low"].tolist() == [0, 0.6, 0.9]
    assert table["high"].tolist() == [0.1, 0.7, 1.0]
    assert table["n"].tolist() == [1, 2, 1]
    assert table["confirmed"].tolist() == [0, 1, 1]
    assert table["probability"].tolist() == pytest.approx([0.05, 1.3, 1.0])


def test_images_add_up() -> None:
    one = count_confirmed("annotation", PROBABILITY, CONFIRMED)
    other = count_confirmed("a neighbour", PROBABILITY[-1:], CONFIRMED[-1:])
    pooled = pool_calibration(pd.concat([one, other, one]))
    assert tuple(pooled) == CALIBRATION_COLUMNS
    assert pooled["checked_by"].tolist() == ["a neighbour", *["annotation"] * 3]
    assert pooled["n"].tolist() == [1, 2, 4, 2]
    assert pooled["confirmed"].tolist() == [1, 0, 2, 2]
    assert pooled["probability"].tolist() == pytest.approx([1.0, 0.05, 0.65, 1.0])


def test_nothing_to_check() -> None:
    assert len(pool_calibration(concatenate_tables([], CALIBRATION_COLUMNS))) == 0
