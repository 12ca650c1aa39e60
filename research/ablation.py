"""What each change of the default is worth: `make ablation DATA=folder`.

    make ablation DATA=folder                                  all groups and variants, 3 seeds
    make ablation DATA=folder GROUPS="paper 520x696" SEEDS=2 EPOCHS=30 STEPS=100
    make ablation DATA=folder VARIANTS="default manual-labels"

DATA holds `bbbc038` and `englbrecht2021` as `annotation_quality.py` describes them. Calls the
functions that the workflow calls, since its jobs on so many small images take longer than the
training. Each group, variant, seed and length of training is a row of docs/accuracy.csv, written
as soon as it is known, and is not run again while settings, images and package are the same. So
the rows of several runs and machines make up one table. docs/accuracy.md is written from all rows.
WORK keeps annotations and networks, which variants that learned from the same share.
"""

import argparse
import copy
import csv
import datetime
import fcntl
import hashlib
import itertools
import json
import math
import os
import pickle
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from autonuclei.annotate.composition import compose_training_pair, label_training, make_generator
from autonuclei.annotate.pipeline import Annotation, annotate_images
from autonuclei.annotate.preprocessing import preprocess_image
from autonuclei.annotate.selection import AcceptedRange
from autonuclei.evaluate.quality import Annotated, Page, measure_sample
from autonuclei.evaluate.verdicts import judge_experiment
from autonuclei.io.files import write_beside
from autonuclei.io.images import read_plane
from autonuclei.io.tables import concatenate_tables
from autonuclei.labels.matching import compute_metrics, count_matches, pool_counts
from autonuclei.plan.digests import digest_script
from autonuclei.segment.prediction import predict_nuclei
from autonuclei.settings import (
    AnnotateSettings,
    PreprocessSettings,
    TrainSettings,
    list_steps,
    read_settings,
    to_dict,
)
from autonuclei.train.networks import choose_device, load_model
from autonuclei.train.rounds import DOUBT_PROBABILITY, find_best_round
from autonuclei.train.self_training import check_annotation, measure_agreement
from autonuclei.train.training import train_model
from research.annotation_quality import ROOT

# What these import decides which rows, annotations and networks are made anew.
METHOD = Path(__file__)
ANNOTATION = ROOT / "research/annotation_quality.py"
TRAINING = ROOT / "workflow/scripts/train/train_model.py"

Array = npt.NDArray[Any]
# From an image and `preprocess` to labels and probabilities, as `predict_nuclei` gives them.
FindNuclei = Callable[..., tuple[Array, Array]]
Settings = dict[str, Any]
Scores = dict[str, Any]
Row = dict[str, str]

LEAST_IMAGES = 6
MOST_TRAINING = 20
MOST_TEST = 30
# Test images that are annotated, for the agreement with the network and the criterion of rounds.
MOST_ANNOTATED = 8
PAPER, SUBSET = "paper", "paper_subset"
PAPER_TRAINING = (21, 31, 41, 51, 61)
THRESHOLDS = (0.5, 0.8, 0.9)

