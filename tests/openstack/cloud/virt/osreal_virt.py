"""Nova's own fake hypervisor, with a console that a test writes and troubles that a test asks for.

`up` copies it into Nova's package, and nova-compute runs it. Two environment variables name its files:

OSREAL_CONSOLES: a folder. What a server shows as its console is the file `<server's id>.log` in it: whoever
    appends to that plays the guest.
OSREAL_KNOBS: a JSON object, read at each call; without the file all is well. It may hold `spawn_seconds`,
    `delete_seconds` and `snapshot_seconds` (delays), and `fail_spawn` (true, or a part of the server's name).
"""

import io
import json
import os
import time
from pathlib import Path
from typing import Any

# Nova is in the environment of the control plane only, and ships no types.
from nova import exception  # type: ignore[import-not-found]
from nova.compute import power_state, task_states  # type: ignore[import-not-found]
from nova.image import glance  # type: ignore[import-not-found]
from nova.virt import fake  # type: ignore[import-not-found]

KNOBS = Path(os.environ.get("OSREAL_KNOBS", os.devnull))
CONSOLES = Path(os.environ.get("OSREAL_CONSOLES", os.devnull))


def knob(name: str) -> Any:
    try:
        return json.loads(KNOBS.read_text()).get(name, 0)
    except (OSError, ValueError):  # absent, or just being written
        return 0


class Driver(fake.FakeDriverWithoutFakeNodes):  # type: ignore[misc]  # see above
    def _console(self, instance: Any) -> Path:
        return CONSOLES / f"{instance.uuid}.log"

    def get_info(self, instance: Any, use_cache: bool = True) -> Any:  # noqa: FBT001, FBT002 - Nova's signature
        # nova-compute was restarted and has forgotten its servers: believe the database.
        forgotten = instance.uuid not in self.instances and instance.host == self._host
        if forgotten and instance.vm_state == "active":
            running = fake.FakeInstance(instance.name, power_state.RUNNING, instance.uuid)
            self.instances[instance.uuid] = running
        return super().get_info(instance, use_cache)

    def spawn(self, context: Any, instance: Any, *more: Any, **named: Any) -> None:
        time.sleep(knob("spawn_seconds"))
        failing = knob("fail_spawn")
        if failing is True or (failing and failing in instance.display_name):
            raise exception.InstanceDeployFailure(reason="the knob fail_spawn is set")
        super().spawn(context, instance, *more, **named)
        with self._console(instance).open("a") as console:
            console.write("[    0.000000] Linux version osreal (fake virt driver)\n")

    def destroy(self, context: Any, instance: Any, *more: Any, **named: Any) -> None:
        time.sleep(knob("delete_seconds"))
        super().destroy(context, instance, *more, **named)

    def snapshot(self, context: Any, instance: Any, image_id: str, update_task_state: Any) -> None:
        if instance.uuid not in self.instances:
            raise exception.InstanceNotRunning(instance_id=instance.uuid)
        pending, uploading = task_states.IMAGE_PENDING_UPLOAD, task_states.IMAGE_UPLOADING
        update_task_state(task_state=pending)
        time.sleep(knob("snapshot_seconds"))
        update_task_state(task_state=uploading, expected_state=pending)
        # Nova's own fake uploads nothing, which leaves the image queued for ever.
        form = {"disk_format": "raw", "container_format": "bare", "properties": {}}
        content = io.BytesIO(f"snapshot of {instance.uuid}".encode())
        glance.API().update(context, image_id, form, content, purge_props=False)

    def get_console_output(self, context: Any, instance: Any) -> bytes:
        try:
            return self._console(instance).read_bytes()
        except FileNotFoundError:
            return b""
