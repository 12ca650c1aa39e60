#!/bin/sh
# Install what tests/cluster/local_slurm.py runs, if it is missing.
set -eu
missing=
for program in slurmctld slurmd squeue munged; do
    command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
[ -z "$missing" ] && exit 0
packages="slurmctld slurmd slurm-client munge"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "ERROR not found:$missing. As root, on Debian or Ubuntu: apt-get install $packages" >&2
    exit 1
fi
apt-get update -qq
# shellcheck disable=SC2086 # several words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2
