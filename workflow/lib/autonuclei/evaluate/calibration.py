"""What the probabilities of the network are worth: how many of its nuclei are confirmed."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

CALIBRATION_COLUMNS = ("checked_by", "low", "high", "n", "confirmed", "probability")

_EDGES = np.arange(11) / 10


def count_confirmed(
    checked_by: str, probability: npt.NDArray[np.float64], confirmed: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    """Count nuclei, and those of them that were confirmed, by their probability.

    Parameters
    ----------
    checked_by
        What confirms them.
    probability, confirmed : (n,)
        Of each nucleus; those without a probability (NaN) are left out.

    Returns
    -------
    DataFrame
        `CALIBRATION_COLUMNS`, a row per bin of probability that has nuclei; `probability` is the
        sum over the nuclei of the bin, so that rows of several images can be added up.
    """
    known = np.isfinite(probability)
    probability, confirmed = probability[known], confirmed[known]
    n_bins = len(_EDGES) - 1
    bins = np.clip(np.digitize(probability, _EDGES) - 1, 0, n_bins - 1)

    def total(weights: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
        return np.bincount(bins, weights, minlength=n_bins)

    table = pd.DataFrame(
        {
            "checked_by": checked_by,
            "low": _EDGES[:-1],
            "high": _EDGES[1:],
            "n": total(None),
            "confirmed": total(confirmed).astype(np.int64),
            "probability": total(probability),
        }
    )
    return table[table["n"] > 0].reset_index(drop=True)


def pool_calibration(calibration: pd.DataFrame) -> pd.DataFrame:
    """Add up rows of `count_confirmed` by check and bin; `probability` becomes the mean."""
    pooled = calibration.groupby(["checked_by", "low", "high"], as_index=False).sum()
    pooled["probability"] /= pooled["n"]
    return pooled[list(CALIBRATION_COLUMNS)]
