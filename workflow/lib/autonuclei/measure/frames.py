"""How many nuclei, tracks and mitoses each frame has."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from autonuclei.measure.units import Units


def count_nuclei(
    steps: pd.DataFrame,
    divisions: pd.DataFrame,
    *,
    frames: Sequence[int],
    image_shape: tuple[int, int],
    units: Units,
) -> pd.DataFrame:
    """Count nuclei, tracks and mitoses in every recorded frame.

    The rate of mitosis is the number of divisions since the recorded frame before over the
    nuclei in that frame and the time between; NaN in the first frame and after a frame
    without nuclei.

    Parameters
    ----------
    steps, divisions : DataFrame
        From `measure_steps` (with `nearest_neighbour_<length>` or not) and `list_divisions`.
    frames : sequence of int
        The recorded frame numbers, ascending.
    image_shape : (height, width) in pixels
    units : Units

    Returns
    -------
    DataFrame
        One row per recorded frame: `frame`, `time_<time>`, `n_nuclei`, `nuclei_per_mm2` (or
        `nuclei_per_megapixel`), `n_tracks` (that begin at or before and end at or after the
        frame, so also those that miss it), `n_mitoses`, `mitoses_per_nucleus_and_hour` (or
        `_frame`), `median_speed_<speed>`, `median_nearest_neighbour_<length>`.
    """
    numbers = np.asarray(frames, np.int64)
    n_nuclei = steps["frame"].value_counts().reindex(numbers, fill_value=0).to_numpy(np.int64)
    spans = steps.groupby("track")["frame"].agg(["min", "max"])
    begun = np.searchsorted(np.sort(spans["min"].to_numpy()), numbers, side="right")
    ended = np.searchsorted(np.sort(spans["max"].to_numpy()), numbers, side="left")
    # Divisions count in the first recorded frame at or after their own.
    index = np.searchsorted(numbers, divisions["frame"].to_numpy(np.int64))
    n_mitoses = np.bincount(index[index < len(numbers)], minlength=len(numbers))
    area = image_shape[0] * image_shape[1] * units.length_factor**2 / 1e6
    hours = np.diff(numbers) * units.time_factor / (1 if units.time == "frames" else 60)
    rate = np.full(len(numbers), np.nan)
    before = n_nuclei[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        rate[1:] = np.where(before > 0, n_mitoses[1:] / (before * hours), np.nan)
    table = pd.DataFrame(
        {
            "frame": numbers,
            f"time_{units.time}": numbers * units.time_factor,
            "n_nuclei": n_nuclei,
            units.density: n_nuclei / area,
            "n_tracks": begun - ended,
            "n_mitoses": n_mitoses,
            units.mitosis_rate: rate,
        }
    )
    groups = steps.groupby("frame")
    for column in (f"speed_{units.speed}", f"nearest_neighbour_{units.length}"):
        if column in steps:
            table[f"median_{column}"] = groups[column].median().reindex(numbers).to_numpy()
    return table
