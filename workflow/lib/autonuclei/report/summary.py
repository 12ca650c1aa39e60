"""What one experiment gave, on one page to read first.

Only files that this run planned are looked at: what an earlier run with other settings left in
the folder is not told.
"""

import base64
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, cast

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autonuclei.io.tables import read_table, write_table
from autonuclei.report.style import UNIT_LABELS, format_number
from autonuclei.report.viewer import embed_views, load_library
from autonuclei.report.views import read_view

Rows = list[dict[str, Any]]

# Symbol and words of each verdict: nobody has to tell colours apart.
VERDICTS = {
    "good": ("✔", "Good"),
    "look": ("!", "Look at this"),
    "unsuitable": ("✖", "Unsuitable"),
    "information": ("i", "For information"),
    "undefined": ("?", "Not judged"),
}
# An interactive picture weighs some hundred kB. More of them make the page slow to open and say
# little more; the pictures of all samples lie in their folders.
MAX_VIEWS = 4

NAN = float("nan")

# Pictures of the page: pattern below the folder of the experiment, title, what it shows. The
# first file of each line is shown.
PICTURES = (
    (
        ("figures/annotation_overlay.png",),
        "Automatic annotation",
        "One training image with the objects that were found without a network. The network "
        "learns from the accepted ones.",
    ),
    (
        ("training/loss.png",),
        "Training",
        "The loss of the network over the epochs; lower is better. Both lines should fall and "
        "stay close to each other.",
    ),
    (
        ("segmentation/*/overview.jpg",),
        "Nuclei found",
        "The frame with the median number of nuclei, each found nucleus outlined in yellow.",
    ),
    (
        ("evaluation/f1_over_iou.png", "quality/*.png", "figures/counts.png"),
        "How well they were found",
        "",
    ),
    (
        ("tracking/*/motility/tracks.png",),
        "Tracks",
        "Every step of every track over the last frame, from slow (blue) to fast (red).",
    ),
    (
        ("tracking/*/motility/directions.png",),
        "Directions",
        "Share of all steps that went in each direction. Even bars: no common direction.",
    ),
)
WELL_FOUND = {
    "evaluation": "F1 over the overlap from which on a nucleus counts as found: 1 is perfect. "
    "Thin lines are single images.",
    "quality": "What tells good from poor images without a ground truth.",
    "figures": "Nuclei in each image.",
}

# Of all indicators those that most people can use: name, words, whether it is a number.
QUALITY_COLUMNS = (
    ("sample", "Sample", False),
    ("image", "Image", False),
    ("verdict", "Verdict", False),
    ("weak", "What is weak", False),
    ("n_nuclei", "Nuclei", True),
    ("contrast", "Contrast (noise)", True),
    ("sharpness", "Sharpness", True),
    ("touching_share", "Share touching", True),
    ("agreement_f1", "F1 of network and annotation", True),
    ("neighbour_share", "Share seen in next frames", True),
)

# Files to link to: pattern, what it is. As in README.md.
FILES = (
    ("segmentation/*/labels.tif", "masks of a movie, one number per nucleus and frame"),
    ("segmentation/*/labels", "masks of stills, one file per image"),
    ("segmentation/*/objects.csv", "every nucleus: place, area, intensity, shape"),
    ("segmentation/*/overview.jpg", "one image with outlines"),
    ("tracking/*/tracks.csv", "every nucleus with its track, lineage and mother"),
    ("tracking/*/lineages.csv", "every track with its divisions"),
    ("tracking/*/trackmate/*.xml", "for Fiji: Plugins > Tracking > Load a TrackMate file"),
    ("tracking/*/track_labels.tif", "masks with the number of the track"),
    ("tracking/*/motility", "speed, displacement, density, mitoses: tables and figures"),
    ("tracking/*/outlines.mp4", "film of the outlines"),
    ("tracking/*/tracks.mp4", "film of the tracks"),
    ("tracking/*/ctc", "tracks for Cell Tracking Challenge tools"),
    ("tracking/*/tracks.geff", "tracks as a graph"),
    ("model", "the trained StarDist model"),
    ("training/loss.csv", "loss of each epoch"),
    ("annotation/objects.csv", "every annotated object and why it was rejected"),
    ("evaluation/metrics.csv", "metrics of each image with a ground truth"),
    ("evaluation/summary.csv", "metrics of all images together"),
    ("evaluation/tracks_*.csv", "tracks against the true ones"),
    ("quality/images.csv", "quality of each image"),
    ("quality/verdict.json", "the verdict and its reasons"),
    ("figures/*.svg", "figures for print"),
    ("figures/*.png", "figures"),
    ("provenance/provenance.json", "versions, settings, checksums"),
    ("provenance/config.yaml", "configuration to run it again"),
    ("provenance/samples.tsv", "the sample sheet"),
)


