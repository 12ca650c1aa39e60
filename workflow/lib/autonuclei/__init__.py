"""Annotation, training, segmentation and tracking of fluorescent cell nuclei.

Plain functions on arrays, tables and paths. Nothing here imports Snakemake; TensorFlow
is imported only inside the functions that need it.
"""

__version__ = "0.3.0"
