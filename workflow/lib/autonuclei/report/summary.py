"""The page of an experiment that is read first: what it says, and how it is put together."""

import base64
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autonuclei.report.films import choose_step, name_place
from autonuclei.report.results import Experiment
from autonuclei.report.style import format_number, name_measure
from autonuclei.report.viewer import embed_views, load_library
from autonuclei.report.views import read_view

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

# Pictures of the page, by question: the title, and what is shown, by the pattern of its file, with
# the table behind it. Shown is the first file of the first pattern that fits; of a pattern that
# ends with `_*.png` each file of an experiment, up to `MAX_PICTURES`.
PICTURES: dict[str, dict[str, dict[str, tuple[str, str]]]] = {
    "How many?": {
        "Nuclei found": {
            "segmentation/*/overview.jpg": (
                "The frame with the median number of nuclei, each nucleus outlined in yellow.",
                "objects.csv",
            ),
        },
        "Counts": {"figures/counts.png": ("Nuclei in each image.", "counts.csv")},
    },
    "How do they move?": {
        "Tracks": {
            "tracking/*/motility/tracks.png": (
                "Every step of every track over the last frame, from slow (blue) to fast (red).",
                "tracks.csv",
            ),
        },
        "Directions": {
            "tracking/*/motility/directions.png": (
                "Share of all steps that went in each direction. Even bars: no common direction.",
                "steps.csv",
            ),
        },
        "From a common origin": {
            "tracking/*/motility/origins.png": (
                "All tracks as if each had begun at the same place.",
                "origins.csv",
            ),
        },
        "How far they come": {
            "tracking/*/motility/msd.png": (
                "Mean squared displacement over the time, and its exponent track by track: 1 is a "
                "random walk, 2 a straight way.",
                "msd.csv",
            ),
        },
    },
    "When do they divide?": {
        "Lineages": {
            "tracking/*/lineages/trees.png": (
                "The largest lineages, time down, a line per nucleus.",
                "cycles.csv",
            ),
        },
        "Cell cycles": {
            "tracking/*/lineages/cycles.png": (
                "From birth to division, with those that were not seen to their end.",
                "summary.csv",
            ),
        },
        "Sisters": {
            "tracking/*/lineages/sisters.png": (
                "The two daughters of each division against each other.",
                "sisters.csv",
            ),
        },
    },
    "What do the channels do?": {
        "Levels": {
            "segmentation/*/channels.png": (
                "Each channel in nuclei and in rings around them, background taken off.",
                "channels.csv",
            ),
        },
        "Over time": {
            "tracking/*/traces/traces.png": (
                "Each channel along the tracks; orange: their median and middle half.",
                "traces.csv",
            ),
        },
        "Along the cycle": {
            "tracking/*/traces/aligned.png": (
                "The same from birth on and up to the division.",
                "averages.csv",
            ),
        },
    },
    "Do conditions differ?": {
        "Compared": {
            "conditions/compared_*.png": (
                "Large points are means of samples, lines those of replicates.",
                "comparisons.csv",
            ),
        },
        "Plate": {
            "conditions/plate_*.png": ("Each well at its place on the plate.", "wells.csv"),
        },
    },
    "How was it made, and how well?": {
        "Automatic annotation": {
            "figures/annotation_overlay.png": (
                "One training image with the objects that were found without a network. The "
                "network learns from the accepted ones.",
                "",
            ),
        },
        "Training": {
            "training/loss.png": (
                "The loss of the network over the epochs; lower is better. Both lines should fall "
                "and stay close to each other.",
                "loss.csv",
            ),
        },
        "How well they were found": {
            "evaluation/f1_over_iou.png": (
                "F1 over the overlap from which on a nucleus counts as found: 1 is perfect. Thin "
                "lines are single images.",
                "metrics.csv",
            ),
            "quality/*.png": (
                "What tells good from poor images without a ground truth.",
                "images.csv",
            ),
        },
    },
}
# Figures that all images of a sample, or of all samples, went into.
RESTS_ON_ALL = ("tracking/", "segmentation/*/channels", "figures/counts", "conditions/")
# Of longer tables the page has the beginning. It is to be sent, and opened, however many images
# there are: a row has about half a kB.
MOST_ROWS = 5000
# More pictures of one kind make the page slow to open.
MAX_PICTURES = 6

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
    ("segmentation/*/labels.ome.zarr", "masks as OME-Zarr"),
    ("segmentation/*/outlines", "outlines for Fiji (zip) and QuPath (GeoJSON)"),
    ("model_exports", "network for Fiji, QuPath and others"),
    ("segmentation/*/planes.csv", "every raw image with a checksum of its pixels"),
    ("segmentation/*/objects.csv", "every nucleus: place, area, intensity, shape"),
    ("segmentation/*/channels.csv", "every channel in each nucleus and in the ring around it"),
    ("segmentation/*/corrections.csv", "what you corrected, and how much it was"),
    ("segmentation/*/corrections_by_frame.csv", "the same frame by frame"),
    ("segmentation/*/corrected_numbers.csv", "numbers before and after your corrections"),
    ("segmentation/*/overview.jpg", "one image with outlines"),
    ("tracking/*/tracks.csv", "every nucleus with its track, lineage and mother"),
    ("tracking/*/lineages.csv", "every track with its divisions"),
    ("tracking/*/linking.json", "how tracks were linked: distances, drift, divisions"),
    ("tracking/*/trackmate/*.xml", "for Fiji: Plugins > Tracking > Load a TrackMate file"),
    ("tracking/*/track_labels.tif", "masks with the number of the track"),
    ("tracking/*/motility", "speed, displacement, density, mitoses: tables and figures"),
    ("tracking/*/lineages", "cell cycles, sisters, trees (Newick too): tables and figures"),
    ("tracking/*/traces", "channels along the tracks: tables and figures"),
    ("conditions", "all nuclei, tracks and samples in a table each; conditions compared"),
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
    ("provenance/inputs.csv", "what was read of each sample, and where it came from"),
)


