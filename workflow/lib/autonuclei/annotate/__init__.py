"""From a raw image to a label image without a drawn label."""
