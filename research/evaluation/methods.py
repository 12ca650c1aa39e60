"""The methods that `make evaluate` compares, each from a recording to a result."""

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from autonuclei.errors import InputError
from autonuclei.export.ctc import write_ctc
from autonuclei.io.images import read_plane, write_image
from autonuclei.io.label_images import read_label_image
from autonuclei.labels.measurement import measure_objects
from autonuclei.track.link import link_nuclei
from autonuclei.track.spots import read_spots
from autonuclei.track.tables import tabulate_tracks
from research.ablation import NO_NETWORK, annotate, make_variants
from research.annotation_quality import ROOT
from research.evaluation.layouts import Key, ReadLabels, Recording, Result, read_result
from research.tracking_quality import list_links_of_laptrack

PRESET = ROOT / "config" / "presets" / "englbrecht2021.yaml"
MOST_TRAINING_FRAMES = 10
# laptrack searches so far, in diameters of a median nucleus.
REACH = 1.2
LinkTable = Callable[[pd.DataFrame], pd.DataFrame]


def run_workflow(
    recording: Recording, folder: Path, settings: Mapping[str, Any], cores: str
) -> Result:
    """Run the workflow on raw images; an unfinished run goes on, a finished one is taken.

    Stills are learned from `training`, or else from the images themselves; of a movie at
    most ten frames are.
    """
    _need_images(recording)
    _write_project(recording, folder, settings)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--cores", cores, "--quiet", "rules", "--until"]
    # Figures and films are no part of the method.
    command += ["export_ctc" if recording.is_movie else "write_stills"]
    began = _take_cpu(resource.RUSAGE_CHILDREN)
    if subprocess.run(command, check=False).returncode:
        raise InputError(f"{folder}: the workflow failed, see the lines above and {folder}/logs.")
    spent = _take_cpu(resource.RUSAGE_CHILDREN) - began
    result = read_result(folder / "results" / "evaluation", recording)
    return Result(result.labels, result.tracks, spent)


