"""The results of an experiment as small as it gets, with everything that a summary tells."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from autonuclei.io.tables import write_table
from autonuclei.labels.measurement import measure_objects
from autonuclei.plan.inputs import describe_input
from autonuclei.report.results import Experiment
from autonuclei.report.views import make_view, write_view
from shapes import GRID, draw_disks, photograph

FINDINGS = [
    {
        "indicator": "contrast",
        "title": "Contrast",
        "value": 1.5,
        "unit": "noise",
        "verdict": "unsuitable",
        "meaning": "Nuclei are hardly brighter than their surroundings.",
        "remedy": "Expose longer.",
        "images": [["film", 0], ["film", 2]],
    },
    {
        "indicator": "touching",
        "title": "Touching nuclei",
        "value": None,
        "unit": "%",
        "verdict": "look",
        "meaning": "Undefined: there is no nucleus.",
        "remedy": "",
        "images": [],
    },
    {
        "indicator": "saturation",
        "title": "Saturated pixels <of nuclei>",
        "value": 0.0,
        "unit": "%",
        "verdict": "good",
        "meaning": "No nucleus is saturated.",
        "remedy": "",
        "images": [],
    },
]


# What was read of a movie, as `Plan.describe_inputs` tells it.
FILM = {
    "sample": "film",
    "kind": "movie",
    "n_files": 1,
    "first_file": "data/film.tif",
    "last_file": "data/film.tif",
    "n_frames": 3,
    "missing_frames": 0,
    "labels_given": False,
    "corrected": "",
    "position": None,
    "position_name": "",
    "channel": "2",
    "channel_number": 2,
    "n_channels": 2,
    "channel_names": ["BF", "H2B"],
    "projection": None,
    "n_slices": 1,
    "width": 96,
    "height": 96,
    "sizes": [(96, 96)],
    "dtype": "uint16",
    "pixel_size_um": 0.5,
    "pixel_sizes_um": [0.5],
    "pixel_size_source": "OME-XML PhysicalSizeX",
    "frame_interval_min": None,
    "frame_interval_source": "",
    "left_out": ["thumb.tif: a thumbnail"],
    "said": [],
    "pairing": [],
    "notes": [],
}


def make_experiment(results: Path, *, verdict: str | None = "look") -> tuple[Experiment, Path]:
    """Write a movie and its summary's sources; give it and the file of its view."""
    folder = results / "tiny"
    labels = draw_disks((96, 96), GRID, 8)
    image = photograph(labels, seed=1)
    objects = measure_objects(labels.astype(np.int32), image, pixel_size_um=0.5)
    files: dict[str, Any] = {
        "segmentation/film/objects.csv": objects,
        "tracking/film/lineages.csv": {"track": [1, 2, 3], "daughters": [2, 0, 0]},
        "tracking/film/motility/steps.csv": {
            "frame": [0, 1, 2],
            "step_frames": [np.nan, 1, 1],
            "speed_um_per_min": [np.nan, 1, 4],
        },
        "tracking/film/motility/divisions.csv": {"frame": [2]},
        "provenance/inputs.csv": {"sample": ["film"]},
        "figures/counts.csv": {"sample": ["film"] * 3, "predicted": [3.0, 3.0, np.nan]},
        "evaluation/tracks_film.csv": {
            **{key: [0.9] for key in ("TRA", "DET", "LNK", "SEG")},
            **{key: [2] for key in ("divisions_true", "divisions_found", "divisions_right_1")},
        },
        "evaluation/summary.csv": {
            "stage": ["annotation", "segmentation", "segmentation"],
            "n_images": [2, 2, 2],
            "iou": [0.5, 0.5, 0.9],
            "n_true": [9, 9, 9],
            "n_predicted": [8, 9, 9],
            "precision": [1.0, np.nan, 0.1],
            "recall": [0.8, 0.9, 0.1],
            "f1": [0.88888, 0.95, 0.1],
            "mean_iou_true": [0.7, 0.8, 0.1],
            "mean_iou_matched": [0.75, 0.85, 0.95],
        },
        "evaluation/metrics.csv": {
            "stage": ["segmentation"] * 3,
            "sample": ["film"] * 3,
            "frame": [0, 1, 10],
            "iou": [0.5] * 3,
            "n_true": [9, 9, 9],
            "n_predicted": [8, 9, 9],
            "truth_shift_px": [0.0, 0.0, 0.0],
            "false_negatives": [2, 0, 1],
            "false_positives": [0, 0, 0],
            "precision": [1.0, np.nan, 0.5],
            "recall": [0.7, 1.0, 0.8],
            "f1": [0.8, 1.0, 0.9],
            "mean_iou_true": [0.6, 0.9, 0.7],
        },
    }
    for name, table in files.items():
        write_table(folder / name, pd.DataFrame(table))
    for name in ("training/loss.png", "tracking/film/motility/tracks.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (200, 100), "teal").save(folder / name)
    record = {
        "experiment": "tiny",
        "workflow_commit": None,
        "package_digest": "0123456789abcdef",
        "versions": {"python": "3.11.2", "snakemake": "9.14.0"},
        "seed": 42,
        "settings": {"seed": 42, "train": {"epochs": 3}},
        "samples": [
            FILM | {"training_frames": [0, 2]},
        ],
        "thresholds": {"prob": 0.5, "nms": 0.3},
        "sha256": {"inputs": {}, "model": {}},
        "trained_on": {
            "device": "CPU, 2 threads",
            "threads": 2,
            "tensorflow": "2.21.0",
            "repeated": "the same seed gives the same weights with as many threads only",
        },
        "run_again": "snakemake --cores 2 --configfile c.yaml",
    }
    linking = {"unit": "um", "max_link_distance": 60, "max_gap_distance": None}
    written = {"provenance/provenance.json": record, "tracking/film/linking.json": linking}
    if verdict:
        written["quality/verdict.json"] = {
            "experiment": "tiny",
            "verdict": verdict,
            "sentence": "Look at the images that are named below.",
            "samples": [
                {
                    "sample": "film",
                    "verdict": "look",
                    "n_images": 3,
                    "frames": [2],
                    "reasons": ["out of focus"],
                    "weak": [],
                    "words": "1 of 3 frames out of focus: 2",
                }
            ],
            "findings": FINDINGS,
        }
    for name, value in written.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value))
    view = make_view(
        image, labels, objects, sample="film", frame=0, name="film_0000", pixel_size_um=0.5
    )
    write_view(folder / "segmentation/film/overview.json", view)
    planned = {*files, *written, "training/loss.png", "tracking/film/motility"}
    experiment = Experiment(
        folder,
        frozenset(planned),
        sizes={"film": [(96, 96)]},
        inputs=[describe_input(FILM)],
        remarks=["film: left out: thumb.tif: a thumbnail"],
        columns={"film": {"condition": "control"}},
    )
    return experiment, folder / "segmentation/film/overview.json"
