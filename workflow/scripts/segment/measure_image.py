"""Measure what the blocks of a large image share."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import tempfile
    from pathlib import Path

    from autonuclei.io.images import PlaneReader
    from autonuclei.segment.block_polygons import write_numbers
    from autonuclei.segment.image_numbers import measure_image
    from autonuclei.segment.planes import read_frame

    params = snakemake.params
    frame = int(snakemake.wildcards.frame)
    with (
        PlaneReader() as read,
        tempfile.TemporaryDirectory(dir=snakemake.resources.tmpdir) as folder,
    ):
        image, record = read_frame(read, frame, params.plane, Path(folder, "image.raw"))
        numbers = None
        if record["problem"]:
            log.warning("frame %d: %s", frame, record["problem"])
        else:
            numbers = measure_image(
                image, params.preprocess, minimum_contrast=params.minimum_contrast
            )
            log.info("frame %d: %s", frame, numbers)
    write_numbers(snakemake.output.numbers, record, numbers)
