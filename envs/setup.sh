#!/bin/sh
# Make a virtual environment from a lock file, with the package of this checkout in it:
#   envs/setup.sh LOCK FOLDER
# Needs Python 3.11 to 3.13 (PYTHON=... chooses one). Does nothing if the environment is there.
set -eu
lock=$1
folder=$2
stamp="$folder/$(basename "$lock").$(sha256sum "$lock" | cut -c 1-16)"
checkout=$(cd "$(dirname "$0")/.." && pwd)
[ "$(cat "$stamp" 2>/dev/null)" = "$checkout" ] && exit 0

fits='import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c "$fits" 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "ERROR No Python 3.11, 3.12 or 3.13 found (TensorFlow has no build for others). Install" \
        "one, e.g. apt-get install python3 python3-venv, or say PYTHON=/path/to/python3.12." >&2
    exit 1
fi
if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "ERROR The lock files are for Linux on x86_64, this is $(uname -sm). Use conda:" \
        "snakemake --sdm conda, see README.md." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq python3-venv >&2
    else
        echo "ERROR $python cannot make virtual environments. Run: apt-get install python3-venv" >&2
        exit 1
    fi
fi
echo "Setting up $folder from $lock with $("$python" --version) (some minutes, 3 GB)" >&2
rm -f "$folder"/*.lock.*
"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
# Edits of the checkout take effect at once.
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --no-build-isolation --editable "$checkout"
echo "$checkout" >"$stamp"
