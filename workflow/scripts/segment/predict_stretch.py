"""Find the nuclei in a stretch of frames, or draw those that were found in a large frame."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import numpy as np
    import psutil

    from autonuclei.annotate.foreground import is_empty
    from autonuclei.segment.large_frames import write_large_frame
    from autonuclei.segment.memory import fit_tile
    from autonuclei.segment.prediction import predict_nuclei
    from autonuclei.segment.stretches import write_stretch
    from autonuclei.settings import PreprocessSettings
    from autonuclei.train.networks import load_network

    params = snakemake.params
    drawing = {
        "refine_boundaries": params.refine_boundaries,
        "minimum_sharpness": params.minimum_sharpness,
        "cut_clumps": params.cut_clumps,
    }
    writing = {
        "planes": params.planes,
        "labels": snakemake.output.labels,
        "probability": snakemake.output.probability,
        "record": snakemake.output.planes,
        "is_movie": params.is_movie,
        "keep_pages": params.keep_pages,
        "skip_unreadable": params.skip_unreadable,
        "log": log,
    }

    def predict_frames():
        network, device = load_network(
            snakemake.input.model, device=params.device, threads=snakemake.threads
        )
        log.info("device: %s", device)
        preprocess = PreprocessSettings(**params.preprocess)
        # What the machine has free now may be less than what the job asked for.
        memory_mb = min(snakemake.resources.mem_mb, psutil.virtual_memory().available / 1e6)

        def find_nuclei(frame, image):
            if is_empty(image, params.minimum_contrast):
                log.warning("frame %d: no contrast beyond its noise, no nuclei", frame)
                return np.zeros(image.shape, np.int32), None
            megapixels = image.size / 1e6
            seen = megapixels * (preprocess.scale * network.scale) ** 2
            labels, probability = predict_nuclei(
                network,
                image,
                preprocess=preprocess,
                megapixels_per_tile=fit_tile(network, memory_mb, megapixels, seen),
                minimum_probability=params.minimum_probability,
                **drawing,
            )
            log.info("frame %d: %d nuclei", frame, len(probability))
            return labels, probability

        write_stretch(find_nuclei, **writing)

    if params.block_px is None:
        predict_frames()
    else:
        write_large_frame(
            snakemake.input.numbers,
            snakemake.input.polygons,
            side=params.block_px,
            drawing=drawing,
            folder=snakemake.resources.tmpdir,
            **writing,
        )
