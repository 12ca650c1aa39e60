"""The network of an experiment as files for other programs, each checked on an image of it."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd

from autonuclei.annotate.preprocessing import normalize_image, preprocess_image, rescale_image
from autonuclei.export.bioimage_model import write_package
from autonuclei.export.fiji_model import write_macro, write_saved_model
from autonuclei.export.model_check import (
    Prediction,
    compare_predictions,
    find_nuclei,
    fit_image,
    run_network,
    run_onnx,
    run_package,
    run_saved_model,
)
from autonuclei.export.qupath_script import write_script
from autonuclei.io.files import write_beside
from autonuclei.io.tables import write_table
from autonuclei.settings import MODEL_EXPORTS, PreprocessSettings, list_steps
from autonuclei.train.description import ModelDescription, describe_model
from autonuclei.train.layers import list_layers
from autonuclei.train.networks import load_model
from autonuclei.train.onnx_model import write_onnx

# What each file is, by the end of its name.
MEANINGS = {
    ".onnx": "The network for ONNX Runtime, OpenVINO, OpenCV and others; what else they need is in "
    "its metadata",
    "_qupath.groovy": "Script for QuPath that runs the .onnx beside it with the right numbers",
    "_fiji.zip": "The network for Fiji's StarDist and TrackMate-StarDist: 'Model (.zip) from File'",
    "_fiji.ijm": "Macro for Fiji that runs the .zip beside it with the right numbers",
    "_bioimage.zip": "Package of bioimage.io with weights, test image and description",
    "checks.csv": "How far each file is from the network, on an image of the experiment",
}


def export_model(
    folder: str | os.PathLike[str],
    model_folder: str | os.PathLike[str],
    image: npt.NDArray[Any],
    *,
    name: str,
    kinds: Sequence[str] = MODEL_EXPORTS,
    preprocess: PreprocessSettings | None = None,
    pixel_size_um: float | None = None,
    threads: int = 1,
    log: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Write the network of an experiment for other programs, and compare what they would find.

    Parameters
    ----------
    folder
        Written whole: the files of `MEANINGS`, as far as `kinds` asks for them, and README.txt.
    model_folder
        Of the network, as `networks.load_model` takes it.
    image : (height, width)
        Raw image of the experiment, for the checks, the test data and the cover.
    name
        Of the experiment; files begin with it.
    kinds
        Of `settings.MODEL_EXPORTS`. QuPath's comes with the ONNX file.
    preprocess
        As in training and prediction; None: the defaults.
    pixel_size_um
        Of the raw images; None if unknown, or not the same for all.
    threads
        CPU threads of the checks.
    log
        Called with a line per check.

    Returns
    -------
    DataFrame
        `file` and the values of `model_check.compare_predictions`, a row per network written.

    Raises
    ------
    InputError
        The network has layers that cannot be exported.
    RuntimeError
        An export does not give what the network gives: a bug.
    """
    preprocess = preprocess or PreprocessSettings()
    network = load_model(model_folder)
    layers = list_layers(network.model)
    about = describe_model(network, name, preprocess=preprocess, pixel_size_um=pixel_size_um)
    prepared = preprocess_image(image, **list_steps(preprocess))
    if network.scale != 1:
        prepared = rescale_image(prepared, network.scale)
    prepared = fit_image(prepared, layers.divisor)
    normalized = normalize_image(prepared)
    own = run_network(network.model, normalized)
    checks: list[dict[str, Any]] = []

    def check(path: Path, exported: Prediction) -> None:
        checks.append({"file": path.name} | compare_predictions(own, exported, about))
        log(f"check on {normalized.shape[1]} x {normalized.shape[0]} px: {checks[-1]}")

    with write_beside(folder) as partial:
        partial.mkdir()
        if {"onnx", "qupath"} & {*kinds}:
            path = partial / f"{name}.onnx"
            write_onnx(path, layers, about)
            check(path, run_onnx(path, normalized, threads))
        if "qupath" in kinds:
            script = partial / f"{name}_qupath.groovy"
            write_script(script, f"{name}.onnx", about, reach=layers.reach)
        if "fiji" in kinds:
            path = partial / f"{name}_fiji.zip"
            write_saved_model(path, layers, about)
            check(path, run_saved_model(path, normalized, about))
            write_macro(partial / f"{name}_fiji.ijm", path.name, about)
        if "bioimage" in kinds:
            path = partial / f"{name}_bioimage.zip"
            write_package(
                path,
                model_folder=model_folder,
                layers=layers,
                description=about,
                image=prepared,
                labels=find_nuclei(own, about),
            )
            check(path, run_package(path, normalized, threads))
        table = pd.DataFrame(checks)
        if checks:
            write_table(partial / "checks.csv", table)
        _write_readme(partial, about)
        wrong = [row["file"] for row in checks if not row["agrees"]]
        if wrong:
            raise RuntimeError(f"{', '.join(wrong)}: does not give what the network gives")
    return table


def _write_readme(folder: Path, about: ModelDescription) -> None:
    names = sorted(path.name for path in folder.iterdir())
    files = [
        f"{name}\n    {meaning}."
        for name in names
        for end, meaning in MEANINGS.items()
        if name.endswith(end)
    ]
    lines = [
        f"The StarDist network of {about.name} for other programs.",
        "",
        *files,
        "",
        "What the network wants of an image:",
        *(f"  - {step}" for step in about.list_steps()),
        "After it, non-maximum suppression of StarDist:",
        f"  - probability threshold {about.probability_threshold:g}",
        f"  - overlap threshold {about.overlap_threshold:g}",
        "",
        "Other programs draw the outlines that the network predicts. The masks of this workflow",
        "were drawn anew at the edges in the image, blurred ones left out and clumps cut; with",
        "'predict' in the configuration these steps are turned off.",
    ]
    (folder / "README.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
