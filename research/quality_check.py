"""What the indicators of quality say about the real F1, on images with masks drawn by hand.

    python -m research.quality_check annotation DATA
    python -m research.quality_check spoiled DATA
    python -m research.quality_check sheet DATA FOLDER
    (cd FOLDER && snakemake --snakefile PATH/TO/Snakefile --cores all --keep-going)
    python -m research.quality_check network FOLDER [results/EXPERIMENT ...]

`annotation` needs no network: indicators of the annotation against its own F1, image by image.
`spoiled` adds noise, blur, uneven light and saturation to good images until the annotation fails.
`sheet` writes an experiment for each group of BBBC038, half to learn from and half to test, for a
short training; `network` compares what `judge_quality` said of them with their F1.
DATA is as for annotation_quality.py. All tables are Markdown; docs/quality.md holds them.
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

from autonuclei.annotate.pipeline import annotate_image, annotate_images
from autonuclei.annotate.selection import TOO_DIM
from autonuclei.evaluate.calibration import CALIBRATION_COLUMNS, count_confirmed, pool_calibration
from autonuclei.evaluate.indicators import GOOD, INDICATORS, LOOK, UNSUITABLE
from autonuclei.evaluate.quality import MATCH_IOU, count_decisions, measure_image
from autonuclei.evaluate.verdicts import judge_samples
from autonuclei.io.images import read_plane
from autonuclei.io.tables import concatenate_tables, read_table
from autonuclei.labels.matching import compute_metrics, count_matches
from autonuclei.labels.numbers import keep_labels
from autonuclei.labels.overlap import measure_overlaps
from research.annotation_quality import THRESHOLDS, read_groups, score

# Limits were chosen on these groups and checked on the others.
CHOSEN_ON = ("256x256_b", "256x256_d", "360x360", "512x640", "603x1272", "1040x1388")
MOST_IMAGES = 10
OF_IMAGES = [indicator for indicator in INDICATORS if indicator.of_images]
NO_INDICATOR = ("group", "f1", "n_true", "verdict", "pooled area_accepted")
# Of images: enough nuclei that the F1 of one image means something.
FEWEST_NUCLEI = 5


def spread(items, most):
    """At most so many of them, spread evenly."""
    n = min(len(items), most)
    return [items[i * len(items) // n] for i in range(n)]


def measure_group(group, images, truths):
    """Indicators and F1 of the annotation of each image; the images are one experiment."""
    annotations = annotate_images(images)
    counted = count_decisions(pd.concat([annotation.table for annotation in annotations]))
    for image, truth, annotation in zip(images, truths, annotations, strict=True):
        table = annotation.table
        # What is too dim is neither learned as nucleus nor as background.
        bright = table["label"][table["verdict"] != TOO_DIM].to_numpy()
        labels = keep_labels(annotation.objects, bright)
        metrics = compute_metrics(count_matches(truth, labels, (0.5,))).iloc[0]
        yield (
            {"group": group, "f1": metrics["f1"], "n_true": metrics["n_true"]}
            | measure_image(image, labels)
            | count_decisions(table)
            | {"pooled area_accepted": counted["area_accepted"]}
        )


def correlate(rows, name):
    """Spearman's correlation with F1: over all images, mean within groups, of group medians."""
    rows = [
        r for r in rows if r["n_true"] >= FEWEST_NUCLEI and np.isfinite([r["f1"], r[name]]).all()
    ]
    groups = {r["group"]: [x for x in rows if x["group"] == r["group"]] for r in rows}

    def rank(items):
        values = np.array([[r[name], r["f1"]] for r in items])
        if len(values) < 4 or (np.ptp(values, axis=0) == 0).any():
            return float("nan")
        return float(spearmanr(values).statistic)

    within = [rank(own) for own in groups.values() if len(own) >= 8]
    medians = [
        {key: float(np.median([r[key] for r in own])) for key in (name, "f1")}
        for own in groups.values()
    ]
    return rank(rows), float(np.nanmean(within)), rank(medians)


def print_table(head, rows):
    print("|", " | ".join(head), "|")
    print("|" + " --- |" * len(head))
    for row in rows:
        cells = [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row]
        print("|", " | ".join(cells), "|", flush=True)
    print()


