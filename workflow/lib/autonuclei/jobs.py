"""What every script does around its work: a log file, and errors in the user's words."""

import contextlib
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from autonuclei.errors import InputError
from autonuclei.io.files import list_written, measure_bytes, refuse_lost_place
from autonuclei.io.written import WRITTEN

# The level of lines that go to the terminal too: what a long job has to go.
TOLD = logging.INFO + 1


@contextlib.contextmanager
def log_job(path: str) -> Iterator[logging.Logger]:
    """Log to a file; end the job with one line if the user can mend what is wrong.

    Everything that libraries print goes into the log too. A whole job ends it with what it wrote
    (`io.written` reads these lines), how long it computed and the most memory that it had. An
    `InputError` ends the process with status 1 and its message as the only line on the terminal,
    and so does a disk that is full. Any other exception is a bug: its traceback goes into the log
    and to the terminal.
    """
    try:
        descriptor = _open_log(path)
    except InputError as error:
        _tell(2, f"ERROR {error}")
        sys.exit(1)
    logger = logging.getLogger("autonuclei")
    logger.setLevel(logging.INFO)
    handler = _LogHandler(descriptor)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger.addHandler(handler)
    try:
        with _send_output_to(descriptor) as terminal:
            teller = _LogHandler(terminal)
            teller.addFilter(lambda record: record.levelno == TOLD)
            logger.addHandler(teller)
            try:
                yield logger
                for written in list_written():
                    if written.exists():
                        logger.info(WRITTEN, written, measure_bytes(written))
                logger.info("finished, %s", describe_use())
            except InputError as error:
                logger.error("ERROR %s", error)
                _tell(terminal, f"ERROR {error}")
                sys.exit(1)
            except Exception as error:
                said = traceback.format_exc()
                try:
                    refuse_lost_place(error, path)
                except InputError as full:
                    said = f"ERROR {full}"
                logger.error("%s", said)
                _tell(terminal, said)
                sys.exit(1)
            finally:
                logger.removeHandler(teller)
    finally:
        logger.removeHandler(handler)
        os.close(descriptor)


def tell_now_and_then(
    log: logging.Logger, subject: str, seconds: float = 10
) -> Callable[[str], None]:
    """A function that takes lines often, and says each few seconds one of them on the terminal."""
    due = time.monotonic() + seconds

    def tell(line: str) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + seconds
            log.log(TOLD, "%s: %s", subject, line)

    return tell


def describe_use() -> str:
    """CPU-seconds of this process and the programs that it ran, and its peak memory, in words.

    Snakemake's own table samples the memory and can miss a peak; the kernel keeps it (VmHWM).
    """
    words = f"{sum(os.times()[:4]):.1f} CPU-s"
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM:"))
        words += f", at most {int(peak.split()[1]) / 1024:.0f} MB"
    return words


class _LogHandler(logging.Handler):
    """Writes each line at once; where the disk is full, the log is cut short and no more."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        _tell(self._descriptor, self.format(record))


def _open_log(path: str) -> int:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
    except OSError as error:
        refuse_lost_place(error, path)
        raise


@contextlib.contextmanager
def _send_output_to(descriptor: int) -> Iterator[int]:
    """Send standard output and error to a file, those of C libraries too; give the terminal."""
    _flush()
    saved = os.dup(1), os.dup(2)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    try:
        yield saved[1]
    finally:
        _flush()
        for number, kept in zip((1, 2), saved, strict=True):
            os.dup2(kept, number)
            os.close(kept)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()


def _tell(descriptor: int, message: str) -> None:
    with contextlib.suppress(OSError):
        os.write(descriptor, f"{message}\n".encode())
