"""Which annotated objects count as nuclei, and why the others do not."""

import json
import math
import os
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.annotate.unusual_nuclei import is_condensed, is_dim_nucleus
from autonuclei.errors import InputError
from autonuclei.io.files import DAMAGED, read_json, write_beside
from autonuclei.labels.measurement import OBJECT_COLUMNS
from autonuclei.labels.numbers import keep_labels
from autonuclei.settings import AnnotateSettings

ACCEPTED, TOO_SMALL, TOO_LARGE = "accepted", "too small", "too large"
NOT_CONVEX, TOO_DIM, UNKNOWN = "not convex", "too dim", "no area window"
# All that `judge_objects` says; each object has one of them.
VERDICTS = (ACCEPTED, TOO_SMALL, TOO_LARGE, NOT_CONVEX, TOO_DIM, UNKNOWN)

# Columns of the table of annotated objects (`candidates.measure_candidates`).
CANDIDATE_COLUMNS = (*OBJECT_COLUMNS, "relative_contrast", "significance", "ellipticity")

# Half of the area lies in objects of this many medians or more: the median one is a speck. It is
# at most 2.5 in the data of docs/annotation.md.
SPECK_RATIO = 3.0
# Less than this part of the area of the nucleus in which half of the area is reached: a speck.
LARGEST_SPECK = 0.25
# So many larger objects are nuclei; fewer may be bubbles or dust.
FEWEST_NUCLEI = 10
# Solidity of a disk of few pixels, and how far below the specks' that of nuclei may lie. Clumps,
# which may hold half of the area too, lie lower.
DISK_SOLIDITY = 0.95
LEAST_SOLIDITY = 0.05


@dataclass(frozen=True)
class AcceptedRange:
    """Areas between which an object counts as a nucleus, and its least solidity and contrast.

    Attributes
    ----------
    low, median, high : float
        Least, median and largest area in px; NaN where there was no object.
    n_objects : int
        Objects that the median was taken of, without specks (`drop_specks`).
    solidity : float
        Least solidity; 0: any.
    low_at_border : float
        Least area of an object that the border of the image cuts, in px; 0: `low`.
    contrast : float
        Least brightness above the background, as part of that of the typical nucleus of the
        image; 0: any.
    unusual : bool
        Whether unusual nuclei count that lie outside these limits (`unusual_nuclei`).
    """

    low: float
    median: float
    high: float
    n_objects: int
    solidity: float = 0.0
    low_at_border: float = 0.0
    contrast: float = 0.0
    unusual: bool = False


def drop_specks(objects: pd.DataFrame) -> pd.DataFrame:
    """Leave out specks where they outnumber the nuclei: hot pixels, debris, dying cells.

    The median object would be one of them. Most of the area lies in nuclei all the same: they
    are the larger ones, unless these are few, or clumps of the small ones, which are less convex.

    Parameters
    ----------
    objects : DataFrame
        `area_px` and, where known, `solidity`, a row per object.

    Returns
    -------
    DataFrame
        All rows where the median object is no speck.
    """
    area = objects["area_px"].to_numpy(np.float64)
    if len(area) == 0:
        return objects
    order = np.sort(area)
    typical = order[np.searchsorted(np.cumsum(order), order.sum() / 2)]
    if typical <= SPECK_RATIO * np.median(area):
        return objects
    small = area < LARGEST_SPECK * typical
    if (~small).sum() < FEWEST_NUCLEI:
        return objects
    if "solidity" in objects:
        solidity = objects["solidity"].to_numpy(np.float64)
        least = min(float(np.median(solidity[small])), DISK_SOLIDITY) - LEAST_SOLIDITY
        if np.median(solidity[~small]) < least:
            return objects
    larger: pd.DataFrame = objects[~small]
    return larger