# What the default changes of the published procedure, by section and key of the configuration.
CHANGES = {
    "threshold": [
        "annotate.smoothing_px",
        "annotate.threshold_factor",
        "annotate.minimum_contrast",
    ],
    "boundary": ["annotate.refine_boundaries"],
    "levels": ["annotate.local_levels"],
    "clumps": ["annotate.cut_clumps", "predict.cut_clumps"],
    "outlines": ["predict.refine_boundaries"],
    "sharpness": ["predict.minimum_sharpness"],
    "filter": [
        "annotate.area_tolerance",
        "annotate.minimum_relative_contrast",
        "annotate.area_tolerance_above",
        "annotate.solidity_tolerance",
        "annotate.share_at_border",
        "annotate.unusual_nuclei",
    ],
    "ignore": ["annotate.rejected", "annotate.noise_grey"],
    "training": [
        "train.schedule",
        "train.learning_rate",
        "train.augment",
        "train.patch_px",
        "train.diameter_px",
        "train.grid",
    ],
}
# Images of 8 bits stay as they are, all variants train for the same number of steps, and no group
# is a movie.
NO_EFFECT = {"preprocess.values", "train.epochs", "train.steps_per_epoch", "predict.use_time"}
# All objects count, whatever their area: Otsu and watershed alone.
ANY_AREA = {"area_tolerance": 1e9, "area_tolerance_above": 1e9}
NO_NETWORK = "otsu-watershed"
# So much below the masks drawn by hand counts as close.
CLOSE = 0.03
MANUAL = "manual-labels"
PRESET = "paper-preset"
DEFAULT = "default"
INDICATORS = ("accepted", "agreement")
LENGTH = ("epochs", "steps_per_epoch", "precision")
KEYS = (*LENGTH, "group", "variant", "seed")
FIGURES = (*[f"f1 {threshold}" for threshold in THRESHOLDS], "mean iou")
COLUMNS = (*KEYS, *FIGURES, *INDICATORS, "verdict", "made with", "measured")


def list_changes(published: Settings, default: Settings) -> list[str]:
    """Keys of the method that two settings differ in."""
    return [
        f"{section}.{key}"
        for section in ("preprocess", "annotate", "train", "predict")
        for key in default[section]
        if default[section][key] != published[section][key]
    ]


def make_variants(published: Settings) -> dict[str, Settings]:
    """Settings of each variant by name.

    From the published procedure, with one change added each, to the default, with one change
    taken back each.

    Raises
    ------
    ValueError
        The default differs from the published procedure in a key that `CHANGES` does not name.
    """
    default, published = (to_dict(read_settings(given)) for given in ({}, published))
    named = {key for keys in CHANGES.values() for key in keys} | NO_EFFECT
    missing = set(list_changes(published, default)) - named
    if missing:
        raise ValueError(f"no change of the ablation has {sorted(missing)}")
    variants = {NO_NETWORK: copy.deepcopy(published), PRESET: published}
    variants[NO_NETWORK]["annotate"] |= ANY_AREA
    variants |= {
        f"{PRESET}+{name}": take_keys(published, default, keys) for name, keys in CHANGES.items()
    }
    variants[DEFAULT] = default | {"self_training": {"rounds": 0}}
    variants |= {
        f"{DEFAULT}-{name}": take_keys(variants[DEFAULT], published, keys)
        for name, keys in CHANGES.items()
    }
    variants[f"{DEFAULT}+1-round"] = default | {"self_training": {"rounds": 1}}
    variants[f"{DEFAULT}+2-rounds"] = default | {"self_training": {"rounds": 2}}
    variants[MANUAL] = variants[DEFAULT]
    return variants


def take_keys(settings: Settings, others: Settings, keys: Iterable[str]) -> Settings:
    """Settings with some keys, each with its section, as in other settings."""
    changed = copy.deepcopy(settings)
    for section, key in (key.split(".") for key in keys):
        changed[section][key] = others[section][key]
    return changed


