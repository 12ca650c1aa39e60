"""What the verdict says of drawn movies with a fault, and of movies without one.

    python -m research.movie_faults [DATA]

Masks are the objects of the annotation, in the place of a network that agrees with it, and for
comparison the true ones. DATA is as for annotation_quality.py, with `hela` and `faketracks`: real
movies, of which nothing is known to be bad. The tables are Markdown; docs/quality.md holds them.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from autonuclei.annotate.pipeline import annotate_images
from autonuclei.evaluate.indicators import GOOD, INDICATORS, LOOK, MOVIE, UNSUITABLE
from autonuclei.evaluate.quality import Annotated, Page, measure_sample
from autonuclei.evaluate.verdicts import check_sizes, judge_experiment
from autonuclei.example.spoiled_movies import SPOILED, draw_clean
from autonuclei.io.images import read_plane
from autonuclei.labels.measurement import measure_objects

SEEDS = range(1, 4)
BAD = (LOOK, UNSUITABLE)
CLEAN = {
    "drawn as the faulty ones": {},
    "drawn, few nuclei": {"nuclei": 16},
    "drawn, four times as fast": {"speed_um_per_min": 0.5},
    "drawn, 30 min between frames": {"interval_min": 30.0},
    "drawn, stage that drifts": {"drift_um_per_min": (0.6, 0.4)},
    "drawn, stage that trembles": {"drift_jitter_um": 2.0},
    "drawn, in clumps": {"clustering": 0.8, "nuclei": 110},
}
OF_MOVIES = {
    indicator.name
    for indicator in INDICATORS
    if (indicator.about == MOVIE and indicator.look is not None) or indicator.name == "repeats"
}


def judge_movie(images, labels, *, table=None, nuclei=None, pixel_size_um=None):
    """The verdict on a movie with some masks; with what was annotated, or as if given."""
    digests = {k: hashlib.sha256(image.tobytes()).hexdigest() for k, image in enumerate(images)}
    pages = [Page(k, *pair) for k, pair in enumerate(zip(images, labels, strict=True))]
    measured, _ = measure_sample(
        pages,
        pd.DataFrame(columns=["frame", "label", "probability"]),
        is_movie=True,
        digests=digests,
        read_annotation=lambda frame: (
            [] if nuclei is None else [Annotated(labels[frame], nuclei[frame])]
        ),
    )
    sample = {"sample": "movie", "kind": "movie", "training": [], "masks": False}
    found = [
        measure_objects(own, image, pixel_size_um=pixel_size_um)
        for own, image in zip(labels, images, strict=True)
    ]
    return judge_experiment(
        "movie",
        measured.assign(sample="movie"),
        objects=table,
        samples=[sample | {"labels": table is None, "corrected": False}],
        sizes=check_sizes({"movie": pd.concat(found)}, {}),
        model_given=True,
    )[1]


def annotate_movie(images, *, pixel_size_um=None):
    annotations = annotate_images(images)
    tables = [own.table.assign(frame=k) for k, own in enumerate(annotations)]
    return judge_movie(
        images,
        [own.objects for own in annotations],
        nuclei=[own.nuclei for own in annotations],
        table=pd.concat(tables, ignore_index=True).assign(sample="movie"),
        pixel_size_um=pixel_size_um,
    )


def compare_frames(verdicts, movies):
    """How many of the bad frames are named, and how many others."""
    named = [set(verdict["samples"][0]["frames"]) for verdict in verdicts]
    bad = [set(movie.bad) for movie in movies]
    hit = sum(len(own & true) for own, true in zip(named, bad, strict=True))
    wrong = sum(len(own - true) for own, true in zip(named, bad, strict=True))
    n = sum(map(len, bad))
    return f"{hit} of {n}" if n else "", wrong


def list_weak(verdict):
    """The titles of all that is not good."""
    return {f["title"].lower() for f in verdict["findings"] if f["verdict"] in BAD}


def check_faults():
    print("| fault | bad frames named, with the annotation | others named | ", end="")
    print("bad frames named, with true masks | others named | ", end="")
    print("not good, and good without the fault (movies) |")
    print("|" + " --- |" * 6)
    clean = [annotate_movie(draw_clean(seed).images, pixel_size_um=0.5) for seed in SEEDS]
    for name, draw in SPOILED.items():
        movies = [draw(seed) for seed in SEEDS]
        found = [annotate_movie(m.images, pixel_size_um=m.pixel_size_um) for m in movies]
        true = [
            judge_movie(m.images, m.labels.astype(np.int32), pixel_size_um=m.pixel_size_um)
            for m in movies
        ]
        new = [list_weak(a) - list_weak(b) for a, b in zip(found, clean, strict=True)]
        counts = {title: sum(title in own for own in new) for title in sorted(set().union(*new))}
        said = "; ".join(f"{title} ({n})" for title, n in counts.items())
        cells = [name, *compare_frames(found, movies), *compare_frames(true, movies), said]
        print("|", " | ".join(map(str, cells)), "|", flush=True)
    print()


def read_movies(data):
    clip = sorted((data / "englbrecht2021" / "clip").glob("t*.png"))
    yield "MDCK, 31 frames", [read_plane(path) for path in clip]
    hela = sorted((data / "hela" / "01").glob("t*.tif"))
    yield "HeLa, frames 1 to 40", [read_plane(path) for path in hela[:40]]
    yield "HeLa, frames 53 to 92", [read_plane(path) for path in hela[52:]]
    fake = data / "faketracks" / "FakeTracks.tif"
    yield "FakeTracks, 50 frames", [read_plane(fake, frame=k) for k in range(50)]


def check_clean(data):
    print(
        "| movie without a known fault | movies | called good | frames named | of movies | said |"
    )
    print("|" + " --- |" * 6)
    cases = {
        name: [draw_clean(seed, n_frames=10, **changes).images for seed in SEEDS]
        for name, changes in CLEAN.items()
    }
    if data is not None:
        cases |= {name: [images] for name, images in read_movies(data)}
    for name, movies in cases.items():
        verdicts = [annotate_movie(images) for images in movies]
        good = sum(verdict["verdict"] == GOOD for verdict in verdicts)
        frames = sum(len(verdict["samples"][0]["frames"]) for verdict in verdicts)
        alarms = sum(
            any(f["indicator"] in OF_MOVIES and f["verdict"] in BAD for f in verdict["findings"])
            for verdict in verdicts
        )
        said = next((v["sentence"] for v in verdicts if v["verdict"] != GOOD), "")
        cells = [name, len(movies), good, frames, alarms, said.partition(": ")[2]]
        print("|", " | ".join(map(str, cells)), "|", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    given = parser.parse_args()
    check_faults()
    check_clean(given.data)


if __name__ == "__main__":
    main()
