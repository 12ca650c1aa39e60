import datetime
import os
import platform
import sys
from pathlib import Path

import yaml

from autonuclei.errors import InputError
from autonuclei.io.files import IN_USE, check_temporary_folder, lock_folder
from autonuclei.io.images import HeaderCache
from autonuclei.io.written import find_cut_files
from autonuclei.plan.digests import digest_package, digest_script
from autonuclei.plan.inputs import format_inputs
from autonuclei.plan.plan import Plan
from autonuclei.plan.resources import Requests, grow
from autonuclei.plan.samples import read_samples
from autonuclei.report.provenance import hash_files, quote_command
from autonuclei.settings import (
    MODEL_EXPORTS,
    OUTLINE_EXPORTS,
    list_steps,
    read_settings,
    to_dict,
)
from autonuclei.train.networks import check_model_folder
from autonuclei.train.rounds import DOUBT_PROBABILITY

# A checkout has the package too; jobs take the installed one.
OWN_PACKAGE = Path(str(workflow.current_basedir)).parent / "lib" / "autonuclei"
if OWN_PACKAGE.is_dir() and digest_package(OWN_PACKAGE) != digest_package():
    raise WorkflowError(
        f"The package in {OWN_PACKAGE} is not the one that is installed "
        f"({Path(autonuclei.__file__).parent}). Install it: envs/setup.sh, or pip install --no-deps "
        f"{OWN_PACKAGE.parents[2]}"
    )


def read_sheet(settings):
    """The samples, in the order of the sheet; headers of images are read once and remembered."""
    schema = Path(workflow.source_path("../schemas/samples.schema.yaml")).read_text()
    headers = HeaderCache(".snakemake/autonuclei/headers.json")
    samples = read_samples(
        settings.samples,
        schema=yaml.safe_load(schema),
        read_header=headers.read,
        crop=settings.preprocess.crop,
        skip_unreadable=settings.skip_unreadable,
    )
    headers.save()
    return samples


def digest_imports(script):
    """What a script imports, as a parameter: an edit of that runs its jobs again."""
    return digest_script(workflow.source_path(f"../scripts/{script}.py"))


def check_earlier_runs():
    """Set aside what is not as it was written, so that it is made again."""
    lines = COMMANDS.read_text(errors="replace").splitlines() if COMMANDS.is_file() else [""]
    holder = RESULTS / IN_USE
    # Logs of another folder do not know what was written last.
    if not holder.is_file() or not lines[-1].startswith(holder.read_text(errors="replace")):
        return
    cut_files = find_cut_files(LOGS)
    if not cut_files:
        return
    if workflow.output_settings.dryrun:
        for cut in cut_files:
            logger.warning(f"{cut}. A run sets it aside and makes it again.")
        return
    try:
        lock = lock_folder(RESULTS, lines[-1])
    except InputError:
        return  # at work; `begin_run` refuses this one
    for cut in cut_files:
        logger.warning(f"{cut}. Set aside as {cut.set_aside().name}; it is made again.")
    if lock is not None:
        os.close(lock)


def begin_run():
    """Keep other runs out of the results, and note when and how this one was started."""
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    started = f"{now}\t{platform.node()}\t{quote_command(sys.argv)}"
    try:
        check_temporary_folder()
        lock_folder(RESULTS, started)
        COMMANDS.parent.mkdir(parents=True, exist_ok=True)
        with COMMANDS.open("a") as file:
            file.write(f"{started}\n")
    except InputError as error:
        raise WorkflowError(str(error)) from None
    except OSError as error:
        raise WorkflowError(f"{COMMANDS}: cannot be written ({error.strerror}).") from None


def forget_checkpoints():
    """Take away those of trainings that have come to their end."""
    for experiment in PLAN.experiments:
        for path in (RESULTS / experiment / "rounds").glob("*/checkpoint.npz*"):
            if (path.parent / "model").exists():
                path.unlink()


def list_missing():
    """What a run without a target makes and is not there, by its path in the results."""
    names = (path.removeprefix("<results>/") for path in PLAN.list_results())
    return [name for name in names if not (RESULTS / name).exists()]


def list_finished():
    """What a run without a target makes and is there."""
    missing = {f"<results>/{name}" for name in list_missing()}
    return [path for path in PLAN.list_results() if path not in missing]


def describe_run():
    """What was made and where, for the end of a run."""
    from autonuclei.report.overview import describe_results

    return describe_results(RESULTS, PLAN.experiments, list_missing())


def describe_failure():
    """What is missing after a run that failed, and how to see the rest."""
    from autonuclei.report.overview import describe_unfinished

    return "\n".join(
        [
            "",
            "Not finished.",
            *describe_unfinished(list_missing()),
            "A report of what is there: see 'What comes out' in the README.",
        ]
    )


try:
    SETTINGS = read_settings(config)
    PLAN = Plan(SETTINGS, read_sheet(SETTINGS))
    for folder in SETTINGS.models.values():
        check_model_folder(folder)
except InputError as error:
    raise WorkflowError(str(error)) from None

RESULTS = Path(SETTINGS.pathvars.get("results", "results"))
LOGS = Path(SETTINGS.pathvars.get("logs", "logs"))
COMMANDS = LOGS / "commands.log"
GPUS = 0 if SETTINGS.train.device == "cpu" else 1

# A submitted group runs its small members in its own Snakemake. Otherwise SLURM's plugin would
# start one more Snakemake for each of them, which costs more than annotating a frame.
IN_SUBMITTED_JOB = workflow.remote_exec

NEEDS = Requests(PLAN, lambda: IN_SUBMITTED_JOB or not workflow.local_exec)

if not IN_SUBMITTED_JOB:
    check_earlier_runs()

for experiment in PLAN.experiments:
    for sample in PLAN.list_samples(experiment):
        for note in sample.notes:
            logger.warning(f"{experiment}/{sample.name}: {note}")
    if not IN_SUBMITTED_JOB:
        read = format_inputs(PLAN.describe_inputs_of(experiment))
        logger.info(f"What was read of experiment {experiment}:\n{read}\n")


# Of all rules; used with --sdm apptainer only.
container: SETTINGS.container


wildcard_constraints:
    experiment="[A-Za-z0-9][A-Za-z0-9._-]*",
    sample="[A-Za-z0-9][A-Za-z0-9._-]*",
    # Of a large frame the annotation takes blocks, e.g. 0003_07.
    frame=r"\d+(_\d+)?",
    first=r"\d+(_\d+)?",
    last=r"\d+(_\d+)?",
    # Of a large frame the network takes blocks too, larger ones.
    block=r"\d+",
    round=r"\d+",
