"""What every script does around its work: a log file, and errors in the user's words."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autonuclei.errors import InputError
from autonuclei.files import refuse_full_disk


@contextmanager
def log_job(path: str) -> Iterator[logging.Logger]:
    """Log to a file and to the terminal; end the job with one line if the user can mend it.

    An `InputError` ends the process with status 1 and its message as the only output. Any
    other exception is a bug: its traceback goes into the log and to the terminal.
    """
    logger = logging.getLogger("autonuclei")
    logger.setLevel(logging.INFO)
    # A log that cannot be written, since its disk is full, must not bury the message.
    logging.raiseExceptions = False
    try:
        file = _open_log(path)
    except InputError as error:
        print(f"ERROR {error}", file=sys.stderr, flush=True)
        sys.exit(1)
    file.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger.addHandler(file)
    # Warnings of libraries belong into the log, not between the lines of the terminal.
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(file)
    logging.getLogger("py.warnings").propagate = False
    try:
        yield logger
    except InputError as error:
        logger.error("ERROR %s", error)
        print(f"ERROR {error}", file=sys.stderr, flush=True)
        sys.exit(1)
    except Exception:
        logger.error("%s", traceback.format_exc())
        raise
    finally:
        logging.shutdown()


def _open_log(path: str) -> logging.FileHandler:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return logging.FileHandler(path, mode="w", encoding="utf-8")
    except OSError as error:
        refuse_full_disk(error, path)
        raise
