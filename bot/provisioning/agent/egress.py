"""Checking early that this machine reaches what it will need. Some hosts give machines no egress."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.provisioning.agent.commands import wait_until
from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.source import host_of, source_of

if TYPE_CHECKING:
    from bot.provisioning.agent.job import Job

_SECONDS = 10


def check_egress(job: Job) -> None:
    """Wait until the network is up.

    Raises:
        Failure: `no-egress` where nothing answers (another machine may do), `host-unreachable` where some do.
    """
    settings = job.settings.machine
    source = [] if job.task.is_open else [host_of(source_of(job.task))]
    wanted = list(dict.fromkeys([*source, *settings.egress]))
    silent = list(wanted)

    def all_answer() -> bool:
        silent[:] = [each for each in silent if not is_reachable(each)]
        return not silent

    if wait_until(all_answer, settings.egress_seconds, job.settings.poll_seconds):
        return
    names = ", ".join(urlsplit(each).netloc for each in silent)
    if len(silent) == len(wanted):
        raise Failure(
            f"The instance does not reach the internet: {names} did not answer.", FailureCode.NO_EGRESS
        )
    raise Failure(
        f"From inside the instance, {names} did not answer.",
        FailureCode.HOST_UNREACHABLE,
        "Try again later.",
    )


def is_reachable(url: str) -> bool:
    """Whether any HTTP answer comes from there, whatever it says."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - http or https, by host_of and the settings
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=_SECONDS):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except urllib.error.URLError as error:
        return isinstance(error.reason, ssl.SSLCertVerificationError)
    except (OSError, ValueError, http.client.HTTPException):
        return False


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer as good as any; where it leads is not followed."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse."""
