"""The page with the paper's tables and figures beside ours."""

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader
from matplotlib.figure import Figure

from autonuclei.io.files import write_beside

# Each figure of the paper: what ours shows, and the files of it in the results of a run.
FIGURES: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Fig 3: numbers of the annotation",
        "Top: nuclei of the five training images in the published masks. Below: the images that "
        "we annotated, and one of them with the reasons of rejection.",
        (
            ("", "figure3a.png"),
            ("paper", "figures/counts.png"),
            ("paper", "figures/annotation_overlay.png"),
        ),
    ),
    (
        "Fig 4: F1 over IoU, and regions of truth and prediction",
        "The test image against its published annotation. Below: its worst, a median and its best "
        "region.",
        (("", "figure4a.png"), ("paper", "figures/comparison.png")),
    ),
    (
        "Fig 5",
        "What this figure shows was not available to us, so nothing is compared with it.",
        (),
    ),
    (
        "Fig 6: loss with and without noise",
        "Two networks with the same settings and seed: one learned from images in which all but "
        "accepted nuclei is painted over with noise, the other from the images as they are.",
        (("paper", "figures/loss_comparison.png"),),
    ),
    (
        "Fig 7: tracks by speed and their directions",
        "The published movie, of which the paper gives no numbers that were available to us.",
        (
            ("paper", "tracking/movie/motility/tracks.png"),
            ("paper", "tracking/movie/motility/directions.png"),
            ("paper", "tracking/movie/motility/density_and_mitoses.png"),
        ),
    ),
)


def draw_published_counts(masks: Mapping[str, float]) -> Figure:
    """Nuclei annotated by hand and automatically in the five published training images."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    place = np.arange(5)
    for shift, key, name, colour in (
        (-0.2, "n_manual", "by hand", "#0072B2"),
        (0.2, "n_automatic", "automatically, by the authors", "#E69F00"),
    ):
        values = [masks[f"{key}_{index}"] for index in range(1, 6)]
        bars = axes.bar(place + shift, values, 0.4, color=colour, label=name)
        axes.bar_label(bars, fontsize=8)
    axes.set_xticks(place, [f"I{index}" for index in range(1, 6)])
    axes.set(xlabel="training image of the paper", ylabel="annotated nuclei")
    axes.set_ylim(0, 1.25 * max(masks[f"n_manual_{index}"] for index in range(1, 6)))
    axes.legend(ncols=2)
    return figure


def draw_f1(numbers: Mapping[str, Mapping[str, float]], *, published: float) -> Figure:
    """F1 over the IoU threshold of each run on the test image, and the paper's at IoU 0.5."""
    figure = Figure(figsize=(7, 4.4), layout="constrained")
    axes = figure.subplots()
    for (name, values), colour in zip(numbers.items(), ("#0072B2", "#D55E00"), strict=False):
        for prefix, style, what in (
            ("test", "-o", "network"),
            ("own_annotation", ":", "annotation"),
        ):
            keys = sorted(key for key in values if key.startswith(f"{prefix}_f1_"))
            iou = [int(key.rsplit("_", 1)[1]) / 100 for key in keys]
            f1 = [values[key] for key in keys]
            axes.plot(iou, f1, style, color=colour, markersize=4, label=f"{what}, {name}")
    axes.plot(0.5, published, "k*", markersize=12, label="the paper at IoU 0.5")
    axes.set(xlabel="IoU from which a nucleus counts as found", ylabel="F1", ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower left")
    return figure


def show_number(value: Any) -> str:
    """A number for the page: whole ones as such, else four digits; a dash where undefined."""
    if isinstance(value, float) and math.isnan(value):
        return "\N{EN DASH}"
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 1 else f"{value:.3f}"


def embed(path: Path) -> str:
    """A picture as part of the page."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def write_page(
    out: Path,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    runs: Mapping[str, str],
    *,
    about: Sequence[str],
) -> None:
    """Write `paper.html` into `out`, with all pictures in it.

    Parameters
    ----------
    rows
        From `numbers.compare_numbers`.
    columns
        Names of the columns with our numbers.
    runs
        Name of each run, by its folder in `out`.
    about
        Sentences on what was run.
    """
    figures = []
    for title, caption, parts in FIGURES:
        pictures = []
        for experiment, name in parts:
            places = (
                [(f"{title}, {said}", out / run / "results" / experiment / name)
                 for run, said in runs.items()]
                if experiment
                else [(title, out / name)]
            )  # fmt: skip
            pictures += [
                {
                    "name": said.split(", ")[-1] if experiment else "",
                    "alt": said,
                    "data": embed(path),
                }
                for said, path in places
                if path.is_file()
            ]
        figures.append({"title": title, "caption": caption, "pictures": pictures})
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True
    )
    environment.filters["number"] = show_number
    page = environment.get_template("page.html").render(
        rows=rows, columns=columns, figures=figures, about=about
    )
    with write_beside(out / "paper.html") as partial:
        partial.write_text(page, encoding="utf-8")
