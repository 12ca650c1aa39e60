# What a person reads: figures, films, a page for each experiment, what made its results, and what
# `snakemake --report` needs.


report: "../report/workflow.rst"


rule draw_annotation_overlay:
    """Draw the annotated objects of one frame over its image, accepted and rejected."""
    input:
        image=PLAN.for_shown("<results>/{experiment}/annotation/{sample}/{frame}/image.tif"),
        objects=PLAN.for_shown("<results>/{experiment}/annotation/{sample}/{frame}/objects.tif"),
        table="<results>/{experiment}/annotation/objects.csv",
    output:
        png=report(
            "<results>/{experiment}/figures/annotation_overlay.png",
            caption="../report/annotation_overlay.rst",
            category="1 Annotation",
            subcategory="{experiment}",
            labels={"result": "Accepted and rejected objects"},
        ),
    log:
        "<logs>/{experiment}/figures/draw_annotation_overlay.log",
    benchmark:
        "<logs>/{experiment}/figures/draw_annotation_overlay.tsv"
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.shown_mb(260, 75),
        runtime=grow(20),
    params:
        shown=PLAN.describe_shown,
        code=digest_imports("report/draw_annotation_overlay"),
    script:
        "../scripts/report/draw_annotation_overlay.py"


rule draw_annotation_steps:
    """Draw the steps of the annotation of one frame side by side."""
    input:
        image=PLAN.for_shown("<results>/{experiment}/annotation/{sample}/{frame}/image.tif"),
        foreground=PLAN.for_shown(
            "<results>/{experiment}/annotation/{sample}/{frame}/foreground.tif"
        ),
        objects=PLAN.for_shown("<results>/{experiment}/annotation/{sample}/{frame}/objects.tif"),
        labels=PLAN.for_shown("<results>/{experiment}/annotation/{sample}/{frame}/labels.tif"),
        table="<results>/{experiment}/annotation/objects.csv",
    output:
        png=report(
            "<results>/{experiment}/figures/annotation_steps.png",
            caption="../report/annotation_steps.rst",
            category="1 Annotation",
            subcategory="{experiment}",
            labels={"result": "Steps of the annotation"},
        ),
    log:
        "<logs>/{experiment}/figures/draw_annotation_steps.log",
    benchmark:
        "<logs>/{experiment}/figures/draw_annotation_steps.tsv"
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.shown_mb(290, 100),
        runtime=grow(20),
    params:
        shown=PLAN.describe_shown,
        settings=to_dict(SETTINGS.annotate),
        seed=SETTINGS.seed,
        code=digest_imports("report/draw_annotation_steps"),
    script:
        "../scripts/report/draw_annotation_steps.py"


rule plot_loss:
    """Plot the loss over the epochs."""
    input:
        history="<results>/{experiment}/training/loss.csv",
    output:
        svg="<results>/{experiment}/training/loss.svg",
        png=report(
            "<results>/{experiment}/training/loss.png",
            caption="../report/loss.rst",
            category="2 Training",
            subcategory="{experiment}",
            labels={"result": "Loss over the epochs"},
        ),
    log:
        "<logs>/{experiment}/plot_loss.log",
    benchmark:
        "<logs>/{experiment}/plot_loss.tsv"
    localrule: True
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=240,
        runtime=10,
    params:
        code=digest_imports("report/plot_loss"),
    script:
        "../scripts/report/plot_loss.py"


rule draw_counts:
    """Count objects and nuclei, image by image."""
    input:
        objects=PLAN.if_annotated("<results>/{experiment}/annotation/objects.csv"),
        tables=PLAN.for_samples("<results>/{experiment}/segmentation/{sample}/objects.csv"),
        planes=PLAN.for_samples("<results>/{experiment}/segmentation/{sample}/planes.csv"),
        quality=PLAN.for_samples("<results>/{experiment}/quality/samples/{sample}/images.csv"),
        labels=PLAN.for_samples(
            "<results>/{experiment}/segmentation/{sample}/labels.tif",
            stills="<results>/{experiment}/segmentation/{sample}/labels",
        ),
    output:
        table=report(
            "<results>/{experiment}/figures/counts.csv",
            caption="../report/counts_table.rst",
            category="3 Segmentation",
            subcategory="{experiment}",
            labels={"result": "Nuclei, image by image (table)"},
        ),
        svg="<results>/{experiment}/figures/counts.svg",
        png=report(
            "<results>/{experiment}/figures/counts.png",
            caption="../report/counts.rst",
            category="3 Segmentation",
            subcategory="{experiment}",
            labels={"result": "Nuclei, image by image"},
        ),
    log:
        "<logs>/{experiment}/figures/draw_counts.log",
    benchmark:
        "<logs>/{experiment}/figures/draw_counts.tsv"
    localrule: True
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.experiment_mb(235, 1),
        runtime=grow(20),
    params:
        samples=PLAN.describe_counted,
        columns=PLAN.get_sample_columns,
        code=digest_imports("report/draw_counts"),
    script:
        "../scripts/report/draw_counts.py"


