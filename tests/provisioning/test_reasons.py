"""The one sentence that is made of what uv printed."""

import pytest

from bot.provisioning.runner.uv_way import uv_reason

NOT_FOUND = """Using Python 3.11.7 environment at: v3
error: No solution found when resolving dependencies
  cause: Because nosuch was not found in the package registry and you require nosuch==1, we can conclude that
         your requirements are unsatisfiable.
"""
NOT_FOUND_DRAWN = """  \u00d7 No solution found when resolving dependencies:
  ╰─▶ Because there is no version of numpy==99 and you require numpy==99, we can conclude that your
      requirements are unsatisfiable.
"""
BROKEN_BUILD = """error: Failed to build `broken==1`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)

         [stdout]
         running build

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 1, in <module>
         RuntimeError: boom here

         hint: This usually indicates a problem with the package or the build environment.
"""
NO_SET = "No set of packages satisfies `requirements.txt`: because"
UNPARSED = """error: Couldn't parse requirement in `requirements.txt` at position 0
  cause: Expected one of `@`, found `y`
         nump y ==
              ^
"""


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (NOT_FOUND, f"{NO_SET} nosuch was not found in the package registry and you require nosuch==1."),
        (NOT_FOUND_DRAWN, f"{NO_SET} there is no version of numpy==99 and you require numpy==99."),
        (BROKEN_BUILD, "Failed to build `broken==1`: RuntimeError: boom here."),
        ("warning: x\nsomething else\n", "The packages could not be installed: something else."),
    ],
)
def test_reasons(output: str, reason: str) -> None:
    assert uv_reason(output, "requirements.txt") == reason


def test_a_requirement_that_is_none_is_shown() -> None:
    reason = uv_reason(UNPARSED)
    assert reason.startswith(
        "Couldn't parse requirement in `requirements.txt` at position 0: Expected one of `@`"
    )
