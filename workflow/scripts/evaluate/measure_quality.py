"""Measure the quality of each image of a sample, without a ground truth."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from pathlib import Path

    import numpy as np

    from autonuclei.annotate.preprocessing import rescale_labels
    from autonuclei.evaluate.masks import crop_labels
    from autonuclei.evaluate.quality import (
        CALIBRATION_COLUMNS,
        SAMPLE_COLUMNS,
        measure_sample,
    )
    from autonuclei.io.images import read_image, read_plane
    from autonuclei.labels.measurement import read_table, write_table

    folder = Path(snakemake.input.labels)
    params = snakemake.params

    def read_pages():
        for frame, plane in zip(params.frames, params.planes, strict=True):
            path, page = folder, frame
            if folder.is_dir():
                path, page = folder / f"{params.names[frame]}.tif", 0
            if not path.exists():  # a still that was passed over; `check_stills` fails for it
                log.warning("frame %d: was not segmented", frame)
                yield frame, np.zeros((1, 1)), None
            else:
                labels = read_plane(path, frame=page)
                yield frame, read_plane(**plane), np.asarray(labels).astype(np.int32)

    annotated = {
        frame: pair
        for frame, *pair in zip(
            params.annotated, snakemake.input.objects, snakemake.input.nuclei, strict=True
        )
    }

    def read_annotation(frame):
        if frame not in annotated:
            return None
        return tuple(read_image(path).astype(np.int32) for path in annotated[frame])

    def prepare_labels(labels):
        return rescale_labels(
            crop_labels(labels, params.preprocess["crop"]), params.preprocess["scale"]
        )

    table = read_table(snakemake.input.table)
    probability = {}
    for frame in params.frames:
        own = table["frame"] == frame
        by_label = np.full(int(table["label"][own].max(initial=0)) + 1, np.nan)
        by_label[table["label"][own]] = table["probability"][own]
        probability[frame] = by_label
    rows, calibration = measure_sample(
        read_pages(),
        is_movie=params.is_movie,
        read_annotation=read_annotation,
        prepare_labels=prepare_labels,
        probability=probability,
    )
    log.info("%d images", len(rows))
    for row in rows:
        row["image"] = params.names[row["frame"]]
    columns = ("frame", "image", *SAMPLE_COLUMNS)
    write_table(snakemake.output.images, {name: [r[name] for r in rows] for name in columns})
    write_table(
        snakemake.output.calibration,
        {name: [r[name] for r in calibration] for name in CALIBRATION_COLUMNS},
    )
