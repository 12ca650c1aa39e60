"""Run the workflow on the authors' published data and compare numbers: `make paper DATA=folder`."""

import argparse
import csv
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from autonuclei.errors import InputError
from autonuclei.io.files import write_beside
from autonuclei.report.style import save_figure
from autonuclei.settings import read_settings
from research.reproduction.noise import train_without_noise
from research.reproduction.numbers import (
    compare_numbers,
    compare_published_masks,
    measure_run,
    read_published,
)
from research.reproduction.page import draw_f1, draw_published_counts, write_page

ROOT = Path(__file__).resolve().parents[2]
# As in the paper; 0.325 um is what a 20x objective gives on the authors' camera.
PIXEL_SIZE_UM, FRAME_INTERVAL_MIN = 0.325, 10
TRAINING_FRAMES = (21, 31, 41, 51, 61)
TEST_FRAME = 1
PRESET = ROOT / "config/presets/englbrecht2021.yaml"
# Of a training, as in workflow/rules/train.smk.
MOST_THREADS = 16
COLUMNS = {"masks": "published masks", "preset": "as published", "default": "our default"}


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make paper", description=__doc__)
    parser.add_argument("data", type=Path, help="folder laid out as the README says")
    parser.add_argument("--out", type=Path, default=Path("reproduced"), help="for all results")
    parser.add_argument("--runs", nargs="+", default=["preset", "default"], help="which to do")
    parser.add_argument("--epochs", type=int, help="for a shorter look; the paper: 100")
    parser.add_argument("--steps", type=int, help="per epoch; the paper: 256")
    parser.add_argument("--train", type=int, default=5, help="training images, at most 5")
    parser.add_argument("--movie", type=int, default=31, help="frames of the movie; 0: none")
    parser.add_argument("--bbbc", type=Path, help="folder with BBBC038v1 and its manifest.csv")
    parser.add_argument("--cores", default="all", help="as for snakemake")
    arguments = parser.parse_args()
    unknown = set(arguments.runs) - {"preset", "default"}
    if unknown:
        parser.error(f"--runs: there is no {', '.join(unknown)}; give preset, default or both")
    return arguments


def list_frames(data: Path, numbers: tuple[int, ...]) -> list[Path]:
    """The frames with these numbers, whatever their number of leading zeros."""
    frames = {int(path.stem.removeprefix("frame")): path for path in data.glob("frames/frame*.png")}
    missing = [str(number) for number in numbers if number not in frames]
    if missing:
        raise InputError(
            f"{data}/frames: has no frame {', '.join(missing)} (frame21.png and so on). Lay the "
            "folder out as the README says."
        )
    return [frames[number] for number in numbers]


