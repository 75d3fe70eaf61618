"""What an operator sets of the image store, and what is refused at the start, by its name."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import config
from bot.errors import ConfigError
from bot.images.factory import image_store_of
from bot.images.names import parse_place, private_name, public_name
from bot.images.rights import AccountRights
from bot.images.settings import TRUST_IN_INSTANCES
from storage.models import Binder

SLACK = {"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1"}
PULL, PUSH = "reader:s3cret", "writer:t0psecret"


def load(**values: Any) -> config.Settings:
    return config.load(_env_file=None, **SLACK, **values)


def test_without_a_registry_there_is_no_store() -> None:
    assert image_store_of(load()) is None


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"image_registry": "registry.test"}, "IMAGE_REGISTRY"),
        ({"image_registry": "https://registry.test/a"}, "IMAGE_REGISTRY"),
        ({"image_registry": "registry.test/A"}, "IMAGE_REGISTRY"),
        ({"image_registry": "registry.test/a"}, "IMAGE_REGISTRY needs IMAGE_REGISTRY_KEY"),
        ({"image_registry": "registry.test/a", "image_registry_key": "k"}, "IMAGE_REGISTRY_CERTIFICATE"),
        ({"image_registry_pull": "nobody"}, "IMAGE_REGISTRY_PULL"),
        ({"image_registry_push": PUSH}, "IMAGE_REGISTRY_PULL"),
        ({"image_registry_pull": PULL, "image_registry_push": PUSH}, "IMAGE_REGISTRY_TRUSTS_INSTANCES"),
        (
            {
                "image_registry_pull": PULL,
                "image_registry_push": PUSH,
                "image_registry_trusts_instances": TRUST_IN_INSTANCES.upper(),
            },
            "IMAGE_REGISTRY_TRUSTS_INSTANCES",
        ),
        (
            {"image_registry_key": "k", "image_registry_certificate": "c", "image_registry_pull": PULL},
            "IMAGE_REGISTRY_KEY does not go with",
        ),
        ({"image_store_gb": 0}, "IMAGE_STORE_GB"),
        ({"image_keep_days": -1}, "IMAGE_KEEP_DAYS"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not_shown(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        load(**values)
    assert "s3cret" not in caught.value.sentence
    assert "t0psecret" not in caught.value.sentence


def test_a_key_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    files = {"image_registry_key": tmp_path / "k", "image_registry_certificate": tmp_path / "c"}
    with pytest.raises(ConfigError, match="IMAGE_REGISTRY_KEY names"):
        image_store_of(load(image_registry="registry.test/a", **files))


@pytest.mark.parametrize("pushes", [False, True])
def test_accounts_are_pushed_with_only_where_the_operator_says_so(*, pushes: bool) -> None:
    more = {"image_registry_push": PUSH, "image_registry_trusts_instances": TRUST_IN_INSTANCES}
    settings = load(image_registry="registry.test/a", image_registry_pull=PULL, **(more if pushes else {}))
    kept = image_store_of(settings)
    assert kept is not None
    assert isinstance(kept.rights, AccountRights)
    assert kept.rights.can_push == pushes
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("registry.example.org/binders", "https://registry.example.org"),
        ("registry.example.org:8443/a/b", "https://registry.example.org:8443"),
        ("127.0.0.1:5000/binders", "http://127.0.0.1:5000"),
        ("localhost:5000/binders", "http://localhost:5000"),
    ],
)
def test_a_registry_is_spoken_to_with_tls_unless_it_is_here(text: str, url: str) -> None:
    place = parse_place(text)
    assert place.url == url
    assert place.path(place.repository("x")) == f"{place.prefix}/x"
    assert parse_place(text, is_http=True).url.startswith("http://")


texts = st.text(max_size=6)


@given(st.tuples(texts, texts, texts, texts), st.tuples(texts, texts, texts, texts))
def test_two_sources_or_owners_never_share_a_repository(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    rows = [
        Binder(provider=provider, url=url, team_id=team, owner=owner)
        for provider, url, team, owner in (one, other)
    ]
    if "\0" in "".join((*one, *other)):
        return
    assert (public_name(rows[0]) == public_name(rows[1])) == (one[:2] == other[:2])
    assert (private_name(rows[0]) == private_name(rows[1])) == (one == other)
    assert public_name(rows[0]) != private_name(rows[1])
