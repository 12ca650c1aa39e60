# Segmentation of all images, a stretch of frames per job, since TensorFlow starts slowly. A large
# frame is a stretch of its own, in which the network looks at its blocks in jobs of their own.


rule measure_image:
    """Measure what the blocks of a large frame share: noise, percentiles, whether it is empty."""
    input:
        image=PLAN.list_frame_files,
    output:
        numbers=temp("<results>/{experiment}/segmentation/{sample}/blocks/{frame}/image.json"),
    log:
        "<logs>/{experiment}/segmentation/{sample}/blocks/{frame}/measure_image.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/blocks/{frame}/measure_image.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        # Bands of the image, and 4 bytes for 16 of its pixels.
        mem_mb=NEEDS.sample_mb(700, 1),
        runtime=grow(30),
    params:
        plane=PLAN.describe_plane,
        preprocess=list_steps(SETTINGS.preprocess),
        minimum_contrast=SETTINGS.annotate.minimum_contrast,
        code=digest_imports("segment/measure_image"),
    script:
        "../scripts/segment/measure_image.py"


rule find_polygons:
    """Let the network find the nuclei in a block of a large frame."""
    input:
        images=PLAN.list_frame_files,
        model=PLAN.get_model,
        numbers="<results>/{experiment}/segmentation/{sample}/blocks/{frame}/image.json",
    output:
        polygons=temp("<results>/{experiment}/segmentation/{sample}/blocks/{frame}/{block}.npz"),
    log:
        "<logs>/{experiment}/segmentation/{sample}/blocks/{frame}/find_polygons_{block}.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/blocks/{frame}/find_polygons_{block}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 16
    resources:
        mem_mb=NEEDS.polygons_mb,
        runtime=grow(30),
        gpu=GPUS,
    params:
        plane=PLAN.describe_plane,
        block=PLAN.get_block,
        preprocess=list_steps(SETTINGS.preprocess),
        minimum_probability=None,  # that of the model
        device=SETTINGS.train.device,
        code=digest_imports("segment/find_polygons"),
    script:
        "../scripts/segment/find_polygons.py"


rule predict_stretch:
    """Find the nuclei in a stretch of frames, or draw those found in the blocks of a large one."""
    input:
        images=PLAN.list_stretch_files,
        model=PLAN.get_model,
        numbers=PLAN.if_large(
            "<results>/{experiment}/segmentation/{sample}/blocks/{frame}/image.json"
        ),
        polygons=PLAN.for_blocks(
            "<results>/{experiment}/segmentation/{sample}/blocks/{frame}/{block}.npz"
        ),
    output:
        # They stay: should the user correct them, our own are needed again.
        labels="<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.tif",
        probability="<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.csv",
        planes="<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.planes.csv",
    log:
        "<logs>/{experiment}/segmentation/{sample}/predict_{first}-{last}.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/predict_{first}-{last}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: lambda wildcards: 1 if PLAN.is_large(PLAN.get_stretch(wildcards)[0]) else 16
    resources:
        mem_mb=NEEDS.prediction_mb,
        runtime=NEEDS.stretch_min(10, 0.1),
        gpu=lambda wildcards: 0 if PLAN.is_large(PLAN.get_stretch(wildcards)[0]) else GPUS,
    params:
        planes=PLAN.describe_stretch,
        is_movie=lambda wildcards: PLAN.get_sample(wildcards).kind == "movie",
        skip_unreadable=SETTINGS.skip_unreadable,
        # A frame of a movie that is passed over counts as one without nuclei, a still as none.
        keep_pages=lambda wildcards: PLAN.get_sample(wildcards).kind == "movie",
        preprocess=list_steps(SETTINGS.preprocess),
        block_px=lambda wildcards: (
            SETTINGS.preprocess.block_px if PLAN.is_large(PLAN.get_stretch(wildcards)[0]) else None
        ),
        minimum_probability=None,  # that of the model
        refine_boundaries=SETTINGS.predict.refine_boundaries,
        minimum_sharpness=SETTINGS.predict.minimum_sharpness,
        cut_clumps=SETTINGS.predict.cut_clumps,
        minimum_contrast=SETTINGS.annotate.minimum_contrast,
        device=SETTINGS.train.device,
        code=digest_imports("segment/predict_stretch"),
    script:
        "../scripts/segment/predict_stretch.py"


rule fit_scale:
    """Find the scale at which a given model suits the images, and copy the model with it."""
    input:
        images=PLAN.list_fitted_files,
        model=PLAN.get_given_model,
    output:
        model=directory("<results>/{experiment}/given_model"),
    log:
        "<logs>/{experiment}/fit_scale.log",
    benchmark:
        "<logs>/{experiment}/fit_scale.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 16
    resources:
        mem_mb=grow(6000),
        runtime=grow(30),
        gpu=GPUS,
    params:
        planes=PLAN.describe_fitted,
        annotate=to_dict(SETTINGS.annotate),
        preprocess=list_steps(SETTINGS.preprocess),
        device=SETTINGS.train.device,
        code=digest_imports("segment/fit_scale"),
    script:
        "../scripts/segment/fit_scale.py"


