# Tracks of movies: the nuclei that make the best ones, links and divisions. What the user
# corrected in the place of ours.


rule choose_nuclei:
    """Choose the nuclei of a movie that make the best tracks, and draw them."""
    input:
        labels=PLAN.for_stretches(
            "<results>/{experiment}/segmentation/{sample}/alternatives/{first}-{last}.tif"
        ),
        tables=PLAN.for_stretches(
            "<results>/{experiment}/segmentation/{sample}/alternatives/{first}-{last}.csv"
        ),
    output:
        # They stay: should the user correct them, our own are needed again.
        labels="<results>/{experiment}/segmentation/{sample}/chosen/labels.tif",
        nuclei="<results>/{experiment}/segmentation/{sample}/chosen/nuclei.csv",
    log:
        "<logs>/{experiment}/segmentation/{sample}/choose_nuclei.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/choose_nuclei.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(200, 14, 2),
        runtime=NEEDS.sample_min(10, 0.1),
    params:
        names=PLAN.get_names,
        settings=to_dict(SETTINGS.track),
        code=digest_imports("track/choose_nuclei"),
    script:
        "../scripts/track/choose_nuclei.py"


rule link_nuclei:
    """Link the nuclei of all frames to tracks and find the divisions."""
    input:
        table="<results>/{experiment}/segmentation/{sample}/objects.csv",
        # Where the user corrected tracks, they are taken from there.
        links=PLAN.if_linked("<results>/{experiment}/segmentation/{sample}/corrected/links.csv"),
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
        mem_mb=NEEDS.sample_mb(210, 0, 0.6),
        runtime=NEEDS.sample_min(10, 0.05),
    params:
        settings=to_dict(SETTINGS.track),
        frame_interval_min=lambda wildcards: PLAN.get_sample(wildcards).frame_interval_min,
        columns=PLAN.get_columns,
        code=digest_imports("track/link_nuclei"),
    script:
        "../scripts/track/link_nuclei.py"


# What the user corrected takes the place of our results. Ours are made as ever, in `before/`, and
# compared with the corrected ones.


use rule join_movie as join_before with:
    input:
        labels=PLAN.for_stretches(
            "<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.tif",
            given="<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.tif",
            chosen="<results>/{experiment}/segmentation/{sample}/chosen/labels.tif",
        ),
    output:
        labels="<results>/{experiment}/segmentation/{sample}/before/labels.tif",
    log:
        "<logs>/{experiment}/segmentation/{sample}/before/join_movie.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/before/join_movie.tsv"


use rule write_stills as write_before with:
    input:
        labels=PLAN.for_stretches(
            "<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.tif",
            given="<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.tif",
        ),
        planes=PLAN.for_stretches(
            "<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.planes.csv",
            given="<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.planes.csv",
        ),
    output:
        labels=directory("<results>/{experiment}/segmentation/{sample}/before/labels"),
        skipped=temp("<results>/{experiment}/segmentation/{sample}/before/skipped.csv"),
    log:
        "<logs>/{experiment}/segmentation/{sample}/before/write_stills.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/before/write_stills.tsv"


use rule measure_nuclei as measure_before with:
    input:
        images=PLAN.list_sample_files,
        labels=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/before/labels.tif",
            stills="<results>/{experiment}/segmentation/{sample}/before/labels",
        ),
        probability=PLAN.for_stretches(
            "<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.csv",
            given="<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.csv",
            chosen="<results>/{experiment}/segmentation/{sample}/chosen/nuclei.csv",
        ),
        planes=PLAN.for_stretches(
            "<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.planes.csv",
            given="<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.planes.csv",
        ),
    output:
        table="<results>/{experiment}/segmentation/{sample}/before/objects.csv",
        planes=temp("<results>/{experiment}/segmentation/{sample}/before/planes.csv"),
    log:
        "<logs>/{experiment}/segmentation/{sample}/before/measure_nuclei.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/before/measure_nuclei.tsv"


