"""What each change of the default is worth: `make ablation DATA=folder`.

    make ablation DATA=folder                                  all groups and variants, 3 seeds
    make ablation DATA=folder GROUPS="paper 520x696" SEEDS=2 EPOCHS=30 STEPS=100
    make ablation DATA=folder VARIANTS="default manual-labels"

DATA holds `bbbc038` and `englbrecht2021` as `annotation_quality.py` describes them. Each variant
and seed is one run of the workflow over all groups, an experiment each, in a folder of its own
under WORK. Snakemake goes on where it was stopped and repeats what is out of date, and nothing
else. After each run the table in docs/accuracy.md is written anew from all that is there.
"""

import argparse
import copy
import csv
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from autonuclei.images import read_plane  # noqa: E402
from autonuclei.matching import add_metrics, compare_labels, pool_rows  # noqa: E402
from autonuclei.measurement import read_table  # noqa: E402
from autonuclei.settings import fill_defaults  # noqa: E402

Settings = dict[str, Any]
Scores = dict[str, Any]

LEAST_IMAGES = 6
MOST_TRAINING = 20
MOST_TEST = 30
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
    "boundary": ["annotate.refine_boundaries", "annotate.boundary_level"],
    "levels": ["annotate.local_levels"],
    "outlines": ["predict.refine_boundaries"],
    "filter": [
        "annotate.area_tolerance",
        "annotate.minimum_relative_contrast",
        "annotate.area_tolerance_above",
        "annotate.solidity_tolerance",
        "annotate.share_at_border",
    ],
    "ignore": [
        "annotate.rejected",
        "annotate.noise_unit",
        "annotate.noise_low",
        "annotate.noise_high",
    ],
    "training": [
        "train.schedule",
        "train.stop_after_epochs",
        "train.learning_rate",
        "train.augment",
        "train.patch_px",
        "train.grid",
    ],
}
# Images of 8 bits stay as they are, and all variants train for the same number of steps.
NO_EFFECT = {"preprocess.values", "train.steps_per_epoch"}
# All objects count, whatever their area: Otsu and watershed alone.
ANY_AREA = {"area_tolerance": 1e9, "area_tolerance_above": 1e9}
NO_NETWORK = "otsu-watershed"
MANUAL = "manual-labels"
INDICATORS = {"accepted": "share_accepted", "agreement": "agreement_f1"}


