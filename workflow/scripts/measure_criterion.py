"""How far a network contradicts itself on changed copies of the same images."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import json

    from autonuclei.annotation import is_empty
    from autonuclei.files import write_beside
    from autonuclei.images import read_plane
    from autonuclei.networks import choose_device, load_model
    from autonuclei.prediction import predict_nuclei
    from autonuclei.preprocessing import preprocess_image
    from autonuclei.self_training import measure_consistency

    log.info("device: %s", choose_device(snakemake.params.device, snakemake.threads))
    model = load_model(snakemake.input.model)

    def find(image):
        tile = snakemake.params.megapixels_per_tile
        return predict_nuclei(model, image, preprocess={}, megapixels_per_tile=tile)[0]

    images = [
        preprocess_image(read_plane(**plane), **snakemake.params.preprocess)
        for plane in snakemake.params.planes
    ]
    images = [image for image in images if not is_empty(image, snakemake.params.minimum_contrast)]
    consistency = measure_consistency(find, images)
    log.info("consistency %.4f on %d images", consistency, len(images))
    record = {
        "round": int(snakemake.wildcards.round),
        "consistency": None if consistency != consistency else consistency,
        "n_images": len(images),
    }
    with write_beside(snakemake.output.criterion) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n")
