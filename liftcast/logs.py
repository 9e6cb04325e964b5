"""Logs: structured lines on standard error, beside the words a person reads on the screen.

Inside Airflow nothing is configured here: its own structlog set-up takes the same events into the
task's log.
"""

from __future__ import annotations

import logging
import sys

import structlog

from warehouse.settings import Settings


def configure(settings: Settings) -> None:
    """Log from `LIFTCAST_LOG_LEVEL` on, as `LIFTCAST_LOG_FORMAT` says (console or json)."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level.upper()]
        ),
        # Asked for at each use: the stream may be another by then.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