@dataclass(frozen=True)
class Experiment:
    """The results of an experiment that this run planned.

    `planned` are paths relative to `folder`; `sizes` gives the distinct (height, width) of the
    images of each sample.
    """

    folder: Path
    planned: frozenset[str]
    sizes: Mapping[str, Collection[tuple[int, int]]]

    @cached_property
    def record(self) -> dict[str, Any]:
        """The provenance."""
        return _read_json(self.folder / "provenance/provenance.json")

    @cached_property
    def samples(self) -> Rows:
        """What went into each sample and what came out of it, a row each; NaN: does not apply."""
        counts = read_table(self.folder / "figures/counts.csv", text=("sample",))
        return [
            _describe_sample(self, sample, counts[counts["sample"] == sample["sample"]])
            for sample in self.record["samples"]
        ]

    @cached_property
    def files(self) -> list[str]:
        """Planned files and folders, and the files in planned folders."""
        inside = {
            f"{name}/{path.name}" for name in self.planned for path in self.folder.glob(f"{name}/*")
        }
        return sorted(self.planned | inside)

    def find(self, pattern: str) -> list[str]:
        """The files that fit a pattern, in which a star stands for one part of a path."""
        depth = pattern.count("/")
        return [n for n in self.files if fnmatchcase(n, pattern) and n.count("/") == depth]

    def read(self, name: str) -> pd.DataFrame | None:
        """A planned table; None if it is not planned."""
        if name not in self.planned:
            return None
        return read_table(self.folder / name, text=("sample", "image", "weak"))


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def write_samples(path: str | os.PathLike[str], experiment: Experiment) -> None:
    """Write what went in and came out as a table, a row per sample."""
    write_table(path, pd.DataFrame(experiment.samples))


def _describe_sample(
    experiment: Experiment, sample: Mapping[str, Any], counts: pd.DataFrame
) -> dict[str, Any]:
    name = sample["sample"]
    objects = read_table(experiment.folder / f"segmentation/{name}/objects.csv")
    sizes = sorted(experiment.sizes[name])
    row: dict[str, Any] = {
        "sample": name,
        "kind": sample["kind"],
        "n_images": sample["n_frames"],
        "size": f"{sizes[-1][1]} x {sizes[-1][0]}" + (" and smaller" if len(sizes) > 1 else ""),
        "pixel_size_um": _fill(sample["pixel_size_um"]),
        "frame_interval_min": _fill(sample["frame_interval_min"]),
        "n_training": len(sample["training_frames"]),
        "n_nuclei": len(objects),
        "nuclei_per_image": len(objects) / sample["n_frames"],
        "median_area_px": float(objects["area_px"].median()),
        # The number of nuclei of an image that was passed over is unknown.
        "n_failed": int(counts["predicted"].isna().sum()),
        "n_tracks": NAN,
        "n_divisions": NAN,
        "median_speed": NAN,
        "speed_unit": "",
    }
    tracks = experiment.read(f"tracking/{name}/lineages.csv")
    if tracks is not None:
        row["n_tracks"] = len(tracks)
        row["n_divisions"] = int((tracks["daughters"] > 0).sum())
        steps = read_table(experiment.folder / f"tracking/{name}/motility/steps.csv")
        column = next(name for name in map(str, steps) if name.startswith("speed_"))
        row["median_speed"] = float(steps[column].median())
        row["speed_unit"] = UNIT_LABELS[column.removeprefix("speed_")]
    return row


def _fill(value: float | None) -> float:
    return NAN if value is None else value


def describe_metrics(experiment: Experiment) -> Rows:
    """The pooled metrics of annotation and segmentation at the lowest IoU threshold."""
    return _list_lowest(experiment.read("evaluation/summary.csv"))


def list_image_metrics(experiment: Experiment) -> Rows:
    """The metrics of each segmented image with a ground truth, at the lowest IoU threshold."""
    rows = _list_lowest(experiment.read("evaluation/metrics.csv"))
    return [row for row in rows if row["stage"] == "segmentation"]


def _list_lowest(table: pd.DataFrame | None) -> Rows:
    return [] if table is None else list_rows(table[table["iou"] == table["iou"].min()])


