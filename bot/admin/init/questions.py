"""The table of all questions of `binder-bot init`: what each asks, and how its answer is tried."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bot.admin.init import slack_app, trials
from bot.admin.init.answers import fits, one_of, setting_default, sizes_of, without_password
from bot.admin.init.dialogue import Known, Question, Section
from bot.provisioning.baking import BAKED
from bot.provisioning.choices import Choice
from bot.provisioning.registry import FACTORIES


def _is_there(name: str, *also: str) -> Callable[[Known], str]:
    return partial(trials.is_there, name=name, also=also)


def _choices(name: str) -> Callable[[Known], Sequence[Choice]]:
    return partial(trials.choices, name=name)


def _needs_clouds_yaml(known: Known) -> bool:
    return "OS_AUTH_URL" not in known


def _is_unisolated(known: Known) -> bool:
    return known.get("LOCAL_ENGINE") == "none" or not trials.choices(known, "LOCAL_ENGINE")


_DATABASE = Section(
    "The database",
    (
        Question(
            "DATABASE_URL",
            "Where is the database? sqlite:///file for one process, postgresql://user:password@host/name for "
            "several. It is not shown, because it may hold a password.",
            default=setting_default("DATABASE_URL"),
            secret=True,
            shown=without_password,
            tried=trials.database,
        ),
        Question(
            "SECRET_KEY",
            "This database was in use. Paste the key that encrypts its secrets; Enter makes a new one, "
            "if there was none.",
            default=lambda _known: secrets.token_urlsafe(32),
            is_due=lambda known: "SECRET_KEY" not in known and trials.database_is_in_use(known),
            secret=True,
            shown=lambda _key: "a new one",
            tried=fits("SECRET_KEY"),
        ),
    ),
)

_LOCAL = (
    Question(
        "LOCAL_ENGINE",
        "Which container engine? `auto` takes the first of those that work here, `none` does without.",
        default=setting_default("LOCAL_ENGINE"),
        choices=_choices("LOCAL_ENGINE"),
        read=one_of,
        tried=_is_there("LOCAL_ENGINE", "auto", "none"),
    ),
    Question(
        "LOCAL_UNISOLATED_OK",
        "No container engine is used, so nothing is isolated: everybody who may type /binder can run "
        "programs as the bot's user. Do you trust all of them? `true` or `false`.",
        default=lambda _known: "false",
        is_due=_is_unisolated,
        tried=fits("LOCAL_UNISOLATED_OK"),
    ),
    Question(
        "LOCAL_PUBLIC_URL",
        "The URL at which people reach a port of this machine; {port} stands for the port.",
        default=setting_default("LOCAL_PUBLIC_URL"),
        tried=fits("LOCAL_PUBLIC_URL"),
    ),
)

_OPENSTACK = (
    Question(
        "OS_CLIENT_CONFIG_FILE",
        "The file clouds.yaml with the bot's credential (docs/openstack.md says how to get it).",
        default=lambda _known: str(Path("clouds.yaml").absolute()),
        is_due=_needs_clouds_yaml,
        tried=lambda known: trials.is_file(known["OS_CLIENT_CONFIG_FILE"]),
    ),
    Question(
        "OS_CLOUD",
        "The name of the cloud in that file.",
        default=lambda _known: "openstack",
        is_due=_needs_clouds_yaml,
        tried=trials.credentials,
    ),
    Question(
        "DEPLOYMENT",
        "A name that marks what this bot makes. Two bots in one project need two names.",
        default=setting_default("DEPLOYMENT"),
        tried=fits("DEPLOYMENT"),
    ),
    Question(
        "OPENSTACK_IMAGE",
        "The image: its name or number, or `baked`, which `binder-bot bake` makes from one of them.",
        default=lambda _known: BAKED,
        choices=_choices("OPENSTACK_IMAGE"),
        read=one_of,
        tried=_is_there("OPENSTACK_IMAGE", BAKED),
    ),
    Question(
        "OPENSTACK_SIZES",
        "The sizes that people may choose, the default first: names or numbers with commas between them. "
        "`2::4` also says that number 2 costs 4 an hour.",
        choices=_choices("OPENSTACK_SIZES"),
        read=sizes_of,
        tried=_is_there("OPENSTACK_SIZES"),
    ),
    Question(
        "OPENSTACK_PUBLIC_URL",
        "The URL at which people reach a port of an instance. Plain http shows tokens to those who listen. "
        "Jetstream2 has a proxy: https://http-{dashed}-{port}.proxy-js2-iu.exosphere.app",
        default=setting_default("OPENSTACK_PUBLIC_URL"),
        is_due=lambda known: "OPENSTACK_TLS" not in known,
        tried=fits("OPENSTACK_PUBLIC_URL"),
    ),
    Question(
        "OPENSTACK_NETWORK",
        "The network of the instances.",
        default=setting_default("OPENSTACK_NETWORK"),
        choices=_choices("OPENSTACK_NETWORK"),
        read=one_of,
        tried=_is_there("OPENSTACK_NETWORK"),
    ),
    Question(
        "OPENSTACK_EXTERNAL_NETWORK",
        "The network of the floating IPs.",
        default=setting_default("OPENSTACK_EXTERNAL_NETWORK"),
        choices=_choices("OPENSTACK_EXTERNAL_NETWORK"),
        read=one_of,
        tried=_is_there("OPENSTACK_EXTERNAL_NETWORK"),
    ),
)


def _of_cloud(cloud: str, questions: Sequence[Question]) -> Iterator[Question]:
    """The questions of a cloud, which are due only where it is chosen."""
    for each in questions:
        yield replace(each, is_due=partial(_is_due_on, cloud, each.is_due))


def _is_due_on(cloud: str, is_due: Callable[[Known], bool], known: Known) -> bool:
    return known["CLOUD"] == cloud and is_due(known)


_CLOUD = Section(
    "The cloud",
    (
        Question(
            "CLOUD",
            "Where do binders run? `local` is this machine, `openstack` gives each an instance of its own.",
            default=setting_default("CLOUD"),
            choices=lambda _known: [Choice(each) for each in FACTORIES],
            read=one_of,
            tried=fits("CLOUD"),
        ),
        *_of_cloud("local", _LOCAL),
        *_of_cloud("openstack", _OPENSTACK),
    ),
    tried=trials.whole_cloud,
)


def sections(manifest_file: Path) -> tuple[Section, ...]:
    """All questions, in their order.

    Args:
        manifest_file: Where the manifest of the Slack app goes if it is too long for a link.
    """
    return (*slack_app.sections(manifest_file), _DATABASE, _CLOUD)