def list_pictures(experiment: Experiment) -> dict[str, list[dict[str, str]]]:
    """The pictures of the page by question, with what they show, as files within the page.

    Questions that nothing answers are left out, such as that for divisions where none was found.
    """
    pictures = {}
    for question, titles in PICTURES.items():
        if question == "When do they divide?" and not _count_divisions(experiment):
            continue
        found = [
            picture
            for title, choices in titles.items()
            for picture in _choose_pictures(experiment, title, choices)
        ]
        if found:
            pictures[question] = found
    return pictures


def _count_divisions(experiment: Experiment) -> int:
    return sum(int(row["n_divisions"]) for row in experiment.samples if row["kind"] == "movie")


def _choose_pictures(
    experiment: Experiment, title: str, choices: Mapping[str, tuple[str, str]]
) -> list[dict[str, str]]:
    fitting = ((p, *words, experiment.find(p)) for p, words in choices.items())
    chosen = next((choice for choice in fitting if choice[3]), None)
    if chosen is None:
        return []
    pattern, words, table, paths = chosen
    shown, is_measure = paths[:1], pattern.endswith("_*.png")
    if is_measure:
        order = {name: place for place, name in enumerate(experiment.measures)}
        shown = sorted(paths, key=lambda path: order.get(_find_measure(path), len(order)))
        shown = shown[:MAX_PICTURES]
        if len(paths) > len(shown):
            words += f" One of {len(paths)} in the folder {paths[0].rpartition('/')[0]}."
    if "/*/" in pattern and len(paths) > 1:
        words += f" Shown is {paths[0].split('/')[1]}, the first of {len(paths)} samples."
    if pattern.startswith(RESTS_ON_ALL):
        words += _warn_of_images(experiment, paths[0].split("/")[1] if "/*/" in pattern else "")
    pictures = []
    for path in shown:
        beside = f"{path.rpartition('/')[0]}/{table}"
        is_there = table and (experiment.folder / beside).exists()
        pictures.append(
            {
                "title": name_measure(_find_measure(path)) if is_measure else title,
                "words": words,
                "path": path,
                "table": beside if is_there else "",
                "data": _embed(experiment.folder / path),
            }
        )
    return pictures


def _warn_of_images(experiment: Experiment, sample: str) -> str:
    """Say that a figure rests on bad images of a sample; of all samples where that is ""."""
    judged = [own for name, own in experiment.judged.items() if not sample or name == sample]
    spoiled = [own for own in judged if own["frames"]]
    if not spoiled:
        return ""
    if sample or len(experiment.judged) == 1:
        return f" Rests also on {spoiled[0]['words']}."
    n, of = sum(len(own["frames"]) for own in judged), sum(own["n_images"] for own in judged)
    return f" {n} of {of} images are in doubt; the verdict names them."


def _find_measure(path: str) -> str:
    """The column that a figure shows: `area_um2` of `conditions/plate_area_um2.png`."""
    return Path(path).stem.partition("_")[2]


def _embed(path: Path) -> str:
    kind = {".png": "image/png", ".jpg": "image/jpeg"}[path.suffix]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def list_films(experiment: Experiment) -> list[tuple[str, str]]:
    """Films of the movies, at most of `MAX_VIEWS` of them, with words for each."""
    n_frames = {row["sample"]: int(row["n_images"]) for row in experiment.samples}
    films = []
    for tracks in experiment.find("tracking/*/tracks.mp4")[:MAX_VIEWS]:
        sample = tracks.split("/")[1]
        step = choose_step(n_frames[sample])
        note = f" Shown is every {name_place(step)} frame." if step > 1 else ""
        films.append((tracks, f"Tracks of {sample} over its movie.{note}"))
        for outlines in experiment.find(f"tracking/{sample}/outlines.mp4"):
            films.append((outlines, f"Outlines of the nuclei of {sample}.{note}"))
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
        most_rows=MOST_ROWS,
        name=experiment.record["experiment"],
        record=experiment.record,
        inputs=experiment.inputs,
        input_columns=_list_columns(experiment.inputs),
        remarks=experiment.remarks,
        copies=experiment.copies,
        samples=experiment.samples,
        verdict=experiment.verdict,
        verdicts=VERDICTS,
        metrics=experiment.metrics,
        track_metrics=experiment.track_metrics,
        truth_doubts=experiment.truth_doubts,
        n_compared=len(experiment.image_metrics),
        n_learned=sum(row["was_learned"] for row in experiment.image_metrics),
        corrections=experiment.corrections,
        corrected_numbers=experiment.corrected_numbers,
        correction_notes=experiment.correction_notes,
        **({} if views is None else _collect_parts(experiment, views)),
    )


def _list_columns(rows: Sequence[Mapping[str, str]]) -> list[tuple[str, str, bool]]:
    """Columns of text of which any row says something: key, words, whether it is a number."""
    return [(name, name, False) for name in rows[0] if any(row[name] for row in rows)]


def _collect_parts(experiment: Experiment, views: Sequence[Path]) -> dict[str, Any]:
    """What only the whole page has: each image, pictures, films, viewers, links, their code."""
    shown = [read_view(path) for path in views[:MAX_VIEWS]]
    bundle = resources.files("itables") / "html"
    return {
        "image_metrics": experiment.image_metrics,
        "image_quality": experiment.image_quality,
        "quality_columns": QUALITY_COLUMNS,
        "pictures": list_pictures(experiment),
        "comparisons": experiment.comparisons,
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