rule import_labels:
    """Take the finished label images that the user gives for a stretch of frames."""
    input:
        images=PLAN.list_stretch_files,
        labels=PLAN.list_label_files,
    output:
        labels=temp("<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.tif"),
        probability=temp("<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.csv"),
        planes=temp("<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.planes.csv"),
    log:
        "<logs>/{experiment}/segmentation/{sample}/import_{first}-{last}.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/import_{first}-{last}.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(150, 25, beyond=5),
        runtime=NEEDS.stretch_min(5, 0.03),
    params:
        planes=PLAN.describe_stretch,
        labels=PLAN.describe_labels,
        is_movie=lambda wildcards: PLAN.get_sample(wildcards).kind == "movie",
        skip_unreadable=SETTINGS.skip_unreadable,
        code=digest_imports("segment/import_labels"),
    script:
        "../scripts/segment/import_labels.py"


rule find_alternatives:
    """Find what else could be nuclei in a stretch of a movie; `choose_nuclei` decides."""
    input:
        images=PLAN.list_stretch_files,
        labels="<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.tif",
        probability="<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.csv",
    output:
        labels=temp("<results>/{experiment}/segmentation/{sample}/alternatives/{first}-{last}.tif"),
        table=temp("<results>/{experiment}/segmentation/{sample}/alternatives/{first}-{last}.csv"),
    log:
        "<logs>/{experiment}/segmentation/{sample}/find_alternatives_{first}-{last}.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/find_alternatives_{first}-{last}.tsv"
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(200, 80),
        runtime=NEEDS.stretch_min(5, 0.05),
    params:
        planes=PLAN.describe_stretch,
        pixel_size_um=lambda wildcards: PLAN.get_sample(wildcards).pixel_size_um,
        code=digest_imports("segment/find_alternatives"),
    script:
        "../scripts/segment/find_alternatives.py"


rule join_movie:
    """Join the masks of a movie into one stack that Fiji and napari open."""
    input:
        labels=PLAN.for_stretches(
            "<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.tif",
            given="<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.tif",
            chosen="<results>/{experiment}/segmentation/{sample}/chosen/labels.tif",
            corrected="<results>/{experiment}/segmentation/{sample}/corrected/labels.tif",
        ),
    output:
        labels="<results>/{experiment}/segmentation/{sample}/labels.tif",
    log:
        "<logs>/{experiment}/segmentation/{sample}/join_movie.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/join_movie.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(80, 15, beyond=0),
        runtime=NEEDS.sample_min(5, 0.01),
    params:
        names=PLAN.get_names,
        pixel_size_um=lambda wildcards: PLAN.get_sample(wildcards).pixel_size_um,
        frame_interval_min=lambda wildcards: PLAN.get_sample(wildcards).frame_interval_min,
        code=digest_imports("segment/join_movie"),
    script:
        "../scripts/segment/join_movie.py"


rule write_stills:
    """Write the masks of stills, one file per image, named like it, and list skipped images."""
    input:
        labels=PLAN.for_stretches(
            "<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.tif",
            given="<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.tif",
            corrected="<results>/{experiment}/segmentation/{sample}/corrected/labels.tif",
        ),
        planes=PLAN.for_stretches(
            "<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.planes.csv",
            given="<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.planes.csv",
        ),
    output:
        labels=directory("<results>/{experiment}/segmentation/{sample}/labels"),
        skipped="<results>/{experiment}/segmentation/{sample}/skipped.csv",
    log:
        "<logs>/{experiment}/segmentation/{sample}/write_stills.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/write_stills.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(140, 8, beyond=0),
        runtime=NEEDS.sample_min(5, 0.01),
    params:
        names=PLAN.get_names,
        columns=PLAN.get_columns,
        pixel_sizes_um=PLAN.get_pixel_sizes,
        code=digest_imports("segment/write_stills"),
    script:
        "../scripts/segment/write_stills.py"


# In a round of self-training (train.smk) the network looks at the frames learned from.
use rule predict_stretch as predict_training_frames with:
    input:
        images=PLAN.list_stretch_files,
        model=PLAN.for_round_before("<results>/{experiment}/rounds/{round}/model"),
    output:
        labels=temp("<results>/{experiment}/rounds/{round}/network/{sample}/{first}-{last}.tif"),
        probability=temp(
            "<results>/{experiment}/rounds/{round}/network/{sample}/{first}-{last}.csv"
        ),
        planes=temp(
            "<results>/{experiment}/rounds/{round}/network/{sample}/{first}-{last}.planes.csv"
        ),
    log:
        "<logs>/{experiment}/rounds/{round}/network/{sample}/predict_{first}-{last}.log",
    benchmark:
        "<logs>/{experiment}/rounds/{round}/network/{sample}/predict_{first}-{last}.tsv"
    params:
        # Blocks of one frame may be in it: pages and tables go by the place in the stretch.
        planes=PLAN.describe_checked_stretch,
        is_movie=PLAN.may_be_dark,
        keep_pages=True,
        refine_boundaries=False,
        minimum_probability=DOUBT_PROBABILITY,
