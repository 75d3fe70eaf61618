"""How long a launch usually takes, in words. Pure."""

from collections.abc import Mapping

from bot.binders import expectations
from bot.binders.expectations import BUILT, PULLED, Basis, Expectation
from bot.sentences import Sentence
from bot.times.durations import about
from handlers.messages.language import translated
from handlers.messages.mrkdwn import inline
from storage.models import Binder

_LONGEST_KIND = 40
_SLOW: Mapping[str, str] = {
    "repository": Sentence("checking the repository"),
    "instance": Sentence("getting an instance"),
    "fetch": Sentence("fetching the files"),
    "pull": Sentence("fetching the image"),
    "build": Sentence("the build"),
    "server": Sentence("starting the server"),
}
"""The stages as the beginning of a sentence that says how long they take."""


def expectation(binder: Binder, now: float) -> str:
    """How long a launch that is under way usually takes, as escaped markup.

    Args:
        binder: Any binder.
        now: Unix seconds, UTC.

    Returns:
        Words in small letters, without a period. They are empty where nothing is known, and while the launch
        waits for capacity.
    """
    expected = Expectation.of(binder)
    if expected is None or binder.waiting_for or not expectations.is_at_work(binder):
        return ""
    if expected.basis == Basis.NONE:
        return translated("built before") if binder.has_image and expected.how == PULLED else ""
    usual = _usual(binder, expected)
    return f"{usual} · {_longer(binder, expected, now)}" if expected.is_late else usual


def _usual(binder: Binder, expected: Expectation) -> str:
    time = about(expected.seconds)
    if expected.basis == Basis.BUILD:
        return translated("usually {time}; built before", time=time)
    if expected.basis == Basis.REPOSITORY:
        return translated("usually {time} for this repository", time=time)
    if expected.how != BUILT:
        return translated("usually {time}", time=time)
    return translated(
        "first build of this repository; {kind} repositories usually take {time}",
        kind=inline(expectations.kind_of(binder), _LONGEST_KIND),
        time=time,
    )


def _longer(binder: Binder, expected: Expectation, now: float) -> str:
    """That it takes longer than usual, and which stage that is because of."""
    slow = expectations.slow_stage(binder, now)
    if slow is None:
        return translated("longer than usual")
    usual = expected.stages.get(slow)
    if not usual:
        return translated("longer than usual: {stage}", stage=_SLOW[slow])
    return translated("longer than usual: {stage} usually takes {time}", stage=_SLOW[slow], time=about(usual))