rule plot_f1:
    """Plot F1 over the IoU threshold."""
    input:
        metrics="<results>/{experiment}/evaluation/metrics.csv",
        summary="<results>/{experiment}/evaluation/summary.csv",
    output:
        svg="<results>/{experiment}/evaluation/f1_over_iou.svg",
        png=report(
            "<results>/{experiment}/evaluation/f1_over_iou.png",
            caption="../report/f1_over_iou.rst",
            category="8 Quality",
            subcategory="{experiment}",
            labels={"result": "F1 over the IoU threshold"},
        ),
    log:
        "<logs>/{experiment}/plot_f1.log",
    benchmark:
        "<logs>/{experiment}/plot_f1.tsv"
    localrule: True
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=250,
        runtime=10,
    params:
        code=digest_imports("report/plot_f1"),
    script:
        "../scripts/report/plot_f1.py"


rule draw_comparison:
    """Draw the worst, a median and the best region of truth and prediction side by side."""
    input:
        truth=lambda wildcards: [case["truth"] for case in PLAN.list_segmented_cases(wildcards)],
        labels=lambda wildcards: [case["labels"] for case in PLAN.list_segmented_cases(wildcards)],
        images=lambda wildcards: [
            path for case in PLAN.list_segmented_cases(wildcards) for path in case["files"]
        ],
        # Its job says what is wrong with a truth; once is enough.
        metrics="<results>/{experiment}/evaluation/metrics.csv",
    output:
        png=report(
            "<results>/{experiment}/figures/comparison.png",
            caption="../report/comparison.rst",
            category="3 Segmentation",
            subcategory="{experiment}",
            labels={"result": "Truth and prediction side by side"},
        ),
    log:
        "<logs>/{experiment}/figures/draw_comparison.log",
    benchmark:
        "<logs>/{experiment}/figures/draw_comparison.tsv"
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.truth_mb(360, 40, beyond=8),
        runtime=grow(60),
    params:
        cases=PLAN.list_segmented_cases,
        iou=0.5,
        code=digest_imports("report/draw_comparison"),
    script:
        "../scripts/report/draw_comparison.py"


rule draw_mosaic:
    """Draw a very large image with all its nuclei, and parts of it in full."""
    input:
        image=lambda wildcards: PLAN.describe_mosaic(wildcards)["files"],
        labels=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/labels.tif",
            stills="<results>/{experiment}/segmentation/{sample}/labels",
        ),
        table="<results>/{experiment}/segmentation/{sample}/objects.csv",
    output:
        png=report(
            "<results>/{experiment}/figures/mosaic_{sample}.png",
            caption="../report/mosaic.rst",
            category="3 Segmentation",
            subcategory="{experiment}",
            labels={"result": "All nuclei of {sample}"},
        ),
    log:
        "<logs>/{experiment}/figures/draw_mosaic_{sample}.log",
    benchmark:
        "<logs>/{experiment}/figures/draw_mosaic_{sample}.tsv"
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(500, 16, beyond=5),
        runtime=grow(30),
    params:
        shown=PLAN.describe_mosaic,
        code=digest_imports("report/draw_mosaic"),
    script:
        "../scripts/report/draw_mosaic.py"


rule film_movie:
    """Two films: outlines over the raw movie, and tracks coloured by speed."""
    input:
        images=PLAN.list_sample_files,
        tracks="<results>/{experiment}/tracking/{sample}/tracks.csv",
        labels="<results>/{experiment}/segmentation/{sample}/labels.tif",
    output:
        outlines="<results>/{experiment}/tracking/{sample}/outlines.mp4",
        tracks="<results>/{experiment}/tracking/{sample}/tracks.mp4",
    log:
        "<logs>/{experiment}/tracking/{sample}/film_movie.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/film_movie.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(250, 40, 0.5, beyond=8),
        runtime=NEEDS.sample_min(10, 0.05),
    params:
        movie=PLAN.describe_movie,
        film=to_dict(SETTINGS.film),
        motility=to_dict(SETTINGS.motility),
        code=digest_imports("report/film_movie"),
    script:
        "../scripts/report/film_movie.py"


