"""Fig 6 of the paper: the losses of networks that learned from images with and without noise."""

import math
import os
from collections.abc import Mapping
from pathlib import Path

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


def train_without_noise(paper: Path, settings: Settings) -> None:
    """Train a second network on the annotated images as they are, and draw the losses of both.

    Writes ``training/as_is/loss.csv`` and ``figures/loss_comparison.*`` into the results of the
    experiment, the folder `paper`. What is there already is not made again.
    """
    history = paper / "training/as_is/loss.csv"
    if not history.is_file():
        print("device:", choose_device(settings.train.device, os.cpu_count() or 1))
        folders = sorted(paper.glob("annotation/train/[0-9]*"))
        pairs = []
        for folder in folders:
            nuclei = read_image(folder / "labels.tif")
            objects = read_image(folder / "objects.tif")
            labels = label_training(objects, nuclei, ignore=False)
            pairs.append((read_image(folder / "image.tif"), labels))
        losses = train_model(
            pairs, history.with_name("model"), settings=settings.train, seed=settings.seed
        )
        write_table(history, losses)
    histories = {WITH_NOISE: read_table(paper / "training/loss.csv"), AS_IS: read_table(history)}
    figure = plot_noise_comparison(histories, paper.name)
    save_figure(figure, [paper / f"figures/loss_comparison.{suffix}" for suffix in ("png", "svg")])


def plot_noise_comparison(histories: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Training and validation loss of at most two networks, by what they learned from."""
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.subplots()
    highest = 0.0
    for (said, history), colour in zip(histories.items(), COLOURS, strict=False):
        axes.plot(history["epoch"], history["loss"], "--", color=colour, linewidth=1.2)
        label = f"{said} (lowest validation loss {history['val_loss'].min():.3g})"
        axes.plot(history["epoch"], history["val_loss"], color=colour, label=label)
        highest = max(highest, float(history["val_loss"].max()))
    axes.plot([], [], color="#555555", label="line: validation, dashed: training")
    axes.set(xlabel="epoch", ylabel="loss (no unit)", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(0, 1.35 * highest if math.isfinite(highest) else None)
    axes.legend(fontsize=8, loc="upper right")
    return figure
