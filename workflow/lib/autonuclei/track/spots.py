"""The nuclei of all frames as arrays, the form in which they are linked."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autonuclei.errors import InputError
from autonuclei.track.robust import find_median, measure_spread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

REQUIRED_COLUMNS = ("frame", "label", "y_px", "x_px", "area_px")
# A share of the usual contrast is added to each: the relative error of a dim nucleus is large.
_ADDED_CONTRAST = 0.1
# Log areas or contrasts that spread by less are all the same: marks, no nuclei.
_LEAST_SPREAD = 0.03


@dataclass(frozen=True)
class Spots:
    """The n nuclei of a movie, sorted by frame; NaN where a value is unknown.

    A measure that is the same for all nuclei is unknown: the area and the shape of marks that a
    program or a person has set at the centres of nuclei say nothing of these.

    Attributes
    ----------
    position : (n, 2) float64
        Row and column in `unit`.
    frame : (n,) int64
        Frame number.
    log_area : (n,) float64
        Of the area in px.
    log_contrast : (n,) float64
        Of how much brighter than the background a nucleus is.
    eccentricity, orientation : (n,) float64
        Orientation in rad.
    at_border : (n,) bool
        Whether the border of the image may cut the nucleus.
    frame_numbers : (k,) int64
        The frames that hold nuclei, ascending.
    starts : (k + 1,) int64
        Nuclei of the i-th of these frames are `starts[i]` to `starts[i + 1]`, the end excluded.
    unit : {"um", "px"}
    length_per_px : float
        um per px; 1 where lengths are in px.
    """

    position: Floats
    frame: Ints
    log_area: Floats
    log_contrast: Floats
    eccentricity: Floats
    orientation: Floats
    at_border: Bools
    frame_numbers: Ints
    starts: Ints
    unit: str
    length_per_px: float

    def __len__(self) -> int:
        return len(self.frame)

    def of(self, i: int) -> slice:
        """The nuclei of the i-th frame that holds any."""
        return slice(int(self.starts[i]), int(self.starts[i + 1]))


def read_spots(nuclei: pd.DataFrame) -> Spots:
    """Take the nuclei out of their table.

    Parameters
    ----------
    nuclei : DataFrame
        One row per nucleus, sorted by frame; see `autonuclei.track.link.link_nuclei`.

    Raises
    ------
    InputError
        A column is missing, a position is empty, or a label is listed twice in a frame.
    """
    missing = [name for name in REQUIRED_COLUMNS if name not in nuclei]
    if missing:
        raise InputError(
            f"Object table: the columns {', '.join(missing)} are missing. Measure the label"
            " images again."
        )
    twice = nuclei.duplicated(["frame", "label"])
    if twice.any():
        row = nuclei.loc[twice].iloc[0]
        raise InputError(
            f"Object table: label {int(row.label)} is listed twice in frame {int(row.frame)}."
            " Measure the label images again."
        )

    def column(name: str) -> Floats:
        if name not in nuclei:
            return np.full(len(nuclei), np.nan)
        return nuclei[name].to_numpy(float)

    has_um = {"y_um", "x_um"} <= set(nuclei) and nuclei["y_um"].notna().all()
    unit = "um" if has_um else "px"
    position = np.column_stack([column(f"y_{unit}"), column(f"x_{unit}")])
    if not np.isfinite(position).all():
        raise InputError(
            f"Object table: y_{unit} or x_{unit} is empty in some rows. Measure the label images"
            " again."
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        log_area = _drop_constant(np.log(column("area_px")))
        um2_per_px = find_median(column("area_um2") / column("area_px")) if has_um else 1.0
    has_size = bool(np.isfinite(log_area).any())
    frame = nuclei["frame"].to_numpy(np.int64)
    frame_numbers, starts = np.unique(frame, return_index=True)
    return Spots(
        position=position,
        frame=frame,
        log_area=np.where(np.isfinite(log_area), log_area, np.nan),
        log_contrast=_drop_constant(
            _find_log_contrast(column("mean_intensity"), column("background_intensity"))
        ),
        eccentricity=column("eccentricity") if has_size else np.full(len(nuclei), np.nan),
        orientation=column("orientation_rad"),
        at_border=np.nan_to_num(column("touches_border"), nan=0.0).astype(bool),
        frame_numbers=frame_numbers,
        starts=np.append(starts, len(frame)).astype(np.int64),
        unit=unit,
        length_per_px=float(np.sqrt(um2_per_px)) if np.isfinite(um2_per_px) else 1.0,
    )


def _drop_constant(values: Floats) -> Floats:
    """Values, or NaN for all where they do not differ."""
    is_same = measure_spread(values) < _LEAST_SPREAD
    return np.full(len(values), np.nan) if is_same else values


def _find_log_contrast(mean: Floats, background: Floats) -> Floats:
    """Log of how much brighter than the background each nucleus is, in any unit.

    Cameras add a constant, which may be far larger than the signal; without it brightness is
    proportional to DNA. Where the background is unknown it is guessed: nuclei of one movie
    differ in brightness by about a third.
    """
    mean = np.where(np.isfinite(mean), mean, np.nan)
    guess = find_median(mean) - 3 * measure_spread(mean)
    if np.isfinite(guess) and np.nanmin(mean) >= 0:
        guess = max(guess, 0.0)
    contrast = np.maximum(mean - np.where(np.isfinite(background), background, guess), 0.0)
    usual = find_median(contrast)
    if not usual > 0:
        return np.full(len(mean), np.nan)
    return np.asarray(np.log(contrast + _ADDED_CONTRAST * usual))
