import datetime
import math
import platform
import shlex
import sys
from pathlib import Path

import yaml

# The release of the package that this workflow was written with.
PACKAGE_VERSION = "0.3.0"

try:
    import autonuclei
except ModuleNotFoundError:
    raise WorkflowError(
        f"The Python package autonuclei {PACKAGE_VERSION} of this workflow is not installed where "
        "Snakemake runs. Make its environment with envs/setup.sh, see the README."
    ) from None
if autonuclei.__version__ != PACKAGE_VERSION:
    raise WorkflowError(
        f"This workflow needs the Python package autonuclei {PACKAGE_VERSION}, but "
        f"{autonuclei.__version__} is installed in {Path(autonuclei.__file__).parent}. Install the "
        "one of this workflow: pip install --no-deps FOLDER_OF_THE_WORKFLOW"
    )

from autonuclei.errors import InputError
from autonuclei.io.images import HeaderCache
from autonuclei.train.networks import check_model_folder
from autonuclei.segment.memory import LARGEST_TILE, estimate_memory
from autonuclei.plan.samples import Frame, Sample, read_samples
from autonuclei.train.rounds import DOUBT_PROBABILITY
from autonuclei.settings import read_settings, to_dict
from autonuclei.plan.digests import digest_package, digest_script


def read_schema(name):
    return yaml.safe_load(Path(workflow.source_path(f"../schemas/{name}.schema.yaml")).read_text())


def read_sheet():
    """The samples by (experiment, sample), in the order of the sheet."""
    headers = HeaderCache(".snakemake/autonuclei/headers.json")
    samples = read_samples(
        SETTINGS.samples,
        schema=read_schema("samples"),
        read_header=headers.read,
        skip_unreadable=SETTINGS.skip_unreadable,
    )
    headers.save()
    return {(sample.experiment, sample.name): sample for sample in samples}


def check_experiments():
    """Every experiment needs something to learn from, or a model from before."""
    problems = []
    for experiment in SETTINGS.models:
        if experiment not in EXPERIMENTS:
            problems.append(f"models: there is no experiment '{experiment}' in the sample sheet.")
    for experiment in EXPERIMENTS:
        if experiment in SETTINGS.models:
            try:
                check_model_folder(SETTINGS.models[experiment])
            except InputError as error:
                problems.append(str(error))
        elif not any(list_training(sample) for sample in list_samples(experiment)):
            problems.append(
                f"experiment '{experiment}': no frame is selected for training. Fill in the "
                "column 'train', or name a model from before under 'models' in the configuration."
            )
    crop = SETTINGS.preprocess.crop
    if crop:
        problems += [
            f"preprocess.crop: {list(crop)} lies outside of {frame.path}, which is {frame.width} x "
            f"{frame.height} pixels (width x height)."
            for sample in SAMPLES.values()
            for frame in sample.frames
            if frame.page == 0 and frame.height
            if frame.height <= crop[0] or frame.width <= crop[2]
        ]
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise InputError(f"{SETTINGS.samples}: {len(problems)} problem(s):\n{listed}")


def list_samples(experiment):
    return [sample for key, sample in SAMPLES.items() if key[0] == experiment]


def list_training(sample):
    """Frames to learn from: those in `train`; where masks are given, those that have one."""
    if not sample.masks:
        return list(sample.train)
    return [index for index in sample.masks if not sample.train or index in sample.train]


def is_annotated(sample):
    """Whether a sample sets the accepted range: it is learned from, without given masks."""
    return bool(sample.train) and not sample.masks and sample.experiment not in SETTINGS.models


