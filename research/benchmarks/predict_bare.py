"""A bare StarDist loop over images, in one process: predict_bare.py MODEL IMAGE..."""

import sys
from pathlib import Path

import numpy as np
import tifffile
from csbdeep.utils import normalize
from PIL import Image
from stardist.models import StarDist2D

folder = Path(sys.argv[1])
model = StarDist2D(None, name=folder.name, basedir=str(folder.parent))
for path in sys.argv[2:]:
    image = tifffile.imread(path) if path.endswith("tif") else np.asarray(Image.open(path))
    labels, _ = model.predict_instances(normalize(image, 1, 99.8), show_tile_progress=False)
    tifffile.imwrite("bare.tif", labels, compression="zstd")
