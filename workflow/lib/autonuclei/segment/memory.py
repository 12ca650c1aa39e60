"""Memory that a prediction needs, and the size of the tiles that fit into it."""

from autonuclei.train.networks import Network
from autonuclei.train.onnx_network import OnnxNetwork

# Megapixels of the network; larger images are predicted in tiles. A camera of 2048 x 2048 px needs
# none; larger tiles take more memory and no less time.
LARGEST_TILE = 4.5
# Blocks of large images that the network sees enlarged to more than this are gone through in parts.
LARGEST_PART = 13.5

# In MB, for networks of grid 2 with 32 rays: what TensorFlow and ONNX Runtime need before they see
# an image, and per megapixel of the image, of the image as the network sees it, and of a tile.
# docs/resources.md has the peaks.
TENSORFLOW_MB, ONNX_MB = 800, 480
IMAGE_MB = 150
NETWORK_MB = 130
TILE_MB = 330


def estimate_memory(base_mb: float, image: float, seen: float, tile: float) -> float:
    """Estimate the memory in MB that a prediction job needs.

    Parameters
    ----------
    base_mb
        `TENSORFLOW_MB` or `ONNX_MB`.
    image, seen, tile
        Megapixels of the image, of the image as the network sees it, and of a tile of that.
    """
    return base_mb + IMAGE_MB * image + NETWORK_MB * seen + TILE_MB * tile


def fit_tile(network: Network | OnnxNetwork, memory_mb: float, image: float, seen: float) -> float:
    """Megapixels that a tile may have with this much memory, from half of one to `LARGEST_TILE`.

    Parameters
    ----------
    network
    memory_mb
    image, seen
        As for `estimate_memory`.
    """
    base = ONNX_MB if isinstance(network, OnnxNetwork) else TENSORFLOW_MB
    fitting = (memory_mb - estimate_memory(base, image, seen, 0)) / TILE_MB
    return min(LARGEST_TILE, max(0.5, fitting))
