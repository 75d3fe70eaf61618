"""A local cloud without a container engine, and what tests do with it."""

import subprocess
import time
from pathlib import Path

from uv import find_uv_bin

from bot.provisioning.instances import InstanceSpec, Phase, Report
from bot.provisioning.local.cloud import LocalCloud
from bot.provisioning.local.options import LocalOptions
from tests.fakes.waiting import eventually

TOKEN = "a-token-that-nobody-guesses"


def order(url: str, sha: str | None, binder_id: str, **changes: object) -> InstanceSpec:
    values: dict[str, object] = {
        "binder_id": binder_id,
        "provider": "git",
        "url": url,
        "ref": "main",
        "commit": sha,
        "is_tip": True,
        "path": None,
        "interface": None,
        "size": "local",
        "token": TOKEN,
        "owner": "U1",
        "channel": "C1",
        "ends_at": time.time() + 3600,
    }
    return InstanceSpec(**values | changes)  # type: ignore[arg-type]  # right as listed above


class Bench:
    """A local cloud without an engine, and what tests do with it."""

    def __init__(self, root: Path, engine: str = "none", **chosen: object) -> None:
        cache = subprocess.run([find_uv_bin(), "cache", "dir"], check=True, capture_output=True, text=True)
        options = LocalOptions(root, cache=cache.stdout.strip(), **chosen)  # type: ignore[arg-type]  # as its callers write
        self.root = root
        self.cloud = LocalCloud(options, engine=engine)

    def report(self, binder_id: str) -> Report:
        report = self.cloud.report(self.cloud.survey().of(binder_id)[0])
        assert report is not None
        return report

    def settle(self, binder_id: str) -> Report:
        """Wait until a binder serves or has failed."""
        eventually(lambda: self.report(binder_id).phase in {Phase.SERVING, Phase.FAILED}, 100)
        return self.report(binder_id)

    def url(self, binder_id: str) -> str:
        url = self.cloud.survey().of(binder_id)[0].url
        assert url is not None
        return url

    def remove(self, binder_id: str) -> None:
        eventually(lambda: self.cloud.remove(binder_id, {}), 20)

    def close(self) -> None:
        survey = self.cloud.survey()
        for binder_id in {*survey.instances, *survey.strays}:
            self.remove(binder_id)
