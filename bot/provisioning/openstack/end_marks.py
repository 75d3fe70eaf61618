"""Marking servers with the end of their binders, from which `recover` reads it."""

import structlog

from bot.errors import CloudError, CloudUnreachable
from bot.provisioning.openstack.api import Api
from bot.provisioning.openstack.errors import Conflict, NotThere
from bot.provisioning.openstack.tags import Tags

log = structlog.get_logger(__name__)


class EndMarks:
    """Writes the marks, unless the credential may not.

    A refusal is remembered: the access rules of an older credential lack the call. Otherwise it would be
    refused for each binder in each round.

    Args:
        api: The cloud.
        tags: What marks look like.
    """

    def __init__(self, api: Api, tags: Tags) -> None:
        self._api, self._tags = api, tags
        self._is_refused = False

    def write(self, server_id: str, ends_at: float) -> None:
        """Mark a server.

        Args:
            server_id: The server.
            ends_at: Unix seconds, UTC.

        Raises:
            CloudError: The cloud did not answer, or there is no such server.
        """
        if self._is_refused:
            return
        path, metadata = f"/servers/{server_id}/metadata", self._tags.metadata_of_end(ends_at)
        try:
            self._api.call("compute", "POST", path, "mark the server", body={"metadata": metadata})
        except (CloudUnreachable, Conflict, NotThere):
            raise
        except CloudError as error:
            self._is_refused = True
            log.warning("marks_refused", error=error.sentence, hint="See deploy/access-rules.json.")
