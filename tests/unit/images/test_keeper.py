"""The keeper over a cloud and a registry in memory: what it brings there, refuses and removes."""

import pytest

from bot.errors import CloudError, CloudUnreachable, RegistryError
from bot.images import keeper as keeping
from bot.images.manifests import Manifest
from bot.images.plans import MOST_TRIES, KeepingPolicy
from bot.images.rights import AccountRights
from bot.provisioning.agent.instructions import MAX_TEXT
from storage.models import ImageState, Status, Target
from tests.fakes.cloud import FakeCloud
from tests.fakes.registry import FakeRegistry, sha256
from tests.unit.images.conftest import DAY, KEY, Site


def state_of(site: Site, binder_id: str) -> tuple[str, str]:
    found = site.image_of(binder_id)
    assert found is not None
    return str(found.state), found.reason


def test_what_was_built_is_pushed_verified_and_kept(site: Site) -> None:
    site.ready("b1")
    site.keeper.tick()
    [order] = site.orders()
    [row] = site.all()
    assert (order["repository"], order["tag"]) == (row.repository, KEY)
    name = row.repository.removeprefix("registry.test/")
    assert order["auth"] == {"may": "push", "to": name, "seconds": "1800"}
    assert (row.state, row.tries) == (ImageState.PUSHING, 1)
    site.obey("b1")
    site.clock[0] += keeping.POLL_SECONDS
    site.keeper.tick()
    [row] = site.all()
    assert row.state == ImageState.KEPT
    assert row.digest == sha256(f"manifest of {sha256('b1')}")
    assert row.size_bytes == 110
    assert site.said() == []
    asked = site.registry.asked
    site.clock[0] += DAY
    site.keeper.tick()
    assert site.registry.asked == asked, "nothing is asked about what is kept"


def test_the_order_to_push_is_no_longer_than_an_instruction_may_be(site: Site) -> None:
    site.ready("b1")
    site.keeper.tick()
    [told] = [each.told[keeping.PUSH] for each in site.cloud.machines["b1"]]
    assert len(told) < MAX_TEXT / 2
    assert "registry.test" not in told


def test_an_image_that_was_not_built_for_its_key_is_never_kept(site: Site) -> None:
    site.ready("b1")
    site.keeper.tick()
    site.obey("b1", instead="poison")
    site.clock[0] += keeping.POLL_SECONDS
    site.keeper.tick()
    [row] = site.all()
    assert (row.state, row.reason) == (ImageState.DROPPED, "Another image was pushed in its place.")
    site.keeper.tick()
    site.clock[0] += DAY
    site.keeper.tick()
    assert site.registry.manifests == {}, "it is deleted"
    [said] = site.said()
    assert "b1 pushed another image" in said
    assert site.access(site.launch("b2")).images == {}


@pytest.mark.parametrize(
    "end",
    [{"target": Target.GONE}, {"status": Status.SHELVED, "target": Target.SHELVED}, {"image": {}}],
    ids=["gone", "shelved", "replaced"],
)
@pytest.mark.parametrize("told", [False, True])
def test_an_image_whose_binder_ends_first_is_dropped(
    site: Site, end: dict[str, object], *, told: bool
) -> None:
    site.ready("b1")
    if told:
        site.keeper.tick()
        site.clock[0] += keeping.POLL_SECONDS
    site.become("b1", **end)
    site.keeper.tick()
    assert state_of(site, "b1") == ("dropped", "Its binder ended before it was pushed.")
    assert len(site.orders()) == told


def test_an_image_that_arrived_before_its_binder_ended_is_kept(site: Site) -> None:
    site.ready("b1")
    site.keeper.tick()
    site.obey("b1")
    site.become("b1", target=Target.GONE)
    site.clock[0] += keeping.POLL_SECONDS
    site.keeper.tick()
    assert state_of(site, "b1")[0] == "kept"


def test_a_right_that_ran_out_is_given_again_and_not_for_ever(site: Site) -> None:
    site.ready("b1")
    for tries in range(1, MOST_TRIES + 1):
        site.keeper.tick()
        found = site.image_of("b1")
        assert found is not None
        assert (found.state, found.tries) == (ImageState.PUSHING, tries)
        site.clock[0] += keeping.PUSH_SECONDS
    site.keeper.tick()
    assert state_of(site, "b1") == ("dropped", "It was not pushed in 3 tries.")


def test_a_registry_that_is_down_is_asked_once_in_a_while_and_costs_no_image(site: Site) -> None:
    for number in range(5):
        site.ready(f"b{number}", key=f"{number}" * 32)
    site.registry.is_down = True
    for _ in range(60):
        site.keeper.tick()
        site.clock[0] += 10
    assert site.registry.asked <= 10, "once a minute, for all images together"
    assert {each.state for each in site.all()} == {ImageState.BUILT}
    site.registry.is_down = False
    site.clock[0] += keeping.CLAIM_SECONDS
    site.keeper.tick()
    assert {each.state for each in site.all()} == {ImageState.PUSHING}


def test_a_registry_that_refuses_is_not_asked_again_at_once(site: Site) -> None:
    site.ready("b1")
    site.registry.refuses = True
    for _ in range(6):
        site.keeper.tick()
        site.clock[0] += 60
    assert site.registry.asked == 1
    site.become("b1", target=Target.GONE)
    site.clock[0] += keeping.REFUSED_SECONDS
    site.keeper.tick()
    assert state_of(site, "b1") == ("dropped", "The registry refuses the bot.")


