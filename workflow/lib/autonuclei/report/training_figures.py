"""Figures of the training."""

import pandas as pd
from matplotlib.figure import Figure

from autonuclei.report.style import BLUE, VERMILLION


def plot_loss(history: pd.DataFrame, title: str) -> Figure:
    """Plot training and validation loss over the epochs.

    Parameters
    ----------
    history
        `epoch`, `loss` and `val_loss`, a row per epoch.
    title
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(history["epoch"], history["loss"], color=BLUE, label="training")
    axes.plot(history["epoch"], history["val_loss"], color=VERMILLION, label="validation")
    best = history.iloc[int(history["val_loss"].argmin())]
    label = f"best epoch ({best['epoch']:.0f}), kept"
    axes.plot(best["epoch"], best["val_loss"], "o", color=VERMILLION, label=label)
    axes.set(xlabel="epoch", ylabel="loss (no unit)", title=title)
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure
