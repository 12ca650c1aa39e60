"""What another program must know of a model beside its weights."""

from dataclasses import dataclass
from typing import Any

from autonuclei.settings import PreprocessSettings
from autonuclei.train.networks import BORDER, Network

# Percentiles of an image that become 0 and 1 (`annotate.preprocessing.normalize_image`).
PERCENTILES = (1.0, 99.8)


@dataclass(frozen=True)
class ModelDescription:
    """How the network of an experiment is used.

    Attributes
    ----------
    name
        Of the experiment.
    rays
        Directions of the outline.
    grid
        The network predicts on every n-th pixel, in rows and columns.
    probability_threshold, overlap_threshold
        Of StarDist's non-maximum suppression.
    scale
        Pixels of the network per pixel of the raw images, the user's own rescaling included.
    pixel_size_um
        Of the raw images; None if unknown.
    background_radius_px
        Of the rolling ball that was subtracted from raw images, in their px; 0: none.
    """

    name: str
    rays: int
    grid: tuple[int, int]
    probability_threshold: float
    overlap_threshold: float
    scale: float = 1.0
    pixel_size_um: float | None = None
    background_radius_px: float = 0.0

    @property
    def network_pixel_um(self) -> float | None:
        """Micrometres per pixel of the network."""
        return None if self.pixel_size_um is None else self.pixel_size_um / self.scale

    def to_dict(self) -> dict[str, Any]:
        """All of it, in the order and with the names that files of JSON have."""
        return {
            "name": self.name,
            "rays": self.rays,
            "grid": list(self.grid),
            "probability_threshold": self.probability_threshold,
            "overlap_threshold": self.overlap_threshold,
            "excluded_border_grid_points": BORDER,
            "percentiles": list(PERCENTILES),
            "network_px_per_image_px": self.scale,
            "image_pixel_size_um": self.pixel_size_um,
            "network_pixel_size_um": self.network_pixel_um,
            "background_radius_px": self.background_radius_px,
        }

    def list_steps(self) -> list[str]:
        """What is done to an image before the network sees it, a line each."""
        steps = []
        if self.background_radius_px:
            steps.append(
                "subtract the background with a rolling ball of "
                f"{self.background_radius_px:g} px radius"
            )
        low, high = PERCENTILES
        steps.append(f"map the percentiles {low:g} and {high:g} of the whole image to 0 and 1")
        if self.scale != 1:
            size = self.network_pixel_um
            known = "" if size is None else f", to {size:.4g} um per pixel"
            steps.append(f"resize by the factor {self.scale:.4g}{known}")
        return steps


def describe_model(
    network: Network,
    name: str,
    *,
    preprocess: PreprocessSettings | None = None,
    pixel_size_um: float | None = None,
) -> ModelDescription:
    """Gather what another program must know of a network.

    Parameters
    ----------
    network
        As `networks.load_model` gives it.
    name
        Of the experiment.
    preprocess
        As in training and prediction; None: the defaults.
    pixel_size_um
        Of the raw images; None if unknown, or not the same for all.
    """
    preprocess = preprocess or PreprocessSettings()
    config, thresholds = network.model.config, network.model.thresholds
    rows, columns = config.grid
    return ModelDescription(
        name=name,
        rays=int(config.n_rays),
        grid=(int(rows), int(columns)),
        probability_threshold=float(thresholds.prob),
        overlap_threshold=float(thresholds.nms),
        scale=network.scale * preprocess.scale,
        pixel_size_um=pixel_size_um,
        background_radius_px=preprocess.background_radius_px,
    )