def list_rows(table: pd.DataFrame) -> Rows:
    """The rows of a table as the template takes them."""
    return cast(Rows, table.to_dict("records"))


def describe_tracks(experiment: Experiment) -> Rows:
    """The tracks against the true ones, a row per movie that has some."""
    rows = []
    for name in experiment.find("evaluation/tracks_*.csv"):
        (row,) = list_rows(read_table(experiment.folder / name))
        rows.append({"sample": Path(name).stem.removeprefix("tracks_")} | row)
    return rows


def read_verdict(experiment: Experiment) -> dict[str, Any] | None:
    """The verdict on the quality; None if this run judges none."""
    if "quality/verdict.json" not in experiment.planned:
        return None
    return _read_json(experiment.folder / "quality/verdict.json")


def list_image_quality(experiment: Experiment) -> Rows:
    """The main indicators of quality of each image."""
    table = experiment.read("quality/images.csv")
    return [] if table is None else list_rows(table[[name for name, _, _ in QUALITY_COLUMNS]])


def list_pictures(experiment: Experiment) -> list[dict[str, str]]:
    """The pictures of the page, with what they show, as files within the page."""
    pictures = []
    for patterns, title, words in PICTURES:
        found = next(filter(None, map(experiment.find, patterns)), [])
        if found:
            path = experiment.folder / found[0]
            words = words or WELL_FOUND[Path(found[0]).parts[0]]
            if len(found) > 1 and "*" in patterns[0]:
                words += f" Shown is {Path(found[0]).parts[1]}, the first of {len(found)} samples."
            pictures.append(
                {"title": title, "words": words, "path": found[0], "data": _embed(path)}
            )
    return pictures


def _embed(path: Path) -> str:
    kind = {".png": "image/png", ".jpg": "image/jpeg"}[path.suffix]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def list_films(experiment: Experiment) -> list[tuple[str, str]]:
    """Films of the movies, at most of `MAX_VIEWS` of them, with words for each."""
    films = []
    for tracks in experiment.find("tracking/*/tracks.mp4")[:MAX_VIEWS]:
        sample = tracks.split("/")[1]
        films.append((tracks, f"Tracks of {sample} over its movie."))
        for outlines in experiment.find(f"tracking/{sample}/outlines.mp4"):
            films.append((outlines, f"Outlines of the nuclei of {sample}."))
    return films


def list_files(experiment: Experiment) -> list[tuple[str, list[str]]]:
    """What to find where: (words, paths below the folder of the experiment)."""
    listed = [(words, experiment.find(pattern)) for pattern, words in FILES]
    return [(words, paths) for words, paths in listed if paths]


def render_summary(experiment: Experiment, views: Sequence[Path] | None) -> str:
    """Make the page as HTML that needs no other file, beside the pictures' and tables' links.

    Parameters
    ----------
    experiment
    views
        Files of `autonuclei.report.views.write_view`, one per sample. None makes a short page
        of the verdict and what was found in each sample, without pictures, links and scripts.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["show"] = format_number
    return environment.get_template("summary.html").render(
        whole=views is not None,
        name=experiment.record["experiment"],
        record=experiment.record,
        samples=experiment.samples,
        verdict=read_verdict(experiment),
        verdicts=VERDICTS,
        metrics=describe_metrics(experiment),
        track_metrics=describe_tracks(experiment),
        **({} if views is None else _collect_parts(experiment, views)),
    )


def _collect_parts(experiment: Experiment, views: Sequence[Path]) -> dict[str, Any]:
    """What only the whole page has: each image, pictures, films, viewers, links, their code."""
    shown = [read_view(path) for path in views[:MAX_VIEWS]]
    bundle = resources.files("itables") / "html"
    return {
        "image_metrics": list_image_metrics(experiment),
        "image_quality": list_image_quality(experiment),
        "quality_columns": QUALITY_COLUMNS,
        "pictures": list_pictures(experiment),
        "films": list_films(experiment),
        "files": list_files(experiment),
        "views": list(zip(shown, embed_views(shown), strict=True)),
        "n_views": len(views),
        "settings": json.dumps(experiment.record["settings"], indent=1, ensure_ascii=False),
        "bokeh": load_library(),
        # A comment that opens within a script would hide its end.
        "datatables": (bundle / "dt_bundle.js").read_text("utf-8").replace("<!--", "<\\!--"),
        "datatables_style": (bundle / "dt_bundle.css").read_text("utf-8"),
    }
