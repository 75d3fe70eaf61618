"""Finding the line that says why a program failed, in what it and the programs below it printed.

Programs print the cause, then the consequences, then advice. So lines are sorted into kinds, and the last
line of the best kind that is there is the reason. The tests have a table of captured logs.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_STAMP = re.compile(r"^(?:#\d+ )?(?:\d+\.\d+ )?")
_FAILED_STEP = re.compile(r"^#(\d+) ERROR: (?P<what>.*)")
_SOLVING_FAILED = re.compile(r"^ERROR: failed to (?:build|solve): (?P<what>.*)")
_FRONTEND = re.compile(r"^(?:rpc error: code = \w+ desc = |failed to [\w .-]+: )+")

_ADVICE = re.compile(
    r"""^\W*(?:
        warn(?:ing)?\b | npm\ (?:warn|notice)\b | \[notice\] | note:? | hint: | info:? | debug:?
      | deprecat | traceback\ \(most\ recent | see\ above | \[end\ of\ output\] | use\ `?--
      | \S*(?:gcc|g\+\+|clang|cc)\ -\S
      | npm\ err(?:or|!)\s+(?:a\ complete\ log | \S*_logs\b | \d+\ note | \d+\ tarball
                              | code\ \w+$ | \d*\s*$ )
      | a\ version\ of\ this\ package | this\ is\ an\ issue\ with | this\ error\ originates
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""What is no error, whatever words are in it."""
_CONSEQUENCE = re.compile(
    r"""did\ not\ complete\ successfully | executor\ failed\ running | failed\ to\ solve | non-zero\ exit
      | exit(?:ed)?\ (?:with\ )?(?:code|status) | ^\s*\d+\ \| | ^\s*>\ \[ | ^-+$ | ^\W*execution\ halted
      | metadata-generation-failed | legacy-install-failure | subprocess-exited-with-error
      | failed-wheel-build | encountered\ error\ while | error:\ command\ .*failed\ with
      | failed\ (?:to\ build|building) | could\ not\ build\ wheels | build\ failed | ^\W*make.*\*\*\*
      | ignored\ the\ following\ (?:versions|yanked) | critical\ libmamba | elifecycle
      | error:\ (?:aborting|could\ not\ compile) | error:\ command\ '\[ | resolutionimpossible
      | ^\w+error\( | an\ http\ error\ occurred | (?:compilation|configuration|loading)\ failed\ for\ package
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What follows from an error that was printed before."""
_ERROR = re.compile(
    r"""error\b | exception:\ | \bfatal\b | ^\W*e:\ | not\ found | no\ such | cannot | can't | could\ not
      | couldn't | unable\ to | nothing\ provides | does\ not\ exist | is\ not\ in\ this\ registry
      | there\ is\ no\ package | no\ space\ left | \bkilled\b | permission\ denied | not\ installable
      | is\ not\ available | refused | timed?\ ?out | command\ not\ found | killed\ MRAN | npm\ err!
    """,
    re.IGNORECASE | re.VERBOSE,
)
_FAILED_PACKAGE_OF_R = re.compile(r"^ERROR: (?:compilation|configuration|dependenc\w+|lazy loading)\b")
"""R goes on after the first package that fails. What follows are its consequences."""
_ITEM = re.compile(r"^[-*] \S")
_MAX_ITEMS = 3
_PREFIX = re.compile(r"^(?:npm (?:ERR!|error)\s*(?:\d+\s+)?|fatal: |error: |E: |ERROR: |[╰├└│]?─+[>▶]?\s*)")


def true_line(output: str) -> str:
    """The line of a program's output that says why it failed; empty where it printed nothing."""
    lines = [text for line in output.splitlines() if (text := _STAMP.sub("", line).strip())]
    of_r = [number for number, line in enumerate(lines) if _FAILED_PACKAGE_OF_R.match(line)]
    lines = lines[: of_r[0] + 1] if of_r else lines
    best = _best(lines)
    return _plain(best) + _items_after(best, lines)


def true_line_of_build(output: str) -> str:
    """The same for the output of buildx, in which the step that failed is known."""
    lines = [line for line in output.splitlines() if line.strip()]
    failed = next((match for line in reversed(lines) if (match := _FAILED_STEP.match(line))), None)
    if failed is None:
        return _of_solver(lines) or true_line(output)
    step = f"#{failed[1]} "
    printed = [line for line in lines if re.match(rf"{step}\d+\.\d+ ", line)]
    if not _CONSEQUENCE.search(failed["what"]):
        return failed["what"]
    return true_line("\n".join(printed)) or failed["what"]


def _of_solver(lines: Sequence[str]) -> str:
    """What the solver says of a Dockerfile in which no step could begin."""
    solved = next((match for line in reversed(lines) if (match := _SOLVING_FAILED.match(line))), None)
    what = _FRONTEND.sub("", solved["what"]) if solved else ""
    return "" if _CONSEQUENCE.search(what) else what


def _best(lines: Sequence[str]) -> str:
    """The last line of the best kind that there is."""
    serious = [line for line in lines if not _ADVICE.match(line)]
    errors = [line for line in serious if _ERROR.search(line)]
    causes = [line for line in errors if not _CONSEQUENCE.search(line)]
    plain = [line for line in serious if not _CONSEQUENCE.search(line)]
    return next((kind[-1] for kind in (causes, errors, plain, serious, lines) if kind), "")


def _items_after(line: str, lines: Sequence[str]) -> str:
    """The list that a line announces, which is on the lines after it."""
    if not line.endswith(":"):
        return ""
    after = lines[lines.index(line) + 1 :]
    items = list(takewhile(_ITEM.match, after))[:_MAX_ITEMS]
    return "".join(f"{',' if number else ''} {item[2:].strip()}" for number, item in enumerate(items))


def _plain(line: str) -> str:
    """A line without what only says that it is an error."""
    return _PREFIX.sub("", line).strip().rstrip(".")