def link(files: dict[str, Path], folder: Path) -> None:
    """Make a folder of links to images, by their new names, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, path in files.items():
        (folder / name).symlink_to(path.resolve())


def write_project(folder: Path, arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    """Write configuration and sample sheet of one run."""
    data = arguments.data
    train = list_frames(data, TRAINING_FRAMES[: arguments.train])
    truth = data / "ground_truth" / f"frame{TEST_FRAME:02d}.tif"
    if not truth.is_file():
        raise InputError(f"{truth}: is missing. Lay the folder out as the README says.")
    link({path.name: path for path in train}, folder / "images/train")
    link({path.name: path for path in list_frames(data, (TEST_FRAME,))}, folder / "images/test")
    rows = [
        ("paper", "train", "images/train/*.png", "stills", "all", "", ""),
        ("paper", "test", "images/test/*.png", "stills", "", truth.resolve(), ""),
    ]
    clip = sorted(data.glob("clip/*.png"))[: arguments.movie]
    if len(clip) > 1:
        link({path.name: path for path in clip}, folder / "images/movie")
        row = ("paper", "movie", "images/movie/*.png", "movie", "", "", FRAME_INTERVAL_MIN)
        rows.append(row)
    table = [(*row, PIXEL_SIZE_UM) for row in rows]
    if arguments.bbbc:
        table += link_bbbc(arguments.bbbc, folder)
    head = (
        "experiment", "sample", "images", "kind", "train", "ground_truth",
        "frame_interval_min", "pixel_size_um",
    )  # fmt: skip
    (folder / "config").mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(map(str, row)) for row in (head, *table)]
    (folder / "config/samples.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "config/config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


def link_bbbc(folder: Path, project: Path) -> list[tuple[Any, ...]]:
    """The paper's 24 images of BBBC038v1, as rows of the sample sheet."""
    files: dict[str, dict[str, Path]] = {"training": {}, "test": {}, "truth": {}}
    with (folder / "manifest.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["paper_subset"]:
                part, name = row["paper_subset"].split("/")
                files[part][name] = next(folder.glob(f"images/{row['id']}.*"))
                if part == "test":
                    truth = next(folder.glob(f"masks/{row['id']}.*"))
                    files["truth"][f"{Path(name).stem}{truth.suffix}"] = truth
    for part, images in files.items():
        link(images, project / "images" / f"bbbc038_{part}")
    images = "images/bbbc038_"
    return [
        ("bbbc038", "train", f"{images}training/*", "stills", "all", "", "", ""),
        ("bbbc038", "test", f"{images}test/*", "stills", "", f"{images}truth/*", "", ""),
    ]


def make_settings(run: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """The preset as published or our defaults; another length of the training if asked for."""
    settings: dict[str, Any] = yaml.safe_load(PRESET.read_text()) if run == "preset" else {}
    given = {"epochs": arguments.epochs, "steps_per_epoch": arguments.steps}
    train = settings.get("train", {}) | {k: v for k, v in given.items() if v is not None}
    return settings | {"train": train}


def run_workflow(folder: Path, cores: str) -> None:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--cores", cores, "--quiet", "rules"]
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise InputError(f"{folder}: the workflow failed, see the lines above and {folder}/logs.")


def count_threads(cores: str) -> int:
    """Threads of a training, as Snakemake gives them to the first one."""
    return min(MOST_THREADS, len(os.sched_getaffinity(0)) if cores == "all" else int(cores))


def describe_run(arguments: argparse.Namespace) -> list[str]:
    """What was run here and how it differs from the paper, in sentences."""
    lengths = []
    for run in arguments.runs:
        train = read_settings(make_settings(run, arguments)).train
        steps = train.epochs * train.steps_per_epoch
        lengths.append(f"{COLUMNS[run]}: {steps:,} steps of training; the paper: 25,600.")
    if arguments.epochs or arguments.steps:
        lengths.append("This length was asked for; it need not be enough for either.")
    n = min(arguments.train, len(TRAINING_FRAMES))
    return [
        *lengths,
        f"They learned from {n} frames of the published movie, since the paper's five training "
        "images were not available, only their masks. The test image is the paper's.",
        "Durations are wall times of all annotation jobs of the training images one after the "
        "other, the start of Python included, on the machine that made this page.",
        f"Lengths and speeds take a pixel as {PIXEL_SIZE_UM} um and a frame every "
        f"{FRAME_INTERVAL_MIN} min; the files do not say.",
    ]


def write_remarks(arguments: argparse.Namespace) -> dict[str, str]:
    """Why our numbers differ from the paper's, or there are none; beside `describe_run`."""
    n = min(arguments.train, len(TRAINING_FRAMES))
    return {
        "n_training_images": "" if n == len(TRAINING_FRAMES) else "A shorter run was asked for.",
        "n_test_nuclei": "Counted in the label image of the published annotation.",
        "automatic_s": f"{n} other images, on another machine.",
        "automatic_ms_per_nucleus": "Ours is per accepted nucleus, the paper's per nucleus that "
        "was annotated by hand.",
        "manual_s": "Nobody drew a nucleus.",
        "saved": "There is no annotation by hand to compare with.",
        "annotation_iou": "The published masks are pictures; their edges may have lost pixels.",
        "test_f1_50_manual": "It needs the five training images.",
        "bbbc_iou": "" if arguments.bbbc else "BBBC=folder runs it.",
        "n_movie": f"{arguments.movie} frames of a part of the field here.",
    }


def format_cell(value: Any) -> str:
    """A cell of the table: floats with seven digits, empty where undefined."""
    if not isinstance(value, float):
        return str(value)
    return "" if math.isnan(value) else f"{value:.7g}"


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    with write_beside(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: format_cell(value) for key, value in row.items()})


def main() -> None:
    arguments = read_arguments()
    out = arguments.out
    for run in arguments.runs:
        write_project(out / run, arguments, make_settings(run, arguments))
    masks = compare_published_masks(arguments.data)
    for run in arguments.runs:
        print(f"Running the workflow in {out / run}", flush=True)
        run_workflow(out / run, arguments.cores)
    if "preset" in arguments.runs:  # only the published procedure has noise
        train_without_noise(
            out / "preset/results/paper",
            read_settings(make_settings("preset", arguments)),
            threads=count_threads(arguments.cores),
        )
    numbers = {run: measure_run(out / run / "results") for run in arguments.runs}
    columns = {COLUMNS["masks"]: masks} | {COLUMNS[run]: numbers[run] for run in arguments.runs}
    published = read_published()
    rows = compare_numbers(published, columns, write_remarks(arguments))
    write_rows(out / "numbers.csv", rows)
    save_figure(draw_published_counts(masks), [out / "figure3a.png", out / "figure3a.svg"])
    by_name = {COLUMNS[run]: numbers[run] for run in arguments.runs}
    known = next(number.value for number in published if number.key == "test_f1_50")
    save_figure(draw_f1(by_name, published=known), [out / "figure4a.png", out / "figure4a.svg"])
    runs = {run: COLUMNS[run] for run in arguments.runs}
    write_page(out, rows, list(columns), runs, about=describe_run(arguments))
    print(f"The paper's numbers beside ours: {out / 'paper.html'}, {out / 'numbers.csv'}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"ERROR {error}")
