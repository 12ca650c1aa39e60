"""What SLURM and Snakemake add to the annotation of frames, in CPU-seconds.

    python tests/cluster/measure_overhead.py FOLDER [--frames 91]

As root. Starts a SLURM cluster with accounting on this machine and annotates so many frames
through `profiles/slurm`, taking the images of FOLDER over and over. The work itself is what the
scripts say in their logs, the start of Python included.
"""

import argparse
import itertools
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from local_slurm import LocalSlurm, ask

REPOSITORY = Path(__file__).resolve().parents[2]


def write_experiment(folder: Path, images: list[Path], frames: int) -> None:
    """A sample sheet with links to the images, all to learn from."""
    (folder / "images").mkdir()
    for number, image in zip(range(frames), itertools.cycle(images)):
        (folder / f"images/{number:04d}{image.suffix}").symlink_to(image.resolve())
    (folder / "samples.tsv").write_text(
        "experiment\tsample\timages\tkind\ttrain\nlarge\tframes\timages/*\tstills\tall\n"
    )
    (folder / "config.yaml").write_text("samples: samples.tsv\n")


def annotate(folder: Path) -> float:
    """Annotate all frames on the cluster; gives the CPU-seconds of Snakemake itself."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", "--quiet", "all"),
            *("--directory", str(folder), "--configfile", str(folder / "config.yaml")),
            *("--until", "compose_training_pair"),
        ],
        cwd=REPOSITORY,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def read_seconds(text: str) -> float:
    """Seconds of a time of SLURM, [DD-[HH:]]MM:SS.mmm."""
    days, _, rest = text.rpartition("-")
    parts = [float(part) for part in rest.split(":")]
    return 86_400 * int(days or 0) + sum(p * 60**i for i, p in enumerate(reversed(parts)))


def list_jobs() -> list[float]:
    """CPU-seconds of each SLURM job."""
    # Only where its steps are asked for, too, does a job have a time.
    lines = ask("sacct", "--noheader", "--parsable2", "--format=JobID,TotalCPU").split()
    rows = [line.split("|") for line in lines]
    return [read_seconds(time) for number, time in rows if "." not in number]


def sum_work(logs: Path) -> float:
    """CPU-seconds that the scripts took by their own word."""
    said = (
        re.search(r"finished, ([\d.]+) CPU-s", path.read_text()) for path in logs.rglob("*.log")
    )
    return sum(float(found[1]) for found in said if found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("--frames", type=int, default=91)
    given = parser.parse_args()
    images = sorted(path for path in given.images.iterdir() if path.is_file())
    with tempfile.TemporaryDirectory() as name, LocalSlurm(accounting=True):
        folder = Path(name)
        write_experiment(folder, images, given.frames)
        own = annotate(folder)
        jobs, work = list_jobs(), sum_work(folder / "logs/large")
        added = sum(jobs) + own - work
        print(f"{given.frames} frames in {len(jobs)} submissions")
        print(f"scripts: {work:.0f} CPU-s, {work / given.frames:.2f} per frame")
        print(f"SLURM jobs: {sum(jobs):.0f} CPU-s; Snakemake on the login node: {own:.0f} CPU-s")
        print(f"added: {added:.0f} CPU-s, {added / work:.1%} of the work")


if __name__ == "__main__":
    main()