rule write_provenance:
    """Write what was read, versions, settings, seeds and checksums beside the results."""
    input:
        raw=PLAN.list_raw_files,
        model=PLAN.get_model,
        tables=PLAN.for_samples("<results>/{experiment}/segmentation/{sample}/objects.csv"),
        planes=PLAN.for_samples("<results>/{experiment}/segmentation/{sample}/planes.csv"),
    output:
        record=report(
            "<results>/{experiment}/provenance/provenance.json",
            caption="../report/provenance.rst",
            category="9 Provenance",
            subcategory="{experiment}",
            labels={"result": "Versions, settings, checksums"},
        ),
        config=report(
            "<results>/{experiment}/provenance/config.yaml",
            caption="../report/provenance.rst",
            category="9 Provenance",
            subcategory="{experiment}",
            labels={"result": "Configuration to run it again"},
        ),
        # A run with the saved configuration reads this very file.
        sheet=update(
            report(
                "<results>/{experiment}/provenance/samples.tsv",
                caption="../report/provenance.rst",
                category="9 Provenance",
                subcategory="{experiment}",
                labels={"result": "Sample sheet"},
            )
        ),
        inputs=report(
            "<results>/{experiment}/provenance/inputs.csv",
            caption="../report/inputs.rst",
            category="0 Overview",
            subcategory="{experiment}",
            labels={"result": "What was read (table)"},
        ),
    log:
        "<logs>/{experiment}/write_provenance.log",
    benchmark:
        "<logs>/{experiment}/write_provenance.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.experiment_mb(165, 0.1),
        runtime=grow(60),
    params:
        # By its content: a copy in another place, such as the saved one, is the same sheet.
        sheet=hash_files([SETTINGS.samples])[SETTINGS.samples],
        settings={key: value for key, value in to_dict(SETTINGS).items() if key != "samples"},
        samples=PLAN.describe_samples,
        inputs=PLAN.describe_inputs,
        # A file that was replaced, by an older one too, is another input.
        stamps=PLAN.stamp_raw_files,
        stamps_of_frames=PLAN.list_stamps,
        code=digest_imports("report/write_provenance"),
        package=digest_package(),
    script:
        "../scripts/report/write_provenance.py"


rule draw_segmentation:
    """Show the nuclei of the frame that stands for a sample."""
    input:
        images=PLAN.list_sample_files,
        labels=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/labels.tif",
            stills="<results>/{experiment}/segmentation/{sample}/labels",
        ),
        objects=PLAN.by_kind(
            movie="<results>/{experiment}/tracking/{sample}/tracks.csv",
            stills="<results>/{experiment}/segmentation/{sample}/objects.csv",
        ),
    output:
        picture=report(
            "<results>/{experiment}/segmentation/{sample}/overview.jpg",
            caption="../report/segmentation.rst",
            category="3 Segmentation",
            subcategory="{experiment}",
            labels={"result": "Nuclei found in {sample}"},
        ),
        view="<results>/{experiment}/segmentation/{sample}/overview.json",
    log:
        "<logs>/{experiment}/segmentation/{sample}/draw_segmentation.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/draw_segmentation.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(290, 40, 0.3, beyond=12),
        runtime=grow(20),
    params:
        planes=PLAN.describe_planes,
        names=PLAN.get_names,
        pixel_sizes=PLAN.get_pixel_sizes,
        code=digest_imports("report/draw_segmentation"),
    script:
        "../scripts/report/draw_segmentation.py"


rule make_summary:
    """Write the page of an experiment that is read first."""
    input:
        results=lambda wildcards: PLAN.list_experiment(wildcards.experiment, pages=False),
        views=PLAN.for_samples("<results>/{experiment}/segmentation/{sample}/overview.json"),
    output:
        # Not in the report: browsers show no page of more than 2 MB within another.
        page="<results>/{experiment}/summary.html",
        short=report(
            "<results>/{experiment}/summary_short.html",
            caption="../report/summary.rst",
            category="0 Overview",
            subcategory="{experiment}",
            labels={"result": "What came out"},
        ),
        table=report(
            "<results>/{experiment}/summary.csv",
            caption="../report/summary.rst",
            category="0 Overview",
            subcategory="{experiment}",
            labels={"result": "What went in and came out (table)"},
        ),
    log:
        "<logs>/{experiment}/make_summary.log",
    benchmark:
        "<logs>/{experiment}/make_summary.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.experiment_mb(330, 1),
        runtime=grow(10),
    params:
        sizes=PLAN.describe_sizes,
        inputs=PLAN.describe_inputs,
        columns=PLAN.get_sample_columns,
        code=digest_imports("report/make_summary"),
    script:
        "../scripts/report/make_summary.py"


rule list_unfinished:
    """Name what is missing of an unfinished run, for its report."""
    output:
        table=report(
            "<results>/unfinished.csv",
            caption="../report/unfinished.rst",
            category="0 Overview",
            labels={"result": "What is missing (table)"},
        ),
    log:
        "<logs>/list_unfinished.log",
    benchmark:
        "<logs>/list_unfinished.tsv"
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=180,
        runtime=10,
    params:
        missing=lambda wildcards: list_missing(),
        code=digest_imports("report/list_unfinished"),
    script:
        "../scripts/report/list_unfinished.py"