def judge_values(values):
    """The worst verdict by the indicators that are there, and those that are not good."""
    judged = {
        i.title.lower(): (i.judge(values[i.name]), values[i.name])
        for i in INDICATORS
        if i.name in values
    }
    verdicts = [verdict for verdict, _ in judged.values()]
    worst = next((v for v in (UNSUITABLE, LOOK) if v in verdicts), GOOD)
    weak = [f"{k} {v:.2g}" for k, (verdict, v) in judged.items() if verdict in (LOOK, UNSUITABLE)]
    return worst, "; ".join(weak)


def add_images(worst, weak, judged):
    """Of a group, its verdict by medians and what is weak, with the images that are named."""
    if not judged["frames"]:
        return worst, weak
    return (worst if worst != GOOD else LOOK), "; ".join(filter(None, [weak, judged["words"]]))


def name_group(group):
    return f"{group} (chosen on)" if group in CHOSEN_ON else group


def print_classes(images):
    """F1 of images by verdict, apart for the groups on which the limits were chosen."""
    table = []
    for chosen in (True, False):
        for verdict in (GOOD, LOOK, UNSUITABLE):
            own = [
                row["f1"]
                for row in images
                if row["verdict"] == verdict
                and (row["group"] in CHOSEN_ON) == chosen
                and row["n_true"] >= FEWEST_NUCLEI
                and np.isfinite(row["f1"])
            ]
            if own:
                good = float(np.mean(np.array(own) >= 0.8))
                where = "chosen on" if chosen else "checked on"
                table.append((where, verdict, len(own), float(np.median(own)), good))
    print_table(
        ("groups", "verdict on image", "images", "median F1", "with F1 of 0.8 or more"), table
    )


def check_annotation(data):
    rows, experiments = [], []
    for group, images, truths in read_groups(data):
        pairs = spread(list(zip(images, truths, strict=True)), MOST_IMAGES)
        own = list(measure_group(group, *map(list, zip(*pairs, strict=True))))
        for row in own:
            row["verdict"] = judge_values(
                {i.name: row[i.name] for i in OF_IMAGES if i.name in row}
            )[0]
        rows += own
        names = [n for n in own[0] if n not in NO_INDICATOR and "rejected" not in n]
        median = {n: float(np.nanmedian([row[n] for row in own])) for n in names}
        # Of all objects together, as in `summarize_images`.
        median["area_accepted"] = own[0]["pooled area_accepted"]
        f1 = float(np.median([row["f1"] for row in own]))
        table = pd.DataFrame(own).assign(sample=group, frame=range(len(own)))
        (judged,) = judge_samples(table, movies=())
        experiments.append((group, len(own), f1, median, judged))
    experiments.sort(key=lambda experiment: -experiment[2])
    print_table(
        ("indicator", "images", "within groups", "group medians"),
        [(name, *correlate(rows, name)) for name in names],
    )
    print_table(
        ("group", "images", "median F1", "verdict", "because of"),
        [
            (name_group(group), n, f1, *add_images(*judge_values(median), judged))
            for group, n, f1, median, judged in experiments
        ],
    )
    print_classes(rows)
    limited = [i.name for i in INDICATORS if i.look is not None and i.name in names]
    print_table(
        ("median of", "F1", *limited),
        [(g, f1, *(median[name] for name in limited)) for g, _, f1, median, _ in experiments],
    )


def spoil(image, how, strength, radius, rng):
    """Make an image worse, in floats: signal is the 99th percentile above the median."""
    image = image.astype(np.float64)
    dark, bright = np.percentile(image, (20, 99))
    if how == "noise":  # standard deviation in signals
        return image + rng.normal(0, strength * (bright - dark), image.shape)
    if how == "blur":  # in nuclear radii
        return gaussian_filter(image, strength * radius)
    if how == "uneven":  # rise of the background over the image, in signals
        rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
        ramp = (rows / image.shape[0] + columns / image.shape[1]) / 2
        return image + strength * (bright - dark) * ramp
    return np.minimum(image, bright - strength * (bright - dark))  # saturated: cut off


SPOILED = {
    "noise": ("contrast", (0, 0.1, 0.2, 0.4, 0.8, 1.6)),
    "blur": ("sharpness", (0, 0.2, 0.4, 0.6, 0.9, 1.3)),
    "uneven": ("illumination", (0, 0.15, 0.3, 0.6, 1.2, 2.4)),
    "saturated": ("saturated_share", (0, 0.3, 0.5, 0.7, 0.85)),
}
# Groups whose annotation is good to begin with, and images of each.
SPOILED_GROUPS = ("256x256_b", "256x256_c", "360x360", "520x696")
SPOILED_IMAGES = 5


