"""What each track did as a whole, and which ones divided."""

import numpy as np
import pandas as pd

from autonuclei.measure.steps import find_direction
from autonuclei.measure.units import Units


def summarise_tracks(steps: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """Summarise the movement of each track.

    Net displacement is the distance from the first to the last nucleus, total displacement
    the length of the path, straightness net over total (1 for a straight path; Beltman,
    Maree and de Boer 2009, Nature Reviews Immunology 9:789, there "confinement ratio"), the
    mean speed total displacement over duration.

    Parameters
    ----------
    steps : DataFrame
        From `measure_steps`.
    units : Units

    Returns
    -------
    DataFrame
        One row per track: `track`, `lineage`, `first_frame`, `last_frame`, `n_nuclei`,
        `n_missed_frames`, `duration_<time>`, `net_displacement_<length>`,
        `total_displacement_<length>`, `straightness`, `mean_speed_<speed>`,
        `max_speed_<speed>` and `direction_deg` of the net displacement. Of a track of one
        nucleus, what needs a step is NaN.
    """
    length = units.length
    ordered = steps.sort_values(["track", "frame"])
    groups = ordered.groupby("track")
    first, last = groups.first(), groups.last()
    n_nuclei = groups.size()
    duration = (last["frame"] - first["frame"]) * units.time_factor
    dx = last[f"x_{length}"] - first[f"x_{length}"]
    dy = last[f"y_{length}"] - first[f"y_{length}"]
    moved = n_nuclei > 1
    net = ((dx**2 + dy**2) ** 0.5).where(moved)
    total = groups[f"displacement_{length}"].sum(min_count=1)
    direction = find_direction(dx.to_numpy(), dy.to_numpy())
    return pd.DataFrame(
        {
            "lineage": first["lineage"],
            "first_frame": first["frame"],
            "last_frame": last["frame"],
            "n_nuclei": n_nuclei,
            "n_missed_frames": last["frame"] - first["frame"] + 1 - n_nuclei,
            f"duration_{units.time}": duration,
            f"net_displacement_{length}": net,
            f"total_displacement_{length}": total,
            "straightness": net / total.where(total > 0),
            f"mean_speed_{units.speed}": total / duration.where(duration > 0),
            f"max_speed_{units.speed}": groups[f"speed_{units.speed}"].max(),
            "direction_deg": np.where(net > 0, direction, np.nan),
        }
    ).reset_index()


def list_divisions(tracks: pd.DataFrame, *, units: Units) -> pd.DataFrame:
    """List the divisions: tracks with two or more daughters.

    The frame is the first one with a daughter. The orientation is the angle of the line
    between the two daughters in the first frame that has both, 0 to 180 degrees (0 along
    the rows of the image, 90 along its columns); NaN with more than two daughters or where
    no frame has both.

    Parameters
    ----------
    tracks : DataFrame
        Table of tracks; columns `track`, `lineage`, `parent`, `frame`, `x_px` and `y_px` are used.
    units : Units

    Returns
    -------
    DataFrame
        One row per division: `mother`, `lineage`, `frame`, `time_<time>`, `x_<length>` and
        `y_<length>` (the mother's last place), `n_daughters`, `daughter_1`, `daughter_2`
        (the lowest and the highest number), `daughter_distance_<length>`, `orientation_deg`.
    """
    length, factor = units.length, units.length_factor
    ordered = tracks.sort_values(["track", "frame"])
    firsts = ordered.drop_duplicates("track")
    daughters = firsts[firsts["parent"] > 0]
    born = daughters.groupby("parent")
    table = pd.DataFrame(
        {
            "frame": born["frame"].min(),
            "n_daughters": born.size(),
            "daughter_1": born["track"].min(),
            "daughter_2": born["track"].max(),
        }
    )
    table = table[table["n_daughters"] > 1].rename_axis("mother").reset_index()
    last = ordered.drop_duplicates("track", keep="last").set_index("track").loc[table["mother"]]
    table["lineage"] = last["lineage"].to_numpy()
    table[f"time_{units.time}"] = table["frame"] * units.time_factor
    table[f"x_{length}"] = last["x_px"].to_numpy() * factor
    table[f"y_{length}"] = last["y_px"].to_numpy() * factor

    places = ordered[["track", "frame", "x_px", "y_px"]]
    twins = table.loc[table["n_daughters"] == 2, ["mother", "daughter_1", "daughter_2"]]
    one = twins.merge(places, left_on="daughter_1", right_on="track")
    two = twins.merge(places, left_on="daughter_2", right_on="track")
    both = one.merge(two, on=["mother", "frame"]).sort_values("frame").drop_duplicates("mother")
    both = both.set_index("mother").reindex(table["mother"])
    dx = (both["x_px_y"] - both["x_px_x"]).to_numpy(np.float64)
    dy = (both["y_px_y"] - both["y_px_x"]).to_numpy(np.float64)
    distance = np.hypot(dx, dy)
    table[f"daughter_distance_{length}"] = distance * factor
    table["orientation_deg"] = np.where(distance > 0, find_direction(dx, dy) % 180, np.nan)
    columns = ["mother", "lineage", "frame", f"time_{units.time}", f"x_{length}", f"y_{length}"]
    columns += ["n_daughters", "daughter_1", "daughter_2"]
    return table[[*columns, f"daughter_distance_{length}", "orientation_deg"]]
