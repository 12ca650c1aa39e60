"""Cost of the workflow against bare scripts that do the same: `make benchmark`.

    make benchmark                               drawn frames, all benchmarks
    make benchmark DATA=folder/of/images         frames of your own
    make benchmark ONLY="annotation prediction"  some of them

CPU-seconds are those of all processes that a command starts, Snakemake included.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile

from research.benchmarks import dry_runs, whole_runs

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
ANNOTATION = (
    "preprocess_image",
    "threshold_image",
    "split_nuclei",
    "measure_objects",
    "select_nuclei",
    "compose_training_pair",
)
TABLE_HEAD = "experiment\tsample\timages\tkind\ttrain\n"


def run(command, folder):
    """Run a command; give wall seconds, CPU-seconds and what it printed."""
    command = list(map(str, command))
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - start, cpu, done.stdout


def snakemake(folder, targets, *configs):
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--cores", "2", "--configfile", str(ROOT / "config" / "config.yaml")]
    command += [str(ROOT / "config" / "presets" / "englbrecht2021.yaml"), *configs]
    return run([*command, "--quiet", "all", "--", *targets], folder)


def draw_frames(folder, number=5, side=2048):
    """Frames of about a thousand nuclei, as TIFF files."""
    from autonuclei.example.drawn_movies import draw_frames
    from autonuclei.example.drawn_nuclei import MovieSettings

    folder.mkdir()
    for index in range(number):
        look = MovieSettings(
            frames=1, height_px=side, width_px=side, pixel_size_um=0.325, nuclei=1000
        )
        frame = next(draw_frames(look, index))
        tifffile.imwrite(folder / f"frame{index:02d}.tif", frame.image)


def benchmark_annotation(folder, images):
    n = len(images)
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "samples.tsv").write_text(
        f"{TABLE_HEAD}bench\tframes\t{images[0].parent}/*\tstills\tall\n"
    )
    targets = [
        f"results/bench/annotation/frames/{index:04d}/training_labels.tif" for index in range(n)
    ]
    wall, cpu, _ = snakemake(folder, targets)
    _, bare_cpu, _ = run([sys.executable, str(HERE / "annotate_bare.py"), *images], folder)
    print(f"annotation, {n} frames: {cpu / n:.2f} CPU-s and {wall / n:.2f} s per frame", end="")
    print(f"; bare script {bare_cpu / n:.2f} CPU-s; ratio {cpu / bare_cpu:.2f}")


def benchmark_prediction(folder, images):
    n = len(images)
    (folder / "config").mkdir(exist_ok=True)
    short = folder / "short.yaml"
    short.write_text("train: {epochs: 4, steps_per_epoch: 128, device: cpu}\n")
    (folder / "config" / "samples.tsv").write_text(
        f"{TABLE_HEAD}bench\tframes\t{images[0].parent}/*\tstills\tall\n"
    )
    snakemake(folder, ["results/bench/model"], str(short))
    for round_number in range(2):
        target = f"results/bench/segmentation/frames/stretches/0000-{n - 1:04d}.tif"
        (folder / target).unlink(missing_ok=True)
        wall, cpu, _ = snakemake(folder, [target], str(short))
        command = [sys.executable, str(HERE / "predict_bare.py"), "results/bench/model"]
        bare_wall, bare_cpu, _ = run([*command, *images], folder)
        print(
            f"prediction, {n} frames, round {round_number + 1}: {wall:.1f} s, {cpu:.1f} CPU-s",
            end="",
        )
        print(f"; bare StarDist loop {bare_wall:.1f} s, {bare_cpu:.1f} CPU-s", end="")
        print(f"; ratio {wall / bare_wall:.2f} in time, {cpu / bare_cpu:.2f} in CPU")
    for threads in (1, 2):
        for kind in ("ours", "bare"):
            command = [sys.executable, str(HERE / "predict_parts.py"), kind, "results/bench/model"]
            _, _, out = run([*command, str(threads), *images], folder)
            parts = json.loads(out.splitlines()[-1])
            listed = ", ".join(f"{part} {value}" for part, value in parts.items())
            print(f"prediction in CPU-s per frame, {threads} thread(s), {kind}: {listed}")


def benchmark_tracking(folder, images):
    for frames, nuclei in ((91, 110), (91, 1100), (91, 11000)):
        command = [sys.executable, str(HERE / "track_drawn.py"), str(frames), str(nuclei)]
        _, _, out = run(command, folder)
        figures = json.loads(out.splitlines()[-1])
        print(f"tracking, {frames} frames x {nuclei} nuclei = {figures['spots']} spots: ", end="")
        print(
            f"linking {figures['link_s']:.1f} CPU-s, TrackMate file"
            f" {figures['trackmate_s']:.1f} CPU-s ({figures['outlines']}),"
            f" peak {figures['peak_mb']:.0f} MB, one core"
        )


def benchmark_sizes(folder, images):
    """Whole runs of movies of three frames, from 1 to 120 megapixels."""
    shapes = [(1, 1), (2, 2), (4, 4), (10, 12)]
    sizes = [rows * columns for rows, columns in shapes]
    uses, bare = [], []
    for size, (rows, columns) in zip(sizes, shapes, strict=True):
        place = folder / f"size{size}"
        frames = whole_runs.write_mosaic(place / "images", rows, columns, frames=3)
        uses.append(run_whole(place, "1"))
        command = [sys.executable, str(HERE / "annotate_bare.py"), frames[0]]
        bare.append(whole_runs.measure_script(command, place))
        shutil.rmtree(place / "images")
    names = [f"{size} MP" for size in sizes]
    whole_runs.print_growth("Three frames of", names, uses, sizes)
    for name, use, script in zip(names, uses, bare, strict=True):
        ours = [use[rule] for rule in ANNOTATION if rule in use]
        jobs = max(jobs for jobs, _, _ in ours)
        print(
            f"annotation of {name}: {sum(seconds for _, seconds, _ in ours):.1f} CPU-s in"
            f" {jobs} field(s), at most {max(peak for _, _, peak in ours)} MB; bare script of one"
            f" frame {script[0]:.1f} CPU-s, {script[1]:.0f} MB"
        )


def benchmark_lengths(folder, images):
    """Whole runs of movies of 100 and 1,000 frames of 256 x 256 px."""
    lengths = [100, 1000]
    uses = []
    for length in lengths:
        place = folder / f"length{length}"
        whole_runs.write_long_movie(place / "images", length)
        uses.append(run_whole(place, "10"))
        pages = sorted(place.glob("results/bench/summary*.html"))
        told = ", ".join(f"{page.name} {page.stat().st_size / 1e6:.1f} MB" for page in pages)
        print(f"{length} frames: {told}")
    whole_runs.print_growth("A movie of", [f"{length} frames" for length in lengths], uses, lengths)


def benchmark_numbers(folder, images):
    """Dry runs of 1,000 and 10,000 annotated images."""
    for number in (1000, 10000):
        place = folder / f"number{number}"
        dry_runs.write_project(place, number)
        figures = []
        for name, file in (("ours", ROOT / "Snakefile"), ("bare", place / "bare.smk")):
            command = [sys.executable, "-m", "snakemake", "--snakefile", file]
            command += ["--dry-run", "--quiet", "all"]
            if name == "ours":  # headers of images are read once and remembered
                first = whole_runs.measure_script(command, place)
            figures.append(whole_runs.measure_script(command, place))
        (ours, ours_mb), (bare, bare_mb) = figures
        print(
            f"dry run of {number} images: {ours:.1f} CPU-s, {ours_mb:.0f} MB (the first time"
            f" {first[0]:.1f} CPU-s); bare Snakefile {bare:.1f} CPU-s, {bare_mb:.0f} MB; ratio"
            f" {ours / bare:.2f}"
        )


def run_whole(place, train):
    """A run of one movie from raw images to the page; what each rule took."""
    (place / "config").mkdir()
    (place / "config" / "samples.tsv").write_text(
        f"{TABLE_HEAD}bench\tmovie\timages/*.tif\tmovie\t{train}\n"
    )
    (place / "config" / "config.yaml").write_text(
        "samples: config/samples.tsv\n"
        "train: {epochs: 4, steps_per_epoch: 100, device: cpu}\n"
        "export: {models: none}\n"
    )
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    run([*command, "--cores", "2", "--quiet", "all"], place)
    return whole_runs.read_use(place / "logs")


BENCHMARKS = {
    "annotation": benchmark_annotation,
    "prediction": benchmark_prediction,
    "tracking": benchmark_tracking,
    "sizes": benchmark_sizes,
    "lengths": benchmark_lengths,
    "numbers": benchmark_numbers,
}
OF_FRAMES = {"annotation", "prediction"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], default=list(BENCHMARKS))
    parser.add_argument("--data", type=Path, help="folder of images")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = arguments.data.absolute() if arguments.data else folder / "drawn"
        if not arguments.data and OF_FRAMES & set(arguments.names):
            draw_frames(data)
        images = sorted(data.glob("*.*")) if data.is_dir() else []
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, numpy {np.__version__}")
        for benchmark in arguments.names:
            BENCHMARKS[benchmark](folder, images)


if __name__ == "__main__":
    main()
