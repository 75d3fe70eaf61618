"""When the operators are told that the cloud does not answer, and that it does again."""

import pytest

from bot.binders.outage import OutageAlert
from bot.errors import CloudUnreachable
from storage.engine import Store
from storage.models import OutboxMessage
from storage.vocabulary import MessageKind

SILENT = CloudUnreachable("Nova did not answer.")
ALERT_SECONDS = 600.0


@pytest.fixture
def alert(store: Store) -> OutageAlert:
    return OutageAlert(store, ALERT_SECONDS)


def said(store: Store) -> list[str]:
    with store.read() as session:
        rows = session.query(OutboxMessage).order_by(OutboxMessage.id).all()
    assert {each.kind for each in rows} <= {MessageKind.ALERT}
    return [each.facts["sentence"] for each in rows]


def test_a_short_outage_is_not_told(store: Store, alert: OutageAlert, clock: list[float]) -> None:
    alert.failed(SILENT)
    clock[0] += ALERT_SECONDS - 1
    alert.failed(SILENT)
    alert.recovered()
    assert said(store) == []


def test_a_long_outage_is_told_once_with_its_reason_and_so_is_its_end(
    store: Store, alert: OutageAlert, clock: list[float]
) -> None:
    for _ in range(5):
        alert.failed(SILENT)
        clock[0] += ALERT_SECONDS / 2
    assert len(said(store)) == 1
    assert "Nova did not answer." in said(store)[0]
    for _ in range(3):
        alert.recovered()
    assert said(store)[1:] == ["The cloud answers again."]


def test_replicas_count_one_outage_together_and_tell_it_once(
    store: Store, alert: OutageAlert, clock: list[float]
) -> None:
    alert.failed(SILENT)
    clock[0] += ALERT_SECONDS
    other = OutageAlert(store, ALERT_SECONDS)
    other.failed(SILENT)
    alert.failed(SILENT)
    assert len(said(store)) == 1
    alert.recovered()
    other.recovered()
    assert len(said(store)) == 2


def test_a_second_outage_is_counted_anew(store: Store, alert: OutageAlert, clock: list[float]) -> None:
    alert.failed(SILENT)
    clock[0] += ALERT_SECONDS - 1
    alert.recovered()
    clock[0] += 10
    alert.failed(SILENT)
    assert said(store) == []
    clock[0] += ALERT_SECONDS
    alert.failed(SILENT)
    assert len(said(store)) == 1
