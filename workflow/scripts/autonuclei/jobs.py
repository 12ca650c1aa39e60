"""What every script does around its work: a log file, and errors in the user's words."""

import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from autonuclei.errors import InputError


@contextlib.contextmanager
def log_job(path: str) -> Iterator[logging.Logger]:
    """Log to a file; end the job with one line if the user can mend what is wrong.

    Everything that libraries print goes into the log too. An `InputError` ends the process
    with status 1 and its message as the only line on the terminal. Any other exception is a
    bug: its traceback goes into the log and to the terminal.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("autonuclei")
    logger.setLevel(logging.INFO)
    with Path(path).open("w", encoding="utf-8", buffering=1) as file:
        handler = logging.StreamHandler(file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        logger.addHandler(handler)
        with _send_output_to(file.fileno()) as terminal:
            try:
                yield logger
            except InputError as error:
                logger.error("ERROR %s", error)
                _tell(terminal, f"ERROR {error}")
                sys.exit(1)
            except Exception:
                logger.error("%s", traceback.format_exc())
                _tell(terminal, traceback.format_exc())
                sys.exit(1)


@contextlib.contextmanager
def _send_output_to(descriptor: int) -> Iterator[int]:
    """Send standard output and error to a file, those of C libraries too; give the terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    try:
        yield saved[1]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, kept in zip((1, 2), saved, strict=True):
            os.dup2(kept, number)
            os.close(kept)


def _tell(terminal: int, message: str) -> None:
    with contextlib.suppress(OSError):
        os.write(terminal, f"{message}\n".encode())
