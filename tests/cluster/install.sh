#!/bin/sh
# Install what tests/cluster/local_slurm.py runs, if it is missing. Exit status 77: not possible
# here, and the one line that was printed says what is missing.
set -eu
packages="slurmctld slurmd slurm-client munge slurmdbd mariadb-server-core mariadb-client-core"
if [ "$(id -u)" != 0 ]; then
    echo "ERROR A SLURM cluster on this machine needs root and, on Debian or Ubuntu:" \
        "apt-get install $packages" >&2
    exit 77
fi
missing=
for program in slurmctld slurmd squeue munged slurmdbd mariadbd my_print_defaults; do
    command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null; then
    echo "ERROR Not found:$missing. Install SLURM and munge, as Debian's packages $packages." >&2
    exit 77
fi
apt-get update -qq
# shellcheck disable=SC2086 # several words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2
