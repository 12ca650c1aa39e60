"""TensorFlow's device and the StarDist model: what training and prediction share.

TensorFlow is imported inside the functions, since it takes seconds to load.
"""

import json
import os
import warnings
from pathlib import Path
from typing import Any

from autonuclei.errors import InputError

MODEL_FILES = ("config.json", "thresholds.json", "weights_best.h5")
# Ours beside StarDist's: how images are rescaled for the network.
SCALE_FILE = "scale.json"


def choose_device(device: str, threads: int) -> str:
    """Make TensorFlow use the GPU or the CPU; call it before anything else of TensorFlow.

    Parameters
    ----------
    device
        ``auto`` (a GPU if TensorFlow sees one), ``gpu`` or ``cpu``.
    threads
        CPU threads that TensorFlow may use.

    Returns
    -------
    What is used, in words for the log.

    Raises
    ------
    InputError
        ``gpu`` is asked for and TensorFlow sees none.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    gpus = tf.config.list_physical_devices("GPU") if device != "cpu" else []
    if device == "cpu":
        tf.config.set_visible_devices([], "GPU")
    if device == "gpu" and not gpus:
        raise InputError(
            "train.device: is 'gpu', but TensorFlow sees no GPU on this machine. Ask for a node "
            "with one, install the GPU packages (envs/gpu.lock), or set it to 'auto'."
        )
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return f"GPU ({details.get('device_name', gpus[0].name)}), TensorFlow {tf.__version__}"
    # Sums in parallel threads come out in any order unless this is set.
    tf.config.experimental.enable_op_determinism()
    return f"CPU ({threads} threads), TensorFlow {tf.__version__}"


def load_model(folder: str | os.PathLike[str]) -> Any:
    """Load a trained StarDist2D model from its folder.

    Raises
    ------
    InputError
        The folder holds no complete StarDist 2D model for one channel.
    """
    from stardist.models import StarDist2D

    folder = Path(folder)
    check_model_folder(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = StarDist2D(None, name=folder.name, basedir=str(folder.parent))
        except Exception as error:
            raise InputError(
                f"{folder}: cannot be loaded as a StarDist 2D model ({error}). "
                "Give the folder that StarDist wrote."
            ) from error
    if model.config.n_channel_in != 1:
        raise InputError(
            f"{folder}: is a model for images of {model.config.n_channel_in} channels. "
            "Give one for grey images."
        )
    return model


def read_scale(folder: str | os.PathLike[str]) -> float:
    """Pixels of the network per pixel of the images; 1 where the model does not say.

    Raises
    ------
    InputError
        The file of the scale is broken.
    """
    path = Path(folder, SCALE_FILE)
    if not path.is_file():
        return 1.0
    try:
        return float(json.loads(path.read_text())["network_px_per_image_px"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: does not say network_px_per_image_px, a number. Take the folder as it was "
            "written."
        ) from error


def check_model_folder(folder: str | os.PathLike[str]) -> None:
    """Raise an `InputError` unless the files of a StarDist model are in the folder."""
    missing = [name for name in MODEL_FILES if not (Path(folder) / name).is_file()]
    if missing:
        raise InputError(
            f"{folder}: is not a folder of a trained StarDist model, {' and '.join(missing)} "
            "is missing. Correct 'models' in the configuration."
        )
