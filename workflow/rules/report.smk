# What a person reads: a page for each experiment, and what `snakemake --report` needs.

# Captions take the numbers of this run from the very files that they describe. Snakemake renders
# them with Jinja when it makes the report, and its Environment copies these filters.
DEFAULT_FILTERS["read_table"] = read_table
DEFAULT_FILTERS["read_json"] = lambda path: json.loads(Path(path).read_text())
DEFAULT_FILTERS["show"] = format_number


report: "../report/workflow.rst"


rule draw_segmentation:
    """Show the nuclei of the frame that stands for a sample."""
    input:
        images=lambda wildcards: list_frame_files(get_sample(wildcards)),
        labels=lambda wildcards: get_labels(wildcards.experiment, wildcards.sample),
        objects=get_found_nuclei,
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
        mem_mb=scale_sample_memory(1000, 60),
        runtime=grow(20),
    params:
        planes=lambda wildcards: {
            frame.index: describe_plane(get_sample(wildcards), frame)
            for frame in get_sample(wildcards).frames
        },
        names=get_frame_names,
        pixel_size_um=lambda wildcards: get_sample(wildcards).pixel_size_um,
        code=digest_imports("report/draw_segmentation"),
    message:
        "Drawing the nuclei of {wildcards.experiment}/{wildcards.sample}"
    script:
        "../scripts/report/draw_segmentation.py"


rule make_summary:
    """Write the page of an experiment that is read first."""
    input:
        results=list_summarised,
        views=list_views,
    output:
        # Not in the report: browsers show no page of more than 2 MB within another.
        page="<results>/{experiment}/summary.html",
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
        mem_mb=grow(2000),
        runtime=grow(10),
    params:
        sizes=lambda wildcards: {
            sample.name: sorted({(frame.height, frame.width) for frame in sample.frames})
            for sample in list_samples(wildcards.experiment)
        },
        code=digest_imports("report/make_summary"),
    message:
        "Writing the overview of {wildcards.experiment}"
    script:
        "../scripts/report/make_summary.py"
