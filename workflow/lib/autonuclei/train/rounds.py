"""Rounds of self-training: which one is the best, and whether another may pay."""

import os
import shutil
from collections.abc import Sequence

import numpy as np

from autonuclei.io.files import read_json, write_beside

# What the network holds for a nucleus with less than that is background.
DOUBT_PROBABILITY = 0.2


def find_best_round(criteria: Sequence[float]) -> int:
    """The round with the best criterion, 0 without any.

    Of equal ones the earliest; NaN is the worst.
    """
    return int(np.argmax(np.nan_to_num([*criteria, -1.0], nan=-1.0)))


def can_gain(criteria: Sequence[float], *, n_nuclei: int, changed_px: int) -> bool:
    """Whether a round may pay after rounds with these criteria.

    Not if its annotation has no nucleus or is that of the round before, which would give the
    same network again, and not if the round before did not gain on those before it. The first
    training is always worth it.
    """
    if not criteria:
        return True
    gained = len(criteria) < 2 or find_best_round(criteria) == len(criteria) - 1
    return gained and n_nuclei > 0 and changed_px > 0


def read_criterion(path: str | os.PathLike[str]) -> float:
    """The agreement of a round as `measure_criterion.py` wrote it; NaN where it is undefined."""
    value = read_json(path)["agreement"]
    return float("nan") if value is None else float(value)


def copy_network(
    model: str | os.PathLike[str],
    history: str | os.PathLike[str],
    *,
    to_model: str | os.PathLike[str],
    to_history: str | os.PathLike[str],
) -> None:
    """Pass the model folder of a round and the table of its losses on."""
    with write_beside(to_model) as partial:
        shutil.copytree(model, partial)
    with write_beside(to_history) as partial:
        shutil.copyfile(history, partial)
