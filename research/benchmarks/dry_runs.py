"""What a dry run of many images takes, against a bare Snakefile with as many jobs."""

import numpy as np
import tifffile

# The annotation, training and prediction with their files, and nothing else: no log, no
# resources, no parameters, and an empty command in the place of a script.
BARE = """
from pathlib import Path

NAMES = [f"{i:05d}" for i in range(len(list(Path("images").iterdir())))]


rule all:
    input: "bare/masks.tif"


rule preprocess_image:
    input: "images/{name}.tif"
    output: "bare/{name}/image.tif"
    shell: "true"


rule threshold_image:
    input: "bare/{name}/image.tif"
    output: "bare/{name}/foreground.tif"
    shell: "true"


rule split_nuclei:
    input: image="bare/{name}/image.tif", foreground="bare/{name}/foreground.tif"
    output: "bare/{name}/objects.tif"
    shell: "true"


rule measure_objects:
    input: image="bare/{name}/image.tif", objects="bare/{name}/objects.tif"
    output: "bare/{name}/objects.csv"
    shell: "true"


rule gather_objects:
    input: expand("bare/{name}/objects.csv", name=NAMES)
    output: "bare/objects.csv"
    shell: "true"


rule compute_accepted_range:
    input: "bare/objects.csv"
    output: "bare/range.json"
    shell: "true"


rule select_nuclei:
    input:
        objects="bare/{name}/objects.tif",
        table="bare/{name}/objects.csv",
        accepted_range="bare/range.json",
    output: "bare/{name}/labels.tif"
    shell: "true"


rule compose_training_pair:
    input:
        image="bare/{name}/image.tif",
        objects="bare/{name}/objects.tif",
        labels="bare/{name}/labels.tif",
    output:
        image=temp("bare/{name}/training_image.tif"),
        labels=temp("bare/{name}/training_labels.tif"),
    shell: "true"


rule train_model:
    input:
        images=expand("bare/{name}/training_image.tif", name=NAMES),
        labels=expand("bare/{name}/training_labels.tif", name=NAMES),
    output: "bare/model"
    shell: "true"


rule predict:
    input: images=expand("images/{name}.tif", name=NAMES), model="bare/model"
    output: "bare/masks.tif"
    shell: "true"
"""


def write_project(folder, n_images):
    """Small images, a sheet that learns from all of them, and the bare Snakefile."""
    (folder / "images").mkdir(parents=True)
    (folder / "config").mkdir()
    image = np.random.default_rng(0).integers(0, 255, (32, 32), dtype=np.uint8)
    for index in range(n_images):
        tifffile.imwrite(folder / "images" / f"{index:05d}.tif", image)
    (folder / "config" / "samples.tsv").write_text(
        "experiment\tsample\timages\tkind\ttrain\nbench\tmany\timages/*.tif\tstills\tall\n"
    )
    (folder / "config" / "config.yaml").write_text("samples: config/samples.tsv\n")
    (folder / "bare.smk").write_text(BARE)
