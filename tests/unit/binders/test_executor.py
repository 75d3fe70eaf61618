"""The executor carries out actions over a fake cloud, and reports how they went."""

from typing import Any

import pytest
from sqlalchemy import update

from bot.access.rights import NoRights, Reader
from bot.binders.actions import (
    Action,
    Announce,
    Create,
    Done,
    Expose,
    Failed,
    GiveRight,
    InterfacesFound,
    MarkEnd,
    Prune,
    Remove,
    Removed,
    RepositoryFound,
    Resolve,
    Shelve,
    StepTaken,
    Superseded,
    Unshelve,
    UnshelveAsked,
    WithdrawRight,
)
from bot.binders.dependencies import Dependencies, NoImages
from bot.binders.executor import ActionExecutor, _order
from bot.binders.repository_gate import RepositoryGate
from bot.errors import BannedRepository, CloudError, LostLease, QuotaExceeded, RefNotFound, RepositoryNotFound
from bot.provisioning.agent.git_right import INSTRUCTION, GitRight, read_right
from bot.provisioning.agent.sealing import unseal
from bot.provisioning.agent.stored_images import ImageAccess, StoredImage
from bot.provisioning.tasks import task_of
from bot.repositories.spec import RepoSpec, Resolved
from storage import binders, policies
from storage.engine import Store
from storage.models import Binder
from tests.fakes.cloud import FakeCloud, FakeServer
from tests.unit.binders.rows import NOW, TIMEOUTS, URL, binder

PAGES = {"lab": 200, "voila": 200}


class FakeResolver:
    """Finds every ref but one."""

    def resolve(self, spec: RepoSpec, *_given: object) -> Resolved:
        if spec.ref == "mian":
            raise RefNotFound("There is no branch “mian”.")
        places = ("https://github.com/moved/r.git",) if spec.ref == "moved" else ()
        return Resolved(spec, commit="c" * 40, is_tip=True, places=places)


@pytest.fixture
def cloud(clock: list[float]) -> FakeCloud:
    return FakeCloud(clock)


class KnownImages(NoImages):
    """Images that were built before."""

    access_given = ImageAccess("registry.test/binders/a", auth={"registrytoken": "t0ken"})

    def access(self, _binder: Binder) -> ImageAccess:  # type: ignore[override] # it has some
        return self.access_given


@pytest.fixture
def executor(store: Store, cloud: FakeCloud) -> ActionExecutor:
    def opened(url: str, token: str) -> FakeServer:
        assert (url, token) == (URL, "secret")
        return FakeServer(cloud, "abcd1234", PAGES)

    dependencies = Dependencies(
        store,
        cloud,
        FakeResolver(),
        TIMEOUTS,
        "worker",
        server=opened,
        images=KnownImages(),
        check_repository=RepositoryGate(store, whom_to_ask="Ask Ada.").check,
    )
    return ActionExecutor(dependencies)


@pytest.fixture
def row(store: Store) -> Binder:
    """A row that this worker has claimed."""
    facts: dict[str, Any] = {"request_key": "k", "team_id": "T1", "owner": "U1", "channel": "C1"}
    asked = {"provider": "gh", "url": "https://github.com/o/r", "size": "small", "interface": "voila"}
    with store.write() as session:
        binders.add(session, binder(**facts, **asked), wanted_name="demo")
    with store.write() as session:
        (claimed,) = binders.claim(session, "worker", limit=1, lease_seconds=60)
    return claimed


def saved(store: Store) -> Binder:
    with store.read() as session:
        found = binders.get(session, "abcd1234")
    assert found is not None
    return found


def test_a_repository_is_looked_up(executor: ActionExecutor, row: Binder) -> None:
    assert executor.run(row, Resolve()) == RepositoryFound("c" * 40, is_tip=True, ref=None, path=None)
    row.ref = "mian"
    result = executor.run(row, Resolve())
    assert isinstance(result, Failed)
    assert result.error.sentence == "There is no branch “mian”."


