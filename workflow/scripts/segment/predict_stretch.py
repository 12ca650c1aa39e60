"""Find the nuclei in a stretch of frames."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import numpy as np
    import pandas as pd
    import psutil
    import tifffile

    from autonuclei.annotate.foreground import is_empty
    from autonuclei.errors import InputError
    from autonuclei.io.files import write_beside
    from autonuclei.io.hyperstack import label_dtype
    from autonuclei.io.images import PlaneReader
    from autonuclei.io.tables import concatenate_tables, write_table
    from autonuclei.segment.memory import fit_tile
    from autonuclei.segment.planes import read_frame
    from autonuclei.segment.prediction import predict_nuclei
    from autonuclei.settings import PreprocessSettings
    from autonuclei.train.networks import choose_device, load_model

    params = snakemake.params
    log.info("device: %s", choose_device(params.device, snakemake.threads))
    network = load_model(snakemake.input.model)
    preprocess = PreprocessSettings(**params.preprocess)
    # What the machine has free now may be less than what the job asked for.
    memory_mb = min(snakemake.resources.mem_mb, psutil.virtual_memory().available / 1e6)

    def segment_image(frame, image):
        if is_empty(image, params.minimum_contrast):
            log.warning("frame %d: no contrast beyond its noise, no nuclei", frame)
            return np.zeros(image.shape, np.int32), np.zeros(0)
        return predict_nuclei(
            network,
            image,
            preprocess=preprocess,
            megapixels_per_tile=fit_tile(memory_mb, image.size / 1e6 * max(1, network.scale**2)),
            minimum_probability=params.minimum_probability,
            refine_boundaries=params.refine_boundaries,
            minimum_sharpness=params.minimum_sharpness,
            cut_clumps=params.cut_clumps,
        )

    records, tables, problems = [], [], []
    must_end = False
    with (
        write_beside(snakemake.output.labels) as partial,
        tifffile.TiffWriter(partial, bigtiff=True) as tiff,
        PlaneReader() as read,
    ):
        for frame, plane in params.planes.items():
            image, record = read_frame(read, frame, plane)
            records.append(record)
            if record["problem"]:
                log.warning("frame %d: %s", frame, record["problem"])
            # A movie may have a dark frame; a still that is one is a mistake.
            is_dark = record["minimum"] == record["maximum"]
            if record["problem"] and not (params.is_movie and is_dark):
                problems.append(record["problem"])
                must_end |= not params.skip_unreadable or (params.keep_pages and image is None)
                if image is None or not params.keep_pages:
                    continue
                image = np.zeros_like(image)
            if must_end:
                continue  # the job fails; only the other problems are of interest
            labels, probability = segment_image(frame, image)
            n = len(probability)
            log.info("frame %d: %d nuclei", frame, n)
            tiff.write(
                labels.astype(label_dtype(n)),
                compression="zstd",
                compressionargs={"level": 1},
                contiguous=False,
                metadata=None,
            )
            numbers = {"frame": frame, "label": np.arange(1, n + 1)}
            tables.append(pd.DataFrame(numbers | {"probability": probability}))
        if must_end:
            raise InputError("\nERROR ".join(problems))
    columns = ("frame", "label", "probability")
    write_table(snakemake.output.probability, concatenate_tables(tables, columns))
    write_table(snakemake.output.planes, pd.DataFrame(records))
