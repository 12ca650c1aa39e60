"""The StarDist network: its device, building, writing, loading, and asking it for nuclei.

TensorFlow is imported inside the functions, since it takes seconds to load.
"""

import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autonuclei.errors import InputError
from autonuclei.io.files import write_beside
from autonuclei.settings import TrainSettings

if TYPE_CHECKING:
    from autonuclei.train.onnx_network import OnnxNetwork

MODEL_FILES = ("config.json", "thresholds.json", "weights_best.h5")
# Ours beside StarDist's: how images are rescaled for the network.
SCALE_FILE = "scale.json"
# And what it was trained on, which its weights depend on.
DEVICE_FILE = "trained_on.json"
# What can be meant; training takes 1/8 to 4.
SCALE_RANGE = (1 / 64, 64.0)
# Points of the network's grid along the border of the image that are no centre of a nucleus.
# StarDist's own 2 lose nuclei that the border cuts, 0 finds some twice.
BORDER = 1


@dataclass(frozen=True)
class Network:
    """A trained network, and how images are rescaled for it.

    Attributes
    ----------
    model : StarDist2D
    scale : float
        Pixels of the network per pixel of the images.
    """

    model: Any
    scale: float = 1.0

    @property
    def divisor(self) -> int:
        """What the sides of an image are multiples of for the network, in its px."""
        return int(max(self.model._axes_div_by("YX")))

    @property
    def reach(self) -> int:
        """How far a pixel can change what the network says, in its px."""
        return int(max(self.model._axes_tile_overlap("YX")))

    def find_polygons(
        self,
        image: npt.NDArray[np.float32],
        *,
        minimum_probability: float | None = None,
        overlap: float | None = None,
        tiles: tuple[int, int] = (1, 1),
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Find the nuclei of an image; parameters and result are those of `find_polygons`."""
        return find_polygons(
            self.model,
            image,
            minimum_probability=minimum_probability,
            overlap=overlap,
            tiles=tiles,
        )


def limit_threads(threads: int) -> None:
    """Let StarDist's own loops use so many threads; call it before StarDist is loaded.

    Threads that wait sleep: with other jobs on the same cores non-maximum suppression took four
    times the processor time otherwise (6.6 against 1.6 s for 165,000 candidates).
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def has_gpu() -> bool:
    """Whether the machine has a GPU of NVIDIA, without asking TensorFlow, which takes seconds."""
    return any(Path(name).exists() for name in ("/dev/nvidiactl", "/dev/dxg"))


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
    limit_threads(threads)
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
    # Sums in parallel threads come out in any order unless this is set. It is not for a GPU: Keras
    # compiles for one with XLA, which has no deterministic gradient of max pooling and then ends
    # with an error.
    if not gpus:
        tf.config.experimental.enable_op_determinism()
    used = describe_device()
    return f"{used['device']} ({used['repeated']}), TensorFlow {used['tensorflow']}"


def describe_device() -> dict[str, Any]:
    """What TensorFlow computes on, for the record.

    Returns
    -------
    dict
        `device` in words; `threads` of a CPU (0: as TensorFlow likes), None of a GPU;
        `tensorflow`, its version; `repeated`, what a training with the same seed gives.
    """
    import tensorflow as tf

    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name)
        device, threads = f"GPU {name}", None
        repeated = "the same seed gives similar, not the same weights"
    else:
        threads = tf.config.threading.get_intra_op_parallelism_threads()
        device = f"CPU, {threads} threads"
        # Each thread adds up a part: other parts, other last digits.
        repeated = "the same seed gives the same weights with as many threads only"
    return {
        "device": device,
        "threads": threads,
        "tensorflow": tf.__version__,
        "repeated": repeated,
    }


def build_model(settings: TrainSettings) -> Any:
    """Build an untrained StarDist2D model for images of one channel, prepared for training."""
    from stardist.models import Config2D, StarDist2D

    config = Config2D(
        axes="YX",
        n_rays=settings.rays,
        grid=(settings.grid, settings.grid),
        n_channel_in=1,
        train_patch_size=(settings.patch_px, settings.patch_px),
        train_batch_size=settings.batch,
        train_epochs=settings.epochs,
        train_steps_per_epoch=settings.steps_per_epoch,
        train_learning_rate=settings.learning_rate,
        train_tensorboard=False,
        use_gpu=False,
    )
    model = StarDist2D(config, name="model", basedir=None)
    if settings.precision == "mixed":
        _compute_in_bfloat16(model.keras_model)
    model.prepare_for_training()
    return model


def _compute_in_bfloat16(keras_model: Any) -> None:
    """Let the layers compute with 16 bits; weights, outputs and loss keep 32.

    bfloat16 has the range of float32, so that the loss needs no scaling as with float16.
    """
    import keras

    policy = keras.dtype_policies.get("mixed_bfloat16")
    for layer in keras_model.layers:
        if layer.name not in keras_model.output_names:
            layer.dtype_policy = policy


