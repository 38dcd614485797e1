"""What the program says while it runs: one JSON line an occurrence on stderr, or text where a person watches.

No line above debug carries what a report says; that is the duty of those who log.
"""

import logging
import logging.config
import sys
import time
from typing import Any

import msgspec

# What every record has of itself; the rest came as `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FIELDS = ("time", "level", "logger", "message", "exception", "stack")
# Servers' access lines hold client addresses, which are stored nowhere; HTTP clients tell the addresses they ask, and a
# webhook's holds its secret. At no level.
_SILENT = ("uvicorn.access", "granian.access", "httpx", "httpcore", "urllib3.connectionpool")
# Libraries that tell every failed try, ten times a second while Kafka is away: we say the same once, with its reason.
_CHATTY = ("aiokafka", "clickhouse_connect")
_SERVERS = ("uvicorn", "uvicorn.error", "uvicorn.asgi", "granian", "_granian")


def configure(level: str, form: str) -> None:
    """`level`: debug, info, warning, error. `form`: json, text, or auto: text if stderr is a terminal."""
    logging.config.dictConfig(_dictconfig(level, form))


def _dictconfig(level: str, form: str) -> dict[str, Any]:
    if form == "auto":
        form = "text" if sys.stderr.isatty() else "json"
    stderr = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "lines"}
    stderr["level"] = level.upper()  # uvicorn sets its own loggers' levels, and the root's would not hold them back
    through: dict[str, Any] = {"handlers": [], "level": "NOTSET", "propagate": True}
    quiet = through | ({} if level == "debug" else {"level": "CRITICAL"})
    silent: dict[str, Any] = {"handlers": [], "level": "CRITICAL", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": Text if form == "text" else JsonLines}},
        "handlers": {"stderr": stderr},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        "loggers": {
            **{name: dict(through) for name in _SERVERS},
            **{name: dict(quiet) for name in _CHATTY},
            **{name: dict(silent) for name in _SILENT},
        },
    }


class JsonLines(logging.Formatter):
    """time (RFC 3339, ms, UTC), level, logger, message, then the record's `extra`, exception and stack."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {f"{name}_" if name in _FIELDS else name: value for name, value in _extra(record).items()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        try:
            return msgspec.json.encode(line, enc_hook=str).decode()
        except (ValueError, TypeError, RecursionError):  # a lone surrogate, a key that is no text
            return msgspec.json.encode({name: _plain(value) for name, value in line.items()}).decode()


class Text(logging.Formatter):
    """15:04:05 WARNING sentinel.ingest: message (name=value, …), a traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        extra = ", ".join(f"{name}={_plain(value)}" for name, value in _extra(record).items())
        line = f"{clock} {record.levelname:<7} {record.name}: {_plain(record.getMessage())}{extra and f' ({extra})'}"
        if record.exc_info:
            line += "\n" + _plain(self.formatException(record.exc_info), keep="\n")
        if record.stack_info:
            line += "\n" + _plain(self.formatStack(record.stack_info), keep="\n")
        return line


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _utc(seconds: float) -> str:
    whole, ms = divmod(int(seconds * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{ms:03d}Z"


def _plain(value: Any, keep: str = "") -> str:
    """Text that can neither break a line nor command a terminal."""
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode() for char in str(value)
    )
