"""Quality of the annotation alone, without a network, against masks drawn by hand.

    python -m research.annotation_quality DATA

DATA holds `bbbc038` (images, masks and manifest.csv with a group per image) and
`englbrecht2021` (frames/frame01.png, ground_truth/frame01.tif). Writes a table in Markdown.
"""

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from autonuclei.annotate.pipeline import annotate_images
from autonuclei.io.images import read_plane
from autonuclei.labels.matching import compute_metrics, count_matches, pool_counts
from autonuclei.settings import Settings, read_settings

ROOT = Path(__file__).resolve().parents[1]
THRESHOLDS = (0.5, 0.7, 0.8, 0.9)
# Without nuclei at levels of their own.
ONE_THRESHOLD = {
    "local_levels": False,
    "minimum_relative_contrast": None,
    "unusual_nuclei": False,
}
# Parameters were chosen on these, and reported on the others.
CHOSEN_ON = (
    "256x256_a",
    "256x256_b",
    "256x256_c",
    "256x256_d",
    "360x360",
    "520x696",
    "603x1272",
    "paper frame 1",
)
HEAD = (
    "| data | images | nuclei | annotation | F1 at 0.5 | 0.8 | 0.9 | mean IoU | "
    "accepted: precision at 0.5 | 0.7 | 0.8 | mean IoU | share | nuclei in background, % |"
)


def score(truths, labels):
    """Metrics per threshold, pooled over images."""
    counts = [count_matches(*pair, THRESHOLDS) for pair in zip(truths, labels, strict=True)]
    metrics = compute_metrics(pool_counts(pd.concat(counts)))
    return metrics.set_index("iou").to_dict("index")


def describe(images, truths, settings):
    """Cells of one row of the table."""
    annotations = annotate_images(images, settings)
    objects = [annotation.objects for annotation in annotations]
    all_found = score(truths, objects)
    accepted = score(truths, [annotation.nuclei for annotation in annotations])
    # What the network is taught to be background although it is a nucleus.
    pairs = zip(truths, objects, strict=True)
    missed = sum(int((truth[labels == 0] > 0).sum()) for truth, labels in pairs)
    background = sum(int((labels == 0).sum()) for labels in objects)
    cells = [all_found[iou]["f1"] for iou in (0.5, 0.8, 0.9)]
    cells.append(all_found[0.5]["mean_iou_true"])
    cells += [accepted[iou]["precision"] for iou in (0.5, 0.7, 0.8)]
    cells += [accepted[0.5]["mean_iou_matched"], accepted[0.5]["recall"]]
    return [f"{cell:.3f}" for cell in cells] + [f"{100 * missed / background:.2f}"]


def read_groups(data):
    """(images, truths) by group."""
    pairs = {}
    with (data / "bbbc038" / "manifest.csv").open() as file:
        for row in csv.DictReader(file):
            image = data / "bbbc038" / "images" / f"{row['id']}.png"
            mask = data / "bbbc038" / "masks" / f"{row['id']}.tif"
            pairs.setdefault(row["group"], []).append([image, mask])
    paper = data / "englbrecht2021"
    pairs["paper frame 1"] = [
        [paper / "frames" / "frame01.png", paper / "ground_truth" / "frame01.tif"]
    ]
    for group, files in sorted(pairs.items()):
        planes = [[read_plane(path) for path in pair] for pair in files]
        yield group, [image for image, _ in planes], [truth for _, truth in planes]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    preset = yaml.safe_load((ROOT / "config" / "presets" / "englbrecht2021.yaml").read_text())
    default = Settings().annotate
    variants = {
        "paper preset": read_settings(preset).annotate,
        "one threshold": replace(default, **ONE_THRESHOLD),
        "default": default,
    }
    print(HEAD)
    print("|" + " --- |" * (HEAD.count("|") - 1))
    for group, images, truths in read_groups(data):
        nuclei = sum(len(np.unique(truth)) - 1 for truth in truths)
        name = f"{group} (chosen on)" if group in CHOSEN_ON else group
        for variant, settings in variants.items():
            cells = [name, str(len(images)), str(nuclei), variant]
            print("|", " | ".join(cells + describe(images, truths, settings)), "|", flush=True)


if __name__ == "__main__":
    main()
