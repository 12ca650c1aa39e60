"""Two reporters in the cells of a drawn movie, with their true levels.

`cycle` is made in the nucleus while a cell goes through its cycle and is gone at the division,
like geminin. `shuttle` goes from the cytoplasm into the nucleus at a known time.
"""

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt

from autonuclei.example.drawn_nuclei import DrawnNucleus, Floats, MovieSettings

REPORTERS = ("cycle", "shuttle")

# Level of `cycle` at birth over that at the division, and in the cytoplasm over the nucleus.
CYCLE_AT_BIRTH, CYCLE_OUTSIDE = 0.1, 0.15
# Level of `shuttle` where it is not, over that where it is.
SHUTTLE_AWAY = 0.25


def express_reporters(
    nuclei: list[DrawnNucleus], settings: MovieSettings, rng: np.random.Generator
) -> None:
    """Decide how strong, and when, the reporters are in each cell; daughters are as the mother.

    Parameters
    ----------
    nuclei : list of DrawnNucleus
        They are changed.
    settings : MovieSettings
    rng : Generator
    """
    for nucleus in nuclei:
        if nucleus.expression is not None:
            continue
        if nucleus.mother is not None:
            nucleus.expression = nucleus.mother.expression
            continue
        strength = np.exp(rng.normal(0, settings.reporter_spread, 2))
        nucleus.expression = (
            float(settings.cycle_brightness * strength[0]),
            float(settings.shuttle_brightness * strength[1]),
            float(rng.normal(settings.shuttle_min, settings.shuttle_spread_min)),
        )


def tabulate_reporters(
    nuclei: list[DrawnNucleus], settings: MovieSettings, frame: int
) -> pd.DataFrame:
    """Tabulate the true state of every nucleus that has a label in the frame.

    Returns
    -------
    DataFrame
        A row per nucleus: `frame`, `label`, `age_min` (since birth), `cycle_min` (from birth to
        division), `phase` (the first over the second, at most 1), `shuttle_min` (when half of
        the shuttle is in, since the first frame), and for each of `REPORTERS` the light in the
        nucleus (`cycle`) and in the cytoplasm (`cycle_ring`), in camera counts above background.
    """
    now = frame * settings.interval_min
    rows = []
    for nucleus in nuclei:
        if nucleus.last_seen != frame or nucleus.expression is None:
            continue
        most, total, time = nucleus.expression
        phase = min(nucleus.age / nucleus.cycle, 1.0)
        cycle = most * (CYCLE_AT_BIRTH + (1 - CYCLE_AT_BIRTH) * phase)
        duration = max(settings.shuttle_duration_min, 1e-9)
        inside = float(np.clip((now - time) / duration + 0.5, 0, 1))
        rows.append(
            {
                "frame": frame,
                "label": nucleus.label,
                "age_min": nucleus.age,
                "cycle_min": nucleus.cycle,
                "phase": phase,
                "shuttle_min": time,
                "cycle": cycle,
                "cycle_ring": CYCLE_OUTSIDE * cycle,
                "shuttle": total * (SHUTTLE_AWAY + (1 - SHUTTLE_AWAY) * inside),
                "shuttle_ring": total * (1 - (1 - SHUTTLE_AWAY) * inside),
            }
        )
    columns = ["frame", "label", "age_min", "cycle_min", "phase", "shuttle_min"]
    columns += [name + place for name in REPORTERS for place in ("", "_ring")]
    types = dict.fromkeys(columns, np.float64) | {"frame": np.int64, "label": np.int64}
    return pd.DataFrame(rows, columns=columns).astype(types)


def draw_reporters(
    labels: np.ndarray, truth: pd.DataFrame, settings: MovieSettings
) -> dict[str, Floats]:
    """Draw the light of the reporters, without blur or noise.

    A nucleus, and the cytoplasm around it, are of one brightness each. A pixel of cytoplasm is
    of the cell with the nearest nucleus.

    Parameters
    ----------
    labels : (height, width) int
        True label image.
    truth : DataFrame
        From `tabulate_reporters`.
    settings : MovieSettings
    """
    if truth.empty:
        return {name: np.zeros(labels.shape) for name in REPORTERS}
    distance, (rows, columns) = distance_transform_edt(labels == 0, return_indices=True)
    cell = labels[rows, columns]
    outside = (distance > 0) & (distance * settings.pixel_size_um <= settings.cytoplasm_um)
    lights = {}
    for name in REPORTERS:
        levels = np.zeros((2, int(labels.max()) + 1))
        levels[:, truth["label"]] = truth[[name, f"{name}_ring"]].to_numpy().T
        lights[name] = levels[0, labels] + np.where(outside, levels[1, cell], 0.0)
    return lights