def read_schema() -> Settings:
    schema: Settings = yaml.safe_load(
        (ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text()
    )
    return schema


def list_changes(published: Settings, default: Settings) -> list[str]:
    """Keys of the method that two settings differ in."""
    return [
        f"{section}.{key}"
        for section in ("preprocess", "annotate", "train", "predict")
        for key in default[section]
        if default[section][key] != published[section][key]
    ]


def make_variants(schema: Settings, published: Settings) -> dict[str, Settings]:
    """Settings of each variant by name; published first, then with one change each, default.

    Raises
    ------
    ValueError
        The default differs from the published procedure in a key that `CHANGES` does not name.
    """
    default = fill_defaults({}, schema)
    published = fill_defaults(copy.deepcopy(published), schema)
    named = {key for keys in CHANGES.values() for key in keys} | NO_EFFECT
    missing = set(list_changes(published, default)) - named
    if missing:
        raise ValueError(f"no change of the ablation has {sorted(missing)}")
    variants = {NO_NETWORK: copy.deepcopy(published), "paper-preset": published}
    variants[NO_NETWORK]["annotate"] |= ANY_AREA
    for name, keys in CHANGES.items():
        changed = copy.deepcopy(published)
        for section, key in (key.split(".") for key in keys):
            changed[section][key] = default[section][key]
        if changed != published:
            variants[f"paper-preset+{name}"] = changed
    variants["default"] = default | {"self_training": {"rounds": 0}}
    variants["default+1-round"] = default | {"self_training": {"rounds": 1}}
    variants["default+2-rounds"] = default | {"self_training": {"rounds": 2}}
    variants[MANUAL] = variants["default"]
    return variants


def spread(items: list[str], most: int) -> list[str]:
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


def stage_data(data: Path, folder: Path, groups: list[str]) -> dict[str, dict[str, list[str]]]:
    """Links to the images and masks of each group, parted; gives the identifiers."""
    with (data / "bbbc038" / "manifest.csv").open() as file:
        split = split_groups(csv.DictReader(file))
    split[PAPER] = {"train": [f"frame{i:02d}" for i in PAPER_TRAINING], "test": ["frame01"]}
    unknown = set(groups) - set(split)
    if unknown:
        sys.exit(f"ERROR no group {sorted(unknown)}; there are {' '.join(split)}")
    split = {group: parts for group, parts in split.items() if not groups or group in groups}
    for group, parts in split.items():
        for part, names in parts.items():
            for number, name in enumerate(names):
                if group == PAPER:
                    image = data / "englbrecht2021" / "frames" / f"{name}.png"
                    mask = data / "englbrecht2021" / "ground_truth" / f"{name}.tif"
                else:
                    image = data / "bbbc038" / "images" / f"{name}.png"
                    mask = data / "bbbc038" / "masks" / f"{name}.tif"
                for kind, path in (("images", image), ("masks", mask)):
                    # By number, so that they keep their order.
                    link = folder / group / f"{part}_{kind}" / f"{number:04d}{path.suffix}"
                    if path.exists() and not link.exists():
                        link.parent.mkdir(parents=True, exist_ok=True)
                        link.symlink_to(path.resolve())
    return split


def write_sheet(path: Path, data: Path, groups: Iterable[str], *, manual: bool) -> list[str]:
    """A sample sheet with an experiment per group; gives those that it has."""
    lines = ["experiment\tsample\timages\tkind\ttrain\tmasks\tground_truth"]
    written = []
    for group in groups:
        masks = data / group / "train_masks"
        if manual and not masks.is_dir():
            continue
        given = f"{masks}/*" if manual else ""
        test = f"{data}/{group}/test_images/*\tstills\t\t\t{data}/{group}/test_masks/*"
        lines.append(f"{group}\ttrain\t{data}/{group}/train_images/*\tstills\tall\t{given}\t")
        lines.append(f"{group}\ttest\t{test}")
        written.append(group)
    path.write_text("\n".join(lines) + "\n")
    return written


def run_variant(
    folder: Path, data: Path, groups: Iterable[str], name: str, settings: Settings, cores: int
) -> bool:
    """Run the workflow for one variant and seed; False where a job failed."""
    folder.mkdir(parents=True, exist_ok=True)
    sheet = folder / "samples.tsv"
    experiments = write_sheet(sheet, data, groups, manual=name == MANUAL)
    (folder / "config.yaml").write_text(yaml.safe_dump(settings | {"samples": str(sheet)}))
    targets = []
    for group in experiments:
        if name == NO_NETWORK:
            n = len(list((data / group / "test_images").iterdir()))
            place = f"results/{group}/annotation/test"
            targets += [f"{place}/{index:04d}/labels.tif" for index in range(n)]
        else:
            targets += [
                f"results/{group}/evaluation/summary.csv",
                f"results/{group}/quality/images.csv",
            ]
    if not experiments:
        return True
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(folder / "config.yaml")]
    command += ["--cores", str(cores), "--keep-going", "--rerun-incomplete", "--quiet", "all"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run([*command, "--", *targets], env=os.environ | {"PATH": path}, check=False)
    return done.returncode == 0


def read_scores(folder: Path, data: Path, group: str, name: str) -> Scores | None:
    """F1, mean IoU and label-free indicators of one run; None where it has not come so far."""
    results = folder / "results" / group
    if name == NO_NETWORK:
        return score_annotation(results, data / group)
    if not (results / "evaluation" / "summary.csv").is_file():
        return None
    summary = read_table(results / "evaluation" / "summary.csv")
    rows = summary["stage"] == "segmentation"
    values = zip(THRESHOLDS, summary["f1"][rows].tolist(), strict=True)
    scores: Scores = {f"f1 {threshold}": f1 for threshold, f1 in values}
    scores["mean iou"] = float(summary["mean_iou_true"][rows][0])
    images = results / "quality" / "images.csv"
    if images.is_file():
        table = read_table(images, text=["sample"])
        for indicator, column in INDICATORS.items():
            values = [float(v) for v in table.get(column, []) if v == v]
            scores[indicator] = statistics.fmean(values) if values else math.nan
        verdict = json.loads((results / "quality" / "verdict.json").read_text())
        scores["verdict"] = verdict["verdict"]
    return scores


def score_annotation(results: Path, data: Path) -> Scores | None:
    """The same figures for the annotation of the test images, without a network."""
    rows = []
    for path in sorted((data / "test_masks").iterdir()):
        labels = results / "annotation" / "test" / path.stem / "labels.tif"
        if not labels.is_file():
            return None
        truth = read_plane(path).astype("int32")
        rows.append(compare_labels(truth, read_plane(labels).astype("int32"), THRESHOLDS))
    pooled = [add_metrics(pool_rows(same)) for same in zip(*rows, strict=True)]
    scores = {f"f1 {row['iou']}": row["f1"] for row in pooled}
    return scores | {"mean iou": pooled[0]["mean_iou_true"]}


def collect_scores(
    work: Path, data: Path, groups: Iterable[str], names: Iterable[str], seeds: int
) -> dict[tuple[str, str], list[Scores]]:
    """Scores of all seeds that have come so far, by group and variant."""
    found: dict[tuple[str, str], list[Scores]] = {}
    for group in groups:
        for name in names:
            for seed in range(1, seeds + 1):
                scores = read_scores(locate_run(work, name, seed), data, group, name)
                if scores is not None:
                    found.setdefault((group, name), []).append(scores)
    return found


def locate_run(work: Path, name: str, seed: int) -> Path:
    """The folder of a variant and seed."""
    return work / name / f"seed{seed}"


def format_figures(values: list[float]) -> str:
    """Mean and standard deviation over seeds."""
    defined = [value for value in values if value == value]
    if not defined:
        return ""
    mean = f"{statistics.fmean(defined):.3f}"
    return f"{mean} ± {statistics.stdev(defined):.3f}" if len(defined) > 1 else mean


def format_rows(scores: Mapping[tuple[str, str], list[Scores]]) -> list[str]:
    """Lines of the table in Markdown, by group and variant."""
    figures = [f"f1 {THRESHOLDS[0]}", *[f"f1 {t}" for t in THRESHOLDS[1:]], "mean iou"]
    head = ["group", "variant", "seeds", "F1 at 0.5", "0.8", "0.9", "mean IoU"]
    head += ["accepted", "agreement", "verdict"]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for (group, name), runs in scores.items():
        cells = [group, name, str(len(runs))]
        for column in (*figures, *INDICATORS):
            cells.append(format_figures([run.get(column, math.nan) for run in runs]))
        verdicts = [run["verdict"] for run in runs if "verdict" in run]
        counts = {verdict: verdicts.count(verdict) for verdict in dict.fromkeys(verdicts)}
        cells.append(", ".join(v if n == 1 else f"{v} ({n})" for v, n in counts.items()))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


INTRODUCTION = """\
# Accuracy

What the published procedure, each change of the default and the default itself find, against
masks drawn by hand. This page is written by

```
{command}
```

Training: {training}, from scratch for each run. Figures are those of the test images, all nuclei
of a group pooled; mean and standard deviation over the seeds. F1 is that of objects at an IoU of
0.5, 0.8 and 0.9, mean IoU goes over all true nuclei, 0 for those not found.

- "{otsu}": Otsu's threshold and watershed as published, all objects, no network.
- "paper-preset": the published procedure; "+...": with one change of the default added.
- "default+n-rounds": with so many rounds of self-training.
- "{manual}": the same network, trained in the same way on the masks drawn by hand for the training
  images. The paper's training images have none.
- "accepted" and "agreement" need no truth: the share of annotated objects that are accepted, and
  the F1 between network and accepted objects, mean over images. "verdict" is that of the quality
  page, with the number of seeds that had it.

## Images

By identifier every other image is for training (at most {most_training}, evenly spread), the
others are for the test (at most {most_test}). `paper_subset`: the 24 images of Englbrecht et al.,
parted as they did. `paper`: frames 21 to 61 for training, frame 1 for the test. How the default's
parameters were chosen, and on which groups, says [annotation.md](annotation.md).

| group | training images | test images |
| --- | --- | --- |
{split}

## Results

{rows}
"""


def write_page(
    path: Path, command: str, training: str, split: Mapping[str, Any], rows: list[str]
) -> None:
    """The page with all figures."""
    parts = [f"| {g} | {len(p['train'])} | {len(p['test'])} |" for g, p in split.items()]
    page = INTRODUCTION.format(
        command=command,
        training=training,
        otsu=NO_NETWORK,
        manual=MANUAL,
        most_training=MOST_TRAINING,
        most_test=MOST_TEST,
        split="\n".join(parts),
        rows="\n".join(rows),
    )
    path.write_text(page)


def parse_arguments(variants: Iterable[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--groups", nargs="*", default=[], help="default: all")
    parser.add_argument("--variants", nargs="*", default=[], help=f"of {list(variants)}")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--steps", type=int, default=256, help="per epoch")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--work", type=Path, default=Path("ablation"), help="folder for the runs")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "accuracy.md")
    return parser.parse_args()


def main() -> None:
    preset = ROOT / "config" / "presets" / "englbrecht2021.yaml"
    variants = make_variants(read_schema(), yaml.safe_load(preset.read_text()))
    given = parse_arguments(variants)
    data = given.work.absolute() / "data"
    split = stage_data(given.data, data, given.groups)
    wanted = [name for name in variants if not given.variants or name in given.variants]
    command = f'make ablation DATA=folder GROUPS="{" ".join(split)}" SEEDS={given.seeds} '
    command += f"EPOCHS={given.epochs} STEPS={given.steps}"
    if len(wanted) < len(variants):
        command += f' VARIANTS="{" ".join(wanted)}"'
    training = f"{given.epochs} epochs of {given.steps} steps"
    work, failed = given.work.absolute(), []
    # Seed by seed, so that a table of all variants is there early.
    for seed, name in itertools.product(range(1, given.seeds + 1), wanted):
        settings = copy.deepcopy(variants[name]) | {"seed": seed}
        settings["train"] |= {"epochs": given.epochs, "steps_per_epoch": given.steps}
        settings["evaluate"]["iou_thresholds"] = list(THRESHOLDS)
        print(f"{name}, seed {seed}", flush=True)
        folder = locate_run(work, name, seed)
        if not run_variant(folder, data, split, name, settings, given.cores):
            failed.append(f"{name}, seed {seed}")
        scores = collect_scores(work, data, split, wanted, given.seeds)
        write_page(given.page, command, training, split, format_rows(scores))
    if failed:
        sys.exit(f"ERROR not complete: {'; '.join(failed)}. See the logs under {given.work}.")


if __name__ == "__main__":
    main()