@pytest.mark.parametrize("pattern", ["github.com/o", "github.com/moved"])
def test_a_repository_is_refused_that_is_banned_or_has_moved_to_a_banned_place(
    executor: ActionExecutor, row: Binder, store: Store, pattern: str
) -> None:
    row.ref = "moved"
    with store.write() as session:
        policies.ban(session, pattern, "UADA", "it mines coins")
    result = executor.run(row, Resolve())
    assert isinstance(result, Failed)
    assert isinstance(result.error, BannedRepository)
    assert result.error.sentence == "o/r on github.com may not be launched here: it mines coins"
    assert result.error.hint == "Ask Ada."


def test_what_was_banned_after_it_was_resolved_gets_no_instance(
    executor: ActionExecutor, row: Binder, store: Store, cloud: FakeCloud
) -> None:
    with store.write() as session:
        policies.ban(session, "github.com/o/r", "UADA")
    assert isinstance(executor.run(row, Create()), Failed)
    assert cloud.created == []
    assert saved(store).attempt_at is None


def test_a_create_records_its_attempt_first_and_orders_what_the_row_says(
    executor: ActionExecutor, row: Binder, store: Store, cloud: FakeCloud
) -> None:
    assert executor.run(row, Create()) == StepTaken({"server": "srv-0"})
    assert saved(store).attempt_at == NOW
    (order,) = cloud.created
    assert (order.binder_id, order.url, order.interface) == ("abcd1234", row.url, "voila")
    assert not order.without_conda
    assert order.extra == "voila", "the package travels with the order"


def test_the_wish_to_do_without_conda_travels_with_the_order(
    executor: ActionExecutor, row: Binder, cloud: FakeCloud
) -> None:
    row.without_conda = True
    executor.run(row, Create())
    (order,) = cloud.created
    assert order.without_conda
    assert task_of(order).without_conda


def test_what_was_built_before_travels_with_the_order(
    executor: ActionExecutor, row: Binder, cloud: FakeCloud
) -> None:
    row.rebuild = True
    executor.run(row, Create())
    (order,) = cloud.created
    assert order.images == KnownImages.access_given
    assert "t0ken" not in repr(order)
    assert (task_of(order).images, task_of(order).rebuild) == (order.images, True)


def test_an_attempt_is_recorded_even_if_the_cloud_refuses(
    executor: ActionExecutor, row: Binder, store: Store, cloud: FakeCloud
) -> None:
    cloud.refuses = [QuotaExceeded("10 of 10 instances are in use.")]
    assert isinstance(executor.run(row, Create()), Failed)
    assert saved(store).attempt_at == NOW


@pytest.mark.parametrize(("images", "has_image"), [({}, False), ({"0" * 40: StoredImage("d", "i")}, True)])
def test_the_row_says_whether_there_is_an_image_of_it(
    executor: ActionExecutor,
    row: Binder,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    images: dict[str, StoredImage],
    *,
    has_image: bool,
) -> None:
    monkeypatch.setattr(KnownImages, "access_given", ImageAccess("registry.test/binders/a", images=images))
    executor.run(row, Create())
    assert saved(store).has_image is has_image


def test_nothing_is_created_for_a_row_that_a_person_changed_meanwhile(
    executor: ActionExecutor, row: Binder, store: Store, cloud: FakeCloud
) -> None:
    with store.write() as session:
        session.execute(update(Binder).values(generation=Binder.generation + 1))
    assert executor.run(row, Create()) == Superseded()
    assert cloud.created == []


def test_nothing_is_created_for_a_row_that_another_worker_has_now(
    executor: ActionExecutor, row: Binder, store: Store, cloud: FakeCloud
) -> None:
    with store.write() as session:
        session.execute(update(Binder).values(fence=Binder.fence + 1))
    with pytest.raises(LostLease):
        executor.run(row, Create())
    assert cloud.created == []


def test_an_instance_is_exposed_announced_marked_shelved_resumed_and_removed(
    executor: ActionExecutor, row: Binder, cloud: FakeCloud
) -> None:
    row.resource_ids = {"server": "srv-0"}
    executor.run(row, Create())
    assert executor.run(row, Expose()) == StepTaken({"server": "srv-0", "address": "10.0.0.1"})
    found = executor.run(row, Announce(URL))
    assert isinstance(found, InterfacesFound)
    assert [each.kind for each in found.links] == ["voila", "lab"]
    assert executor.run(row, MarkEnd(5)) == Done()
    assert executor.run(row, Prune("srv-0")) == Done()
    assert isinstance(executor.run(row, Shelve()), StepTaken)
    assert executor.run(row, Unshelve()) == UnshelveAsked(is_lost=False)
    assert executor.run(row, Remove()) == Removed(nothing_left=False)
    assert executor.run(row, Remove()) == Removed(nothing_left=True)
    assert cloud.machines == {}