def spread(items: list[Any], most: int) -> list[Any]:
    """At most so many items, evenly spread."""
    n = min(most, len(items))
    return [items[i * len(items) // n] for i in range(n)]


def split_groups(manifest: Iterable[Mapping[str, str]]) -> dict[str, dict[str, list[str]]]:
    """Identifiers of training and test images of each group that has enough of them.

    Every other image by identifier is for training, the others are for the test. The 24 images
    of Englbrecht et al. are a group of their own, parted as they did.
    """
    rows = sorted(manifest, key=lambda row: row["id"])
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row["id"])
    split = {
        group: {"train": spread(ids[::2], MOST_TRAINING), "test": spread(ids[1::2], MOST_TEST)}
        for group, ids in sorted(groups.items())
        if len(ids) >= LEAST_IMAGES
    }
    subset = {
        part: [row["id"] for row in rows if row["paper_subset"].startswith(part)]
        for part in ("train", "test")
    }
    return split | ({SUBSET: subset} if all(subset.values()) else {})


@dataclass
class Group:
    """The images of an experiment and their masks drawn by hand."""

    name: str
    train: list[Array]
    train_truth: list[Array]  # empty where there is none
    test: list[Array]
    test_truth: list[Array]


def locate_groups(data: Path) -> dict[str, dict[str, list[str]]]:
    """Identifiers of the images of each group, parted."""
    with (data / "bbbc038" / "manifest.csv").open() as file:
        split = split_groups(csv.DictReader(file))
    split[PAPER] = {"train": [f"frame{i:02d}" for i in PAPER_TRAINING], "test": ["frame01"]}
    return split


def read_group(data: Path, name: str, parts: Mapping[str, list[str]]) -> Group:
    folder, masks = data / "bbbc038", "masks"
    if name == PAPER:
        folder, masks = data / "englbrecht2021", "ground_truth"
    images = {part: [folder / ("frames" if name == PAPER else "images") / f"{n}.png" for n in names]
              for part, names in parts.items()}  # fmt: skip
    truth = {part: [folder / masks / f"{n}.tif" for n in names] for part, names in parts.items()}
    planes = {part: [read_plane(path) for path in paths] for part, paths in images.items()}
    drawn = {
        part: [read_plane(path).astype(np.int32) for path in paths if path.exists()]
        for part, paths in truth.items()
    }
    return Group(name, planes["train"], drawn["train"], planes["test"], drawn["test"])


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Whether `path` is still to be made; other processes that claim it wait until it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not path.exists()


def annotate_part(
    group: Group, part: str, settings: Settings, work: Path, accepted: AcceptedRange | None = None
) -> list[Annotation]:
    """The annotation of the training images or of some test images, kept for other seeds."""
    images = group.train if part == "train" else spread(group.test, MOST_ANNOTATED)
    code = digest_script(ANNOTATION)
    named = [group.name, part, settings["annotate"], settings["preprocess"], code]
    digest = hashlib.sha256(json.dumps(named).encode()).hexdigest()[:16]
    path = work / "annotations" / f"{digest}.pickle"
    with claim(path) as is_missing:
        if is_missing:
            annotations = annotate(images, settings, accepted)
            with write_beside(path) as beside:
                beside.write_bytes(pickle.dumps(annotations))
    return pickle.loads(path.read_bytes())


def annotate(
    images: Iterable[Array], settings: Settings, accepted: AcceptedRange | None = None
) -> list[Annotation]:
    """Annotate images as the rules of the workflow do."""
    return annotate_images(
        images,
        AnnotateSettings(**settings["annotate"]),
        preprocess=PreprocessSettings(**settings["preprocess"]),
        accepted_range=accepted,
    )


def compose_pairs(
    annotations: Iterable[Annotation], settings: Settings
) -> list[tuple[Array, Array]]:
    """Images and labels to learn from."""
    own = settings["annotate"]
    return [
        compose_training_pair(
            annotation.image,
            annotation.objects,
            annotation.nuclei,
            rejected=own["rejected"],
            noise_grey=own["noise_grey"],
            rng=make_generator(settings["seed"], "train", f"{frame:04d}"),
        )
        for frame, annotation in enumerate(annotations)
    ]


def check_pairs(annotations: Iterable[Annotation], find_nuclei: FindNuclei) -> list[Any]:
    """Images and labels of a round of self-training after a network."""
    pairs = []
    for one in annotations:
        predicted, probability = find_nuclei(one.image, minimum_probability=DOUBT_PROBABILITY)
        first = label_training(one.objects, one.nuclei, ignore=True)
        labels = check_annotation(
            one.image, first, one.objects, predicted, probability, one.accepted_range
        )
        pairs.append((one.image, labels))
    return pairs


def train_network(
    pairs: Iterable[tuple[Array, Array]], settings: Settings, work: Path
) -> FindNuclei:
    """A network that learned from these pairs; from an earlier run if there was the same."""
    train = {key: value for key, value in settings["train"].items() if key != "device"}
    known = [(image, labels) for image, labels in pairs if (labels > 0).any()]
    code = digest_script(TRAINING)
    digest = hashlib.sha256(json.dumps([train, settings["seed"], code]).encode())
    for pair in known:
        for array in pair:
            digest.update(np.ascontiguousarray(array).tobytes())
    folder = work / "networks" / digest.hexdigest()[:16]
    with claim(folder) as is_missing:
        if is_missing:
            train_model(
                known,
                folder,
                checkpoint=folder.with_suffix(".npz"),
                settings=TrainSettings(**train),
                seed=settings["seed"],
                log=lambda line: None,
            )
            folder.with_suffix(".npz").unlink(missing_ok=True)
    return partial(
        predict_nuclei,
        load_model(folder),
        refine_boundaries=False,
        minimum_sharpness=None,
        cut_clumps=False,
    )


def train_rounds(
    group: Group, annotations: list[Annotation], settings: Settings, work: Path
) -> FindNuclei:
    """The network of the best round of self-training, by the criterion of the workflow."""
    models = [train_network(compose_pairs(annotations, settings), settings, work)]
    if not settings["self_training"]["rounds"]:
        return models[0]
    held_out = annotate_part(group, "test", settings, work, annotations[0].accepted_range)
    criteria: list[float] = []
    for number in range(settings["self_training"]["rounds"] + 1):
        if number:
            pairs = check_pairs(annotations, models[-1])
            if not any((labels > 0).any() for _, labels in pairs):
                break
            models.append(train_network(pairs, settings, work))
        criteria.append(
            measure_agreement(
                (models[-1](one.image)[0], one.objects, one.nuclei) for one in held_out
            )
        )
    return models[find_best_round(criteria)]


def score_labels(truths: Iterable[Array], found: Iterable[Array]) -> Scores:
    """F1 at the thresholds and mean IoU over true nuclei, all images pooled."""
    counts = [count_matches(*pair, THRESHOLDS) for pair in zip(truths, found, strict=True)]
    pooled = compute_metrics(pool_counts(pd.concat(counts)))
    scores: Scores = {f"f1 {iou}": f1 for iou, f1 in zip(pooled["iou"], pooled["f1"], strict=True)}
    return scores | {"mean iou": pooled["mean_iou_true"][0]}


def judge_network(
    group: Group,
    annotations: list[Annotation],
    checked: list[Annotation],
    find_nuclei: FindNuclei,
    settings: Settings,
    found: list[Any],
) -> Scores:
    """Indicators without a truth and the verdict, as the rules of quality find them.

    `checked` is the annotation of some test images; `found` holds labels and probabilities of all.
    """
    compared = spread(list(range(len(group.test))), MOST_ANNOTATED)
    own = [find_nuclei(image) for image in group.train]
    tables, objects = [], []
    for sample, raw, pages, annotated, frames in (
        ("train", group.train, own, annotations, range(len(group.train))),
        ("test", group.test, found, checked, compared),
    ):
        pairs = {
            frame: [Annotated(one.objects, one.nuclei)]
            for frame, one in zip(frames, annotated, strict=True)
        }
        nuclei = [
            pd.DataFrame({"frame": frame, "label": range(1, len(p) + 1), "probability": p})
            for frame, (_, p) in enumerate(pages)
        ]
        measured, _ = measure_sample(
            (
                Page(frame, image, labels)
                for frame, (image, (labels, _)) in enumerate(zip(raw, pages, strict=True))
            ),
            pd.concat(nuclei),
            is_movie=False,
            read_annotation=lambda frame, pairs=pairs: pairs.get(frame, []),
        )
        tables.append(measured.assign(sample=sample))
        objects += [
            one.table.assign(sample=sample, frame=frame)
            for frame, one in zip(frames, annotated, strict=True)
        ]
    given = {"kind": "stills", "masks": False, "labels": False, "corrected": False}
    samples = [
        given | {"sample": sample, "training": frames}
        for sample, frames in (("train", list(range(len(group.train)))), ("test", []))
    ]
    _, verdict = judge_experiment(
        group.name,
        concatenate_tables(tables),
        objects=pd.concat(objects),
        samples=samples,
        patch_px=settings["train"]["patch_px"],
        diameter_px=settings["train"]["diameter_px"],
        scale=settings["preprocess"]["scale"],
    )
    values = {finding["indicator"]: finding["value"] for finding in verdict["findings"]}
    return {
        "accepted": math.nan if values["area_accepted"] is None else values["area_accepted"],
        "agreement": math.nan if values["agreement_f1"] is None else values["agreement_f1"],
        "verdict": verdict["verdict"],
    }


def run_variant(group: Group, name: str, settings: Settings, work: Path) -> Scores | None:
    """Figures of one variant, or None where it cannot be run on a group."""
    if name == NO_NETWORK:
        found = [one.objects for one in annotate(group.test, settings)]
        return score_labels(group.test_truth, found)
    if name == MANUAL:
        if not group.train_truth:
            return None
        steps = list_steps(PreprocessSettings(**settings["preprocess"]))
        prepared = [preprocess_image(image, **steps) for image in group.train]
        find_nuclei = train_network(zip(prepared, group.train_truth, strict=True), settings, work)
    else:
        annotations = annotate_part(group, "train", settings, work)
        find_nuclei = train_rounds(group, annotations, settings, work)
    own = settings["predict"]
    find_nuclei = partial(
        find_nuclei,
        preprocess=PreprocessSettings(**settings["preprocess"]),
        refine_boundaries=own["refine_boundaries"],
        minimum_sharpness=own["minimum_sharpness"],
        cut_clumps=own["cut_clumps"],
    )
    found = [find_nuclei(image) for image in group.test]
    scores = score_labels(group.test_truth, [labels for labels, _ in found])
    if name != MANUAL and settings["seed"] == 1:
        checked = annotate_part(group, "test", settings, work, annotations[0].accepted_range)
        scores |= judge_network(group, annotations, checked, find_nuclei, settings, found)
    return scores


def digest_task(settings: Settings, parts: Mapping[str, list[str]]) -> str:
    """A short digest of all that the figures of a task depend on but the images' content."""
    named = [settings, parts, digest_script(METHOD)]
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:16]


