# Networks, masks and tracks in the formats of other programs.


rule write_track_labels:
    """The masks of the movie, each nucleus with the number of its track."""
    input:
        tracks="<results>/{experiment}/tracking/{sample}/tracks.csv",
        labels="<results>/{experiment}/segmentation/{sample}/labels.tif",
    output:
        labels="<results>/{experiment}/tracking/{sample}/track_labels.tif",
    log:
        "<logs>/{experiment}/tracking/{sample}/write_track_labels.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/write_track_labels.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(140, 20, 0.5, beyond=0),
        runtime=NEEDS.sample_min(5, 0.02),
    params:
        movie=PLAN.describe_movie,
        code=digest_imports("export/write_track_labels"),
    script:
        "../scripts/export/write_track_labels.py"


rule export_trackmate:
    """A TrackMate file and, beside it, the movie that Fiji opens with it."""
    input:
        images=PLAN.list_sample_files,
        tracks="<results>/{experiment}/tracking/{sample}/tracks.csv",
        used="<results>/{experiment}/tracking/{sample}/linking.json",
        labels="<results>/{experiment}/segmentation/{sample}/labels.tif",
    output:
        xml="<results>/{experiment}/tracking/{sample}/trackmate/{sample}.xml",
        image="<results>/{experiment}/tracking/{sample}/trackmate/{sample}.tif",
    log:
        "<logs>/{experiment}/tracking/{sample}/export_trackmate.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/export_trackmate.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(200, 20, 2, beyond=2),
        runtime=NEEDS.sample_min(10, 0.05),
    params:
        movie=PLAN.describe_movie,
        code=digest_imports("export/export_trackmate"),
    script:
        "../scripts/export/export_trackmate.py"


rule export_ctc:
    """The tracks in the layout of the Cell Tracking Challenge."""
    input:
        tracks="<results>/{experiment}/tracking/{sample}/tracks.csv",
        labels="<results>/{experiment}/segmentation/{sample}/labels.tif",
    output:
        folder=directory("<results>/{experiment}/tracking/{sample}/ctc"),
    log:
        "<logs>/{experiment}/tracking/{sample}/export_ctc.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/export_ctc.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(160, 20, 0.5),
        runtime=NEEDS.sample_min(5, 0.02),
    params:
        movie=PLAN.describe_movie,
        code=digest_imports("export/export_ctc"),
    script:
        "../scripts/export/export_ctc.py"


rule export_geff:
    """The tracks as GEFF, the graph format of napari and other trackers."""
    input:
        tracks="<results>/{experiment}/tracking/{sample}/tracks.csv",
    output:
        folder=directory("<results>/{experiment}/tracking/{sample}/tracks.geff"),
    log:
        "<logs>/{experiment}/tracking/{sample}/export_geff.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/export_geff.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(220, 0, 0.4),
        runtime=NEEDS.sample_min(5, 0.01),
    params:
        movie=PLAN.describe_movie,
        code=digest_imports("export/export_geff"),
    script:
        "../scripts/export/export_geff.py"


rule export_ome_zarr:
    """The masks as OME-Zarr, for napari, Fractal and others."""
    input:
        images=PLAN.list_sample_files,
        labels=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/labels.tif",
            stills="<results>/{experiment}/segmentation/{sample}/labels",
        ),
    output:
        folder=directory("<results>/{experiment}/segmentation/{sample}/labels.ome.zarr"),
    log:
        "<logs>/{experiment}/segmentation/{sample}/export_ome_zarr.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/export_ome_zarr.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(300, 30, beyond=0),
        runtime=NEEDS.sample_min(5, 0.03),
    params:
        movie=PLAN.describe_movie,
        is_movie=lambda wildcards: PLAN.get_sample(wildcards).kind == "movie",
        names=PLAN.get_names,
        pixel_sizes_um=PLAN.get_pixel_sizes,
        content=SETTINGS.export.ome_zarr,
        first_pixel=SETTINGS.preprocess.first_pixel,
        code=digest_imports("export/export_ome_zarr"),
    script:
        "../scripts/export/export_ome_zarr.py"


rule export_outlines:
    """The outlines of all nuclei for Fiji's ROI Manager and QuPath."""
    input:
        labels=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/labels.tif",
            stills="<results>/{experiment}/segmentation/{sample}/labels",
        ),
        table=PLAN.by_kind(
            movie="<results>/{experiment}/tracking/{sample}/tracks.csv",
            stills="<results>/{experiment}/segmentation/{sample}/objects.csv",
        ),
    output:
        folder=directory("<results>/{experiment}/segmentation/{sample}/outlines"),
    log:
        "<logs>/{experiment}/segmentation/{sample}/export_outlines.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/export_outlines.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(200, 45, 1, beyond=5),
        runtime=NEEDS.sample_min(5, 0.02),
    params:
        names=PLAN.get_names,
        is_movie=lambda wildcards: PLAN.get_sample(wildcards).kind == "movie",
        kinds=OUTLINE_EXPORTS if SETTINGS.export.outlines == "all" else SETTINGS.export.outlines,
        # Outlines are opened on the images as they are, without a crop.
        first_pixel=SETTINGS.preprocess.first_pixel,
        code=digest_imports("export/export_outlines"),
    script:
        "../scripts/export/export_outlines.py"


rule export_model:
    """The network for ONNX Runtime, Fiji, QuPath and bioimage.io, checked on an image."""
    input:
        model=PLAN.get_model,
        images=PLAN.list_example_files,
    output:
        folder=directory("<results>/{experiment}/model_exports"),
    log:
        "<logs>/{experiment}/export_model.log",
    benchmark:
        "<logs>/{experiment}/export_model.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 2
    resources:
        mem_mb=NEEDS.job_mb(1800),
        runtime=grow(20),
    params:
        plane=PLAN.describe_example,
        preprocess=list_steps(SETTINGS.preprocess),
        pixel_size_um=PLAN.get_common_pixel_size,
        kinds=MODEL_EXPORTS if SETTINGS.export.models == "all" else SETTINGS.export.models,
        code=digest_imports("export/export_model"),
    script:
        "../scripts/export/export_model.py"
