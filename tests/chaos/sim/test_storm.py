"""Storms: whatever happens, each binder has one instance, ends once, and is warned before; see `storm`.

More of them by `python -m tests.chaos.sim --seeds 3000`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.binders import deadlines, reconciler, transitions, warm_instance
from bot.binders.actions import Action, Create
from bot.binders.observation import Observation
from bot.binders.reconciler import Reconciler
from bot.binders.timeouts import Timeouts
from bot.binders.updates import Update, fail
from bot.images import keeper, plans
from bot.images.plans import ImageStep, KeepImage, SeenImage
from bot.provisioning.baking import is_bake
from handlers.outbox.delivery import Delivery
from storage import binders, leases, warm
from storage.models import Binder, BuiltImage
from storage.vocabulary import Status
from tests.chaos.sim import storm, storm_bake
from tests.chaos.sim.storm import Arena, bakes_in, play, warm_in

SEEDS = 48
BATCHES = 6
MOST = 150
"""So many seeds at most find a fault that was put in."""


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with Arena() as arena:
        yield arena


@pytest.mark.parametrize("batch", range(BATCHES))
def test_whatever_happens_everybody_gets_their_end(arena: Arena, batch: int) -> None:
    for seed in range(batch, SEEDS, BATCHES):
        problems = play(seed, arena)
        assert not problems, f"python -m tests.chaos.sim --seed {seed} --verbose"


def test_the_same_seed_is_the_same_storm(arena: Arena) -> None:
    tales: list[list[str]] = [[], []]
    for tale in tales:
        play(7, arena, tale.append)
    assert len(tales[0]) > 50
    assert tales[0] == tales[1]


# A simulation that finds nothing may be blind: here is what it has to see -----------------------------------


def anywhere(_seed: int) -> bool:
    return True


def found(arena: Arena, words: str, *, among: Callable[[int], object] = anywhere, first: int = 0) -> str:
    """What a storm tells that notices a fault of this kind.

    Args:
        arena: Where they are played.
        words: What it says.
        among: Which storms may show the fault at all; no others are played.
        first: Saves time: the search begins at a seed that found it when this was written, and goes round.
    """
    for seed in filter(among, [*range(first, MOST), *range(first)]):
        for problem in play(seed, arena):
            if words in problem:
                return problem
    raise AssertionError(f"no storm has found: {words}")


def test_a_save_without_a_fence_is_found(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    save = binders.save

    def unfenced(session: Session, binder: Binder, changes: Mapping[str, Any], **options: Any) -> None:
        newest = session.get(Binder, binder.id)
        assert newest
        mine, binder.fence = binder.fence, newest.fence
        save(session, binder, changes, **options)
        binder.fence = mine

    def always(_session: Session, _binder: Binder) -> bool:
        return True

    monkeypatch.setattr(binders, "save", unfenced)
    monkeypatch.setattr(binders, "lock_if_unchanged", always)
    assert found(arena, "was written with the fence")


def test_a_create_without_adoption_is_found(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    requested, whole = transitions._TOWARDS_READY[Status.REQUESTED], transitions.plan

    def anew(binder: Binder, seen: Observation, now: float, timeouts: Timeouts) -> Action | Update:
        step = requested(binder, seen, now, timeouts)
        return Create() if seen.instance is not None else step

    def blind_to_twins(binder: Binder, seen: Observation, now: float, timeouts: Timeouts) -> Action | Update:
        return whole(binder, replace(seen, instances=seen.instances[:1]), now, timeouts)

    monkeypatch.setitem(transitions._TOWARDS_READY, Status.REQUESTED, anew)
    monkeypatch.setattr(transitions, "plan", blind_to_twins)
    monkeypatch.setattr(storm, "REST_SECONDS", 2 * storm.HOUR)  # the twins stay for ever
    assert found(arena, "instances", first=13)


def test_a_post_without_a_look_for_it_is_found(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Delivery, "_find", lambda *_: None)
    assert found(arena, "was posted 2 times")


def test_an_end_without_a_warning_is_found(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(deadline: deadlines.Deadline, *_: Any) -> float:
        return deadline.at

    monkeypatch.setattr(deadlines, "_end_of", at_once)
    assert found(arena, "without a warning", first=6)


def test_an_image_that_is_kept_unseen_is_found(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    careful = plans.plan

    def trusting(image: BuiltImage, seen: SeenImage, now: float) -> ImageStep:
        return KeepImage(seen.manifest) if seen.manifest else careful(image, seen, now)

    monkeypatch.setattr(keeper, "plan", trusting)
    assert found(arena, "the registry does not have it", first=5)


def test_an_instance_that_stays_in_the_pool_when_it_is_taken_is_found(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(session: Session, size: str) -> Binder | None:
        waiting = (Binder.is_warm, Binder.size == size, Binder.status == Status.WAITING)
        found = session.scalar(select(Binder).where(*waiting).limit(1))
        if found is not None:
            session.expunge(found)
        return found

    monkeypatch.setattr(warm, "take", look)
    assert found(arena, "same instance", among=warm_in, first=6)


def test_a_launch_that_fails_with_its_warm_instance_is_found(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_binder: Binder, now: float) -> Update:
        return fail(now, "Its warm instance is broken.")

    monkeypatch.setattr(warm_instance, "give_up", fails)
    assert found(arena, "failed by the pool", among=warm_in, first=7)


def test_a_sweep_that_takes_the_machines_of_a_bake_that_goes_on_is_found(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = SimpleNamespace(take=leases.take, held=lambda *_: set())
    monkeypatch.setattr(reconciler, "leases", blind)
    monkeypatch.setattr(storm_bake, "POLL_SECONDS", 40.0)  # so that more sweeps see it than one
    assert found(arena, "while it held its lease", among=bakes_in)


def test_what_is_left_of_a_bake_that_died_is_found(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    remove = Reconciler._remove_stray

    def spare_bakes(self: Reconciler, binder_id: str) -> None:
        if not is_bake(binder_id):
            remove(self, binder_id)

    monkeypatch.setattr(Reconciler, "_remove_stray", spare_bakes)
    monkeypatch.setattr(storm, "REST_SECONDS", 2 * storm.HOUR)  # it is never over
    assert found(arena, "has something of bake", among=bakes_in, first=2)
