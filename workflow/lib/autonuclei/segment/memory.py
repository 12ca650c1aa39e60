"""Memory that a prediction needs, and the size of the tiles that fit into it."""

# Megapixels of the network; larger images are predicted in tiles.
LARGEST_TILE = 16.0
# The same where a job looks at a block of a large image, so that it needs little memory.
BLOCK_TILE = 3.0

# In MB, TensorFlow included: a base, and per megapixel of the image and of a tile. Measured peaks
# on the CPU (grid 2, 32 rays): 1024 x 1024 1.1 GB, 2048 x 2048 2.2 GB, 4096 x 4096 6.4 GB in one
# tile and 3.6 GB in tiles of 4.2 megapixels.
BASE_MB = 800
IMAGE_MB = 100
TILE_MB = 320


def estimate_memory(image_megapixels: float, tile_megapixels: float) -> float:
    """Memory in MB that a prediction job needs."""
    return BASE_MB + IMAGE_MB * image_megapixels + TILE_MB * tile_megapixels


def fit_tile(memory_mb: float, image_megapixels: float) -> float:
    """Megapixels that a tile may have with this much memory, from half of one to `LARGEST_TILE`."""
    fitting = (memory_mb - BASE_MB - IMAGE_MB * image_megapixels) / TILE_MB
    return min(LARGEST_TILE, max(0.5, fitting))
