"""Uploads what `guest-image` built (kernel, initrd, disk), unless it is there already."""

import os
import tempfile
from pathlib import Path
from typing import Any

from openstack.config import OpenStackConfig
from openstack.connection import Connection

FOLDER = Path(os.environ.get("OSREAL", Path(tempfile.gettempdir(), "osreal")))
IMAGE = "osreal-bookworm"
KERNEL_OPTIONS = (
    "root=/dev/vda rw console=tty0 console=ttyS0 mitigations=off net.ifnames=0 random.trust_cpu=on apparmor=0"
)


def main() -> None:
    """Upload the image and the two that it boots from."""
    config = OpenStackConfig(config_files=[str(FOLDER / "etc" / "clouds.yaml")])
    with Connection(config=config.get_one("osreal-admin")) as cloud:
        if cloud.image.find_image(IMAGE):
            return
        kernel = _upload(cloud, "osreal-kernel", "vmlinuz", "aki", "aki")
        initrd = _upload(cloud, "osreal-initrd", "initrd", "ari", "ari")
        _upload(
            cloud,
            IMAGE,
            "root.qcow2",
            "qcow2",
            "bare",
            min_disk=3,
            min_ram=512,
            kernel_id=kernel,
            ramdisk_id=initrd,
            hw_rng_model="virtio",
            hw_vif_model=os.environ.get("OSREAL_VIF_MODEL", "virtio"),
            architecture="x86_64",
            os_command_line=KERNEL_OPTIONS,
        )


def _upload(cloud: Any, name: str, file: str, disk: str, container: str, **properties: Any) -> str:
    """Upload one image, unless an earlier try did; its id."""
    known = cloud.image.find_image(name)
    image = known or cloud.image.create_image(
        name=name,
        disk_format=disk,
        container_format=container,
        filename=str(FOLDER / "img" / file),
        visibility="public",
        validate_checksum=True,
        **properties,
    )
    return str(image.id)


main()
