"""How well the network of a round agrees with the classical annotation."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import json

    from autonuclei.io.files import write_beside
    from autonuclei.io.images import read_image
    from autonuclei.segment.prediction import predict_nuclei
    from autonuclei.train.networks import load_network
    from autonuclei.train.self_training import measure_agreement

    network, device = load_network(
        snakemake.input.model, device=snakemake.params.device, threads=snakemake.threads
    )
    log.info("device: %s", device)
    # The network as it is, on images that the annotation has preprocessed.
    as_it_is = {"refine_boundaries": False, "minimum_sharpness": None, "cut_clumps": False}
    pairs = []
    for paths in zip(
        snakemake.input.images, snakemake.input.objects, snakemake.input.labels, strict=True
    ):
        image, objects, accepted = map(read_image, paths)
        found, _ = predict_nuclei(network, image, **as_it_is)
        pairs.append((found, objects, accepted))
    agreement = measure_agreement(pairs)
    log.info("agreement %.4f on %d images", agreement, len(pairs))
    record = {
        "round": int(snakemake.wildcards.round),
        "agreement": None if agreement != agreement else agreement,
        "n_images": len(pairs),
    }
    with write_beside(snakemake.output.criterion) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n")
