"""Take the finished label images of a stretch of frames in the place of a prediction."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.io.images import find_range
    from autonuclei.io.label_images import LabelReader
    from autonuclei.segment.given_labels import prepare_labels
    from autonuclei.segment.stretches import write_stretch

    params = snakemake.params
    with LabelReader() as read_labels:

        def find_nuclei(frame, image):
            given = params.labels[frame]
            labels, remarks = prepare_labels(
                read_labels.take(given["path"], given["page"], given["window"]),
                image.shape,
                name=given["path"],
            )
            log.info("frame %d: largest number %d", frame, find_range(labels)[1])
            for remark in remarks:
                log.warning("frame %d: %s", frame, remark)
            return labels, None

        write_stretch(
            find_nuclei,
            params.planes,
            labels=snakemake.output.labels,
            probability=snakemake.output.probability,
            record=snakemake.output.planes,
            is_movie=params.is_movie,
            keep_pages=params.is_movie,
            skip_unreadable=params.skip_unreadable,
            log=log,
        )