def run_task(data: Path, row: Row, parts: Any, settings: Settings, work: Path) -> Row | None:
    """Run one group, variant and seed; the row with its figures, None where it cannot be run."""
    scores = run_variant(read_group(data, row["group"], parts), row["variant"], settings, work)
    if scores is None:
        return None
    row = row | {"measured": datetime.date.today().isoformat()}
    return row | {key: f"{v:.4f}" if isinstance(v, float) else v for key, v in scores.items()}


def read_rows(path: Path) -> list[Row]:
    """All rows of a table of figures; none where there is no table yet."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def keep_row(path: Path, row: Row) -> None:
    """Put a row into the table of figures, in the place of an earlier one of the same task."""
    rows = [old for old in read_rows(path) if any(old[key] != row[key] for key in KEYS)]
    with write_beside(path) as beside, beside.open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(sorted([*rows, row], key=lambda row: [row[key] for key in KEYS]))


def gather_scores(
    rows: Iterable[Row], groups: Iterable[str], names: Iterable[str]
) -> dict[tuple[str, str], list[Scores]]:
    """Figures of all seeds by group and variant, in the order of these."""
    found: dict[tuple[str, str], list[Scores]] = {
        key: [] for key in itertools.product(groups, names)
    }
    for row in rows:
        figures: Scores = {key: float(row[key]) for key in (*FIGURES, *INDICATORS) if row[key]}
        found[row["group"], row["variant"]].append(
            figures | {key: row[key] for key in ("verdict", "seed", "measured")}
        )
    return {key: runs for key, runs in found.items() if runs}


def format_figures(values: list[float], sign: str = "") -> str:
    """Mean and standard deviation over seeds."""
    defined = [value for value in values if value == value]
    if not defined:
        return ""
    mean = f"{statistics.fmean(defined):{sign}.3f}"
    return f"{mean} ± {statistics.stdev(defined):.3f}" if len(defined) > 1 else mean


def format_rows(scores: Mapping[tuple[str, str], list[Scores]]) -> list[str]:
    """Lines of the table in Markdown, by group and variant."""
    head = ["group", "variant", "seeds", "F1 at 0.5", "0.8", "0.9", "mean IoU"]
    head += ["accepted", "agreement", "verdict", "measured"]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for (group, name), runs in scores.items():
        cells = [group, name, str(len(runs))]
        for column in (*FIGURES, *INDICATORS):
            cells.append(format_figures([run.get(column, math.nan) for run in runs]))
        cells.append(next((run["verdict"] for run in runs if run["verdict"]), ""))
        cells.append(min(run["measured"] for run in runs))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def format_gains(scores: Mapping[tuple[str, str], list[Scores]], base: str) -> list[str]:
    """Lines of a table: what each variant gains on the paper preset or on the default.

    On the default only what differs from it in one thing. Means over the groups that both have,
    with the spread over the seeds that both have of all of these groups. Nothing is random without
    a network: that variant has all seeds.
    """
    by_seed = {key: {run["seed"]: run for run in runs} for key, runs in scores.items()}
    lines = ["| variant | groups | seeds | F1 at 0.5 | 0.8 | 0.9 | mean IoU |", "|" + " --- |" * 7]
    for name in dict.fromkeys(name for _, name in scores):
        pairs = [
            (runs, by_seed[group, base])
            for (group, other), runs in by_seed.items()
            if other == name and (group, base) in by_seed
        ]
        if name == NO_NETWORK:
            pairs = [
                (dict.fromkeys(based, next(iter(runs.values()))), based) for runs, based in pairs
            ]
        common = [runs.keys() & based.keys() for runs, based in pairs]
        seeds = set.intersection(*common) if common else set()
        is_far = base == DEFAULT and not name.startswith(DEFAULT)
        if name == base or is_far or not seeds:
            continue
        cells = [name, str(len(pairs)), str(len(seeds))]
        for figure in FIGURES:
            gains = [
                statistics.fmean(runs[s][figure] - based[s][figure] for runs, based in pairs)
                for s in sorted(seeds)
            ]
            cells.append(format_figures(gains, sign="+"))
        lines.append(f"| {' | '.join(cells)} |")
    return lines if len(lines) > 2 else []


def compare_variants(scores: Mapping[tuple[str, str], list[Scores]]) -> list[str]:
    """Sentences on the default against the published procedure and against masks by hand."""

    def gain(group: str, other: str) -> float:
        """F1 at 0.5 of the default less that of another variant, means over seeds."""
        means = [
            statistics.fmean(run[f"f1 {THRESHOLDS[0]}"] for run in scores[group, name])
            for name in (DEFAULT, other)
        ]
        return means[0] - means[1]

    gains = {
        other: {g: gain(g, other) for g, name in scores if name == other and (g, DEFAULT) in scores}
        for other in (PRESET, MANUAL)
    }
    said = []
    for other, bound, words in (
        (PRESET, 0.0, "higher than that of the paper preset"),
        (MANUAL, -CLOSE, f"at most {CLOSE} below that of the network trained on masks by hand"),
    ):
        by_group = gains[other]
        if by_group:
            n = sum(value > bound for value in by_group.values())
            rest = [f"{g} ({v:+.3f})" for g, v in by_group.items() if v <= bound]
            less = f"; not in {', '.join(rest)}" if rest else ""
            said.append(
                f"- F1 at 0.5 of the default is {words} in {n} of {len(by_group)} groups{less}."
            )
    return said


INTRODUCTION = """\
# Accuracy

