"""The data of the example: real nuclei that come with StarDist, and drawn movies."""
