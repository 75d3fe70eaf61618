"""One server of a bake: from its boot to what its agent tells of it."""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from bot.errors import CloudError, CloudUnreachable
from bot.provisioning.baking import BakeProgress
from bot.provisioning.base import Instance, InstanceSpec, InstanceState, Phase, Report, ResourceIds
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.console import contents_of_console, report_of_console
from bot.provisioning.openstack.errors import Conflict

_Found = TypeVar("_Found")

_OFF_SECONDS = 90.0
"""How long after its last report a machine may still run. Some clouds never notice that it went off."""


class Patience:
    """Takes a step again until it succeeds.

    Args:
        progress: Is asked before each try, and told what goes wrong.
        seconds: How long a step may take.
        poll_seconds: Between two tries.
    """

    def __init__(self, progress: BakeProgress, seconds: float, poll_seconds: float) -> None:
        self.progress = progress
        self._seconds = seconds
        self._poll_seconds = poll_seconds

    def until(self, what: str, step: Callable[[], _Found | None]) -> _Found:
        """Take a step until it gives something.

        Args:
            what: What is to happen, as it reads after "did not".
            step: Gives nothing, or is cut off, while it has to be taken again.

        Raises:
            CloudError: It failed, or took too long.
        """
        deadline, told = time.monotonic() + self._seconds, ""
        while True:
            self.progress.hold()
            try:
                if found := step():
                    return found
            except CloudUnreachable as error:
                if error.sentence != told:
                    self.progress.say(error.sentence)
                told = error.sentence
            if time.monotonic() >= deadline:
                raise CloudError(f"It did not {what} within {self._seconds / 60:g} minutes. {told}".strip())
            time.sleep(self._poll_seconds)


class MachineReports:
    """Reads what the agent of a machine says on the console.

    Attributes:
        contents: What is inside of the machine; None until the agent is done.
    """

    def __init__(self) -> None:
        self.contents: Mapping[str, str] | None = None

    def read(self, console: str) -> Report | None:
        """The newest state that it told; None where it told none."""
        self.contents = contents_of_console(console)
        return report_of_console(console)


class BakeMachine:
    """One server of a bake.

    Args:
        cloud: Boots the right image with the right user data.
        spec: Names the server.
        reports: What the cloud reads consoles with.
        patience: How long each stage may take, and who follows it.
        remember: Is told the ids of what was made.
    """

    def __init__(
        self,
        cloud: OpenStackCloud,
        spec: InstanceSpec,
        reports: MachineReports,
        patience: Patience,
        remember: Callable[[ResourceIds], None],
    ) -> None:
        self._cloud = cloud
        self._spec = spec
        self._reports = reports
        self._patience = patience
        self._remember = remember
        self._resources: ResourceIds = {}
        self._attempted_at: float | None = None
        self._said = ""

    def close(self) -> None:
        """Close the connections to the cloud."""
        self._cloud.close()

    @property
    def server(self) -> str:
        """The server's id."""
        return self._resources["server"]

    def prepared(self) -> Mapping[str, str]:
        """Boot, let the agent work, and wait until the machine is off; what is inside.

        Raises:
            CloudError: Why nothing came of it.
        """
        contents = self.proven()
        self._patience.progress.begin("Waiting until the machine is off")
        told_at = time.monotonic()
        self._patience.until("switch off", lambda: self._is_off(told_at))
        return contents

    def proven(self) -> Mapping[str, str]:
        """Boot, and wait until the agent says what is inside.

        Raises:
            CloudError: What it found wrong, or that it said nothing.
        """
        instance = self._patience.until("start", self._booted)
        self._patience.progress.begin("Waiting for the agent in the machine")
        return self._patience.until("say what is inside", lambda: self._told(instance))

    def delete(self) -> None:
        """Delete the server, and keep its port and address for another."""
        self._patience.until("vanish", self._is_deleted)

    def _booted(self) -> Instance | None:
        instance = self._look()
        if instance is None:
            self._create()
            return None
        self._note({**self._resources, "server": instance.ref})
        if instance.url is None:
            self._note(self._cloud.expose(self._spec.binder_id, self._resources))
        return instance if instance.state in {InstanceState.ACTIVE, InstanceState.STOPPED} else None

    def _create(self) -> None:
        """Have the server made, unless one whose answer was lost may still turn up."""
        now = time.monotonic()
        if self._attempted_at is None or now - self._attempted_at >= self._cloud.attempt_seconds:
            self._attempted_at = now
            self._note(self._cloud.create(self._spec))

    def _note(self, resources: ResourceIds) -> None:
        self._resources = resources
        self._remember(resources)

    def _told(self, instance: Instance) -> Mapping[str, str] | None:
        seen = self._look()
        report = self._cloud.report(instance)
        if report is not None and report.phase == Phase.FAILED:
            log = f"\nThe end of its log:\n{report.log}" if report.log else ""
            raise CloudError(report.reason, hint=f"{report.hint}{log}".strip())
        if report is not None and report.line and report.line != self._said:
            self._said = report.line
            self._patience.progress.say(report.line)
        is_off = seen is None or seen.state == InstanceState.STOPPED
        if is_off and self._reports.contents is None:
            raise CloudError("The machine went off before its agent was done.")
        return self._reports.contents

    def _is_off(self, told_at: float) -> bool:
        seen = self._look()
        if seen is None:
            raise CloudError("Somebody deleted the machine.")
        if seen.state == InstanceState.ACTIVE and time.monotonic() - told_at > _OFF_SECONDS:
            self._stop()
        return seen.state == InstanceState.STOPPED

    def _look(self) -> Instance | None:
        """The server, if there is one.

        Raises:
            CloudError: The cloud broke it.
        """
        instances = self._cloud.survey().of(self._spec.binder_id)
        for each in instances:
            if each.state == InstanceState.ERROR:
                raise CloudError(f"The cloud could not run the machine: {each.fault}.")
        return instances[0] if instances else None

    def _stop(self) -> None:
        try:
            self._cloud.stop(self._resources)
        except Conflict:  # it is on its way
            return

    def _is_deleted(self) -> bool:
        if self._look() is None:
            return True
        self._cloud.prune(self._spec.binder_id, "")
        return False
