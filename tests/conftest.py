"""Running the workflow, and one small finished run that the tests share."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml

from autonuclei.io.hyperstack import write_image_movie
from shapes import GRID, draw_disks, photograph

ROOT = Path(__file__).resolve().parents[1]

# Small enough for seconds, long enough for a network that finds most of the drawn nuclei.
TINY = {
    "annotate": {"threshold_factor": 1.0},
    "train": {
        "device": "cpu",
        "patch_px": 48,
        "batch": 2,
        "steps_per_epoch": 50,
        "epochs": 3,
        "rays": 16,
        "learning_rate": 0.001,
    },
    "film": {"width_px": 128},
    "export": {"models": "none"},
}


class Run:
    """What a call of Snakemake said."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.said = done.stderr
        self.all = done.stdout + done.stderr

    @property
    def errors(self) -> list[str]:
        """The lines that a job has for the user."""
        return [line for line in self.said.splitlines() if line.startswith("ERROR ")]

    @property
    def jobs(self) -> dict[str, int]:
        """Number of jobs per rule in the table of a dry run."""
        table = self.all.partition("\njob ")[2].partition("\n\n")[0]
        return {
            name: int(count)
            for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)
            if name not in ("total", "all")
        }


def find_one(lines: Iterable[str], words: str) -> str:
    """The only line with these words."""
    found = [line for line in lines if words in line]
    assert len(found) == 1, (words, lines)
    return found[0]


def run_snakemake(
    folder: Path,
    *arguments: str,
    snakefile: Path = ROOT / "Snakefile",
    environment: Mapping[str, str] | None = None,
    wrap: Iterable[str] = (),
) -> Run:
    """Run the workflow with the configuration in `folder`, two jobs at a time."""
    command = [*wrap, sys.executable, "-m", "snakemake", "--snakefile", str(snakefile)]
    command += ["--directory", str(folder), "--nocolor", "--cores", "2", *arguments]
    # Coverage of the tests and the like must not leak into the jobs.
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    clean["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    clean["OMP_NUM_THREADS"] = "1"
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=clean | dict(environment or {})
    )
    return Run(done)


def write_config(folder: Path, sheet: Iterable[Mapping[str, str]], **settings: Any) -> None:
    """Write `config/config.yaml` and `config/samples.tsv`."""
    rows = list(sheet)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["\t".join(columns), *("\t".join(row.get(c, "") for c in columns) for row in rows)]
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "samples.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    merged: dict[str, Any] = {key: dict(value) for key, value in TINY.items()}
    for key, value in settings.items():
        merged[key] = merged.get(key, {}) | value if isinstance(value, dict) else value
    (folder / "config" / "config.yaml").write_text(yaml.safe_dump(merged))


def save_still(path: Path, seed: int, **look: float) -> None:
    """Nine bright nuclei in 96 x 96 px."""
    labels = draw_disks((96, 96), GRID, 8 + seed % 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, photograph(labels, seed=seed, **look), compression="zlib")


def save_truth(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, draw_disks((96, 96), GRID, 8 + seed % 3).astype(np.uint16))


def draw_project(folder: Path) -> None:
    """Three stills, two to learn from, and a movie of three frames; one has no nucleus."""
    for number in range(3):
        save_still(folder / "raw" / f"field{number}.tif", number)
    for number in (0, 2):
        save_truth(folder / "truth" / f"field{number}.tif", number)
    frames = [
        photograph(draw_disks((96, 96), [(y + t, x) for y, x in GRID], 9), seed=10 + t)
        for t in range(2)
    ]
    write_image_movie(
        folder / "raw" / "film.tif",
        [*frames, photograph(np.zeros((96, 96)), seed=12)],
        n_frames=3,
        pixel_size_um=0.5,
        frame_interval_min=10,
    )
    write_config(
        folder,
        [
            {
                "experiment": "tiny",
                "sample": "fields",
                "images": "raw/field*.tif",
                "kind": "stills",
                "train": "0:2",
                "ground_truth": "truth/*.tif",
                "pixel_size_um": "0.325",
            },
            {"experiment": "tiny", "sample": "film", "images": "raw/film.tif", "kind": "movie"},
        ],
    )


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a complete run, training included. Read it, do not change it."""
    folder = tmp_path_factory.mktemp("finished")
    draw_project(folder)
    run = run_snakemake(folder)
    assert run.code == 0, run.all
    (folder / "said.txt").write_text(run.all)
    return folder


@pytest.fixture
def finished_copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the complete run, times of files included, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "copy", symlinks=True))


@pytest.fixture
def copy_workflow(tmp_path: Path) -> Callable[[], Path]:
    """Copies the workflow, so that it can be edited; gives the copy's folder."""

    def copy() -> Path:
        target = tmp_path / "checkout"
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "workflow", target / "workflow", ignore=ignore)
        shutil.copytree(ROOT / "profiles", target / "profiles")
        shutil.copytree(ROOT / "envs", target / "envs")
        shutil.copy2(ROOT / "Snakefile", target / "Snakefile")
        return target

    return copy


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium without a window."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium: run tests/browser/install.sh as root")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root, Chromium starts only without its sandbox; it opens our own files only.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["wide", "narrow"])
def open_page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Callable[[Path], Any]]:
    """Opens a file as a user does; the test fails on errors and on requests to a network."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
    problems: list[str] = []

    def open_page(path: Path) -> Any:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on(
            "console",
            lambda message: (
                problems.append(f"console: {message.text}") if message.type == "error" else None
            ),
        )
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((f"file://{path}", "data:", "blob:"))
                # Films are too large for the page; they lie beside it and play when asked to.
                or (asked.url.startswith(f"file://{path.parent}/") and asked.url.endswith(".mp4"))
                else problems.append(f"request: {asked.url}")
            ),
        )
        page.goto(f"file://{path}")
        return page

    yield open_page
    context.close()
    assert problems == []
