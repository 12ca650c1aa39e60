"""Which annotated objects count as nuclei, and why the others do not."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.io.files import write_beside

Array = npt.NDArray[Any]

ACCEPTED, TOO_SMALL, TOO_LARGE = "accepted", "too small", "too large"
NOT_CONVEX, TOO_DIM, UNKNOWN = "not convex", "too dim", "no area window"


@dataclass(frozen=True)
class AreaWindow:
    """Areas in px between which an object counts as a nucleus, and its least solidity.

    `low_at_border` is the least area of an object that the border of the image cuts; 0: `low`.
    `contrast` is the least brightness above the background, as part of that of the typical
    nucleus of the image; 0: any.
    """

    low: float
    median: float
    high: float
    n_objects: int
    solidity: float = 0.0
    low_at_border: float = 0.0
    contrast: float = 0.0


def compute_area_window(
    objects: Mapping[str, Array],
    tolerance: float,
    *,
    tolerance_above: float | None = None,
    solidity_tolerance: float | None = None,
    share_at_border: float | None = None,
    minimum_relative_contrast: float | None = None,
) -> AreaWindow:
    """What counts as a nucleus in a whole data set, from the medians of all its objects.

    Areas from `tolerance` below the median to `tolerance_above` above it (0.5 = 50 %; None: the
    same), and solidity down to `solidity_tolerance` below its median (None: any). A median and
    no constant, since few pixels make small nuclei less convex. Objects cut by the border count
    from `share_at_border` of the median area on (None: as the others): else the network never
    sees a nucleus there. Objects of less than `minimum_relative_contrast` (None: any) do not
    count as nuclei, nor in the medians. NaN without an object.

    `objects` has the columns `area_px`, and as far as they are asked for `solidity` and
    `relative_contrast`.
    """
    contrast = minimum_relative_contrast or 0.0
    areas = objects["area_px"]
    is_bright = objects["relative_contrast"] >= contrast if contrast > 0 else areas > 0
    areas = areas[is_bright]
    if len(areas) == 0:
        return AreaWindow(float("nan"), float("nan"), float("nan"), 0)
    above = tolerance if tolerance_above is None else tolerance_above
    median = float(np.median(areas))
    solidity = 0.0
    if solidity_tolerance is not None:
        typical = float(np.median(objects["solidity"][is_bright]))
        solidity = max(0.0, typical - solidity_tolerance)
    low, high = median * (1 - tolerance), median * (1 + above)
    low_at_border = 0.0 if share_at_border is None else share_at_border * median
    return AreaWindow(low, median, high, len(areas), solidity, low_at_border, contrast)


def judge_objects(table: Mapping[str, Array], window: AreaWindow) -> Array:
    """For each object of a table, ``accepted`` or why it is rejected (text array).

    Without a window, since no training frame has an object, none is accepted.
    """
    area = table["area_px"]
    verdict = np.full(len(area), UNKNOWN if np.isnan(window.median) else ACCEPTED, dtype="U16")
    if window.solidity > 0:
        verdict[table["solidity"] < window.solidity] = NOT_CONVEX
    low = np.full(len(area), window.low)
    if window.low_at_border > 0:
        low[table["touches_border"].astype(bool)] = window.low_at_border
    verdict[area < low] = TOO_SMALL
    verdict[area > window.high] = TOO_LARGE
    if window.contrast > 0:
        verdict[table["relative_contrast"] < window.contrast] = TOO_DIM
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
    return AreaWindow(**values)