def _write_project(recording: Recording, folder: Path, settings: Mapping[str, Any]) -> None:
    rows = []
    if recording.is_movie:
        kept = _link_images(recording.images, folder / "images" / "test")
        frames = min(MOST_TRAINING_FRAMES, len(recording.images))
        rows.append((recording.name, kept, "movie", str(frames)))
    else:
        own = "" if recording.training else "all"
        kept = _link_images(recording.images, folder / "images" / "test")
        rows.append((recording.name, kept, "stills", own))
        if recording.training:
            kept = _link_images(recording.training, folder / "images" / "training")
            rows.append(("training", kept, "stills", "all"))
    head = ("experiment", "sample", "images", "kind", "train")
    lines = ["\t".join(row) for row in (head, *(("evaluation", *row) for row in rows))]
    (folder / "config").mkdir(parents=True, exist_ok=True)
    (folder / "config/samples.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "config/config.yaml").write_text(yaml.safe_dump(dict(settings), sort_keys=False))


def _link_images(images: Mapping[Key, Path], folder: Path) -> str:
    """Links to images in a folder of their own, and the pattern of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in images.values():
        link = folder / path.name
        if not link.is_symlink():
            link.symlink_to(path.resolve())
    return f"{folder.resolve()}/*"


def run_otsu(recording: Recording, folder: Path) -> Result:
    """Otsu's threshold and watershed, without a network; movies are linked by the package."""
    _need_images(recording)
    began = _take_cpu()
    settings = make_variants(yaml.safe_load(PRESET.read_text()))[NO_NETWORK]
    labels: dict[Key, ReadLabels] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for key, path in recording.images.items():
        (annotation,) = annotate([read_plane(path)], settings)
        name = folder / (f"{key:04d}.tif" if isinstance(key, int) else f"{key}.tif")
        write_image(name, annotation.objects)
        labels[key] = partial(read_label_image, name)
    tracks = None
    if recording.is_movie:
        tracks = _write_tracks(recording, labels, folder / "ctc", link_as_workflow)
    return Result(labels, tracks, _take_cpu() - began)


def link_masks(
    recording: Recording, folder: Path, masks: Mapping[Key, ReadLabels], link: LinkTable
) -> Result:
    """Link given masks, one for each frame."""
    began = _take_cpu()
    tracks = _write_tracks(recording, masks, folder / "ctc", link)
    return Result(masks, tracks, _take_cpu() - began)


def _write_tracks(
    recording: Recording, masks: Mapping[Key, ReadLabels], folder: Path, link: LinkTable
) -> Path:
    frames = range(len(recording.images) or len(masks))
    missing = [frame for frame in frames if frame not in masks]
    if missing:
        raise InputError(
            f"{recording.name}: frame {missing[0]} has no mask ({len(missing)} of {len(frames)}). "
            "Linking takes masks of every frame."
        )
    tables = []
    for frame in frames:
        labels = masks[frame]()
        path = recording.images.get(frame)
        # Without images brightness tells nothing.
        image = np.zeros(labels.shape, np.uint8) if path is None else read_plane(path)
        tables.append(measure_objects(labels, image, frame=frame))
    table = pd.concat(tables, ignore_index=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_ctc(folder, link(table), labels=_Frames(masks), n_frames=len(frames))
    return folder


class _Frames:
    """Label images by number, read when they are asked for."""

    def __init__(self, masks: Mapping[Key, ReadLabels]) -> None:
        self._masks = masks

    def __getitem__(self, frame: int) -> npt.NDArray[np.int32]:
        return self._masks[frame]()


def link_as_workflow(table: pd.DataFrame) -> pd.DataFrame:
    return link_nuclei(_drop_micrometres(table)).tracks


def link_by_laptrack(table: pd.DataFrame) -> pd.DataFrame:
    """Link by laptrack on distances alone, with splits and gaps of a frame."""
    table = _drop_micrometres(table).sort_values(["frame", "label"]).reset_index(drop=True)
    reach = REACH * 2 * float(np.sqrt(table["area_px"].median() / np.pi))
    places = table.assign(y_um=table["y_px"], x_um=table["x_px"])
    before = np.full(len(table), -1, np.int64)
    daughters: dict[int, list[int]] = {}
    for (source, target), divides in list_links_of_laptrack(places, reach).items():
        if divides:
            daughters.setdefault(int(source), []).append(int(target))
        else:
            before[target] = source
    divisions = np.array([(m, *d) for m, d in daughters.items()], np.int64).reshape(-1, 3)
    tracks, _ = tabulate_tracks(
        table,
        read_spots(table),
        before=before,
        divisions=divisions,
        scores=np.full(len(divisions), np.nan),
        frame_interval_min=None,
    )
    return tracks


def _drop_micrometres(table: pd.DataFrame) -> pd.DataFrame:
    """The table in pixels: without a pixel size the columns in micrometres are empty."""
    return table.drop(columns=["y_um", "x_um", "area_um2"])


def _need_images(recording: Recording) -> None:
    if not recording.images:
        raise InputError(f"{recording.name}: has no images. Give METHODS that take masks.")


def _take_cpu(who: int = resource.RUSAGE_SELF) -> float:
    use = resource.getrusage(who)
    return use.ru_utime + use.ru_stime


def list_methods(
    recording: Recording, folder: Path, masks: str, cores: str
) -> Iterator[tuple[str, Callable[[], Result]]]:
    """Each method by name, ready to be called."""
    preset = yaml.safe_load(PRESET.read_text())
    for name, settings in (("ours", {}), ("paper", preset)):
        yield name, partial(run_workflow, recording, folder / name, settings, cores)
    yield "otsu", partial(run_otsu, recording, folder / "otsu")
    given = recording.truths.get(masks, {})
    for name, link in (("linking", link_as_workflow), ("laptrack", link_by_laptrack)):
        yield name, partial(link_masks, recording, folder / name, given, link)