def test_an_instance_that_does_not_come_back_is_not_asked_for_twice(
    executor: ActionExecutor, row: Binder, cloud: FakeCloud
) -> None:
    executor.run(row, Create())
    row.resource_ids = {"server": "srv-0"}
    for _ in range(3):
        executor.run(row, Shelve())
    cloud.machines["abcd1234"][0].instance = cloud.survey().of("abcd1234")[0]
    cloud.refuses_back = 1
    assert executor.run(row, Unshelve()) == UnshelveAsked(is_lost=False)
    row.attempt_at = NOW
    assert isinstance(executor.run(row, Unshelve()), UnshelveAsked)
    assert cloud.refuses_back == 0


@pytest.mark.parametrize("action", [Shelve(), MarkEnd(5)], ids=lambda action: type(action).__name__)
def test_what_the_cloud_refuses_is_a_result_and_no_exception(
    executor: ActionExecutor, row: Binder, cloud: FakeCloud, action: Action
) -> None:
    executor.run(row, Create())
    row.resource_ids = {"server": "srv-0"}
    cloud.refuses_shelving = cloud.refuses_marks = True
    result = executor.run(row, action)
    assert isinstance(result, Failed)
    assert isinstance(result.error, CloudError)


# --- private repositories --------------------------------------------------------------------------------


class GivenRights(NoRights):
    """Ada may read everything."""

    def of(self, url: str, reader: Reader) -> GitRight:
        if reader != Reader("T1", "U1"):
            raise self.refusal(url)
        return GitRight(url, "x-access-token", "ghs_s3cret")

    def require(self, url: str, reader: Reader) -> GitRight:
        return self.of(url, reader)


class ShutResolver:
    """Finds what it is given a right for."""

    def resolve(self, spec: RepoSpec, *given: object) -> Resolved:
        if not given:
            raise RepositoryNotFound("There is none.")
        return Resolved(spec, commit="c" * 40)


@pytest.fixture
def private(store: Store, cloud: FakeCloud) -> ActionExecutor:
    return ActionExecutor(
        Dependencies(store, cloud, ShutResolver(), TIMEOUTS, "worker", rights=GivenRights())
    )


def test_a_repository_that_needs_a_right_is_looked_up_with_it(private: ActionExecutor, row: Binder) -> None:
    found = private.run(row, Resolve())
    assert found == RepositoryFound("c" * 40, is_tip=False, ref=None, path=None, needs_right=True)


@pytest.mark.parametrize("read_as", ["U1", None, "U2"])
def test_whose_right_counts(private: ActionExecutor, row: Binder, read_as: str | None) -> None:
    """A seat of a class reads what its teacher may read."""
    row.read_as = read_as
    assert isinstance(private.run(row, Resolve()), Failed) is (read_as == "U2")


@pytest.mark.parametrize("read_as", ["U1", "U2"])
def test_who_lost_their_right_gets_no_instance_and_no_image(
    private: ActionExecutor, row: Binder, cloud: FakeCloud, read_as: str
) -> None:
    row.needs_right, row.read_as = True, read_as
    assert isinstance(private.run(row, Create()), Failed) is (read_as == "U2")
    assert len(cloud.created) == (read_as == "U1")


def test_the_right_is_sealed_for_this_instance_and_taken_back(
    private: ActionExecutor, row: Binder, cloud: FakeCloud
) -> None:
    row.secret = "the secret of this instance"
    cloud.create(_order(row))
    row.resource_ids = {"server": cloud.machines[row.id][0].instance.ref}
    told = cloud.machines[row.id][0].told
    assert private.run(row, GiveRight()) == Done()
    assert "ghs_s3cret" not in told[INSTRUCTION]
    assert read_right(unseal(told[INSTRUCTION], row.secret, INSTRUCTION), row.url) == GitRight(
        row.url, "x-access-token", "ghs_s3cret"
    )
    assert private.run(row, WithdrawRight()) == Done()
    assert told == {}
