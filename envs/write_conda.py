"""Write envs/*.yaml for conda with the versions of run.lock (Python 3.12). See `make lock`."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent

# Packages that each kind of job imports. conda-forge has no CPU-only name for TensorFlow: its
# package takes the GPU build where there is one.
IMAGES = [
    "numpy", "pandas", "scipy", "edt", "scikit-image", "tifffile", "imagecodecs", "pillow", "zarr",
    "nd2", "liffile", "oiffile",
]  # fmt: skip
NETWORK = [
    *IMAGES, "stardist", "csbdeep", "tensorflow-cpu", "onnxruntime", "onnx", "psutil", "pyyaml",
]  # fmt: skip
ENVIRONMENTS = {
    "annotate": IMAGES,
    "train": NETWORK,
    "evaluate": [*NETWORK, "matplotlib"],
    "track": [*IMAGES, "matplotlib", "roifile"],
    "report": [*IMAGES, "jinja2", "bokeh", "itables"],
}
CONDA_NAMES = {"tensorflow-cpu": "tensorflow"}
# Not on conda-forge.
PIP_ONLY = {"track": ["geff", "py-ctcmetrics", "traccuracy", "imageio-ffmpeg"]}


def read_lock(path: Path, python: tuple[int, int]) -> dict[str, str]:
    """Versions by package name that a lock file gives for a Python version."""
    versions = {}
    for line in path.read_text().splitlines():
        found = re.match(r"([a-z0-9._-]+)(?:\[[^]]*\])?==(\S+)(?: ; (.*?))? \\?$", line)
        if found is None:
            continue
        name, version, marker = found.groups()
        bounds = re.findall(r"python_full_version (<|>=) '(\d+)\.(\d+)'", marker or "")
        if all((python < (int(a), int(b))) == (sign == "<") for sign, a, b in bounds):
            versions[name] = version
    return versions


def format_environment(name: str, versions: dict[str, str]) -> str:
    """The text of one conda environment file."""
    lines = [
        "# Written by envs/write_conda.py from run.lock; do not edit.",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        "  - python=3.12",
    ]
    lines += [
        f"  - {CONDA_NAMES.get(package, package)}={versions[package]}"
        for package in ENVIRONMENTS[name]
    ]
    if name in PIP_ONLY:
        lines += ["  - pip", "  - pip:"]
        lines += [f"      - {package}=={versions[package]}" for package in PIP_ONLY[name]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    locked = read_lock(FOLDER / "run.lock", (3, 12))
    for environment in ENVIRONMENTS:
        (FOLDER / f"{environment}.yaml").write_text(format_environment(environment, locked))