@pytest.mark.parametrize(("error", "tries"), [(CloudUnreachable("Silence."), 0), (CloudError("No."), 3)])
def test_a_cloud_that_does_not_tell_the_instance(
    site: Site, monkeypatch: pytest.MonkeyPatch, error: CloudError, tries: int
) -> None:
    def fails(*_: object) -> None:
        raise error

    site.ready("b1")
    monkeypatch.setattr(FakeCloud, "instruct", fails)
    for _ in range(5):
        site.keeper.tick()
        site.clock[0] += keeping.REST_SECONDS
    found = site.image_of("b1")
    assert found is not None
    assert (found.tries, found.state) == (tries, "dropped" if tries else "built")


def test_one_of_several_replicas_works_on_an_image(site: Site) -> None:
    site.ready("b1")
    other = site.new_keeper("other")
    assert (site.keeper.tick(), other.tick()) == (1, 0)


def test_a_push_that_was_late_is_no_forgery(site: Site) -> None:
    site.ready("b1")
    site.keeper.tick()
    site.become("b1", target=Target.GONE)
    site.clock[0] += keeping.POLL_SECONDS
    site.keeper.tick()
    site.ready("b2")
    site.keeper.tick()
    site.obey("b1")
    site.clock[0] += keeping.POLL_SECONDS
    site.keeper.tick()
    assert state_of(site, "b2")[0] == "pushing"
    assert site.said() == []
    site.obey("b2")
    site.clock[0] += keeping.POLL_SECONDS
    site.keeper.tick()
    assert state_of(site, "b2")[0] == "kept"


def test_what_a_tag_named_before_is_no_forgery(site: Site) -> None:
    row = site.ready("b1")
    [image] = site.all()
    site.registry.push(image.repository, image.key, sha256("of a lost database"))
    site.keeper.tick()
    site.clock[0] += keeping.POLL_SECONDS
    site.keeper.tick()
    assert state_of(site, "b1")[0] == "pushing"
    site.obey(row.id)
    site.clock[0] += keeping.POLL_SECONDS
    site.keeper.tick()
    assert state_of(site, "b1")[0] == "kept"


def test_where_instances_may_not_push_nothing_is_written_down(site: Site) -> None:
    site.rights = AccountRights("reader:secret")
    site.ready("b1")
    assert site.all() == []


def test_an_image_that_is_built_anew_replaces_the_old_one(site: Site) -> None:
    site.kept("b1")
    site.clock[0] += 10
    old = site.image_of("b1")
    new = site.kept("b2", rebuild=True)
    access = site.access(site.launch("b3"))
    assert access.images[KEY].digest == new.digest
    site.become("b1", status=Status.GONE)
    site.become("b3", status=Status.GONE)
    site.keeper.retain()
    assert state_of(site, "b1") == ("removing", "It was built anew.")
    site.keeper.tick()
    assert [each.binder_id for each in site.all()] == ["b2"]
    assert old is not None
    assert [digest for _, digest in site.registry.manifests] == [new.digest]


def test_an_image_in_use_is_never_removed(site: Site) -> None:
    site.policy = KeepingPolicy(DAY, 0)
    site.keeper = site.new_keeper()
    site.kept("b1")
    site.clock[0] += 100 * DAY
    site.keeper.retain()
    assert state_of(site, "b1")[0] == "kept", "its binder runs it"
    site.become("b1", status=Status.GONE)
    site.launch("b2")
    site.keeper.retain()
    assert state_of(site, "b1")[0] == "kept", "an instance may be about to pull it"
    site.become("b2", status=Status.GONE)
    site.keeper.retain()
    assert state_of(site, "b1")[0] == "removing"
    assert site.access(site.launch("b3")).images == {}, "no launch uses what goes"


def test_a_registry_that_does_not_delete_is_asked_again_later(site: Site) -> None:
    site.kept("b1")
    site.become("b1", status=Status.GONE)
    site.clock[0] += 100 * DAY
    site.keeper.retain()
    site.registry.refuses = True
    site.keeper.tick()
    assert state_of(site, "b1")[0] == "removing"
    site.registry.refuses = False
    site.clock[0] += keeping.REFUSED_SECONDS
    site.keeper.tick()
    assert site.all() == []
    assert site.registry.manifests == {}


def test_an_image_that_others_work_on_by_now_holds_nobody_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry refuses one that another replica has claimed meanwhile; the next one is pushed."""
    slow, other = site.ready("b1"), site.new_keeper("other")
    site.ready("b2", key="b2" * 16)
    look = FakeRegistry.manifest

    def taken_over(registry: FakeRegistry, repository: str, reference: str) -> Manifest | None:
        if reference == slow.image["key"]:
            monkeypatch.setattr(FakeRegistry, "manifest", look)
            site.clock[0] += keeping.CLAIM_SECONDS
            other.tick()
            raise RegistryError("No.")
        return look(registry, repository, reference)

    monkeypatch.setattr(FakeRegistry, "manifest", taken_over)
    site.keeper.tick()
    assert [each.state for each in site.all()] == [ImageState.PUSHING] * 2
