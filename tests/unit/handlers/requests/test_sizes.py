"""Who may use which size: in a launch, in its form, and in the settings."""

from typing import Any

import pytest

from bot import config
from bot.errors import ConfigError, Refused, RequestError
from bot.provisioning.instances import Size
from bot.provisioning.registry import build_cloud
from bot.repositories.launch_text import parse_launch
from bot.tokens import new_token
from handlers.messages.forms import FormFacts, Origin, launch_form
from handlers.requests import launches, operations
from handlers.requests.context import Context
from handlers.requests.lookup import by_id
from handlers.requests.requester import Requester
from storage import binders
from storage.engine import Store
from storage.models import Binder
from tests.fakes.settings import GivenSettings

TOKENS = {"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1"}
SIZES = (
    Size("gpu", "a GPU", people=frozenset({"U1"})),
    Size("small", "1 CPU"),
    Size("huge", "64 CPUs", people=frozenset()),
)


@pytest.fixture
def context(store: Store) -> Context:
    settings = GivenSettings(**TOKENS, admins="U9")  # type: ignore[arg-type] # as the environment has it
    return Context(store, settings, SIZES, lambda: None)


def launched(context: Context, user: str, words: str) -> Binder:
    requester = Requester(user, "T1", "C1", f"{user} {words}", is_private=False)
    launches.launch(context, requester, parse_launch(f"owner/repo {words}"))
    with context.store.read() as session:
        return binders.existing(session, "T1")[-1]


@pytest.mark.parametrize(
    ("user", "words", "size"),
    [
        ("U1", "", "gpu"),
        ("U1", "--size GPU", "gpu"),
        ("U2", "", "small"),
        ("U2", "--size small", "small"),
        ("U9", "", "gpu"),
        ("U9", "--size huge", "huge"),
    ],
)
def test_people_get_what_they_may_use(context: Context, user: str, words: str, size: str) -> None:
    assert launched(context, user, words).size == size


@pytest.mark.parametrize(
    ("user", "size", "hint"),
    [
        ("U2", "gpu", "You may use: `small` (1 CPU)."),
        ("U1", "huge", "You may use: `gpu` (a GPU), `small` (1 CPU)."),
    ],
)
def test_others_are_told_what_they_may_use(context: Context, user: str, size: str, hint: str) -> None:
    with pytest.raises(Refused, match=f"You aren't allowed to use the size `{size}`") as caught:
        launched(context, user, f"--size {size}")
    assert caught.value.hint == hint


def test_an_unknown_size_names_only_ones_own(context: Context) -> None:
    with pytest.raises(RequestError, match="no size “tiny”") as caught:
        launched(context, "U2", "--size tiny")
    assert caught.value.hint == "There are: `small` (1 CPU)."


def test_a_retry_by_another_person_is_no_way_around(context: Context) -> None:
    theirs = launched(context, "U1", "--size gpu")
    requester = Requester(user="U2", team_id="T1", channel="C1", key="retry")
    with pytest.raises(Refused):
        launches.launch_again(context, requester, by_id(context, requester, theirs.id))


def test_nobodys_sizes_are_refused_and_need_no_choice(context: Context) -> None:
    alone = Context(context.store, context.settings, SIZES[2:], context.nudge)
    with pytest.raises(Refused, match="You aren't allowed to use any machine size"):
        launched(alone, "U2", "")
    assert "size" not in fields(launches.sizes_for(alone, Requester("U2", "T1", "C1", "")))


@pytest.mark.parametrize(
    ("user", "keys"), [("U1", ["gpu", "small"]), ("U2", ["small"]), ("U9", ["gpu", "small", "huge"])]
)
def test_the_form_offers_only_what_one_may_use(context: Context, user: str, keys: list[str]) -> None:
    options = fields(launches.sizes_for(context, Requester(user, "T1", "C1", "")))["size"]["element"][
        "options"
    ]
    assert [each["value"] for each in options] == keys


def fields(sizes: tuple[Size, ...]) -> dict[str, Any]:
    return {
        each["block_id"]: each
        for each in launch_form(FormFacts(sizes), Origin("C1"))["blocks"]
        if "block_id" in each
    }


CHOSEN = {"cloud": "openstack", "openstack_image": "noble", "openstack_sizes": "m3.small,g3.large,m3.xl"}


def test_the_setting_becomes_what_the_cloud_offers() -> None:
    settings = config.load(**TOKENS, **CHOSEN, size_people="g3.large=U1 + W2, m3.xl=admins,")
    sizes = {size.key: size.people for size in build_cloud(settings).sizes}
    assert sizes == {"m3.small": None, "g3.large": frozenset({"U1", "W2"}), "m3.xl": frozenset()}


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("g3.larg=U1", "SIZE_PEOPLE names g3.larg, which is not a size: the sizes are m3.small, g3.large"),
        ("g3.large", "SIZE_PEOPLE: each must be"),
        ("g3.large=", "SIZE_PEOPLE: each must be"),
        ("g3.large=ada", "SIZE_PEOPLE: each must be"),
        ("g3.large=U1++U2", "SIZE_PEOPLE: each must be"),
    ],
)
def test_a_wrong_setting_stops_the_start(value: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        config.load(**TOKENS, **CHOSEN, size_people=value)


def test_the_key_to_tokens_is_long_and_is_used(context: Context) -> None:
    with pytest.raises(ConfigError, match="TOKEN_KEY"):
        config.load(**TOKENS, token_key="too short")
    key = "0123456789abcdef" * 2
    keyed = Context(context.store, config.load(**TOKENS, token_key=key), SIZES, context.nudge)
    assert key not in repr(keyed.settings)
    row = launched(keyed, "U2", "")
    assert row.token == new_token(row.id, key)


def test_a_ready_binder_whose_token_is_lost_says_so(context: Context) -> None:
    row = launched(context, "U2", "")
    with context.store.write() as session:
        session.query(Binder).update({"token": "", "status": "ready"})
    requester = Requester(user="U2", team_id="T1", channel="C1", key="open")
    said = operations.open_links(context, requester, by_id(context, requester, row.id))
    assert "was lost with the bot's database" in said.text
