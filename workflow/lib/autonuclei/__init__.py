"""Annotation, training, segmentation and tracking of fluorescent cell nuclei.

Plain functions on arrays, tables and paths. Nothing here imports Snakemake; TensorFlow
is imported only inside the functions that need it.

The functions in `__all__` are those to begin with; docs/python.md shows them at work. Each is
imported from its module when it is first used, since jobs of the workflow start with this file.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autonuclei.annotate.pipeline import annotate_image
    from autonuclei.export.ctc import write_ctc
    from autonuclei.export.geff import write_geff
    from autonuclei.export.trackmate import write_trackmate
    from autonuclei.io.images import read_plane
    from autonuclei.labels.matching import compute_metrics, count_matches
    from autonuclei.labels.measurement import measure_objects
    from autonuclei.segment.prediction import predict_nuclei
    from autonuclei.track.link import link_nuclei
    from autonuclei.train.networks import load_model
    from autonuclei.train.training import train_model

__version__ = "0.3.0"

__all__ = [
    "annotate_image",
    "compute_metrics",
    "count_matches",
    "link_nuclei",
    "load_model",
    "measure_objects",
    "predict_nuclei",
    "read_plane",
    "train_model",
    "write_ctc",
    "write_geff",
    "write_trackmate",
]

if not TYPE_CHECKING:
    _MODULES = {
        "annotate_image": "annotate.pipeline",
        "compute_metrics": "labels.matching",
        "count_matches": "labels.matching",
        "link_nuclei": "track.link",
        "load_model": "train.networks",
        "measure_objects": "labels.measurement",
        "predict_nuclei": "segment.prediction",
        "read_plane": "io.images",
        "train_model": "train.training",
        "write_ctc": "export.ctc",
        "write_geff": "export.geff",
        "write_trackmate": "export.trackmate",
    }

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

    def __dir__():
        return sorted({*globals(), *__all__})
