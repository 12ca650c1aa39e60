# Segmentation of all images, a stretch of frames per job, since TensorFlow starts slowly.


rule predict_stretch:
    """Find the nuclei in a stretch of frames."""
    input:
        images=lambda wildcards: list(
            dict.fromkeys(frame.path for frame in list_stretch(wildcards))
        ),
        model=get_model,
    output:
        labels=temp("<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.tif"),
        probability=temp(
            "<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.csv"
        ),
        skipped=temp(
            "<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.skipped.csv"
        ),
    log:
        "<logs>/{experiment}/segmentation/{sample}/predict_{first}-{last}.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/predict_{first}-{last}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 16
    resources:
        mem_mb=grow(estimate_predict_memory),
        runtime=grow(lambda w: 10 + count_stretch_megapixels(w) / 10),
        gpu=0 if SETTINGS.train.device == "cpu" else 1,
    params:
        planes=describe_stretch,
        is_movie=lambda wildcards: get_sample(wildcards).kind == "movie",
        # A movie with a missing frame is no movie; stills have nothing to do with each other.
        skip_unreadable=lambda wildcards: (
            SETTINGS.skip_unreadable and get_sample(wildcards).kind == "stills"
        ),
        preprocess=to_dict(SETTINGS.preprocess),
        minimum_probability=None,  # that of the model
        refine_boundaries=SETTINGS.predict.refine_boundaries,
        minimum_sharpness=SETTINGS.predict.minimum_sharpness,
        cut_clumps=SETTINGS.predict.cut_clumps,
        minimum_contrast=SETTINGS.annotate.minimum_contrast,
        device=SETTINGS.train.device,
        code=digest_imports("segment/predict_stretch"),
    message:
        "Segmenting frames {wildcards.first} to {wildcards.last} of "
        "{wildcards.experiment}/{wildcards.sample}"
    script:
        "../scripts/segment/predict_stretch.py"


rule join_movie:
    """Join the masks of a movie into one stack that Fiji and napari open."""
    input:
        labels=list_stretch_files("tif"),
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
        mem_mb=scale_sample_memory(100, 20),
        runtime=scale_sample_runtime(5, 0.01),
    params:
        frames=lambda wildcards: [frame.index for frame in get_sample(wildcards).frames],
        pixel_size_um=lambda wildcards: get_sample(wildcards).pixel_size_um,
        frame_interval_min=lambda wildcards: get_sample(wildcards).frame_interval_min,
        code=digest_imports("segment/join_movie"),
    message:
        "Joining the masks of {wildcards.experiment}/{wildcards.sample}"
    script:
        "../scripts/segment/join_movie.py"


rule write_stills:
    """Write the masks of stills, one file per image, named like it, and list skipped images."""
    input:
        labels=list_stretch_files("tif"),
        skipped=list_stretch_files("skipped.csv"),
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
        mem_mb=scale_sample_memory(180, 20),
        runtime=scale_sample_runtime(5, 0.01),
    params:
        names=get_frame_names,
        pixel_size_um=lambda wildcards: get_sample(wildcards).pixel_size_um,
        code=digest_imports("segment/write_stills"),
    message:
        "Writing the masks of {wildcards.experiment}/{wildcards.sample}"
    script:
        "../scripts/segment/write_stills.py"


rule measure_nuclei:
    """Measure every segmented nucleus in the raw images, in pixels and micrometres."""
    input:
        images=lambda wildcards: list_frame_files(get_sample(wildcards)),
        labels=lambda wildcards: get_labels(wildcards.experiment, wildcards.sample),
        probability=list_stretch_files("csv"),
    output:
        table="<results>/{experiment}/segmentation/{sample}/objects.csv",
    log:
        "<logs>/{experiment}/segmentation/{sample}/measure_nuclei.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/measure_nuclei.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=scale_sample_memory(180, 60, 1),
        runtime=scale_sample_runtime(5, 0.03),
    params:
        planes=lambda wildcards: {
            frame.index: describe_plane(get_sample(wildcards), frame)
            for frame in get_sample(wildcards).frames
        },
        names=get_frame_names,
        pixel_size_um=lambda wildcards: get_sample(wildcards).pixel_size_um,
        code=digest_imports("measure/measure_nuclei"),
    message:
        "Measuring the nuclei of {wildcards.experiment}/{wildcards.sample}"
    script:
        "../scripts/measure/measure_nuclei.py"
