"""Baking on OpenStack: the agent prepares a server, an image is made of it, and another server proves that.

Each step looks at what is there before it makes something. One that is cut off is taken again. Both servers,
and the port and the floating IP that they share, carry the tags of `bake-<id>`.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version

from openstack.config.cloud_region import CloudRegion

from bot.errors import CloudError
from bot.provisioning.agent.bake import BakeOrder
from bot.provisioning.agent.settings import AgentSettings
from bot.provisioning.baking import BAKED, EXAMPLE, BakedImage, BakeProgress
from bot.provisioning.base import InstanceSpec, ResourceIds
from bot.provisioning.openstack.api import Api, Json, region_of_environment
from bot.provisioning.openstack.bake_machine import BakeMachine, MachineReports, Patience
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.errors import Conflict
from bot.provisioning.openstack.images import BakedImages, contents_of, is_broken
from bot.provisioning.openstack.name_resolver import NameResolver
from bot.provisioning.openstack.options import Flavor, OpenStackOptions
from bot.provisioning.openstack.tags import Tags
from bot.provisioning.openstack.user_data import render_bake

ORDER = BakeOrder(EXAMPLE)
_REACHED = "https://pypi.org/"
"""What a machine that is baked must reach before anything is tried."""
_SNAPSHOTS = 3
"""How often an image is begun: one whose upload fails vanishes."""


class OpenStackBakery:
    """A `Bakery` for the images of an OpenStack project.

    Args:
        options: What the operator chose.
        deployment: This deployment's id.
        guest: The settings of the agent in an instance.
        patience: Seconds that each stage may take.
        order: What a machine that is baked has to do.
        region: Reads the credentials.

    Raises:
        ConfigError: The deployment's id is not one.
    """

    def __init__(
        self,
        options: OpenStackOptions,
        deployment: str,
        guest: AgentSettings,
        patience: float,
        *,
        order: BakeOrder = ORDER,
        region: Callable[[], CloudRegion] = region_of_environment,
    ) -> None:
        # The image of a server that boots from a volume would be a snapshot in Cinder.
        self._options = replace(options, boot_volume_gb=None)
        self._deployment = deployment
        self._guest = guest
        self._patience = patience
        self._order = order
        self._region = region
        self._api = Api(region)
        self._images = BakedImages(self._api, Tags(deployment))
        self._resources: ResourceIds = {}

    def close(self) -> None:
        """See `Bakery.close`."""
        self._api.close()

    def bake(self, bake_id: str, source: str | None, size: str | None, progress: BakeProgress) -> BakedImage:
        """See `Bakery.bake`."""
        patience = Patience(progress, self._patience, self._options.poll_seconds)
        plain, flavor = self._plain_image(source), self._flavor(size)
        progress.begin(f"Starting a machine of the size {flavor.key} from {plain.get('name')}")
        with closing(self._machine(bake_id, plain, flavor, self._order, patience)) as machine:
            contents = machine.prepared()
            progress.begin("Making an image of the machine")
            image = self._snapshot(bake_id, machine.server, {**contents, **_origin(plain)}, patience)
            progress.begin("Starting a machine from the image")
            machine.delete()
        order = replace(self._order, expected=contents)
        with closing(self._machine(bake_id, image, flavor, order, patience)) as machine:
            proven = machine.proven()
        progress.begin("Marking the image as proven")
        patience.until("be marked", lambda: self._images.prove(image["id"]))
        removed = patience.until("be counted", lambda: (self._images.prune(),))[0]
        return BakedImage(image["id"], str(image.get("name")), {**contents_of(image), **proven}, removed)

    def clear(self, bake_id: str) -> bool:
        """See `Bakery.clear`."""
        with closing(self._cloud(self._options, self._order, MachineReports())) as cloud:
            return cloud.remove(bake_id, self._resources)

    # What it is made of ----------------------------------------------------------------------------------

    def _plain_image(self, source: str | None) -> Json:
        options = replace(self._options, image=source or self._usual_source())
        image = NameResolver(self._api, options, self._images).newest_image()
        if contents_of(image):
            raise CloudError(
                f"The image `{image.get('name')}` is baked already.",
                hint="Name a plain image of Debian or Ubuntu: `binder-bot bake --from IMAGE`.",
            )
        return image

    def _usual_source(self) -> str:
        """The image of the settings, or the one from which the newest image was baked."""
        if self._options.image != BAKED:
            return self._options.image
        for image in self._images.proven():
            if source := contents_of(image).get("from"):
                return source
        raise CloudError(
            "No image was baked before, so there is none to bake from again.",
            hint="Name a plain image of Debian or Ubuntu: `binder-bot bake --from IMAGE`.",
        )

    def _flavor(self, size: str | None) -> Flavor:
        """The flavor of a size; by default the smallest disk, because an image fits no smaller one."""
        names = NameResolver(self._api, self._options, self._images)
        wanted = [each for each in self._options.flavors if size in {None, each.key}]
        disks = {each: int(names.flavor_of(each).get("disk") or 0) for each in wanted}
        fitting = [each for each, disk in disks.items() if disk > 0]
        if not fitting:
            keys = ", ".join(each.key for each in self._options.flavors)
            raise CloudError(
                f"No size with a disk of its own is called `{size}`." if size else "No size has a disk.",
                hint=f"The sizes are: {keys}.",
            )
        return min(fitting, key=lambda each: disks[each])

    def _snapshot(self, bake_id: str, server: str, contents: Mapping[str, str], patience: Patience) -> Json:
        """Have an image made of a server, and wait until it can be booted."""
        left = list(range(_SNAPSHOTS))

        def made() -> Json | None:
            images = self._images.of(bake_id)
            if any(is_broken(each) for each in images) or not (images or left):
                raise CloudError("The cloud could not store an image of the machine.")
            if not images:
                left.pop()
                self._begin_image(bake_id, server, contents)
            return next((each for each in images if each.get("status") == "active"), None)

        return patience.until("be stored", made)

    def _begin_image(self, bake_id: str, server: str, contents: Mapping[str, str]) -> None:
        try:
            self._images.make(bake_id, server, contents)
        except Conflict:  # something happens to the server: the image shows up, or is asked for again
            return

    # Machines --------------------------------------------------------------------------------------------

    def _machine(
        self, bake_id: str, image: Json, flavor: Flavor, order: BakeOrder, patience: Patience
    ) -> BakeMachine:
        reports = MachineReports()
        cloud = self._cloud(replace(self._options, image=image["id"]), order, reports)
        return BakeMachine(cloud, _spec(bake_id, flavor), reports, patience, self._remember)

    def _remember(self, resources: ResourceIds) -> None:
        self._resources = resources

    def _cloud(self, options: OpenStackOptions, order: BakeOrder, reports: MachineReports) -> OpenStackCloud:
        def render(spec: InstanceSpec) -> str:
            return render_bake(spec, self._guest, order)

        return OpenStackCloud(options, self._deployment, render, reports.read, region=self._region)


def _spec(bake_id: str, flavor: Flavor) -> InstanceSpec:
    """A machine that belongs to nobody, and serves nothing."""
    return InstanceSpec(
        binder_id=bake_id,
        provider="git",
        url=_REACHED,
        ref=None,
        commit=None,
        is_tip=False,
        path=None,
        interface=None,
        size=flavor.key,
        token="",
        owner="operator",
        channel="",
        ends_at=datetime.now(UTC).timestamp(),
    )


def _origin(plain: Json) -> dict[str, str]:
    return {
        "from": str(plain.get("name")),
        "from-id": str(plain["id"]),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version("binder-bot"),
    }