What the published procedure, each change of the default and the default itself find, against
masks drawn by hand. Each section has the command that makes it. The figures of each run are in
[accuracy.csv](accuracy.csv).

All networks of a section are trained from scratch and for the same number of steps. The published
training has 25,600 steps, the default {default}; the section of 100 epochs of 256 steps has the
published procedure at its own length.

Figures are those of the test images, all nuclei of a group pooled; mean and standard deviation over
the seeds. F1 is that of objects at an IoU of 0.5, 0.8 and 0.9, mean IoU goes over all true nuclei,
0 for those not found.

- "{otsu}": Otsu's threshold and watershed as published, all objects, no network.
- "paper-preset": the published procedure; "+...": with one change of the default added.
- "default-...": the default with one change taken back.
- "default+n-rounds": with so many rounds of self-training.
- "{manual}": the same network, trained in the same way on the masks drawn by hand for the
  training images. The paper's training images have none.
- "seeds": how many there were when this page was written.
- "accepted" and "agreement" need no truth: the share of the annotated area that is accepted, and
  the F1 between network and accepted objects, median over images. "verdict" is that of the quality
  page. All three are of the first seed.
- "measured": the day, empty before 28 November 2026. The method changes from day to day, so a
  difference between rows of two days may be one of the method.

## Images

