"""Middle and spread of values of which some are unknown and some far off."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def find_median(values: Floats) -> float:
    """Median of the finite values; NaN if there are none."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan


def measure_spread(values: Floats) -> float:
    """Standard deviation of the finite values from their median absolute deviation.

    As that of a normal distribution; 0 if there are no values.
    """
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return 0.0
    return 1.4826 * float(np.median(np.abs(known - np.median(known))))