def write_model(
    model: Any, thresholds: Mapping[str, float], scale: float, folder: str | os.PathLike[str]
) -> None:
    """Write a trained model as `load_model` and `load_network` read it.

    Parameters
    ----------
    thresholds
        `prob` and `nms`, as StarDist calls those of probability and overlap.
    scale
        Pixels of the network per pixel of the images.
    """
    with write_beside(folder) as partial:
        partial.mkdir()
        (partial / "config.json").write_text(json.dumps(vars(model.config), indent=1))
        chosen = {key: thresholds[key] for key in ("prob", "nms")}
        (partial / "thresholds.json").write_text(json.dumps(chosen))
        (partial / SCALE_FILE).write_text(json.dumps({"network_px_per_image_px": scale}))
        (partial / DEVICE_FILE).write_text(json.dumps(describe_device()))
        model.keras_model.save_weights(str(partial / "weights_best.h5"))
        # Imported here, since it needs this module.
        from autonuclei.train.onnx_network import write_onnx_network

        write_onnx_network(partial, model, thresholds, scale, name=Path(folder).name)


def load_network(
    folder: str | os.PathLike[str], *, device: str, threads: int
) -> tuple["Network | OnnxNetwork", str]:
    """Load a trained network to predict with.

    On a CPU in ONNX Runtime, where the folder has the network for it (those trained here have);
    else in TensorFlow, which starts more slowly and needs more memory. The nuclei are the same.

    Parameters
    ----------
    folder
        As for `load_model`.
    device, threads
        As for `choose_device`.

    Returns
    -------
    The network, and what computes it, in words for the log.

    Raises
    ------
    InputError
        As `load_model` and `choose_device`.
    """
    from autonuclei.train.onnx_network import OnnxNetwork, fits_weights

    check_model_folder(folder)
    if device != "gpu" and not (device == "auto" and has_gpu()) and fits_weights(folder):
        limit_threads(threads)
        network = OnnxNetwork(folder, scale=read_scale(folder), threads=threads, border=BORDER)
        return network, f"CPU ({threads} threads), ONNX Runtime {network.version}"
    words = choose_device(device, threads)
    return load_model(folder), words


def load_model(folder: str | os.PathLike[str]) -> Network:
    """Load a trained network from its folder.

    Parameters
    ----------
    folder
        As `train_model` writes it, or of any StarDist 2D model for one channel.

    Returns
    -------
    Network
        For `predict_nuclei`.

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
            # StarDist took the newest file whose name has "best" in it.
            model.load_weights("weights_best.h5")
        except Exception as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"{folder}: cannot be loaded as a StarDist 2D model ({reason}). "
                "Give the folder that StarDist wrote."
            ) from error
    if model.config.n_channel_in != 1:
        raise InputError(
            f"{folder}: is a model for images of {model.config.n_channel_in} channels. "
            "Give one for grey images."
        )
    if not all(np.isfinite(weights).all() for weights in model.keras_model.get_weights()):
        raise InputError(
            f"{folder}/weights_best.h5: holds weights that are no numbers, so that the network "
            "finds nothing. Take another model, or train one."
        )
    return Network(model, read_scale(folder))


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
    return _take_number(path, "network_px_per_image_px", *SCALE_RANGE)


def read_device(folder: str | os.PathLike[str]) -> dict[str, Any] | None:
    """What a network was trained on, as of `describe_device`; None where the model does not say.

    Raises
    ------
    InputError
        The file is broken.
    """
    path = Path(folder, DEVICE_FILE)
    return _read_object(path) if path.is_file() else None


def check_model_folder(folder: str | os.PathLike[str]) -> None:
    """Check the files of a StarDist model, as far as that needs no TensorFlow.

    Raises
    ------
    InputError
        One is missing or broken, or the configuration of the network has more in it than numbers
        and words: Keras would take an object for the name of something to run.
    """
    folder = Path(folder)
    missing = [name for name in MODEL_FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{folder}: is not a folder of a trained StarDist model, {' and '.join(missing)} "
            "is missing. Correct 'models' in the configuration."
        )
    for key, value in _read_object(folder / "config.json").items():
        if _holds_object(value) and not key.startswith("train_"):
            raise InputError(
                f"{folder}/config.json: '{key}' is neither a number nor a word, as StarDist "
                "writes it. Take the folder as it was written."
            )
    for name in ("prob", "nms"):
        _take_number(folder / "thresholds.json", name, 0, 1)
    read_scale(folder)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: is not JSON, it is damaged. Take the folder as it was written."
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no names with values. Take the folder as it was written.")
    return content


def _take_number(path: Path, name: str, low: float, high: float) -> float:
    value = _read_object(path).get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(
            f"{path}: does not say {name}, a number from {low:g} to {high:g}. Take the folder as "
            "it was written."
        )
    return float(value)


def _holds_object(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_holds_object, value)))


def find_polygons(
    model: Any,
    image: npt.NDArray[np.float32],
    *,
    minimum_probability: float | None = None,
    overlap: float | None = None,
    tiles: tuple[int, int] | None = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Let the network find the nuclei of an image.

    Parameters
    ----------
    model
        StarDist2D.
    image
        (height, width), normalised, in pixels of the network.
    minimum_probability
        Nuclei of less are left out; None: the threshold of the model.
    overlap
        Of two nuclei that overlap more, the less probable one is left out; None: that of the
        model.
    tiles
        Rows and columns of tiles in which the network looks at the image; None: at once.

    Returns
    -------
    polygons : (n, 2, rays) float
        Rows and columns of the corners in px.
    probability : (n,) float
    """
    _, found = model.predict_instances(
        image,
        n_tiles=tiles,
        prob_thresh=minimum_probability,
        nms_thresh=overlap,
        predict_kwargs={"b": BORDER},
        show_tile_progress=False,
        return_labels=False,
    )
    return found["coord"], found["prob"]
