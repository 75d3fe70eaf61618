"""The sentence of why something failed, for people, from what a program printed."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from bot.provisioning.agent.error_lines import true_line, true_line_of_build
from bot.provisioning.agent.failures import CommandFailed, Failure, FailureCode
from bot.provisioning.agent.text import sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_UV_ERROR = re.compile(r"^(?:error:|\s{0,4}\u00d7)\s*(?P<what>.+)")
_LOCAL_ADDRESS = re.compile(r" @ file://[^`\s]+")
_UV_CAUSE = re.compile(r"^\s*(?:cause:|[╰├]─▶)\s*(?P<what>.+)")
_UV_OUTPUTS = ("[stderr]", "[stdout]")
_PLAIN_HEADLINES = {"The build backend returned an error": "A package could not be built"}
_OUT_OF_MEMORY = re.compile(
    r"exit code: 137\b|\(signal: 9\b|^Killed$|^(?:#\d+ )?\d+\.\d+ Killed$", re.MULTILINE
)
OUT_OF_MEMORY = "ran out of memory"
_OUTPUT_OF_GIT = "--- stderr"
_LAYER = re.compile(r"/\S*/overlay2/\w+/(?:diff|merged)(?=/)")
"""Where an engine keeps the files of an image that is being built."""
KILLED = frozenset({-signal.SIGKILL, 128 + signal.SIGKILL})
_GIT_NOISE = re.compile(
    r"dumb http transport|a second time, aborting|Retry scheduled|hung up|early EOF|invalid index-pack"
    r"|^fatal: clone of|^fatal: Could not read from remote|^error: Could not fetch"
)
_GIT_ASKS = re.compile(r"could not read (?:Username|Password)|Authentication failed")
_GIT_ERROR = re.compile(r"^(?:fatal|error): (?P<what>.+)")


def image_failure(error: CommandFailed, own_reason: str = "") -> Failure:
    """Why repo2docker failed.

    Args:
        error: How it ended.
        own_reason: Its own words, where it was not a command that failed.
    """
    what = own_reason or true_line_of_build(error.output) or f"repo2docker ended with exit code {error.code}"
    what = _LAYER.sub("", what)
    return Failure(_sentence("The image could not be built", what), FailureCode.BUILD_FAILED, _hint(error))


def script_failure(name: str, error: CommandFailed) -> Failure:
    """Why a script of the repository failed."""
    how = f"ended with exit code {error.code}" if error.code > 0 else f"was ended by signal {-error.code}"
    what = _sentence(f"`{name}` {how}", true_line(error.output))
    return Failure(what, FailureCode.BUILD_FAILED, _hint(error))


def packages_failure(error: CommandFailed, origin: str) -> Failure:
    """Why uv failed.

    Args:
        error: How it ended.
        origin: The file that says what is installed; empty for none.
    """
    return Failure(uv_reason(error.output, origin), FailureCode.BUILD_FAILED, _hint(error))


def git_reason(output: str) -> str:
    """Why git failed, without a full stop."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [
        match["what"] for line in lines if not _GIT_NOISE.search(line) and (match := _GIT_ERROR.match(line))
    ]
    reason = (errors or lines[-1:] or ["git printed nothing"])[0].rstrip(".")
    return "it does not exist, or is private" if _GIT_ASKS.search(reason) else reason


def server_reason(output: str) -> str:
    """Why a server ended, from its log; empty where it printed nothing."""
    return sentence(true_line(output))


def memory_full(limit: str) -> str:
    """That a program was ended, but not the server."""
    return f"A program was ended because the memory was full ({limit})"


def uv_reason(output: str, origin: str = "") -> str:
    """One sentence of why uv failed."""
    lines = output.splitlines()
    starts = [number for number, line in enumerate(lines) if _UV_ERROR.match(line)]
    if not starts:
        return _sentence("The packages could not be installed", true_line(output))
    printed = lines[starts[-1] :]
    match = _UV_ERROR.match(printed[0])
    headline = _LOCAL_ADDRESS.sub("", match["what"].strip() if match else printed[0])
    if any(line.strip() == _OUTPUT_OF_GIT for line in printed):
        return _sentence(headline, git_reason(output.partition(_OUTPUT_OF_GIT)[2]))
    causes = _causes(printed)
    detail = true_line("\n".join(_build_output(printed))) or (causes[-1] if causes else "")
    headline = _PLAIN_HEADLINES.get(headline, headline)
    if headline.startswith("No solution found"):
        headline = f"No set of packages satisfies {f'`{origin}`' if origin else 'what it asks for'}"
        detail = detail.split(", we can conclude", 1)[0]
        detail = detail[:1].lower() + detail[1:]
    elif len(causes) > 1 and detail == causes[-1]:
        detail = f"{causes[0]}: {detail}"
    return _sentence(headline, detail)


def _causes(lines: Sequence[str]) -> list[str]:
    """The causes that uv names below its error."""
    causes: list[str] = []
    for line in lines[1:]:
        match = _UV_CAUSE.match(line)
        if match:
            causes.append(match["what"].strip())
        elif not line.strip():
            break
        elif causes:
            causes[-1] += " " + line.strip(" │\t")
    return causes


def _build_output(lines: Sequence[str]) -> Iterable[str]:
    """What the failing build of a package printed itself: its errors before its ordinary output."""
    for marker in _UV_OUTPUTS:
        starts = [number for number, line in enumerate(lines) if line.strip() == marker]
        if starts:
            rest = lines[starts[0] + 1 :]
            ends = [
                number
                for number, line in enumerate(rest)
                if line.lstrip().startswith("hint:") or line.strip() in _UV_OUTPUTS
            ]
            return rest[: ends[0]] if ends else rest
    return []


def _hint(error: CommandFailed) -> str:
    if "no space left" in error.output.lower():
        return "The disk is full: a size with a larger disk may do."
    if error.code in KILLED or _OUT_OF_MEMORY.search(error.output):
        return f"It {OUT_OF_MEMORY}: a larger size may do."
    return ""


def _sentence(what: str, detail: str) -> str:
    return sentence(f"{what}: {detail}" if detail else what).rstrip(".") + "."