def check_spoiled(data):
    rng = np.random.default_rng(0)
    results = {}
    for group, images, truths in read_groups(data):
        if group not in SPOILED_GROUPS:
            continue
        for image, truth in spread(list(zip(images, truths, strict=True)), SPOILED_IMAGES):
            area = np.bincount(truth.ravel())[1:]
            radius = float(np.sqrt(np.median(area[area > 0]) / np.pi))
            for how, (name, strengths) in SPOILED.items():
                for strength in strengths:
                    worse = spoil(image, how, strength, radius, rng).astype(np.float32)
                    labels = annotate_image(worse).objects
                    f1 = score([truth], [labels])[THRESHOLDS[0]]["f1"]
                    value = measure_image(worse, labels)[name]
                    results.setdefault((how, group, strength), []).append((f1, value))
    for how, (name, strengths) in SPOILED.items():
        rows = []
        for group in SPOILED_GROUPS:
            row = [group]
            for strength in strengths:
                f1, value = np.nanmedian(results[how, group, strength], axis=0)
                row.append(f"{value:.3g}: {f1:.2f}")
            rows.append(row)
        print_table((f"{how}, {name}: F1", *(f"{s:g}" for s in strengths)), rows)


def write_sheet(data, folder):
    """An experiment per group: every other image to learn from, the others to test."""
    groups = {}
    with (data / "bbbc038" / "manifest.csv").open() as file:
        for row in csv.DictReader(file):
            groups.setdefault(row["group"], []).append(row["id"])
    lines = ["experiment\tsample\timages\tkind\ttrain\tground_truth"]
    for group, ids in sorted(groups.items()):
        chosen = spread(sorted(ids), MOST_IMAGES)
        if len(chosen) < 3:
            continue
        for part, names in (("train", chosen[::2]), ("test", chosen[1::2])):
            place = folder / "data" / group / part
            (place / "masks").mkdir(parents=True, exist_ok=True)
            for name in names:
                (place / f"{name}.png").symlink_to(data / "bbbc038" / "images" / f"{name}.png")
                mask = place / "masks" / f"{name}.tif"
                mask.symlink_to(data / "bbbc038" / "masks" / f"{name}.tif")
            train = "all" if part == "train" else ""
            lines.append(f"{group}\t{part}\t{place}/*.png\tstills\t{train}\t{place}/masks/*.tif")
    (folder / "config").mkdir()
    (folder / "config" / "samples.tsv").write_text("\n".join(lines) + "\n")
    (folder / "config" / "config.yaml").write_text("train: {epochs: 20, steps_per_epoch: 60}\n")


def read_rows(path, text=()):
    table = read_table(path, text=text)
    return table.to_dict("records")


def read_experiment(folder):
    """Rows of images with their real F1, and the verdict, of one result folder."""
    metrics = {
        (row["sample"], row["frame"]): row
        for row in read_rows(folder / "evaluation" / "metrics.csv", ("stage", "sample"))
        if row["stage"] == "segmentation" and row["iou"] == 0.5
    }
    images = []
    for row in read_rows(folder / "quality" / "images.csv", ("sample", "image", "weak", "verdict")):
        truth = metrics.get((row["sample"], row["frame"]))
        if truth is not None:
            images.append(row | {"f1": truth["f1"], "n_true": truth["n_true"]})
    summary = [
        row
        for row in read_rows(folder / "evaluation" / "summary.csv", ("stage",))
        if row["stage"] == "segmentation" and row["iou"] == 0.5
    ]
    verdict = json.loads((folder / "quality" / "verdict.json").read_text())
    return images, summary[0]["f1"], verdict