use rule link_nuclei as link_before with:
    input:
        table="<results>/{experiment}/segmentation/{sample}/before/objects.csv",
    output:
        tracks="<results>/{experiment}/segmentation/{sample}/before/tracks.csv",
        lineages="<results>/{experiment}/segmentation/{sample}/before/lineages.csv",
        used="<results>/{experiment}/segmentation/{sample}/before/linking.json",
    log:
        "<logs>/{experiment}/segmentation/{sample}/before/link_nuclei.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/before/link_nuclei.tsv"


rule apply_corrections:
    """Take nuclei, and links where there are some, from what the user corrected."""
    input:
        corrected=PLAN.list_corrected_files,
        labels=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/before/labels.tif",
            stills="<results>/{experiment}/segmentation/{sample}/before/labels",
        ),
        # Spots of a TrackMate file are rows of our tracks.
        nuclei=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/before/tracks.csv",
            stills="<results>/{experiment}/segmentation/{sample}/before/objects.csv",
        ),
    output:
        labels=temp("<results>/{experiment}/segmentation/{sample}/corrected/labels.tif"),
        probability=temp("<results>/{experiment}/segmentation/{sample}/corrected/probability.csv"),
        links=temp("<results>/{experiment}/segmentation/{sample}/corrected/links.csv"),
        notes="<results>/{experiment}/segmentation/{sample}/correction_notes.csv",
    log:
        "<logs>/{experiment}/segmentation/{sample}/apply_corrections.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/apply_corrections.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(400, 60, 5),
        runtime=NEEDS.sample_min(10, 0.05),
    params:
        corrected=PLAN.describe_correction,
        names=PLAN.get_names,
        n_frames=lambda wildcards: PLAN.get_sample(wildcards).n_frames,
        shape=PLAN.get_shape,
        code=digest_imports("track/apply_corrections"),
    script:
        "../scripts/track/apply_corrections.py"


rule compare_corrections:
    """How much the user changed, and how that moved the numbers."""
    input:
        labels=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/labels.tif",
            stills="<results>/{experiment}/segmentation/{sample}/labels",
        ),
        labels_before=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/before/labels.tif",
            stills="<results>/{experiment}/segmentation/{sample}/before/labels",
        ),
        nuclei=PLAN.by_kind(
            movie="<results>/{experiment}/tracking/{sample}/tracks.csv",
            stills="<results>/{experiment}/segmentation/{sample}/objects.csv",
        ),
        nuclei_before=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/before/tracks.csv",
            stills="<results>/{experiment}/segmentation/{sample}/before/objects.csv",
        ),
    output:
        table=report(
            "<results>/{experiment}/segmentation/{sample}/corrections.csv",
            caption="../report/corrections.rst",
            category="3 Segmentation",
            subcategory="{experiment}",
            labels={"result": "What was corrected (table)", "sample": "{sample}"},
        ),
        frames="<results>/{experiment}/segmentation/{sample}/corrections_by_frame.csv",
        numbers=report(
            "<results>/{experiment}/segmentation/{sample}/corrected_numbers.csv",
            caption="../report/corrections.rst",
            category="3 Segmentation",
            subcategory="{experiment}",
            labels={"result": "Numbers before and after (table)", "sample": "{sample}"},
        ),
    log:
        "<logs>/{experiment}/segmentation/{sample}/compare_corrections.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/compare_corrections.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(500, 60, 5),
        runtime=NEEDS.sample_min(10, 0.05),
    params:
        movie=PLAN.describe_movie,
        is_movie=lambda wildcards: PLAN.get_sample(wildcards).kind == "movie",
        names=PLAN.get_names,
        motility=to_dict(SETTINGS.motility),
        columns=PLAN.get_columns,
        code=digest_imports("track/compare_corrections"),
    script:
        "../scripts/track/compare_corrections.py"
