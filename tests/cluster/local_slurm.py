"""A SLURM cluster on the loopback of this machine: a controller, two CPU nodes, one GPU node.

    python tests/cluster/local_slurm.py [--accounting]

starts it and stops it again on Ctrl-C. Needs root and Debian's packages slurmctld, slurmd,
slurm-client and munge; for a cluster with accounting also slurmdbd, mariadb-server-core and
mariadb-client-core. The GPUs exist in the configuration only. SLURM runs here without cgroups;
everything listens on 127.0.0.1.

The configuration must lie in /etc/slurm, since the SLURM plugin of Snakemake does not hand on
SLURM_CONF. A configuration of somebody else that lies there is left alone, with an error.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge", "slurmdbd", "mariadb-server-core")
PACKAGES += ("mariadb-client-core",)  # my_print_defaults, which mariadb-install-db calls
PROGRAMS = ("slurmctld", "slurmd", "squeue", "munged", "slurmdbd", "mariadbd", "my_print_defaults")
NODES = {"cpu1": 17001, "cpu2": 17002, "gpu1": 17003}
CPUS_PER_NODE = 4
MEMORY_PER_NODE_MB = 8000
# Files that every machine has take the place of the GPUs: three jobs at a time.
GPU_FILES = ("/dev/null", "/dev/zero", "/dev/full")

MARK = "# Written by tests/cluster/local_slurm.py"
SLURM_FOLDER = Path("/etc/slurm")
MUNGE_FOLDER = Path("/run/munge")
MUNGE_SOCKET = MUNGE_FOLDER / "munge.socket.2"

SLURM_CONF = """{mark}
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=17000
SlurmUser=root
AuthType=auth/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
# Several nodes on one machine have more CPUs together than it has.
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
# Without cgroups, memory is watched by asking every two seconds.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
{accounting}
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
EnforcePartLimits=ALL
# A lost node is noticed soon, and is taken back when it returns; Snakemake sends jobs again.
SlurmdTimeout=10
ReturnToService=2
JobRequeue=0
KillWait=5
# How long squeue knows ended jobs (SLURM's default: 300 s): for the tests to look back.
MinJobAge=3600
GresTypes=gpu
NodeName=cpu1 {node} Port={cpu1}
NodeName=cpu2 {node} Port={cpu2}
NodeName=gpu1 {gpu_node} Port={gpu1} Gres=gpu:{gpus}
PartitionName=cpu Nodes=cpu1,cpu2 Default=YES MaxTime=24:00:00
PartitionName=gpu Nodes=gpu1 MaxTime=24:00:00
"""
NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none"
ACCOUNTING = """AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=17010"""
SLURMDBD_CONF = """{mark}
AuthType=auth/munge
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=17010
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=17011
StorageUser=slurm
StoragePass=loopback
StorageLoc=accounting
"""
# The database lives as long as the cluster and listens on the loopback only.
SLURM_USER = """CREATE USER slurm@'127.0.0.1' IDENTIFIED BY 'loopback';
GRANT ALL ON accounting.* TO slurm@'127.0.0.1';
"""
GRES_CONF = """{mark}
AutoDetect=off
NodeName=gpu1 Name=gpu File={gpu_files}
"""


class ClusterError(Exception):
    """The cluster cannot be started, or does not do what it should in time."""


def find_obstacle() -> str | None:
    """Why no cluster can be started on this machine; None if it can."""
    if os.geteuid() != 0:
        return "a SLURM cluster on the loopback needs root"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not found. Run: apt-get install {' '.join(PACKAGES)}"
    conf = SLURM_FOLDER / "slurm.conf"
    if conf.exists() and not conf.read_text().startswith(MARK):
        return f"{conf} is there already: this machine belongs to a cluster"
    return None


def wait_until(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    """Ask twice a second until something is so; `ClusterError` if it takes too long."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise ClusterError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.5)


