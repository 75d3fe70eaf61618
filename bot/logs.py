"""Structured logs to standard error, bound to the binder's id, with secrets masked."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog

_SECRETS = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|gh[a-z]_\w{16,}|gl(?:dt|pat|oas)-[\w-]{16,}"
    r"|(?<=[?&]token=)[^&\s\"']+|(?<=//)[^/\s:@]+:[^/\s@]+(?=@)"
)
"""Tokens of Slack, GitHub and GitLab, a server's token in a URL, and user:password in a URL."""


def configure(level: str, form: Literal["console", "json"]) -> None:
    """Set up logging for the whole process, libraries included.

    Args:
        level: A level of the standard library, such as `INFO`. Libraries log warnings and errors only.
        form: `console` for people, or `json` for one JSON object a line.
    """
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask_secrets,
                _renderer(form),
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # `bot.scheduler` counts the ticks that it warns of.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # It logs each lost connection as an error. `slack_sdk` logs it too, and connects again.
    logging.getLogger("websocket").setLevel(logging.CRITICAL)
    for name in ("bot", "handlers", "storage"):
        logging.getLogger(name).setLevel(level)


def _renderer(form: str) -> structlog.types.Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def mask_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Replace everything in an event that looks like a secret."""
    return {name: _masked(value) for name, value in event.items()}


def masked(text: str) -> str:
    """A text with everything replaced that looks like a secret."""
    return _SECRETS.sub("***", text)


def _masked(value: Any) -> Any:
    match value:
        case str():
            return masked(value)
        case dict():
            return {key: _masked(each) for key, each in value.items()}
        case list() | tuple():
            return [_masked(each) for each in value]
        case BaseException():
            return masked(repr(value))
        case _:
            return value
