"""How answers are proposed, read, shown and tried, for the tables of questions."""

import re
from collections.abc import Callable, Sequence
from functools import partial

from bot import config
from bot.admin.init import trials
from bot.admin.init.dialogue import Known
from bot.errors import ConfigError
from bot.provisioning.choices import Choice


def setting_default(name: str) -> Callable[[Known], str]:
    """The default of a setting, as the file would have it."""
    default = config.Settings.model_fields[name.lower()].default
    return lambda _known: "" if default is None else str(default)


def one_of(typed: str, choices: Sequence[Choice]) -> str:
    """The name of a choice by its number, or what was typed."""
    if any(each.name == typed for each in choices) or not (typed.isascii() and typed.isdigit()):
        return typed
    if not 1 <= int(typed) <= len(choices):
        raise ConfigError(f"There is no number {typed}.")
    return choices[int(typed) - 1].name


def sizes_of(typed: str, choices: Sequence[Choice]) -> str:
    """OPENSTACK_SIZES for numbers or names with commas between them; each gets a label if it has none."""
    return ",".join(_size_of(each.strip(), choices) for each in typed.split(",") if each.strip())


def _size_of(typed: str, choices: Sequence[Choice]) -> str:
    wanted, _, rest = typed.partition(":")
    name = one_of(wanted.strip(), choices)
    label, _, price = rest.partition(":")
    label = label.strip() or next((each.detail for each in choices if each.name == name), "")
    return ":".join([name, *([label or name] if label or price else []), *([price.strip()] if price else [])])


def without_password(url: str) -> str:
    """A database's URL without what may be secret in it."""
    return re.sub(r"^([^:/]+://[^:/@]*):.*@", r"\1:…@", url.partition("?")[0])


def fits(name: str) -> Callable[[Known], str]:
    """Only whether the setting can have the answer."""
    return partial(trials.value_fits, name=name)
