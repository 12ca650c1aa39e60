"""The calls to numpy and scikit-image of the annotation, in one bare process."""

import sys

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage as ndi
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label, regionprops_table
from skimage.segmentation import watershed

split, tables = [], []
for path in sys.argv[1:]:
    image = tifffile.imread(path) if path.endswith("tif") else np.asarray(Image.open(path))
    smooth = gaussian(image, 1.7, preserve_range=True)
    mask = ndi.binary_fill_holes(smooth > threshold_otsu(smooth))
    distance = ndi.gaussian_filter(ndi.distance_transform_edt(mask), 4)
    seeds = peak_local_max(distance, min_distance=12, labels=label(mask), exclude_border=False)
    markers = np.zeros(mask.shape, int)
    markers[tuple(seeds.T)] = np.arange(1, len(seeds) + 1)
    split.append((image, watershed(-distance, markers, mask=mask)))
    properties = ("label", "area", "centroid", "solidity", "perimeter", "eccentricity")
    tables.append(
        regionprops_table(split[-1][1], image, properties=(*properties, "intensity_mean"))
    )
median = np.median(np.concatenate([table["area"] for table in tables]))
rng = np.random.default_rng(0)
for (image, labels), table in zip(split, tables, strict=True):
    good = table["label"][abs(table["area"] - median) <= median / 2]
    nuclei = np.where(np.isin(labels, good), labels, 0)
    noise = rng.uniform(0, 50, image.shape).astype(image.dtype)
    pair = np.where(nuclei > 0, image, noise), nuclei
    for array in pair:
        tifffile.imwrite("bare.tif", array, compression="zstd")
