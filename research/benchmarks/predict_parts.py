"""CPU-seconds of the parts of a prediction: predict_parts.py ours|bare MODEL THREADS IMAGE...

`ours` is what the workflow does on a CPU, `bare` StarDist as it comes. Prints a JSON object:
`start` until the network is loaded, then per image `network`, `suppression` (of candidates that
overlap), `drawing` (polygons to pixels) and `after` (redrawing, sharpness, cuts; ours only), the
number of nuclei and the peak memory in MB.
"""

import json
import os
import resource
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


class Clock:
    """CPU-seconds by part."""

    def __init__(self):
        self.parts = defaultdict(float)

    @contextmanager
    def take(self, part):
        begin = time.process_time()
        yield
        self.parts[part] += time.process_time() - begin


def load_ours(folder, threads, clock):
    from autonuclei.annotate import boundaries, clumps
    from autonuclei.annotate.filtering import FilteredImage
    from autonuclei.labels.drawing import draw_polygons
    from autonuclei.labels.numbers import keep_labels
    from autonuclei.segment.prediction import place_polygons, redraw_nuclei, tidy_labels
    from autonuclei.settings import PredictSettings
    from autonuclei.train.networks import load_network

    network, _ = load_network(folder, device="cpu", threads=threads)

    def find_nuclei(image, prepared):
        with clock.take("network"):
            grid = network.compute_grid(prepared)
        with clock.take("suppression"):
            polygons, probability = network.suppress(*grid, prepared.shape)
        with clock.take("drawing"):
            polygons = place_polygons(polygons, image.shape, prepared.shape)
            labels = draw_polygons(polygons, probability, image.shape)
        with clock.take("after"):
            filtered = FilteredImage(image)
            labels = redraw_nuclei(filtered, labels)
            sharpness = boundaries.measure_sharpness(filtered, labels)
            sharp = np.flatnonzero(sharpness >= PredictSettings.minimum_sharpness)
            labels, origin = clumps.cut_clumps(keep_labels(labels, sharp))
            labels, _ = tidy_labels(labels, probability[origin[1:] - 1])
        return int(labels.max())

    return find_nuclei


def load_bare(folder, threads, clock):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    from stardist.geometry import dist_to_coord, polygons_to_label
    from stardist.models import StarDist2D
    from stardist.nms import non_maximum_suppression_sparse

    model = StarDist2D(None, name=folder.name, basedir=str(folder.parent))

    def find_nuclei(image, prepared):
        with clock.take("network"):
            probability, distances, points = model.predict_sparse(prepared)
        with clock.take("suppression"):
            points, probability, rays, _ = non_maximum_suppression_sparse(
                distances, probability, points, nms_thresh=model.thresholds.nms
            )
        with clock.take("drawing"):
            dist_to_coord(rays, points)
            labels = polygons_to_label(rays, points, prob=probability, shape=prepared.shape)
        return int(labels.max())

    return find_nuclei


def main():
    kind, folder, threads, *paths = sys.argv[1:]
    clock = Clock()
    load = load_ours if kind == "ours" else load_bare
    find_nuclei = load(Path(folder), int(threads), clock)
    start = time.process_time()

    from autonuclei.annotate.preprocessing import normalize_image, rescale_image
    from autonuclei.io.images import read_plane
    from autonuclei.train.networks import read_scale

    n_nuclei, scale = 0, read_scale(folder)
    for path in paths:
        image = read_plane(path)
        prepared = normalize_image(image)
        n_nuclei += find_nuclei(image, prepared if scale == 1 else rescale_image(prepared, scale))
    figures = {part: round(seconds / len(paths), 2) for part, seconds in clock.parts.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    about = {"nuclei": n_nuclei // len(paths), "peak_mb": round(peak)}
    print(json.dumps({"start": round(start, 2)} | figures | about))


if __name__ == "__main__":
    main()
