"""Draw docs/example.png from the results of `make demo`; run it in the repository's folder."""

from pathlib import Path

import matplotlib.image
import numpy as np
from matplotlib.figure import Figure
from skimage.segmentation import find_boundaries

from autonuclei.annotate.preprocessing import normalize_image
from autonuclei.io.images import read_plane

ENLARGE = 3

image = normalize_image(read_plane("example/data/nuclei-test.tif"))
masks = {
    "white": read_plane("example/data/nuclei-test-masks.tif"),
    "yellow": read_plane("example/results/nuclei/segmentation/test/labels/nuclei-test.tif"),
}
figure = Figure(figsize=(10, 4.7), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(1, 1.12))
picture = np.clip(image, 0, 1).repeat(ENLARGE, axis=0).repeat(ENLARGE, axis=1)
picture = np.stack([picture] * 3, axis=-1)
for colour, labels in masks.items():
    large = labels.repeat(ENLARGE, axis=0).repeat(ENLARGE, axis=1)
    picture[find_boundaries(large, mode="inner")] = (1, 1, colour == "white")
left.imshow(picture, interpolation="nearest")
left.set_title("test field: true (white), found (yellow)")
left.set_axis_off()
right.imshow(matplotlib.image.imread("example/results/movie/tracking/drawn/motility/tracks.png"))
right.set_axis_off()
figure.savefig(Path(__file__).with_name("example.png"), dpi=110)