def list_annotated(sample):
    """Frames to annotate: those to learn from, and some with a ground truth to compare with."""
    if sample.masks or not any(map(is_annotated, list_samples(sample.experiment))):
        return []
    compared = list(sample.truth)
    limit = 8
    if len(compared) > limit:
        compared = [compared[i * len(compared) // limit] for i in range(limit)]
    return sorted({*sample.train, *compared})


def list_stretches(frames):
    """Neighbouring frames that are predicted in one job, as (first, last) frame numbers."""
    limit = SETTINGS.predict.megapixels_per_job
    stretches, size = [], float("inf")
    for frame in frames:
        megapixels = frame.height * frame.width / 1e6
        if size + megapixels > limit:
            stretches.append([frame.index, frame.index])
            size = 0.0
        stretches[-1][1] = frame.index
        size += megapixels
    return [tuple(stretch) for stretch in stretches]


def describe_plane(sample, frame):
    """What `images.read_plane` needs to read one frame."""
    return {
        "path": frame.path,
        "frame": frame.page,
        "channel": sample.channel,
        "projection": sample.projection,
        "shape": sample.shape,
    }


def list_frame_files(sample):
    return list(dict.fromkeys(frame.path for frame in sample.frames))


def get_sample(wildcards):
    return SAMPLES[wildcards.experiment, wildcards.sample]


def get_frame(wildcards):
    return get_sample(wildcards).frame(int(wildcards.frame))


def get_frame_file(wildcards):
    return get_frame(wildcards).path


def get_plane(wildcards):
    return describe_plane(get_sample(wildcards), get_frame(wildcards))


def get_model(wildcards):
    """The model folder of an experiment, trained here or given."""
    given = SETTINGS.models.get(wildcards.experiment)
    return given or f"<results>/{wildcards.experiment}/model"


def list_frame_results(experiment, name, frames):
    """The files `name` of the annotation of frames, e.g. of `list_training`."""
    return [
        f"<results>/{experiment}/annotation/{sample.name}/{index:04d}/{name}"
        for sample in list_samples(experiment)
        for index in frames(sample)
    ]


def count_megapixels(wildcards):
    frame = get_frame(wildcards)
    return frame.height * frame.width / 1e6


# A submitted group runs its members in its own Snakemake. Otherwise SLURM's plugin would start one
# more Snakemake for each member, which costs more than annotating a frame.
IN_SUBMITTED_JOB = workflow.remote_exec


def forget_checkpoints():
    """When all is there, no training needs to go on."""
    for experiment in EXPERIMENTS:
        folder = Path(workflow.pathvars.apply("<results>"), experiment)
        for path in folder.glob("rounds/*/checkpoint.npz"):
            path.unlink()


# What Snakemake itself needs in a submitted job, which starts it twice.
SNAKEMAKE_MB = 400


def grow(need):
    """A resource of a job, half as much again with each attempt; `need` may ask the wildcards."""

    def resource(wildcards, attempt):
        value = need(wildcards) if callable(need) else need
        return math.ceil(value * (1 + 0.5 * (attempt - 1)))

    return resource


def scale_memory(base_mb, mb_per_megapixel):
    """Memory of a job on one frame, in MB. docs/resources.md says where the numbers come from."""
    return grow(lambda w: SNAKEMAKE_MB + base_mb + mb_per_megapixel * count_megapixels(w))


def scale_runtime(base_min, min_per_megapixel):
    """Time limit of a job on one frame, in minutes."""
    return grow(lambda w: math.floor(base_min + min_per_megapixel * count_megapixels(w)))


def scale_sample_memory(base_mb, mb_per_megapixel, mb_per_sample_megapixel=0):
    """Memory of a job that goes through the frames of a sample, in MB.

    What grows with its largest frame, and what it keeps of all frames, tables of nuclei.
    """

    def need(wildcards):
        sizes = list_frame_megapixels(wildcards)
        return (
            SNAKEMAKE_MB
            + base_mb
            + mb_per_megapixel * max(sizes)
            + mb_per_sample_megapixel * sum(sizes)
        )

    return grow(need)


def scale_sample_runtime(base_min, min_per_megapixel):
    """Time limit of a job that goes through the frames of a sample, in minutes."""
    return grow(lambda w: base_min + min_per_megapixel * sum(list_frame_megapixels(w)))


def list_frame_megapixels(wildcards):
    return [frame.height * frame.width / 1e6 for frame in get_sample(wildcards).frames]


def digest_imports(script):
    """What a script imports, as a parameter: an edit of that runs its jobs again."""
    return digest_script(workflow.source_path(f"../scripts/{script}.py"))


def list_results():
    """What a run without a target makes."""
    return [path for experiment in EXPERIMENTS for path in list_experiment_results(experiment)]


def list_experiment_results(experiment):
    """What a run makes of one experiment."""
    results = []
    folder = f"<results>/{experiment}"
    if experiment not in SETTINGS.models:
        results += [f"{folder}/training/loss.{suffix}" for suffix in ("csv", "svg", "png")]
        results.append(f"{folder}/model")
        if any(list_annotated(sample) for sample in list_samples(experiment)):
            results.append(f"{folder}/annotation/objects.csv")
    for sample in list_samples(experiment):
        results += [
            f"{folder}/segmentation/{sample.name}/objects.csv",
            f"{folder}/segmentation/{sample.name}/overview.jpg",
            get_labels(experiment, sample.name),
        ]
        if sample.kind == "stills":
            results.append(f"{folder}/segmentation/{sample.name}/skipped.csv")
        if sample.kind == "movie":
            results += [
                f"{folder}/tracking/{sample.name}/{name}"
                for name in (
                    "tracks.csv",
                    "lineages.csv",
                    "track_labels.tif",
                    f"trackmate/{sample.name}.xml",
                    "ctc",
                    "tracks.geff",
                    "motility",
                    "outlines.mp4",
                    "tracks.mp4",
                )
            ]
        if sample.truth_tracks:
            results.append(f"{folder}/evaluation/tracks_{sample.name}.csv")
    if any(sample.truth for sample in list_samples(experiment)):
        results += [
            f"{folder}/evaluation/{name}"
            for name in ("metrics.csv", "summary.csv", "f1_over_iou.svg", "f1_over_iou.png")
        ]
    results += [
        f"{folder}/quality/{name}"
        for name in ("verdict.json", "images.csv", "areas.png", "indicators.png", "calibration.png")
    ]
    results += [
        f"{folder}/provenance/{name}" for name in ("provenance.json", "config.yaml", "samples.tsv")
    ]
    results += list_figures(experiment)
    results += [f"{folder}/summary.html", f"{folder}/summary.csv"]
    return results


def record_command():
    """Note when and how this run was started, for the provenance of its results."""
    log = Path(workflow.pathvars.apply("<logs>"), "commands.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    with log.open("a") as file:
        file.write(f"{now}\t{platform.node()}\t{shlex.join(sys.argv)}\n")


def describe_run():
    """What was made and where, for the end of a run."""
    from autonuclei.report.overview import describe_results

    done = describe_results(Path(workflow.pathvars.apply("<results>")), EXPERIMENTS)
    return f"\nFinished.\n{done}"


def get_labels(experiment, name):
    """The masks of a sample: one file for a movie, a folder for stills."""
    folder = f"<results>/{experiment}/segmentation/{name}"
    is_movie = SAMPLES[experiment, name].kind == "movie"
    return f"{folder}/labels.tif" if is_movie else f"{folder}/labels"


try:
    SETTINGS = read_settings(config)
    SAMPLES = read_sheet()
    EXPERIMENTS = list(dict.fromkeys(experiment for experiment, _ in SAMPLES))
    check_experiments()
except InputError as error:
    raise WorkflowError(str(error)) from None

for sample in SAMPLES.values():
    for note in sample.notes:
        logger.warning(f"{sample.experiment}/{sample.name}: {note}")


# Of all rules; used with --sdm apptainer only.
container: SETTINGS.container


wildcard_constraints:
    experiment="[A-Za-z0-9][A-Za-z0-9._-]*",
    sample="[A-Za-z0-9][A-Za-z0-9._-]*",
    frame=r"\d+",
    first=r"\d+",
    last=r"\d+",
    round=r"\d+",
