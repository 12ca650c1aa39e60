"""Which annotated objects count as nuclei, and why the others do not."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.files import write_beside

Array = npt.NDArray[Any]

ACCEPTED, TOO_SMALL, TOO_LARGE = "accepted", "too small", "too large"
UNKNOWN = "no area window"


@dataclass(frozen=True)
class AreaWindow:
    """Areas in px between which an object counts as a nucleus, around the median of all."""

    low: float
    median: float
    high: float
    n_objects: int


def compute_area_window(areas: Array, tolerance: float) -> AreaWindow:
    """The area window of a whole data set: its median plus and minus `tolerance` (0.5 = 50 %).

    NaN without an object.
    """
    if len(areas) == 0:
        return AreaWindow(float("nan"), float("nan"), float("nan"), 0)
    median = float(np.median(areas))
    return AreaWindow(median * (1 - tolerance), median, median * (1 + tolerance), len(areas))


def keep_labels(labels: Array, accepted: Array) -> Array:
    """Keep the labels listed in `accepted` and set the others to 0; numbers stay."""
    keep = np.zeros(int(labels.max()) + 1, labels.dtype)
    keep[accepted] = accepted
    return keep[labels]


def judge_objects(table: Mapping[str, Array], window: AreaWindow) -> Array:
    """For each object of a table, ``accepted`` or why it is rejected (text array).

    Without a window, since no training frame has an object, none is accepted.
    """
    area = table["area_px"]
    verdict = np.full(len(area), UNKNOWN if np.isnan(window.median) else ACCEPTED, dtype="U16")
    verdict[area < window.low] = TOO_SMALL
    verdict[area > window.high] = TOO_LARGE
    return verdict


def write_window(path: str | os.PathLike[str], window: AreaWindow) -> None:
    """Write the area window as JSON; NaN as null."""
    values = {k: None if v != v else v for k, v in asdict(window).items()}
    with write_beside(path) as partial:
        partial.write_text(json.dumps(values, indent=1) + "\n")


def read_window(path: str | os.PathLike[str]) -> AreaWindow:
    """Read what `write_window` wrote."""
    values = json.loads(Path(path).read_text())
    values = {k: float("nan") if v is None else v for k, v in values.items()}
    return AreaWindow(values["low"], values["median"], values["high"], values["n_objects"])
