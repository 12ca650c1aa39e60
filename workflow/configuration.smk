from pathlib import Path

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
from autonuclei.settings import check_configuration

# A workflow that takes this one as a module gives its own.
if not config:
    try:
        check_configuration("config/config.yaml")
    except InputError as error:
        raise WorkflowError(str(error)) from None
