"""Draw docs/example.png from the results of `make demo`; run it in the repository's folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

import matplotlib.image
import numpy as np
from matplotlib.figure import Figure
from skimage.segmentation import find_boundaries

from autonuclei.annotate.preprocessing import normalize_image
from autonuclei.io.images import read_plane

ENLARGE = 3

image = normalize_image(read_plane("resources/example/nuclei-test.tif"))
masks = {
    "white": read_plane("resources/example/nuclei-test-masks.tif"),
    "yellow": read_plane("results/nuclei/segmentation/test/labels/nuclei-test.tif"),
}
figure = Figure(figsize=(10, 4.7), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(1, 1.12))
picture = np.kron(np.repeat(np.clip(image, 0, 1)[..., None], 3, axis=2), np.ones((3, 3, 1)))
for colour, labels in masks.items():
    large = np.kron(labels, np.ones((ENLARGE, ENLARGE), labels.dtype))
    picture[find_boundaries(large, mode="inner")] = (1, 1, colour == "white")
left.imshow(picture, interpolation="nearest")
left.set_title("test field: true (white), found (yellow)")
left.set_axis_off()
right.imshow(matplotlib.image.imread("results/movie/tracking/drawn/motility/tracks.png"))
right.set_axis_off()
figure.savefig(Path(__file__).with_name("example.png"), dpi=110)