def ask(*command: str) -> str:
    """What a SLURM command prints; `ClusterError` with its complaint if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


class LocalSlurm:
    """The cluster. Use it with `with`; every process that it starts, it ends, by its id."""

    def __init__(self, *, accounting: bool = False) -> None:
        self.folder = Path()
        self.accounting = accounting
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "LocalSlurm":
        obstacle = find_obstacle()
        if obstacle:
            raise ClusterError(obstacle)
        self.folder = Path(tempfile.mkdtemp(prefix="local_slurm."))
        try:
            self._start_munge()
            self._configure()
            if self.accounting:
                self._start_accounting()
            self.start_controller()
            for node in NODES:
                self.start_node(node)
            self.wait_for_nodes()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, name: str, *command: str, user: str | None = None) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            self._processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, user=user, group=user
            )

    def _end(self, name: str, how: int = signal.SIGTERM) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start_munge(self) -> None:
        """Start munge, which lets the daemons trust each other, unless it runs already."""
        if subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode == 0:
            return
        munge = pwd.getpwnam("munge")
        for folder in (MUNGE_FOLDER, Path("/var/log/munge")):
            folder.mkdir(exist_ok=True)
            os.chown(folder, munge.pw_uid, munge.pw_gid)
            folder.chmod(0o755)
        # A socket of a munged that was killed.
        self._start("munged", "munged", "--foreground", "--force", user="munge")
        wait_until(MUNGE_SOCKET.exists, seconds=20, what="munged")

    def _configure(self) -> None:
        node, gpu_node = (
            f"NodeAddr=127.0.0.1 CPUs={CPUS_PER_NODE * n} RealMemory={MEMORY_PER_NODE_MB * n}"
            for n in (1, len(GPU_FILES))
        )
        values = {"mark": MARK, "host": socket.gethostname(), "folder": self.folder}
        values |= {"node": node, "gpu_node": gpu_node, "gpus": len(GPU_FILES)}
        values["gpu_files"] = ",".join(GPU_FILES)
        values["accounting"] = ACCOUNTING if self.accounting else NO_ACCOUNTING
        (self.folder / "state").mkdir()
        (SLURM_FOLDER / "gres.conf").write_text(GRES_CONF.format(**values))
        (SLURM_FOLDER / "slurm.conf").write_text(SLURM_CONF.format(**values, **NODES))

    def _start_accounting(self) -> None:
        """Start a database and slurmdbd, which fills it."""
        data, start = self.folder / "database", self.folder / "start.sql"
        options = ("--no-defaults", f"--datadir={data}", "--user=root")
        start.write_text(SLURM_USER)
        with (self.folder / "mariadb-install-db.out").open("wb") as out:
            subprocess.run(
                ["mariadb-install-db", *options, "--skip-test-db"],
                stdout=out,
                stderr=out,
                check=True,
            )
        self._start(
            *("mariadbd", "mariadbd", *options, f"--socket={self.folder}/mariadb.socket"),
            *("--bind-address=127.0.0.1", "--port=17011", f"--init-file={start}"),
            f"--pid-file={self.folder}/mariadb.pid",
        )
        wait_until(lambda: is_listening(17011), seconds=60, what="mariadbd")
        conf = SLURM_FOLDER / "slurmdbd.conf"
        conf.touch(mode=0o600)
        conf.write_text(SLURMDBD_CONF.format(mark=MARK, folder=self.folder))
        self._start("slurmdbd", "slurmdbd", "-D")
        wait_until(lambda: is_listening(17010), seconds=60, what="slurmdbd")
        ask("sacctmgr", "--immediate", "add", "cluster", "loopback")

    def start_controller(self) -> None:
        """Start the controller; after `stop_controller` it knows its jobs again."""
        self._start("slurmctld", "slurmctld", "-D")
        wait_until(self._is_answered, seconds=30, what="slurmctld")

    def stop_controller(self) -> None:
        """End the controller. Jobs go on without it."""
        self._end("slurmctld")

    @staticmethod
    def _is_answered() -> bool:
        return subprocess.run(["sinfo"], capture_output=True, check=False).returncode == 0

    def start_node(self, node: str) -> None:
        """Start a node."""
        (self.folder / f"spool.{node}").mkdir(exist_ok=True)
        self._start(node, "slurmd", "-D", "-N", node)

    def kill_node(self, node: str) -> None:
        """Cut the power of a node: its daemon and all processes of its jobs end at once."""
        jobs = [job for job, where in self.list_running().items() if where == node]
        self._end(node, signal.SIGKILL)
        for job in jobs:
            for process in list_job_processes(job):
                kill_process(process)

    def wait_for_nodes(self) -> None:
        """Wait until all nodes take jobs."""

        def ready() -> bool:
            states = ask("sinfo", "--noheader", "--Node", "--format=%T").split()
            return len(states) == len(NODES) and set(states) <= {"idle", "mixed", "allocated"}

        wait_until(ready, seconds=60, what="the nodes")

    def list_running(self) -> dict[int, str]:
        """The node of each running job."""
        lines = ask("squeue", "--noheader", "--states=R", "--format=%i %N").splitlines()
        return {int(job): node for job, node in (line.split() for line in lines)}

    def stop(self) -> None:
        """Cancel all jobs, end all daemons and remove what was written."""
        if "slurmctld" in self._processes and self._is_answered():
            jobs = ask("squeue", "--noheader", "--format=%i").split()
            if jobs:
                subprocess.run(["scancel", *jobs], check=False)
                for job in jobs:
                    for process in list_job_processes(int(job)):
                        kill_process(process)
        for name in (*NODES, "slurmctld", "slurmdbd", "mariadbd", "munged"):
            self._end(name)
        for name in ("slurm.conf", "gres.conf", "slurmdbd.conf"):
            path = SLURM_FOLDER / name
            if path.exists() and path.read_text().startswith(MARK):
                path.unlink()
        if self.folder.name.startswith("local_slurm."):
            shutil.rmtree(self.folder, ignore_errors=True)


def is_listening(port: int) -> bool:
    """Whether something answers at a port of the loopback."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def list_job_processes(job: int) -> list[int]:
    """The processes of a SLURM job on this machine: the step daemons and what they started."""
    parents: dict[int, list[int]] = {}
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it ended just now
        parents.setdefault(parent, []).append(int(folder.name))
        if command.startswith(f"slurmstepd: [{job}.".encode()):
            found.append(int(folder.name))
    for process in found:  # grows on the way
        found += [child for child in parents.get(process, []) if child not in found]
    return found


def kill_process(process: int) -> None:
    """End a process at once; it may have ended by itself."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> None:
    """Keep a cluster until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with LocalSlurm(accounting="--accounting" in sys.argv) as cluster:
        print(ask("sinfo"), f"Logs: {cluster.folder}. Ctrl-C stops the cluster.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