def check_network(results):
    images, experiments = [], []
    for folder in results:
        if not (folder / "evaluation" / "metrics.csv").is_file():
            continue
        rows, f1, verdict = read_experiment(folder)
        values = {f["indicator"]: f["value"] for f in verdict["findings"]}
        values = {k: float("nan") if v is None else v for k, v in values.items()}
        name = verdict["experiment"]
        images += [row | {"group": name} for row in rows]
        experiments.append({"group": name, "f1": f1, "n_true": 999} | values | {"verdict": verdict})
    experiments.sort(key=lambda row: -row["f1"])
    print_table(
        ("experiment", "F1", "verdict", "because of"),
        [
            (
                name_group(row["group"]),
                row["f1"],
                row["verdict"]["verdict"],
                "; ".join(
                    f"{f['title'].lower()} {f['value']:.2g}"
                    for f in row["verdict"]["findings"]
                    if f["verdict"] in (LOOK, UNSUITABLE)
                ),
            )
            for row in experiments
        ],
    )
    names = [i.name for i in INDICATORS]
    table = []
    for name in names:
        own = [row for row in experiments if np.isfinite(row[name])]
        values = np.array([[row[name], row["f1"]] for row in own])
        usable = len(own) >= 4 and (np.ptp(values, axis=0) > 0).all()
        rank = float(spearmanr(values).statistic) if usable else float("nan")
        of_images = correlate(images, name)[:2] if name in images[0] else (float("nan"),) * 2
        table.append((name, len(own), rank, *of_images))
    print_table(("indicator", "experiments", "experiments", "images", "within experiments"), table)
    limited = [i.name for i in INDICATORS if i.look is not None]
    print_table(
        ("experiment", "F1", *limited),
        [[row["group"], row["f1"], *(float(row[name]) for name in limited)] for row in experiments],
    )
    print_classes(images)


def list_true(folder, experiment, sample):
    """Probability of each nucleus that the network found, and whether it is a true one."""
    results = folder / "results" / experiment
    images = read_rows(results / "quality" / "samples" / sample / "images.csv", ("image",))
    table = read_table(results / "segmentation" / sample / "objects.csv")
    for row in images:
        labels = read_plane(results / "segmentation" / sample / "labels" / f"{row['image']}.tif")
        truth = read_plane(folder / "data" / experiment / sample / "masks" / f"{row['image']}.tif")
        matched = measure_overlaps(labels.astype(int), truth.astype(int))[0] > MATCH_IOU
        own = table[table["frame"] == row["frame"]]
        yield own["probability"].to_numpy(), matched[own["label"]]


def check_calibration(folder):
    """Probability against what the annotation confirms and what is true."""
    checked = []
    for place in sorted((folder / "results").iterdir()):
        checks = place / "quality" / "samples" / "train" / "calibration.csv"
        if not checks.is_file() or not (folder / "data" / place.name).is_dir():
            continue
        checked.append(read_table(checks, text=("checked_by",)))
        for sample in ("train", "test"):
            for pair in list_true(folder, place.name, sample):
                checked.append(count_confirmed(f"true, {sample}", *pair))
    rows = pool_calibration(concatenate_tables(checked, CALIBRATION_COLUMNS)).to_dict("records")
    pooled = {(row["checked_by"], row["low"]): row for row in rows}
    table = []
    for low in dict.fromkeys(low for _, low in sorted(pooled, key=lambda key: key[1])):
        cells = []
        for source in ("annotation", "true, train", "true, test"):
            row = pooled.get((source, low))
            cells += [row["n"], row["confirmed"] / row["n"]] if row else [0, float("nan")]
        table.append([f"{low:.1f} to {low + 0.1:.1f}", *cells[:2], cells[3], *cells[4:]])
    print_table(
        (
            "probability",
            "nuclei, learned from",
            "confirmed by annotation",
            "true",
            "nuclei, test",
            "true",
        ),
        table,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("annotation", "spoiled", "sheet"):
        command = commands.add_parser(name)
        command.add_argument("data", type=lambda path: Path(path).absolute())
        if name == "sheet":
            command.add_argument("folder", type=lambda path: Path(path).absolute())
    network = commands.add_parser("network")
    network.add_argument("folder", type=Path, help="as for `sheet`, with its results")
    network.add_argument("more", nargs="*", type=Path, help="other results/EXPERIMENT folders")
    given = parser.parse_args()
    if given.command == "annotation":
        check_annotation(given.data)
    elif given.command == "spoiled":
        check_spoiled(given.data)
    elif given.command == "sheet":
        write_sheet(given.data, given.folder)
    else:
        places = [*(given.folder / "results").iterdir(), *given.more]
        check_network(sorted(path for path in places if path.is_dir()))
        check_calibration(given.folder)


if __name__ == "__main__":
    main()
