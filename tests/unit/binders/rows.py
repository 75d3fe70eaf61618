"""Rows and observations of binders, without a database."""

from typing import Any

from bot.binders.observation import Observation
from bot.binders.timeouts import Timeouts
from bot.provisioning.instances import Instance, InstanceState
from storage.models import Binder
from storage.vocabulary import Activity, Status, Target

NOW = 1_000_000.0
HOUR = 3600.0
URL = "http://127.0.0.1:1"
TIMEOUTS = Timeouts(poll=1, ready_poll=30, attempt=60, missing=5, boot=900, build=2700, capacity=3600)


def binder(**values: Any) -> Binder:
    """A binder that was asked for ten seconds ago."""
    whole: dict[str, Any] = {
        "id": "abcd1234",
        "name": "demo",
        "status": Status.REQUESTED,
        "target": Target.READY,
        "created_at": NOW - 10,
        "status_since": NOW - 10,
        "ends_at": NOW + 10_000,
        "resolved_at": NOW - 5,
        "stages": {"repository": NOW - 10},
        "resource_ids": {},
        "retries": 0,
        "generation": 1,
        "line": "",
        "log": "",
        "token": "secret",
        "maximum_at": 0.0,
        "price_per_hour": 0.0,
        "awake_until": 0.0,
        "activity": Activity.UNKNOWN,
        "looked_at": NOW,
        "counted_at": NOW,
        "changed_files": 0,
        "resumes": 0,
        "shelved_seconds": 0.0,
        "kept_until": 0.0,
        "replaced": 0,
    }
    return Binder(**(whole | values))


def instance(state: InstanceState = InstanceState.ACTIVE, url: str | None = URL, fault: str = "") -> Instance:
    return Instance("srv-1", "abcd1234", state, NOW - 8, url, fault)


def observed(*instances: Instance, **values: Any) -> Observation:
    return Observation(instances=instances, leftovers=bool(instances), **values)
