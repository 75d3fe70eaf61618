"""What every cloud has to do: see `bot.provisioning.base.Cloud`."""

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from bot.errors import CloudError, CloudUnreachable
from bot.provisioning.base import Cloud
from bot.provisioning.instances import Instance, InstanceState, ResourceIds
from tests.contract.cloud.places import ENDS_AT, Place

ALIVE = {InstanceState.PENDING, InstanceState.ACTIVE}
B1 = "b1aa"


def shown(place: Place, cloud: Cloud, binder_id: str = B1) -> tuple[Instance, ...]:
    """A binder's instances, once the cloud shows any."""
    found: list[tuple[Instance, ...]] = []

    def look() -> bool:
        found.append(cloud.survey().of(binder_id))
        return bool(found[-1])

    place.until(look)
    return found[-1]


def exposed(place: Place, cloud: Cloud, binder_id: str, resources: ResourceIds) -> ResourceIds:
    """All ids, once people can reach the instance and no step is due any more."""
    steps = [resources]

    def step() -> bool:
        steps.append(cloud.expose(binder_id, steps[-1]))
        (instance,) = cloud.survey().of(binder_id) or (None,)
        return steps[-1] == steps[-2] and instance is not None and instance.url is not None

    place.until(step)
    return steps[-1]


def ready(place: Place, cloud: Cloud, binder_id: str = B1) -> ResourceIds:
    resources = exposed(place, cloud, binder_id, cloud.create(place.order(binder_id)))
    place.until(lambda: shown(place, cloud, binder_id)[0].state == InstanceState.ACTIVE)
    return resources


def test_what_the_operator_chose_is_told(cloud: Cloud) -> None:
    assert cloud.name
    assert cloud.poll_seconds > 0
    assert cloud.attempt_seconds > 0
    assert cloud.sizes
    assert cloud.check() == []
    assert isinstance(cloud.quota(), str)


def test_of_what_never_was_there_is_no_log(cloud: Cloud) -> None:
    assert cloud.read_log(B1) == b""


def test_at_first_there_is_nothing(cloud: Cloud) -> None:
    survey = cloud.survey()
    assert survey.instances == {}
    assert not survey.strays


def test_a_new_instance_is_shown_with_its_binder_and_its_end(place: Place, cloud: Cloud) -> None:
    assert cloud.create(place.order())
    (instance,) = shown(place, cloud)
    assert (instance.binder_id, instance.fault) == (B1, "")
    assert instance.state in ALIVE
    assert instance.created_at > 0
    assert instance.ends_at == (ENDS_AT if place.notes_ends else None)


def test_a_survey_shows_every_binder(place: Place, cloud: Cloud) -> None:
    for binder_id in ("b1aa", "b2bb"):
        cloud.create(place.order(binder_id))
    place.until(lambda: set(cloud.survey().instances) == {"b1aa", "b2bb"})


def test_the_next_process_adopts_what_the_last_one_made(place: Place, cloud: Cloud) -> None:
    cloud.create(place.order())
    (first,) = shown(place, cloud)
    after_restart = place.open()
    after_restart.create(place.order())
    oldest = shown(place, after_restart)[0]
    assert oldest.ref == first.ref
    after_restart.prune(B1, oldest.ref)
    place.until(lambda: [each.ref for each in after_restart.survey().of(B1)] == [first.ref])


