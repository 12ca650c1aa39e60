"""Measure the quality of each image of a sample, without a ground truth."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.evaluate.quality import Annotated, Page, measure_sample
    from autonuclei.evaluate.verdicts import judge_frames
    from autonuclei.io.images import PlaneReader, read_image
    from autonuclei.io.label_store import LabelStore
    from autonuclei.io.tables import add_columns, read_table, write_table
    from autonuclei.labels.blocks import Block
    from autonuclei.labels.strips import hold
    from autonuclei.segment.planes import TEXT_COLUMNS

    params = snakemake.params
    fields = list(
        zip(params.annotated, snakemake.input.objects, snakemake.input.nuclei, strict=True)
    )

    def read_pages(read, masks):
        for frame, plane in params.planes.items():
            image = read(**plane) if masks.has(frame) else None
            if image is None or read.problem:
                log.warning("frame %d: was not segmented", frame)
                yield Page(frame, None, None)
            else:
                yield Page(frame, image, hold(masks.defer(frame)))

    def read_annotation(frame):
        for (index, window), *paths in fields:
            if index == frame:
                yield Annotated(*map(read_image, paths), Block(*window).slices)

    read_planes = read_table(snakemake.input.planes, text=TEXT_COLUMNS)
    with PlaneReader() as read, LabelStore(snakemake.input.labels, params.names) as masks:
        images, calibration = measure_sample(
            read_pages(read, masks),
            read_table(snakemake.input.table),
            is_movie=params.is_movie,
            digests=dict(zip(read_planes["frame"], read_planes["sha256"], strict=True)),
            read_annotation=read_annotation,
            scale=params.scale,
        )
    log.info("%d images", len(images))
    images.insert(1, "image", images["frame"].map(params.names))
    images.insert(2, "quality", judge_frames(images))
    write_table(snakemake.output.images, add_columns(images, params.columns))
    write_table(snakemake.output.calibration, add_columns(calibration, params.columns))
