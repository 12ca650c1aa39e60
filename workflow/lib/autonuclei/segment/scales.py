"""The scale of a given network, found from the images that it is to look at.

A network finds nuclei of the size that it learned from. Which size that is, its folder seldom says,
and what ours says holds for images like those that it was trained on. So it is tried: images are
rescaled until their nuclei have one diameter after the other, and the classical annotation tells
where the network finds them best.
"""

import contextlib
import json
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autonuclei.annotate.pipeline import Annotation, annotate_images
from autonuclei.errors import InputError
from autonuclei.io.files import write_beside
from autonuclei.io.tables import write_table
from autonuclei.segment.prediction import predict_nuclei
from autonuclei.settings import AnnotateSettings, PreprocessSettings
from autonuclei.train.networks import MODEL_FILES, SCALE_FILE, SCALE_RANGE, Network
from autonuclei.train.onnx_network import write_onnx_network
from autonuclei.train.self_training import measure_agreement

Array = npt.NDArray[Any]

# Diameters of nuclei in the network that are tried, in px: those of StarDist's published networks
# and of ours are between.
DIAMETERS_PX = (10.0, 14.0, 20.0, 28.0, 40.0, 57.0, 80.0)
# Of large images the middle is enough.
LARGEST_SIDE_PX = 1024
# The scale that a model brings stays unless another agrees with the annotation that much better.
LEAST_GAIN = 0.05


@dataclass(frozen=True)
class ScaleTrial:
    """How well a network agrees with the annotation at a scale.

    Attributes
    ----------
    scale
        Pixels of the network per pixel of the preprocessed images.
    agreement
        Of `self_training.measure_agreement`; NaN where neither finds a nucleus.
    """

    scale: float
    agreement: float


def fit_scale(
    network: Network,
    images: Sequence[Array],
    *,
    annotate: AnnotateSettings | None = None,
    preprocess: PreprocessSettings | None = None,
) -> tuple[float, list[ScaleTrial]]:
    """Find the scale at which a network agrees best with the classical annotation.

    Parameters
    ----------
    network
        As `networks.load_model` gives it.
    images
        Raw images, a few; of large ones the middle is taken.
    annotate, preprocess
        Sections of the configuration; None: the defaults.

    Returns
    -------
    scale
        Pixels of the network per pixel of the preprocessed images: that of the network, unless
        another is clearly better.
    trials
        All scales that were tried, that of the network first; empty without an annotated nucleus.
    """
    annotated = annotate_images([*map(_take_middle, images)], annotate, preprocess=preprocess)
    areas = [
        np.bincount(found.nuclei[found.nuclei > 0]) for found in annotated if found.nuclei.any()
    ]
    if not areas:
        return network.scale, []
    known = np.concatenate(areas)
    diameter = 2 * math.sqrt(float(np.median(known[known > 0])) / math.pi)

    def try_scale(scale: float) -> ScaleTrial:
        return ScaleTrial(scale, _measure_agreement(Network(network.model, scale), annotated))

    own = try_scale(network.scale)
    trials, best = [own], own
    for size in DIAMETERS_PX:
        trials.append(try_scale(float(np.clip(size / diameter, *SCALE_RANGE))))
        best = max(trials, key=_rank)
        # Larger and larger images, which take ever longer, get no better beyond.
        if trials[-1].scale > best.scale and _rank(trials[-1]) < _rank(best) / 2:
            break
    # Between the steps, once.
    trials += [try_scale(best.scale * factor) for factor in (2**-0.25, 2**0.25)]
    best = max(trials, key=_rank)
    is_better = _rank(best) > _rank(own) + LEAST_GAIN
    return (best if is_better else own).scale, trials


def write_fitted_model(
    folder: str | os.PathLike[str],
    model_folder: str | os.PathLike[str],
    model: Any,
    scale: float,
    trials: Sequence[ScaleTrial],
) -> None:
    """Copy a model with another scale; `scales.csv` in it has what was tried.

    The network for ONNX Runtime (`train.onnx_network`) is made from `model`, the StarDist2D that
    `networks.load_model` gives, unless it has layers for which that is not possible.
    """
    with write_beside(folder) as partial:
        partial.mkdir()
        for name in MODEL_FILES:
            shutil.copyfile(Path(model_folder, name), partial / name)
        with contextlib.suppress(InputError):
            thresholds = model.thresholds._asdict()
            write_onnx_network(partial, model, thresholds, scale, name=Path(folder).name)
        (partial / SCALE_FILE).write_text(json.dumps({"network_px_per_image_px": scale}))
        rows = pd.DataFrame([asdict(trial) for trial in trials], columns=["scale", "agreement"])
        write_table(partial / "scales.csv", rows.sort_values("scale"))


def _take_middle(image: Array) -> Array:
    starts = [max(0, (size - LARGEST_SIDE_PX) // 2) for size in image.shape]
    return image[tuple(slice(start, start + LARGEST_SIDE_PX) for start in starts)]


def _measure_agreement(network: Network, annotated: Sequence[Annotation]) -> float:
    """Of the network as it is, on images that the annotation has preprocessed."""
    return measure_agreement(
        (
            predict_nuclei(
                network,
                found.image,
                refine_boundaries=False,
                minimum_sharpness=None,
                cut_clumps=False,
            )[0],
            found.objects,
            found.nuclei,
        )
        for found in annotated
    )


def _rank(trial: ScaleTrial) -> float:
    return float(np.nan_to_num(trial.agreement, nan=-1.0))
