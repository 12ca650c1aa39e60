"""Annotation of a mosaic in blocks against that in one piece, in even and uneven light.

    python -m research.annotation_blocks DATA [NAME...]

DATA as of `research.annotation_quality`. Mosaics of 5000 x 5000 px with known nuclei are made of
drawn nuclei and of images with masks, mirrored. Scored are the nuclei that lie at least
`MARGIN_PX` from any border of a block. Writes a table in Markdown.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
import pandas as pd

from autonuclei.annotate.pipeline import annotate_images
from autonuclei.example.drawn_movies import draw_movie
from autonuclei.example.drawn_nuclei import MovieSettings
from autonuclei.labels.blocks import list_blocks
from autonuclei.labels.matching import compute_metrics, count_matches, drop_ignored, pool_counts
from autonuclei.settings import PreprocessSettings
from research.annotation_quality import read_groups

SIDE_PX = 5000
MARGIN_PX = 64
THRESHOLDS = (0.5, 0.8, 0.9)
MOSAICS = ("drawn", "paper frame 1", "520x696")
LIGHTS = {
    "even": lambda image, ramp: image,
    # Both as from one corner of a mosaic to the other.
    "a quarter as bright": lambda image, ramp: image * (1 - 0.75 * ramp),
    "on a background": lambda image, ramp: image + ramp * np.percentile(image, 99),
}
HEAD = (
    "| mosaic | light | annotation | nuclei | F1 at 0.5 | 0.8 | 0.9 | mean IoU | "
    "accepted: precision at 0.5 | share |"
)


def make_mosaic(name, data):
    """Image (float32) and label image of a mosaic."""
    if name == "drawn":
        settings = MovieSettings(frames=1, height_px=SIDE_PX, width_px=SIDE_PX, nuclei=9000)
        movie = draw_movie(settings, seed=1)
        return movie.images[0].astype(np.float32), movie.labels[0]
    group = next(found for found in read_groups(data) if found[0] == name)
    return tile_images(*group[1:])


def tile_images(images, truths):
    """Images side by side, again and again, each time mirrored in another way."""
    height, width = (min(image.shape[axis] for image in images) for axis in (0, 1))
    mosaic = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    labels = np.zeros((SIDE_PX, SIDE_PX), np.int32)
    places = itertools.product(range(0, SIDE_PX, height), range(0, SIDE_PX, width))
    first = 0
    for number, (row, column) in enumerate(places):
        own = number % len(images)
        turn = slice(None, None, (-1) ** (number // 2)), slice(None, None, (-1) ** number)
        image, truth = (
            part[:height, :width][turn][: SIDE_PX - row, : SIDE_PX - column]
            for part in (images[own], truths[own])
        )
        place = slice(row, row + image.shape[0]), slice(column, column + image.shape[1])
        mosaic[place] = image
        labels[place] = np.where(truth > 0, truth.astype(np.int32) + first, 0)
        first += int(truth.max())
    return mosaic, labels


def score(truth, found, is_rim):
    """Counts without what lies on the rim or reaches into it."""
    cut = np.unique(truth[is_rim])
    kept = np.where(np.isin(truth, cut), 0, truth)
    ignored = is_rim | ((truth > 0) & (kept == 0))
    return count_matches(kept, drop_ignored(found, ignored), THRESHOLDS)


def compare(image, truth):
    """Metrics of blocks and of one piece, for all objects and for the accepted ones."""
    blocks = list_blocks(image.shape, PreprocessSettings.block_px // 2)
    (whole,) = annotate_images([image])
    parts = annotate_images([image[block.slices] for block in blocks])
    for name in ("one piece", "blocks"):
        counts = {"objects": [], "nuclei": []}
        for block, part in zip(blocks, parts, strict=True):
            is_rim = np.ones(block.shape, bool)
            is_rim[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX] = False
            for kind, tables in counts.items():
                found = getattr(part, kind)
                if name == "one piece":
                    found = getattr(whole, kind)[block.slices]
                tables.append(score(truth[block.slices], found, is_rim))
        metrics = {
            kind: compute_metrics(pool_counts(pd.concat(tables))).set_index("iou")
            for kind, tables in counts.items()
        }
        objects, nuclei = metrics["objects"], metrics["nuclei"].loc[0.5]
        cells = [objects["f1"][iou] for iou in THRESHOLDS]
        cells += [objects["mean_iou_true"][0.5], nuclei["precision"], nuclei["recall"]]
        yield name, int(objects["n_true"][0.5]), [f"{cell:.3f}" for cell in cells]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("mosaics", nargs="*", default=MOSAICS)
    arguments = parser.parse_args()
    print(HEAD)
    print("|" + " --- |" * (HEAD.count("|") - 1))
    ramp = np.add.outer(*[np.linspace(0, 0.5, SIDE_PX, dtype=np.float32)] * 2)
    for mosaic in arguments.mosaics:
        image, truth = make_mosaic(mosaic, arguments.data)
        for light, shine in LIGHTS.items():
            lit = np.clip(np.rint(shine(image, ramp)), 0, 65535).astype(np.uint16)
            for name, n, cells in compare(lit, truth):
                print("|", " | ".join([mosaic, light, name, str(n), *cells]), "|", flush=True)


if __name__ == "__main__":
    main()