By identifier every other image is for training (at most {most_training}, evenly spread), the
others are for the test (at most {most_test}). `paper_subset`: the 24 images of Englbrecht et al.,
parted as they did. `paper`: frames 21 to 61 for training, frame 1 for the test. Parameters of the
default were chosen with images of these groups in sight ([annotation.md](annotation.md) says
which). 512x640 and `paper_subset` took part in the choice of the smoothing of dim nuclei only.

| group | training images | test images |
| --- | --- | --- |
{split}
"""
SECTION = """
## {epochs} epochs of {steps_per_epoch} steps, precision {precision}

```
{command}
```

{comparison}{gains}
{rows}
"""
GAINS = """
What each variant gains on the {base} with the same seed, mean over the groups that both have;
spread over the seeds that both have of all these groups:

{gains}
"""


def count_default_steps() -> int:
    train = to_dict(TrainSettings())
    return int(train["epochs"] * train["steps_per_epoch"])


def format_section(
    rows: list[Row], default_rows: list[Row], groups: Iterable[str], names: Iterable[str]
) -> str:
    """The figures of all runs of one length.

    Where they have no default, the others are compared with that of another length.
    """
    scores = gather_scores(rows, groups, names)
    if any(row["variant"] == DEFAULT for row in rows):
        comparison = compare_variants(scores)
    else:
        comparison = compare_variants(gather_scores([*rows, *default_rows], groups, names))
        if comparison:
            epochs, steps, _ = (default_rows[0][key] for key in LENGTH)
            comparison.append(f"- This default had {epochs} epochs of {steps} steps.")
    length = {key: rows[0][key] for key in LENGTH}
    options = {
        "GROUPS": " ".join(dict.fromkeys(group for group, _ in scores)),
        "VARIANTS": " ".join(dict.fromkeys(name for _, name in scores)),
    }
    command = "make ablation DATA=folder {} EPOCHS={} STEPS={} PRECISION={} SEEDS={}".format(
        " ".join(f'{key}="{value}"' for key, value in options.items()),
        *length.values(),
        max(len(runs) for runs in scores.values()),
    )
    gains = [
        GAINS.format(base=words, gains="\n".join(lines))
        for base, words in ((PRESET, "paper preset"), (DEFAULT, "default"))
        if (lines := format_gains(scores, base))
    ]
    return SECTION.format(
        **length,
        command=command,
        comparison="".join(f"{line}\n" for line in comparison),
        gains="".join([*gains, "\nAll figures:\n"]) if gains else "",
        rows="\n".join(format_rows(scores)),
    )


def format_page(rows: list[Row], split: Mapping[str, Any], names: Iterable[str]) -> str:
    """The page with all figures."""
    parts = [f"| {g} | {len(p['train'])} | {len(p['test'])} |" for g, p in split.items()]
    page = INTRODUCTION.format(
        default=f"{count_default_steps():,}",
        otsu=NO_NETWORK,
        manual=MANUAL,
        most_training=MOST_TRAINING,
        most_test=MOST_TEST,
        split="\n".join(parts),
    )
    lengths: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        lengths.setdefault(tuple(row[key] for key in LENGTH), []).append(row)
    most_first = sorted(lengths.values(), key=len, reverse=True)
    default_rows = [row for row in most_first[0] if row["variant"] == DEFAULT]
    return page + "".join(format_section(same, default_rows, split, names) for same in most_first)


def parse_arguments(variants: Iterable[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--groups", nargs="*", default=[], help="default: all")
    parser.add_argument("--variants", nargs="*", default=[], help=f"of {list(variants)}")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--steps", type=int, default=256, help="per epoch")
    parser.add_argument("--precision", default="float32", help="or mixed, see train.precision")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--work", type=Path, default=Path("ablation"), help="folder for the runs")
    parser.add_argument(
        "--page", type=Path, default=ROOT / "docs" / "accuracy.md", help="beside it, the rows: .csv"
    )
    return parser.parse_args()


def list_tasks(
    given: argparse.Namespace, groups: Iterable[str], variants: Mapping[str, Settings]
) -> Iterator[tuple[Row, Settings]]:
    """All tasks, seed by seed, so that a table of all variants is there early."""
    for seed, name, group in itertools.product(range(1, given.seeds + 1), variants, groups):
        if name == NO_NETWORK and seed > 1:
            continue  # nothing in it is random
        settings = copy.deepcopy(variants[name]) | {"seed": seed}
        length = {
            "epochs": given.epochs,
            "steps_per_epoch": given.steps,
            "precision": given.precision,
        }
        settings["train"] |= length
        row = {key: str(value) for key, value in length.items()}
        yield row | {"group": group, "variant": name, "seed": str(seed)}, settings


def start_worker() -> None:
    """One thread for each network: two side by side are done sooner than one after the other.

    The worker ends when the process that started it is killed; by itself it would wait for ever.
    """
    choose_device("auto", 1)

    def end_with_parent() -> None:
        parent = parent_process()
        if parent:
            parent.join()
            os._exit(1)

    Thread(target=end_with_parent, daemon=True).start()


def main() -> None:
    preset = ROOT / "config" / "presets" / "englbrecht2021.yaml"
    variants = make_variants(yaml.safe_load(preset.read_text()))
    given = parse_arguments(variants)
    split = locate_groups(given.data)
    wanted = {k: v for k, v in variants.items() if not given.variants or k in given.variants}
    unknown = set(given.groups) - set(split) | set(given.variants) - set(variants)
    if unknown:
        raise SystemExit(
            f"ERROR {sorted(unknown)}: groups are {list(split)}, variants {list(variants)}"
        )
    groups = [group for group in split if not given.groups or group in given.groups]
    table = given.page.with_suffix(".csv")
    known = {tuple(row[key] for key in (*KEYS, "made with")) for row in read_rows(table)}
    with ProcessPoolExecutor(
        given.cores, mp_context=get_context("spawn"), initializer=start_worker
    ) as pool:
        waiting = []
        for row, settings in list_tasks(given, groups, wanted):
            parts = split[row["group"]]
            row["made with"] = digest_task(settings, parts)
            if tuple(row[key] for key in (*KEYS, "made with")) not in known:
                waiting.append(pool.submit(run_task, given.data, row, parts, settings, given.work))
        try:
            for task in as_completed(waiting):
                done = task.result()
                if done:
                    keep_row(table, done)
                    print(*[f"{key} {value}" for key, value in done.items()], sep=", ", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # nobody would keep their rows
            raise
    with write_beside(given.page) as beside:
        beside.write_text(format_page(read_rows(table), split, variants))


if __name__ == "__main__":
    main()
