"""A small movie with every kind of track, for the tests of the exports."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from skimage.measure import regionprops_table

HEIGHT, WIDTH, N_FRAMES = 60, 80, 6

# track, parent, lineage, and (frame, y, x) of its nuclei: a mother that divides, a
# granddaughter, a track with a gap that then divides, a plain track and two single nuclei.
# Frame 4 is left to the first family only, frame 2 has the most.
TRACKS = [
    (1, 0, 1, [(0, 10, 10), (1, 10, 12)]),
    (2, 1, 1, [(2, 6, 12), (3, 5, 14)]),
    (3, 1, 1, [(2, 14, 14), (3, 15, 16)]),
    (4, 2, 1, [(4, 4, 20), (5, 4, 24)]),
    (5, 2, 1, [(4, 11, 14)]),
    (6, 0, 2, [(0, 30, 30), (2, 33, 34)]),
    (7, 6, 2, [(3, 30, 36)]),
    (8, 6, 2, [(3, 38, 36), (5, 40, 40)]),
    (9, 0, 3, [(0, 50, 60), (1, 50, 62), (2, 51, 64), (3, 52, 66)]),
    (10, 0, 4, [(1, 20, 60)]),
    (11, 0, 5, [(5, 30, 70)]),
]


def make_example() -> tuple[pd.DataFrame, npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """Draw the movie; give its track table, label images and raw images."""
    labels = np.zeros((N_FRAMES, HEIGHT, WIDTH), np.uint16)
    rows = []
    next_label = [1] * N_FRAMES
    # Backwards, so that the labels do not follow the track numbers.
    for track, parent, lineage, path in reversed(TRACKS):
        for frame, y, x in path:
            label = next_label[frame]
            next_label[frame] += 1
            labels[frame, y - 2 : y + 3, x - 2 : x + 3] = label
            labels[frame, y + 2, x + 2] = 0
            rows.append((frame, label, track, lineage, parent))
    raw = np.where(labels > 0, 100 + labels, 10).astype(np.uint8)
    keys = pd.DataFrame(rows, columns=["frame", "label", "track", "lineage", "parent"])
    measured = []
    for frame in range(N_FRAMES):
        if not labels[frame].any():
            continue
        names = ["label", "centroid", "area", "perimeter", "solidity", "eccentricity"]
        names += ["axis_major_length", "axis_minor_length", "orientation", "intensity_mean"]
        names += ["intensity_max", "intensity_std"]
        table = pd.DataFrame(
            regionprops_table(labels[frame], intensity_image=raw[frame], properties=names)
        )
        table["frame"] = frame
        measured.append(table)
    table = pd.concat(measured).rename(
        columns={
            "centroid-0": "y_px",
            "centroid-1": "x_px",
            "area": "area_px",
            "perimeter": "perimeter_px",
            "axis_major_length": "major_axis_px",
            "axis_minor_length": "minor_axis_px",
            "orientation": "orientation_rad",
            "intensity_mean": "mean_intensity",
            "intensity_max": "max_intensity",
            "intensity_std": "std_intensity",
        }
    )
    tracks = keys.merge(table, on=["frame", "label"])
    tracks["total_intensity"] = (tracks["mean_intensity"] * tracks["area_px"]).round()
    tracks["touches_border"] = False
    tracks["probability"] = np.nan
    tracks["y_um"] = tracks["x_um"] = tracks["area_um2"] = tracks["time_min"] = np.nan
    return tracks.sort_values(["track", "frame"], ignore_index=True), labels, raw


def list_links() -> set[tuple[tuple[int, int, int], tuple[int, int, int]]]:
    """Write out the links of the example as pairs of (frame, y, x)."""
    path = {track: places for track, _, _, places in TRACKS}
    links = set()
    for _track, parent, _, places in TRACKS:
        links |= set(pairwise(places))
        if parent:
            links.add((path[parent][-1], places[0]))
    return links