def test_of_two_creates_at_the_same_time_one_instance_stays(place: Place) -> None:
    clouds = [place.open(), place.open()]

    def create(cloud: Cloud) -> None:
        with suppress(CloudError):
            cloud.create(place.order())

    threads = [threading.Thread(target=create, args=(cloud,)) for cloud in clouds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    oldest = shown(place, clouds[0])[0]
    clouds[0].prune(B1, oldest.ref)
    place.until(lambda: [each.ref for each in clouds[1].survey().of(B1)] == [oldest.ref])
    place.gone(clouds[1])
    assert place.left() == []


def test_an_instance_whose_creation_got_no_answer_is_found_and_not_made_twice(place: Place) -> None:
    place.create_without_reply(place.order())
    cloud = place.open()
    (lost,) = shown(place, cloud)
    cloud.create(place.order())
    cloud.prune(B1, lost.ref)
    place.until(lambda: [each.ref for each in cloud.survey().of(B1)] == [lost.ref])
    place.gone(cloud)
    assert place.left() == []


def test_exposing_leads_to_an_address_and_then_changes_nothing(place: Place, cloud: Cloud) -> None:
    resources = exposed(place, cloud, B1, cloud.create(place.order()))
    url = shown(place, cloud)[0].url
    assert cloud.expose(B1, resources) == resources
    assert shown(place, cloud)[0].url == url
    assert url is not None
    assert not url.endswith("/")


def test_an_instance_reports_and_one_that_is_not_there_does_not(place: Place, cloud: Cloud) -> None:
    ready(place, cloud)
    (instance,) = shown(place, cloud)
    place.let_report(instance)
    place.until(lambda: cloud.report(instance) is not None)
    assert cloud.report(Instance("no-such-ref", "nobody", InstanceState.ACTIVE, 0.0)) is None
    place.gone(cloud)
    assert cloud.report(instance) is None


def test_an_end_that_moved_is_noted(place: Place, cloud: Cloud) -> None:
    resources = cloud.create(place.order())
    shown(place, cloud)
    cloud.mark_end(resources, ENDS_AT + 3600)
    expected = ENDS_AT + 3600 if place.notes_ends else None
    assert shown(place, cloud)[0].ends_at == expected


def test_an_instance_is_told_something_and_then_something_else(place: Place, cloud: Cloud) -> None:
    resources = cloud.create(place.order())
    for text in ("first" * 300, "second"):
        cloud.instruct("b1aa", resources, "order", text)
        assert place.told(resources, "order") == text
    cloud.instruct("b1aa", resources, "push", "third")
    assert (place.told(resources, "order"), place.told(resources, "push")) == ("second", "third")


def test_what_an_instance_was_told_is_taken_back(place: Place, cloud: Cloud) -> None:
    resources = cloud.create(place.order())
    cloud.instruct("b1aa", resources, "source", "a right" * 100)
    cloud.instruct("b1aa", resources, "sources", "another one")
    for _ in range(2):
        cloud.withdraw("b1aa", resources, "source")
        assert not place.is_told(resources, "source")
    assert place.told(resources, "sources") == "another one"


def test_an_instance_that_is_not_there_is_told_nothing(cloud: Cloud) -> None:
    with pytest.raises(CloudError):
        cloud.instruct("b1aa", {"server": "nowhere"}, "order", "text")


def test_an_instance_that_waits_gets_its_order_and_the_end_of_its_binder(place: Place, cloud: Cloud) -> None:
    if not cloud.can_wait:
        with pytest.raises(CloudError):
            cloud.order({}, place.order(), "text")
        assert cloud.free_places(place.size) is None
        return
    resources = cloud.create(place.order_that_waits())
    for _ in range(2):
        cloud.order(resources, place.order(ends_at=ENDS_AT + 60), "sealed" * 300)
        assert place.told(resources, "order") == "sealed" * 300
    (instance,) = cloud.survey().of("w1aa")
    assert (instance.binder_id, instance.ends_at) == ("w1aa", ENDS_AT + 60)
    with pytest.raises(CloudError):
        cloud.order({"server": "nowhere"}, place.order(), "text")
    place.gone(cloud, "w1aa", dict(resources))
    assert place.left() == []


def test_a_removal_leaves_nothing_and_may_be_repeated(place: Place, cloud: Cloud) -> None:
    resources = ready(place, cloud)
    place.gone(cloud, B1, dict(resources))
    assert not cloud.survey().leaves(B1)
    assert place.left() == []
    place.gone(cloud, B1, dict(resources))
    assert place.left() == []


def test_a_removal_needs_no_more_than_the_id(place: Place, cloud: Cloud) -> None:
    ready(place, cloud)
    after_restart = place.open()
    place.gone(after_restart)
    assert place.left() == []


def test_what_never_was_is_removed_at_once(place: Place, cloud: Cloud) -> None:
    place.gone(cloud, "nobody")
    cloud.prune("nobody", "no-such-ref")
    assert cloud.survey().instances == {}


def test_a_removal_touches_no_other_binder(place: Place, cloud: Cloud) -> None:
    for binder_id in ("b1aa", "b1aab"):
        ready(place, cloud, binder_id)
    place.gone(cloud, "b1aa")
    assert set(cloud.survey().instances) == {"b1aab"}


def test_two_deployments_do_not_see_each_other(place: Place, cloud: Cloud) -> None:
    resources = ready(place, cloud)
    other = place.open("one-more")
    assert not other.survey().leaves(B1)
    place.gone(other, B1, dict(resources))
    assert shown(place, cloud)[0].state == InstanceState.ACTIVE


def test_an_instance_is_shelved_and_resumed_where_the_cloud_can(place: Place, cloud: Cloud) -> None:
    if not cloud.can_shelve:
        with pytest.raises(CloudError):
            cloud.shelve(B1, {})
        with pytest.raises(CloudError):
            cloud.unshelve({})
        assert not cloud.unshelve_failed({})
        return
    resources = shelved(place, cloud, ready(place, cloud))
    assert cloud.shelve(B1, resources) == resources
    assert not cloud.unshelve_failed(resources)
    cloud.unshelve(resources)
    place.until(lambda: shown(place, cloud)[0].state == InstanceState.ACTIVE)
    exposed(place, cloud, B1, resources)
    assert not cloud.unshelve_failed(resources)
    before = shown(place, cloud)
    cloud.unshelve(resources)  # it is not shelved: nothing to do
    assert shown(place, cloud) == before
    shelved(place, cloud, resources)
    assert not cloud.unshelve_failed(resources)
    place.gone(cloud)
    assert place.left() == []


def shelved(place: Place, cloud: Cloud, resources: ResourceIds) -> ResourceIds:
    """All ids, once the instance is shelved and has no address any more."""
    steps = [resources]

    def step() -> bool:
        steps.append(cloud.shelve(B1, steps[-1]))
        (instance,) = cloud.survey().of(B1)
        return instance.state == InstanceState.SHELVED and instance.url is None

    place.until(step)
    return steps[-1]


def test_everything_is_recovered_where_the_cloud_can(place: Place, cloud: Cloud) -> None:
    if not cloud.can_recover:
        with pytest.raises(CloudError):
            cloud.recover()
        return
    resources = ready(place, cloud)
    (found,) = place.open().recover()
    assert found.instance == shown(place, cloud)[0]
    assert found.resources == resources
    wanted = {"owner": "U123", "team": "T1", "channel": "C456", "name": "demo", "size": place.size}
    assert wanted.items() <= found.metadata.items()
    assert "nobody-guesses" not in repr(found)


def test_a_cloud_that_does_not_answer_is_unreachable_and_loses_nothing(place: Place, cloud: Cloud) -> None:
    resources = ready(place, cloud)
    (instance,) = shown(place, cloud)
    place.break_down()
    try:
        with pytest.raises(CloudUnreachable):
            cloud.survey()
        with pytest.raises(CloudUnreachable):
            cloud.report(instance)
        for call in (
            lambda: cloud.create(place.order("b2bb")),
            lambda: cloud.expose(B1, resources),
            lambda: cloud.remove(B1, resources),
        ):
            with pytest.raises(CloudError):
                call()
        with suppress(CloudError):
            assert cloud.check()
    finally:
        place.heal()
    assert shown(place, cloud)[0].ref == instance.ref


@pytest.mark.parametrize("binder_id", ["", "../b1aa", "b1 aa", "b1,aa", "b1aa\n", "b1/aa", "x" * 100, "é"])
def test_an_id_that_is_none_is_refused(place: Place, cloud: Cloud, binder_id: str) -> None:
    for call in (
        lambda: cloud.create(place.order(binder_id)),
        lambda: cloud.expose(binder_id, {}),
        lambda: cloud.remove(binder_id, {}),
    ):
        with pytest.raises(CloudError):
            call()
    assert place.left() == []


@pytest.mark.parametrize(
    "text",
    [
        "$(touch touched)`touch touched`; touch touched #",
        "--upload-pack=touch touched",
        "a\nb\0c",
        "x" * 9000,
    ],
)
def test_hostile_words_do_no_harm(place: Place, cloud: Cloud, text: str, tmp_path: Path) -> None:
    order = place.order(
        url=text, ref=text, path=text, interface=text, owner=text, team=text, channel=text, name=text
    )
    with suppress(CloudError):
        cloud.create(order)
        (instance,) = shown(place, cloud)
        place.until(lambda: place.has_finished(cloud, instance))
    assert set(cloud.survey().instances) <= {B1}
    place.gone(cloud)
    assert place.left() == []
    assert not list(tmp_path.rglob("touched"))


def test_without_ids_nothing_but_a_cloud_error_is_raised(place: Place, cloud: Cloud) -> None:
    for call in (
        lambda: cloud.mark_end({}, ENDS_AT),
        lambda: cloud.shelve(B1, {}),
        lambda: cloud.unshelve({}),
        lambda: cloud.unshelve_failed({}),
        lambda: cloud.expose(B1, {}),
    ):
        with suppress(CloudError):
            call()
    assert place.left() == []


def test_a_size_that_is_not_offered_is_refused(place: Place, cloud: Cloud) -> None:
    with pytest.raises(CloudError, match="no size `giant`"):
        cloud.create(place.order(size="giant"))
    assert place.left() == []
