"""Memory that jobs ask for against their true peaks, in a run of the workflow on drawn images.

    python -m research.benchmarks.memory 1 4 16               megapixels
    python -m research.benchmarks.memory 4 --scale 0.5 --small
    python -m research.benchmarks.memory --of FOLDER RUN.txt  a run that is there, and what it said

A still and a movie of two frames, annotated, segmented, tracked, compared with their truth. Peaks
are those that the kernel keeps (VmHWM), by the last line of each log.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
import yaml

ROOT = Path(__file__).resolve().parents[2]
JOB = re.compile(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", re.MULTILINE)
PEAK = re.compile(r"finished, .* at most (\d+) MB\s*\Z")
SETTINGS = {
    "train": {"epochs": 1, "steps_per_epoch": 2, "device": "cpu"},
}


def draw_project(folder: Path, megapixels: float, scale: float, small: bool) -> None:
    """A still and a movie with their truth, 240 nuclei per megapixel, or small ones, 1500."""
    from autonuclei.example.drawn_movies import draw_frames
    from autonuclei.example.drawn_nuclei import MovieSettings
    from autonuclei.io.hyperstack import write_image_movie

    side = round((megapixels * 1e6) ** 0.5)
    size = 0.8 if small else 0.325
    look = MovieSettings(
        frames=2,
        height_px=side,
        width_px=side,
        pixel_size_um=size,
        nuclei=round((1500 if small else 240) * megapixels),
        clustering=0.3,
    )
    frames = list(draw_frames(look, 1))
    for name in ("still", "truth", "true_tracks", "config"):
        (folder / name).mkdir(parents=True)
    tifffile.imwrite(folder / "still/field.tif", frames[0].image)
    tifffile.imwrite(folder / "truth/field.tif", frames[0].labels.astype(np.uint16))
    write_image_movie(
        folder / "film.tif",
        [frame.image for frame in frames],
        n_frames=2,
        pixel_size_um=size,
        frame_interval_min=5,
    )
    rows = {
        "experiment": ["e", "e"],
        "sample": ["still", "film"],
        "images": ["still/*.tif", "film.tif"],
        "kind": ["stills", "movie"],
        "train": ["", "0:1"],
        "ground_truth": ["truth/*.tif", ""],
        "pixel_size_um": [size, size],
    }
    pd.DataFrame(rows).to_csv(folder / "config/samples.tsv", sep="\t", index=False)
    settings = SETTINGS | {"preprocess": {"scale": scale}}
    (folder / "config/config.yaml").write_text(yaml.safe_dump(settings))


def run(folder: Path, arguments: Sequence[str] = ()) -> str:
    """Run the workflow one job at a time, with more of Snakemake's arguments; give what it said."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    done = subprocess.run(
        [
            *command,
            "--directory",
            str(folder),
            "--cores",
            "1",
            "--nocolor",
            "--keep-going",
            *arguments,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"not all of it ran:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}", file=sys.stderr)
    return done.stderr


def compare(folder: Path, said: str) -> pd.DataFrame:
    """Compare what jobs asked for with their peaks.

    Parameters
    ----------
    folder
        In which the workflow ran.
    said
        Its standard error.

    Returns
    -------
    DataFrame
        `rule`, `peak_mb`, `asked_mb` and `ratio`, a row per job.
    """
    rows = []
    for rule, text in JOB.findall(said):
        told = dict(line.strip().split(": ", 1) for line in text.splitlines() if ": " in line)
        asked = re.search(r"mem_mb=(\d+)", told.get("resources", ""))
        log = folder / told.get("log", "none")
        peak = PEAK.search(log.read_text()) if log.is_file() else None
        if asked and peak:
            rows.append((rule, int(peak[1]), int(asked[1])))
    table = pd.DataFrame(rows, columns=["rule", "peak_mb", "asked_mb"])
    return table.assign(ratio=(table["asked_mb"] / table["peak_mb"]).round(2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("megapixels", nargs="*", type=float)
    parser.add_argument("--scale", type=float, default=1.0, help="preprocess.scale")
    parser.add_argument("--small", action="store_true", help="many small nuclei")
    parser.add_argument("--of", nargs=2, type=Path, metavar=("FOLDER", "RUN.txt"))
    parser.add_argument("--until", nargs="+", default=[], help="rules at which to stop")
    arguments = parser.parse_args()
    until = ["--until", *arguments.until] if arguments.until else []
    tables = []
    if arguments.of:
        tables.append(compare(arguments.of[0], arguments.of[1].read_text()).assign(megapixels=0))
    for megapixels in arguments.megapixels:
        with tempfile.TemporaryDirectory() as name:
            draw_project(Path(name), megapixels, arguments.scale, arguments.small)
            table = compare(Path(name), run(Path(name), until))
            tables.append(table.assign(megapixels=megapixels))
    table = pd.concat(tables).groupby(["rule", "megapixels"], sort=False).max()
    with pd.option_context("display.max_rows", None, "display.width", 200):
        print(table.unstack("megapixels").to_string())


if __name__ == "__main__":
    main()
