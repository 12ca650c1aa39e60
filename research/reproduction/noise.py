"""Fig 6 of the paper: the losses of networks that learned from images with and without noise."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from autonuclei.annotate.composition import label_training
from autonuclei.io.images import read_image
from autonuclei.io.tables import read_table, write_table
from autonuclei.report.style import save_figure
from autonuclei.settings import Settings
from autonuclei.train.networks import choose_device
from autonuclei.train.training import train_model

WITH_NOISE = "all but accepted nuclei painted over with noise"
AS_IS = "images as they are, rejected objects as background"
COLOURS = ("#0072B2", "#D55E00")


def train_without_noise(paper: Path, settings: Settings, *, threads: int) -> None:
    """Train a second network on the annotated images as they are, and draw the losses of both.

    Writes ``training/as_is/`` and ``figures/loss_comparison.*`` into the results of the experiment,
    the folder `paper`. A training that was done before is not done again.
    """
    print("device:", choose_device(settings.train.device, threads))
    pairs = [pair for pair in read_pairs(paper) if (pair[1] > 0).any()]
    folder = paper / "training/as_is"
    losses = train_model(
        pairs,
        folder / "model",
        checkpoint=folder / "checkpoint.npz",
        settings=settings.train,
        seed=settings.seed,
    )
    write_table(folder / "loss.csv", losses)
    histories = {WITH_NOISE: read_table(paper / "training/loss.csv"), AS_IS: losses}
    figure = plot_noise_comparison(histories, paper.name)
    save_figure(figure, [paper / f"figures/loss_comparison.{suffix}" for suffix in ("png", "svg")])


def read_pairs(paper: Path) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.int32]]]:
    """Preprocessed training images and their accepted nuclei; rejected objects are background."""
    for folder in sorted(paper.glob("annotation/train/[0-9]*")):
        objects, nuclei = (read_image(folder / f"{name}.tif") for name in ("objects", "labels"))
        yield read_image(folder / "image.tif"), label_training(objects, nuclei, ignore=False)


def plot_noise_comparison(histories: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Training and validation loss of at most two networks, by what they learned from."""
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.subplots()
    for (said, history), colour in zip(histories.items(), COLOURS, strict=False):
        axes.plot(history["epoch"], history["loss"], "--", color=colour, linewidth=1.2)
        label = f"{said} (lowest validation loss {history['val_loss'].min():.3g})"
        axes.plot(history["epoch"], history["val_loss"], color=colour, label=label)
    axes.plot([], [], color="#555555", label="line: validation, dashed: training")
    axes.set(xlabel="epoch", ylabel="loss (no unit)", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    highest = max(float(history["val_loss"].max()) for history in histories.values())
    axes.set_ylim(0, 1.35 * highest)
    axes.legend(fontsize=8, loc="upper right")
    return figure
