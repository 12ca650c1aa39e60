"""Instance masks of all images with a trained network."""
