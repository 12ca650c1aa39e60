# Tracks of movies: links and divisions, files for other programs, motility.


rule link_nuclei:
    """Link the nuclei of all frames to tracks and find the divisions."""
    input:
        table="<results>/{experiment}/segmentation/{sample}/objects.csv",
    output:
        tracks="<results>/{experiment}/tracking/{sample}/tracks.csv",
        lineages=report(
            "<results>/{experiment}/tracking/{sample}/lineages.csv",
            caption="../report/lineages.rst",
            category="4 Tracking",
            subcategory="{experiment}",
            labels={"result": "Tracks and divisions (table)", "sample": "{sample}"},
        ),
        used="<results>/{experiment}/tracking/{sample}/linking.json",
    log:
        "<logs>/{experiment}/tracking/{sample}/link_nuclei.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/link_nuclei.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=scale_sample_memory(300, 0, 3),
        runtime=scale_sample_runtime(10, 0.05),
    params:
        settings=to_dict(SETTINGS.track),
        frame_interval_min=lambda wildcards: get_sample(wildcards).frame_interval_min,
        code=digest_imports("track/link_nuclei"),
    message:
        "Linking the nuclei of {wildcards.experiment}/{wildcards.sample}"
    script:
        "../scripts/track/link_nuclei.py"


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
        mem_mb=scale_sample_memory(300, 20, 0.5),
        runtime=scale_sample_runtime(5, 0.02),
    params:
        movie=get_movie,
        code=digest_imports("export/write_track_labels"),
    message:
        "Colouring the masks of {wildcards.experiment}/{wildcards.sample} by track"
    script:
        "../scripts/export/write_track_labels.py"


rule export_trackmate:
    """A TrackMate file and, beside it, the movie that Fiji opens with it."""
    input:
        images=list_movie_files,
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
        mem_mb=scale_sample_memory(300, 30, 5),
        runtime=scale_sample_runtime(10, 0.05),
    params:
        movie=get_movie,
        code=digest_imports("export/export_trackmate"),
    message:
        "Writing the TrackMate file of {wildcards.experiment}/{wildcards.sample}"
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
        mem_mb=scale_sample_memory(300, 20, 0.5),
        runtime=scale_sample_runtime(5, 0.02),
    params:
        movie=get_movie,
        code=digest_imports("export/export_ctc"),
    message:
        "Writing the tracks of {wildcards.experiment}/{wildcards.sample} for the CTC tools"
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
        mem_mb=scale_sample_memory(300, 0, 3),
        runtime=scale_sample_runtime(5, 0.01),
    params:
        movie=get_movie,
        code=digest_imports("export/export_geff"),
    message:
        "Writing the tracks of {wildcards.experiment}/{wildcards.sample} as GEFF"
    script:
        "../scripts/export/export_geff.py"


rule measure_motility:
    """Speeds, displacements, densities, mitoses: tables and figures."""
    input:
        image=get_last_file,
        tracks="<results>/{experiment}/tracking/{sample}/tracks.csv",
    output:
        folder=report(
            directory("<results>/{experiment}/tracking/{sample}/motility"),
            patterns=["{figure}.png"],
            caption="../report/motility.rst",
            category="4 Tracking",
            subcategory="{experiment}",
            labels=label_motility,
        ),
    log:
        "<logs>/{experiment}/tracking/{sample}/measure_motility.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/measure_motility.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=scale_sample_memory(500, 40, 2),
        runtime=scale_sample_runtime(10, 0.05),
    params:
        movie=get_movie,
        motility=to_dict(SETTINGS.motility),
        code=digest_imports("measure/measure_motility"),
    message:
        "Measuring the motility of {wildcards.experiment}/{wildcards.sample}"
    script:
        "../scripts/measure/measure_motility.py"
