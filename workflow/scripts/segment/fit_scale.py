"""Find the scale at which a given model suits the images of an experiment."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.errors import InputError
    from autonuclei.io.images import PlaneReader
    from autonuclei.segment.scales import fit_scale, write_fitted_model
    from autonuclei.settings import AnnotateSettings, PreprocessSettings
    from autonuclei.train.networks import choose_device, load_model

    params = snakemake.params
    log.info("device: %s", choose_device(params.device, snakemake.threads))
    network = load_model(snakemake.input.model)
    images = []
    with PlaneReader() as read:
        for plane in params.planes:
            # What is wrong with an image is for the prediction to tell.
            try:
                image = read(**plane | {"skip_broken": True})
            except InputError as error:
                log.warning("not used: %s", error)
                continue
            if not read.problem:
                images.append(image)
    scale, trials = fit_scale(
        network,
        images,
        annotate=AnnotateSettings(**params.annotate),
        preprocess=PreprocessSettings(**params.preprocess),
    )
    for trial in trials:
        log.info("scale %.3f: agreement with the annotation %.3f", trial.scale, trial.agreement)
    log.info("scale %.3f; that of the model is %.3f", scale, network.scale)
    write_fitted_model(snakemake.output.model, snakemake.input.model, network.model, scale, trials)
