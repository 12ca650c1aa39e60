"""Link and export drawn tracks, print the cost as JSON: track_drawn.py FRAMES NUCLEI.

Times are CPU-seconds of one core."""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from autonuclei.export.trackmate import write_trackmate
from autonuclei.export.trackmate_settings import MovieInfo
from autonuclei.track.link import link_nuclei

frames, nuclei = int(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(0)
# Nuclei of 30 px on a jittered grid, each on a walk of its own.
side = int(np.ceil(np.sqrt(nuclei)))
grid = np.stack(np.divmod(np.arange(nuclei), side), axis=1)[:, :2] * 60.0 + 40
start = grid + rng.uniform(-12, 12, grid.shape)
walk = start + np.cumsum(rng.normal(0, 2, (frames, nuclei, 2)), axis=0)
area = rng.normal(700, 80, nuclei)
size = side * 60 + 80
draw = nuclei <= 2000
disk = np.argwhere(np.hypot(*np.mgrid[-15:16, -15:16]) <= 15) - 15


def draw_labels(frame):
    labels = np.zeros((size, size), np.uint32)
    centres = np.clip(np.round(walk[frame]).astype(int), 15, size - 16)
    for label in range(nuclei, 0, -1):
        rows, columns = (centres[label - 1] + disk).T
        labels[rows, columns] = label
    return labels


objects = pd.DataFrame(
    {
        "frame": np.repeat(np.arange(frames), nuclei),
        "label": np.tile(np.arange(1, nuclei + 1), frames),
        "y_px": walk[..., 0].ravel(),
        "x_px": walk[..., 1].ravel(),
        "area_px": (area * rng.normal(1, 0.03, (frames, nuclei))).ravel(),
        "mean_intensity": rng.normal(100, 5, frames * nuclei),
    }
)
for name, value in (("y_um", "y_px"), ("x_um", "x_px")):
    objects[name] = objects[value] * 0.325
objects["area_um2"] = objects["area_px"] * 0.325**2
begin = time.process_time()
result = link_nuclei(objects, frame_interval_min=10)
linked = time.process_time()
# Drawing the labels is not part of the export; without outlines it needs none.
pages = [draw_labels(frame).astype(np.uint16) for frame in range(frames)] if draw else None
drawn = time.process_time()
write_trackmate(
    Path("bench.xml"),
    result.tracks,
    movie=MovieInfo("bench.tif", size, size, frames, 0.325, 10.0),
    labels=pages,
)
done = time.process_time()
print(
    json.dumps(
        {
            "spots": len(result.tracks),
            "link_s": linked - begin,
            "trackmate_s": done - drawn,
            "outlines": "with outlines" if draw else "without outlines",
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )
)
