"""What each rule of a whole run takes, by the size of the images and the length of the movie.

CPU-seconds and peak memory are those that each job writes at the end of its log.
"""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import tifffile

TILE_PX = 1000
NUCLEI_PER_TILE = 500
USE = re.compile(r"finished, ([\d.]+) CPU-s, at most (\d+) MB\n$")


def draw_tiles(frames, side=TILE_PX, nuclei=NUCLEI_PER_TILE, seed=0):
    """Frames of a drawn movie, (frames, side, side) uint16."""
    from autonuclei.example.drawn_movies import draw_frames
    from autonuclei.example.drawn_nuclei import MovieSettings

    look = MovieSettings(
        frames=frames, height_px=side, width_px=side, nuclei=nuclei, background_unevenness=0.1
    )
    return [frame.image for frame in draw_frames(look, seed)]


def write_mosaic(folder, rows, columns, frames):
    """A movie whose frames are one drawn field, repeated; a TIFF in tiles for each frame."""
    folder.mkdir(parents=True)
    for index, tile in enumerate(draw_tiles(frames)):
        tifffile.imwrite(
            folder / f"t{index:04d}.tif",
            np.tile(tile, (rows, columns)),
            tile=(512, 512),
            compression="zlib",
        )
    return sorted(folder.glob("*.tif"))


def write_long_movie(folder, frames):
    """A movie of small frames; drawn ones for a hundred frames, then the same backwards and on."""
    folder.mkdir(parents=True)
    drawn = draw_tiles(min(frames, 100), side=256, nuclei=30)
    there_and_back = [*drawn, *drawn[::-1]]
    for index in range(frames):
        image = there_and_back[index % len(there_and_back)]
        tifffile.imwrite(folder / f"t{index:04d}.tif", image)
    return sorted(folder.glob("*.tif"))


def read_use(logs):
    """By rule: number of jobs, CPU-seconds of all, and the largest peak in MB."""
    use = {}
    for path in Path(logs).rglob("*.log"):
        found = USE.search(path.read_text(errors="replace"))
        if found:
            name = re.sub(r"_?\d[\d_-]*$", "", path.stem)
            jobs, seconds, peak = use.get(name, (0, 0.0, 0))
            use[name] = (jobs + 1, seconds + float(found[1]), max(peak, int(found[2])))
    return use


def measure_script(command, folder):
    """CPU-seconds and peak memory in MB of a bare script; None where it ends in an error."""
    # Its own interpreter asks the kernel, since the peak of children is that of the largest ever.
    code = (
        "import resource, subprocess, sys\n"
        "quiet = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}\n"
        "done = subprocess.run(sys.argv[1:], **quiet)\n"
        "use = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(done.returncode, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, command)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    status, seconds, peak = done.stdout.split()
    return None if int(status) else (float(seconds), float(peak))


def print_growth(title, names, uses, sizes):
    """A table in Markdown: a row for each rule, CPU-seconds and peak for each run, and the growth.

    The growth is how the CPU-seconds of the last run compare with those of the one before it,
    less what starting costs (the first, smallest run), relative to how the sizes compare.
    """
    print(f"\n{title}\n")
    print("| rule | " + " | ".join(names) + " | growth |")
    print("|---|" + "---|" * (len(names) + 1))
    rules = sorted({rule for use in uses for rule in use})
    for rule in rules:
        cells = []
        for use in uses:
            jobs, seconds, peak = use.get(rule, (0, 0.0, 0))
            cells.append(f"{seconds:.1f} s, {peak} MB" + (f" ({jobs} jobs)" if jobs > 1 else ""))
        first, before, last = (uses[i].get(rule, (0, 0.0, 0))[1] for i in (0, -2, -1))
        start = first if len(uses) > 2 else 0.0
        growth = "-"
        if before - start > 0.5 and last > start:
            growth = f"{(last - start) / (before - start) / (sizes[-1] / sizes[-2]):.2f}"
        print(f"| {rule} | " + " | ".join(cells) + f" | {growth} |")
    sums = [sum(seconds for _, seconds, _ in use.values()) for use in uses]
    peaks = [max(peak for _, _, peak in use.values()) for use in uses]
    cells = [f"{total:.0f} s, {peak} MB" for total, peak in zip(sums, peaks, strict=True)]
    print("| all | " + " | ".join(cells) + " | |")
