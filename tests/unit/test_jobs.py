"""How a job ends: one line for what the user can mend, a traceback for a bug."""

import errno
import re
import subprocess
import sys
from pathlib import Path

import pytest


def run_job(
    tmp_path: Path, body: str, log: str = "logs/job.log", before: str = "pass"
) -> tuple[int, str, str]:
    code = (
        "from autonuclei.jobs import log_job\n"
        "from autonuclei.errors import InputError\n"
        f"import os, warnings\n{before}\n"
        f"with log_job({log!r}) as log:\n    {body}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    path = tmp_path / log
    return done.returncode, done.stderr, path.read_text() if path.is_file() else ""


def test_success_says_nothing(tmp_path: Path) -> None:
    code, said, log = run_job(tmp_path, "log.info('%d nuclei', 3); warnings.warn('careful')")
    assert (code, said) == (0, "")
    assert "3 nuclei" in log
    assert "careful" in log
    assert re.search(r"finished, \d+\.\d CPU-s(, at most \d+ MB)?\n$", log)


def test_what_a_long_job_has_to_go_is_told_now_and_then(tmp_path: Path) -> None:
    body = "for i in range(9): now[0] += 4; tell(f'{i} left')"
    before = (
        "import time\nfrom autonuclei import jobs\nnow = [0]\n"
        "time.monotonic = lambda: now[0]\n"
        "import logging\n"
        "tell = jobs.tell_now_and_then(logging.getLogger('autonuclei'), 'Training', 10)"
    )
    code, said, log = run_job(tmp_path, body, before=before)
    assert code == 0
    assert said == "Training: 2 left\nTraining: 5 left\nTraining: 8 left\n"
    assert log.count(" Training: ") == 3


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="no /proc here")
def test_the_peak_is_told_though_it_is_over(tmp_path: Path) -> None:
    _, _, before = run_job(tmp_path, "pass")
    _, _, after = run_job(tmp_path, "a = bytearray(b'x' * 200_000_000); del a")
    peaks = [int(re.findall(r"at most (\d+) MB", log)[0]) for log in (before, after)]
    assert 190 <= peaks[1] - peaks[0] <= 400


def test_what_the_user_can_mend_is_one_line(tmp_path: Path) -> None:
    code, said, log = run_job(tmp_path, "raise InputError('a.tif: is broken. Mend it.')")
    assert code == 1
    assert said == "ERROR a.tif: is broken. Mend it.\n"
    assert log.endswith("ERROR a.tif: is broken. Mend it.\n")
    assert "Traceback" not in log


def test_a_bug_shows_its_traceback(tmp_path: Path) -> None:
    code, said, log = run_job(tmp_path, "1 / 0")
    assert code == 1
    assert "ZeroDivisionError" in said
    assert "ZeroDivisionError" in log


def test_full_disk_under_the_log(tmp_path: Path) -> None:
    """The log is on the same disk as the results, mostly; it must not bury the message."""
    body = "log.info('much'); raise InputError('a.tif: the disk is full. Free some space.')"
    code, said, _ = run_job(tmp_path, body, log="/dev/full")
    assert code == 1
    assert said == "ERROR a.tif: the disk is full. Free some space.\n"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_log_that_cannot_be_opened(tmp_path: Path, code: int) -> None:
    patch = f"raise_full = lambda *a: (_ for _ in ()).throw(OSError({code}, 'full')); "
    code, said, _ = run_job(tmp_path, "pass", before=f"{patch}os.open = raise_full")
    assert code == 1
    assert said.startswith("ERROR logs/job.log: the disk is full")
    assert said.count("\n") == 1


def test_what_libraries_print_goes_into_the_log(tmp_path: Path) -> None:
    body = "print('loading'); os.system('echo from below >&2'); raise InputError('a.tif: bad.')"
    code, said, log = run_job(tmp_path, body)
    assert (code, said) == (1, "ERROR a.tif: bad.\n")
    assert "loading" in log
    assert "from below" in log
