"""What a launch is told of the images that were built before, and what is written down of a new one."""

import secrets
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from bot.images.rights import AccountRights, TokenRights
from bot.images.store import MOST_IMAGES, MOST_NOTES
from bot.provisioning.agent.settings import AgentSettings
from bot.provisioning.openstack.user_data import encode
from storage.models import BuiltImage
from storage.vocabulary import ImageState, Status
from tests.fakes.registry import sha256
from tests.integration.agent.guest import an_order
from tests.unit.images.conftest import BEGIN, COMMIT, KEY, Site
from tests.unit.images.test_tokens import minter_at
from tests.unit.provisioning.test_user_data import RESERVE

_numbers = count()


def keys(site: Site, **values: Any) -> list[str] | None:
    """The keys of the images that a new launch is told of; None where it may pull nothing."""
    access = site.access(site.launch(f"new{next(_numbers)}", **values))
    if not access.cache_from:
        assert (dict(access.images), dict(access.auth)) == ({}, {})
        return None
    return list(access.images)


def test_a_launch_is_told_of_the_image_of_its_commit(site: Site) -> None:
    image = site.kept("b1", notes=["One package was left out."])
    access = site.access(site.launch("b2"))
    assert access.repository == image.repository
    stored = access.images[KEY]
    assert (stored.digest, stored.id, stored.kind) == (image.digest, sha256("b1"), "Dockerfile")
    assert stored.notes == ("One package was left out.",)
    assert access.cache_from == image.digest
    name = image.repository.removeprefix("registry.test/")
    assert access.auth == {"may": "pull", "from": name, "seconds": "600"}


def test_a_new_commit_starts_from_the_newest_image_of_its_repository(site: Site) -> None:
    site.kept("b1")
    site.clock[0] += 10
    newest = site.kept("b2", commit="d" * 40, key="b2" * 16)
    access = site.access(site.launch("b3", commit="e" * 40))
    assert (dict(access.images), access.cache_from) == ({}, newest.digest)


@pytest.mark.parametrize(
    "other",
    [{"url": "https://github.com/o/other"}, {"provider": "git"}, {"rebuild": True}],
    ids=lambda each: next(iter(each)),
)
def test_another_source_is_told_of_nothing(site: Site, other: dict[str, Any]) -> None:
    site.kept("b1")
    assert keys(site) == [KEY]
    assert keys(site, **other) is None


def test_an_added_package_makes_another_image(site: Site) -> None:
    site.kept("b1")
    assert keys(site, interface="voila") == []
    site.kept("b2", interface="voila", key="b2" * 16)
    assert keys(site, interface="voila") == ["b2" * 16]
    assert keys(site) == [KEY]


@pytest.mark.parametrize("state", [each for each in ImageState if each != ImageState.KEPT])
def test_only_what_is_kept_is_used(site: Site, state: ImageState) -> None:
    image = site.kept("b1")
    with site.store.write() as session:
        found = session.get(BuiltImage, image.id)
        assert found is not None
        found.state = state
    assert keys(site) is None


def test_the_directory_of_a_path_is_remembered(site: Site) -> None:
    site.kept("b1", path="course/a.ipynb", directory="course")
    site.kept("b2", path=None, key="b2" * 16)
    known = site.access(site.launch("b3", path="course/a.ipynb"))
    root = site.access(site.launch("b4"))
    unknown = site.access(site.launch("b5", path="course/b.ipynb"))
    assert (known.directory, list(known.images)) == ("course", [KEY])
    assert (root.directory, list(root.images)) == (".", ["b2" * 16])
    assert (unknown.directory, len(unknown.images)) == (None, 2)


def test_what_an_archive_holds_today_is_found_out_by_fetching_it(site: Site) -> None:
    site.kept("b1", provider="zenodo", url="10.5281/zenodo.1", commit=None)
    access = site.access(site.launch("b2", provider="zenodo", url="10.5281/zenodo.1", commit=None))
    assert (access.directory, list(access.images)) == (None, [KEY])