def compute_accepted_range(
    objects: pd.DataFrame,
    *,
    area_tolerance: float = AnnotateSettings.area_tolerance,
    area_tolerance_above: float | None = AnnotateSettings.area_tolerance_above,
    solidity_tolerance: float | None = AnnotateSettings.solidity_tolerance,
    share_at_border: float | None = AnnotateSettings.share_at_border,
    minimum_relative_contrast: float | None = AnnotateSettings.minimum_relative_contrast,
    unusual_nuclei: bool = AnnotateSettings.unusual_nuclei,
) -> AcceptedRange:
    """Compute what counts as a nucleus in a whole data set, from the medians of its objects.

    Specks that outnumber the nuclei are left out of the medians (`drop_specks`).

    Parameters
    ----------
    objects : DataFrame
        `area_px`, and as far as they are asked for `solidity` and `relative_contrast`.
    area_tolerance, area_tolerance_above
        How far areas may lie below and above the median; 0.5 is 50 %. None: the same above.
    solidity_tolerance
        How far solidity may lie below its median; a median and no constant, since few pixels make
        small nuclei less convex. None: any.
    share_at_border
        Objects cut by the border count from this part of the median area on, else the network
        never sees a nucleus there. None: as the others.
    minimum_relative_contrast
        Objects of less do not count as nuclei, nor in the medians. None: any.
    unusual_nuclei
        Whether nuclei outside of these limits count that are clearly dim ones, or condensed.
    """
    contrast = minimum_relative_contrast or 0.0
    if contrast > 0:
        objects = objects[objects["relative_contrast"] >= contrast]
    if len(objects) == 0:
        return AcceptedRange(math.nan, math.nan, math.nan, 0)
    objects = drop_specks(objects)
    above = area_tolerance if area_tolerance_above is None else area_tolerance_above
    median = float(np.median(objects["area_px"]))
    solidity = 0.0
    if solidity_tolerance is not None:
        solidity = max(0.0, float(np.median(objects["solidity"])) - solidity_tolerance)
    return AcceptedRange(
        low=median * (1 - area_tolerance),
        median=median,
        high=median * (1 + above),
        n_objects=len(objects),
        solidity=solidity,
        low_at_border=0.0 if share_at_border is None else share_at_border * median,
        contrast=contrast,
        unusual=unusual_nuclei,
    )


def judge_objects(objects: pd.DataFrame, accepted: AcceptedRange) -> npt.NDArray[np.str_]:
    """For each object of an image, ``accepted`` or why it is rejected.

    Without a range, since no training frame has an object, none is accepted.
    """
    area = objects["area_px"].to_numpy()
    verdict = np.full(len(area), UNKNOWN if np.isnan(accepted.median) else ACCEPTED, dtype="U16")
    if accepted.solidity > 0:
        verdict[objects["solidity"].to_numpy() < accepted.solidity] = NOT_CONVEX
    low = np.full(len(area), accepted.low)
    if accepted.low_at_border > 0:
        low[objects["touches_border"].to_numpy(bool)] = accepted.low_at_border
    verdict[area < low] = TOO_SMALL
    verdict[area > accepted.high] = TOO_LARGE
    if accepted.contrast > 0:
        verdict[objects["relative_contrast"].to_numpy() < accepted.contrast] = TOO_DIM
    if accepted.unusual and not np.isnan(accepted.median):
        verdict[_is_unusual_nucleus(objects, area, verdict, accepted)] = ACCEPTED
    return verdict


def _is_unusual_nucleus(
    objects: pd.DataFrame,
    area: npt.NDArray[Any],
    verdict: npt.NDArray[np.str_],
    accepted: AcceptedRange,
) -> npt.NDArray[np.bool_]:
    is_dim = verdict == TOO_DIM
    dim = np.zeros(len(area), bool)
    dim[is_dim] = is_dim_nucleus(
        objects["significance"].to_numpy()[is_dim],
        objects["ellipticity"].to_numpy()[is_dim],
        area[is_dim],
        accepted.median,
    )
    condensed = is_condensed(
        objects["relative_contrast"].to_numpy(),
        objects["solidity"].to_numpy(),
        area,
        accepted.median,
        accepted.solidity,
    )
    return np.asarray(dim | (np.isin(verdict, [TOO_SMALL, NOT_CONVEX]) & condensed))


def keep_accepted(objects: npt.NDArray[Any], table: pd.DataFrame) -> npt.NDArray[Any]:
    """Label image of the objects whose `verdict` in their table is ``accepted``."""
    return keep_labels(objects, table["label"].to_numpy()[table["verdict"] == ACCEPTED])


def write_accepted_range(path: str | os.PathLike[str], accepted: AcceptedRange) -> None:
    """Write the accepted range as JSON; NaN as null."""
    values = {k: None if v != v else v for k, v in asdict(accepted).items()}
    with write_beside(path) as partial:
        partial.write_text(json.dumps(values, indent=1) + "\n")


def read_accepted_range(path: str | os.PathLike[str]) -> AcceptedRange:
    """Read what `write_accepted_range` wrote.

    Raises
    ------
    InputError
        The file is damaged.
    """
    values = read_json(path)
    names = {field.name for field in fields(AcceptedRange)}
    numbers = {name: value for name, value in values.items() if name != "unusual"}
    if (
        set(values) != names
        or not isinstance(values["unusual"], bool)
        or not all(_is_number(value) for value in numbers.values())
    ):
        raise InputError(f"{path}: {DAMAGED}")
    known: dict[str, Any] = {k: math.nan if v is None else v for k, v in values.items()}
    return AcceptedRange(**known)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
