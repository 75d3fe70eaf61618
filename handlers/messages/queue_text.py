"""Why a launch waits before it begins, and what lets it begin, in words. Pure."""

from collections.abc import Mapping
from typing import Any

from bot.sentences import Sentence
from handlers.messages.language import number, translated
from handlers.messages.mrkdwn import date
from storage.models import Binder
from storage.vocabulary import Target, WaitsFor

_WHOSE: Mapping[str, Sentence] = {
    "person": Sentence("its owner"),
    "channel": Sentence("this channel"),
    "group": Sentence("the group of its owner"),
    "workspace": Sentence("this workspace"),
    "site": Sentence("this site"),
}
_USES: Mapping[str, Sentence] = {
    "binders": Sentence(
        "It waits because {whose} has {used} of {limit} binders. It begins when one of them ends."
    ),
    "vcpus": Sentence(
        "It waits because {whose} uses {used} of {limit} vCPUs. It begins when enough binders have ended."
    ),
    "hours": Sentence(
        "It waits because {whose} used {used} of {limit} hours within 24 hours. It begins as time passes."
    ),
    "cost": Sentence(
        "It waits because {whose} used {used} of {limit} of this month's budget. It begins next month, or "
        "when an admin raises the limit."
    ),
}
_NEVER: Mapping[str, Sentence] = {
    "binders": Sentence("This can never begin, because {whose} may have {limit} binders."),
    "vcpus": Sentence("This can never begin, because {whose} may use {limit} vCPUs."),
    "hours": Sentence("This can never begin, because {whose} may use {limit} hours a day."),
    "cost": Sentence("This can never begin, because {whose} may spend {limit} a month."),
}


def waits(binder: Binder) -> bool:
    """Whether a binder has not begun yet, and waits for something."""
    return binder.waits_for is not None and binder.target != Target.GONE


def why_waits(binder: Binder) -> str:
    """Why a launch waits and what lets it begin; empty where it does not wait."""
    if not waits(binder):
        return ""
    if binder.waits_for == WaitsFor.APPROVAL:
        return translated(
            "A launch of this size or length needs approval here. The admins are asked, until {end}.",
            end=date(float((binder.queue or {}).get("until", 0.0))),
        )
    if binder.queue:
        return translated(_about(_USES, binder.queue))
    return translated("It waits until its size is known.")


def never(facts: Mapping[str, Any]) -> Sentence:
    """Why a launch can never begin; see `bot.binders.admission.facts_of_full`."""
    return _about(_NEVER, facts)


def _about(sentences: Mapping[str, Sentence], facts: Mapping[str, Any]) -> Sentence:
    used, limit = (_number(facts[name]) for name in ("used", "limit"))
    return Sentence(sentences[facts["what"]], whose=_WHOSE[facts["scope"]], used=used, limit=limit)


def _number(value: float) -> str:
    return number(value, 0 if float(value).is_integer() else 1)