def test_what_travels_with_a_launch_has_room_in_its_user_data(site: Site) -> None:
    # Random, so that it cannot be compressed; and a right as a registry with tokens gives it.
    site.rights = TokenRights(minter_at(BEGIN))
    for number in range(MOST_IMAGES + 2):
        notes = [secrets.token_hex(MOST_NOTES // 4), secrets.token_hex(MOST_NOTES)]
        site.kept(f"b{number}", key=secrets.token_hex(20), notes=notes)
    access = site.access(site.launch("new"))
    assert len(access.images) == MOST_IMAGES
    assert all(len(each.notes) == 1 for each in access.images.values())
    plain = an_order("https://github.com/o/r")
    more = len(encode(replace(plain, images=access), AgentSettings())) - len(encode(plain, AgentSettings()))
    assert more < RESERVE / 2


def test_the_first_launch_of_a_source_is_told_where_its_image_will_be_kept(site: Site) -> None:
    first = site.access(site.launch("b1"))
    assert (dict(first.auth), first.cache_from) == ({}, ""), "there is nothing to pull"
    assert first.repository == site.kept("b2").repository, "so its layers can be the next commit's cache"


# --- with a right ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_private", [True, False])
def test_images_of_a_repository_that_needs_a_right_lie_apart(site: Site, *, is_private: bool) -> None:
    """Nobody gets a right to pull them whose launch was not found to have that right."""
    image = site.kept("b1", is_private=is_private, needs_right=True)
    others: dict[str, Any] = {"is_private": is_private, "needs_right": False}
    assert keys(site, is_private=is_private, needs_right=True) == [KEY]
    assert keys(site, **others) is None
    without = site.access(site.launch("other", **others))
    assert without.repository != image.repository
    assert site.kept("b2", key="b2" * 16, **others).repository == without.repository


def test_who_may_read_it_in_public_shares_its_images(site: Site) -> None:
    site.kept("b1", needs_right=True)
    assert keys(site, needs_right=True, owner="U2") == [KEY]


def test_a_registry_with_fixed_accounts_keeps_none_that_need_a_right(site: Site) -> None:
    site.rights = AccountRights("reader:r", "writer:w")
    site.ready("b1", image_id=sha256("b1"), needs_right=True)
    with site.store.read() as session:
        assert session.query(BuiltImage).all() == []


# --- private -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_private", [True, None])
def test_what_was_built_in_private_is_for_its_owner_in_private(
    site: Site, *, is_private: bool | None
) -> None:
    image = site.kept("b1", is_private=is_private)
    assert image.is_private
    assert keys(site, is_private=True) == [KEY]
    assert keys(site, is_private=None) == [KEY]
    assert keys(site, is_private=False) is None, "a fast launch would tell the channel of it"
    assert keys(site, is_private=True, owner="U2") is None
    assert keys(site, is_private=True, team_id="T2") is None


def test_what_was_built_in_public_is_for_all_in_private_as_well(site: Site) -> None:
    image = site.kept("b1")
    assert not image.is_private
    assert keys(site, is_private=True, owner="U2") == [KEY]
    assert keys(site, owner="U3") == [KEY]


def test_no_right_reaches_what_others_built_in_private(site: Site) -> None:
    public, private = site.kept("b1"), site.kept("b2", is_private=True)
    assert public.repository != private.repository
    found = [site.access(site.launch(owner, owner=owner, is_private=True)) for owner in ("U1", "U2")]
    assert [each.repository for each in found] == [private.repository, public.repository]
    names = [each.auth["from"] for each in found]
    assert names == [each.repository.removeprefix("registry.test/") for each in (private, public)]


# --- a binder becomes ready --------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [{"image_id": None}, {"secret": ""}, {"how": "kept"}, {"how": "pulled"}])
def test_what_cannot_be_pushed_is_not_written_down(site: Site, missing: dict[str, Any]) -> None:
    if "image_id" in missing:
        row = site.launch("b1", image={"key": KEY, "id": "", "how": "built"})
        with site.store.write() as session:
            site.images.note_ready(session, row)
    else:
        site.ready("b1", **missing)
    assert site.all() == []


def test_a_pulled_image_counts_as_used(site: Site) -> None:
    image = site.kept("b1")
    site.clock[0] += 5000
    site.ready("b2", image_id="b1", how="pulled")
    [row] = site.all()
    assert row.used_at == site.clock[0] > image.used_at
    site.clock[0] += 5000
    site.ready("b3", image_id="another", how="pulled")
    assert site.all()[0].used_at == row.used_at, "another image is not this one"


def test_two_builds_of_one_key_push_one_image(site: Site) -> None:
    site.ready("b1")
    site.ready("b2")
    assert [each.binder_id for each in site.all()] == ["b1"]


def test_what_was_built_although_it_is_kept_replaces_it(site: Site) -> None:
    """The registry has lost it, or it could not be pulled: it is pushed again."""
    site.kept("b1")
    early = site.launch("early", created_at=site.clock[0] - 3600)
    site.become(early.id, image={"key": KEY, "id": sha256("early"), "how": "built"}, status=Status.READY)
    with site.store.write() as session:
        site.images.note_ready(session, site.binder("early"))
    assert len(site.all()) == 1, "it was launched before there was an image"
    site.clock[0] += 10
    site.ready("late")
    assert [each.binder_id for each in site.all()] == ["b1", "late"]


def test_a_build_anew_is_the_one_that_counts(site: Site) -> None:
    site.ready("b1")
    site.ready("b2", rebuild=True)
    states = {each.binder_id: (each.state, each.reason) for each in site.all()}
    assert states == {"b1": ("dropped", "It was built anew."), "b2": ("built", "")}


def test_the_image_knows_what_it_was_built_from(site: Site) -> None:
    image = site.kept("b1", interface="voila", directory="course")
    facts = (image.provider, image.url, image.commit, image.directory, image.extra, image.kind)
    assert facts == ("gh", "https://github.com/o/r", COMMIT, "course", "voila", "Dockerfile")
