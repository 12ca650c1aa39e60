"""The numbers that a sample comes to, and how corrections moved them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from autonuclei.measure.motility import Motility


def summarise_numbers(nuclei: pd.DataFrame, motility: Motility | None = None) -> dict[str, float]:
    """Give the numbers of a sample that a reader asks for first.

    Parameters
    ----------
    nuclei : DataFrame
        Measured nuclei, one row per nucleus and frame.
    motility : Motility, optional
        Of its tracks; stills have none.

    Returns
    -------
    dict of float
        `nuclei` (over all frames), `mean_area_um2` (or `_px`), `mean_intensity`; with tracks also
        `tracks`, `divisions`, `median_speed_<speed>` (over all steps),
        `median_track_duration_<time>`, `median_net_displacement_<length>` and
        `mean_straightness`. NaN where there is nothing to average.
    """
    has_um = "area_um2" in nuclei and len(nuclei) > 0 and nuclei["area_um2"].notna().all()
    area = "area_um2" if has_um else "area_px"
    numbers = {"nuclei": float(len(nuclei)), f"mean_{area}": float(nuclei[area].mean())}
    if "mean_intensity" in nuclei:
        numbers["mean_intensity"] = float(nuclei["mean_intensity"].mean())
    if motility is None:
        return numbers
    units, tracks = motility.units, motility.tracks
    speed, duration = f"speed_{units.speed}", f"duration_{units.time}"
    distance = f"net_displacement_{units.length}"
    return numbers | {
        "tracks": float(len(tracks)),
        "divisions": float(len(motility.divisions)),
        f"median_{speed}": float(motility.steps[speed].median()),
        f"median_track_{duration}": float(tracks[duration].median()),
        f"median_{distance}": float(tracks[distance].median()),
        "mean_straightness": float(tracks["straightness"].mean()),
    }


def compare_numbers(before: Mapping[str, float], after: Mapping[str, float]) -> pd.DataFrame:
    """Tabulate how corrections moved the numbers of a sample.

    Parameters
    ----------
    before, after
        Of `summarise_numbers`.

    Returns
    -------
    DataFrame
        `quantity`, `before`, `after` and `change_percent`: of `before`, NaN where that is 0 or
        one of the two is unknown. A quantity that only one of the two has is NaN in the other.
    """
    names = list(dict.fromkeys([*before, *after]))
    table = pd.DataFrame(
        {
            "quantity": names,
            "before": [float(before.get(name, np.nan)) for name in names],
            "after": [float(after.get(name, np.nan)) for name in names],
        }
    )
    known = table["before"].where(table["before"] != 0)
    table["change_percent"] = 100 * (table["after"] - table["before"]) / known.abs()
    return table
