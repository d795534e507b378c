"""Structured JSON logs on standard error. A line never holds a personal value: what looks like one is blotted out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# 16 digits (NIK, KK), Indonesian phone numbers, e-mail addresses, passport numbers: blotted wherever they stand.
_PERSONAL = re.compile(
    r"(?<![\w-])(\d{16}|\+?62\d{8,12}|08\d{8,11}|[A-Z]{1,2}\d{6,7}|[\w.+-]+@[\w-]+\.[\w.]+)(?![\w-])"
)
_KEPT = {"event_id", "assessment_id", "case_id", "referral_id", "alert_id", "reference", "timestamp", "level", "event"}


def redact(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: no value of a line may look like a personal one."""
    for key, value in line.items():
        if key not in _KEPT or key == "event":
            line[key] = _blot(value)
    return line


def _blot(value: Any) -> Any:
    if isinstance(value, str):
        return _PERSONAL.sub("…", value)
    if isinstance(value, dict):
        return {k: _blot(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_blot(v) for v in value]
    return value


def set_up(service: str) -> structlog.typing.FilteringBoundLogger:
    """Logging of one service: ours through structlog, that of libraries from WARNING on, all redacted."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # aiokafka, faust and mode build every debug record unless their own level says no (measured).
    for noisy in ("aiokafka", "faust", "mode", "kafka", "pymongo", "asyncio", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(service=service)
    return logger
