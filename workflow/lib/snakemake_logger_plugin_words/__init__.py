"""What a run does, in a line now and then: `snakemake --logger words`.

A logger plugin of Snakemake, which finds it by the name of this folder. In place of two lines and
more for every job it says each few seconds which step began last and how many there are. Long
steps are always named, and say themselves how long they have to go (`jobs.TOLD`). Warnings,
errors and what the workflow itself says appear as without it; so does all of a dry run.
"""

import logging
import sys
import time
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

SECONDS = 5
# A step that asks for as much time, in minutes, is a long one.
LONG_MIN = 20


class LogHandler(LogHandlerBase):
    """Writes to the terminal in the place of Snakemake's own handler."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self._started = time.monotonic()
        self._next = 0.0
        self._done = self._total = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Say what is worth it."""
        fields: dict[str, Any] = vars(record)
        event = fields.get("event")
        if self.common_settings.dryrun or record.levelno > logging.INFO or _is_own(record):
            self._say(self.format(record))
        elif event == LogEvent.RUN_INFO:
            self._total = fields["stats"]["total"]
        elif event == LogEvent.PROGRESS:
            self._done, self._total = fields["done"], fields["total"]
        elif event == LogEvent.JOB_INFO and fields["output"]:  # `all` makes nothing
            self._tell_step(fields)

    def _tell_step(self, fields: dict[str, Any]) -> None:
        now = time.monotonic() - self._started
        if now < self._next and fields["resources"].get("runtime", 0) < LONG_MIN:
            return
        self._next = now + SECONDS
        clock = f"{int(now) // 60}:{int(now) % 60:02}"
        step = fields["rule_name"].replace("_", " ")
        of = f", {' '.join(fields['wildcards'].values())}" if fields["wildcards"] else ""
        self._say(f"{clock} {self._done} of {self._total} steps done. Now: {step}{of}")

    def _say(self, text: str) -> None:
        if text and text != "None":
            print(text, file=sys.stderr, flush=True)


def _is_own(record: logging.LogRecord) -> bool:
    """Whether the line comes from the workflow, not from Snakemake."""
    return record.pathname.endswith((".smk", "Snakefile"))
