# What the rules of the figures show: frames, cases, and which figures an experiment has.


def get_shown_frame(experiment):
    """The frame that the figures of the annotation show: the middle one of those learned from."""
    frames = [
        (sample, index)
        for sample in list_samples(experiment)
        if is_annotated(sample)
        for index in sample.train
    ]
    return frames[len(frames) // 2] if frames else None


def describe_shown_frame(wildcards):
    sample, index = get_shown_frame(wildcards.experiment)
    size = sample.pixel_size_um
    # Of the image that is annotated, which may be rescaled.
    size = size and size / SETTINGS.preprocess.scale
    return {"sample": sample.name, "frame": index, "pixel_size_um": size}


def get_shown_file(name):
    def file(wildcards):
        sample, index = get_shown_frame(wildcards.experiment)
        return f"<results>/{wildcards.experiment}/annotation/{sample.name}/{index:04d}/{name}"

    return file


def count_shown_megapixels(wildcards):
    sample, index = get_shown_frame(wildcards.experiment)
    frame = sample.frame(index)
    return frame.height * frame.width / 1e6


def list_shown_cases(wildcards):
    """Every segmented frame with a ground truth, with what is needed to draw it."""
    cases = []
    for case in list_cases(wildcards):
        if case["stage"] == "segmentation":
            sample = SAMPLES[wildcards.experiment, case["sample"]]
            frame = sample.frame(case["frame"])
            shown = {"name": frame.name, "plane": describe_plane(sample, frame)}
            cases.append(case | shown | {"pixel_size_um": sample.pixel_size_um})
    return cases


def describe_counted(wildcards):
    """Of each sample the names of its frames by number, and which of them are annotated."""
    return [
        {
            "sample": sample.name,
            "names": {frame.index: frame.name for frame in sample.frames},
            "annotated": list_annotated(sample),
        }
        for sample in list_samples(wildcards.experiment)
    ]


def get_annotated_objects(wildcards):
    if any(list_annotated(sample) for sample in list_samples(wildcards.experiment)):
        return {"objects": f"<results>/{wildcards.experiment}/annotation/objects.csv"}
    return {}


def get_mosaic(sample):
    """The first of the largest frames of a sample, if it is large enough for a mosaic."""
    largest = max(sample.frames, key=lambda frame: frame.height * frame.width)
    limit = 16
    return largest if largest.height * largest.width / 1e6 >= limit else None


def describe_mosaic(wildcards):
    sample = get_sample(wildcards)
    frame = get_mosaic(sample)
    return {"frame": frame.index, "name": frame.name, "pixel_size_um": sample.pixel_size_um}


def list_figures(experiment):
    """The figures that an experiment has."""
    figures = ["counts.csv", "counts.svg", "counts.png"]
    if get_shown_frame(experiment):
        figures += ["annotation_overlay.png", "annotation_steps.png"]
    if any(sample.truth for sample in list_samples(experiment)):
        figures.append("comparison.png")
    figures += [
        f"mosaic_{sample.name}.png" for sample in list_samples(experiment) if get_mosaic(sample)
    ]
    return [f"<results>/{experiment}/figures/{figure}" for figure in figures]
