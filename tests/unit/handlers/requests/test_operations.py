"""What people read who ask for something at the same moment as others."""

import pytest

from bot.config import Settings
from bot.provisioning.instances import Size
from bot.repositories.launch_text import parse_launch
from handlers.requests import launches, operations
from handlers.requests.context import Context
from handlers.requests.lookup import by_id
from handlers.requests.permissions import NotPossible
from handlers.requests.requester import Requester
from storage import binders
from storage.engine import Store
from storage.models import Binder


def test_whoever_is_second_to_tear_down_reads_how_it_is_now(store: Store) -> None:
    settings = Settings(slack_bot_token="xoxb-1", slack_app_token="xapp-1")  # type: ignore[arg-type] # as text
    context = Context(store, settings, (Size("small", "1 CPU"),), lambda: None)
    ada = Requester("U1", "T1", "C1", "1", is_private=False)
    launches.launch(context, ada, parse_launch("owner/repo --name demo"))
    with store.read() as session:
        [before] = binders.existing(session, "T1")

    def stale(_: object) -> Binder:
        """The binder as both saw it."""
        return before

    operations.stop_anyway(context, ada, by_id(context, ada, before.id))
    with pytest.raises(NotPossible, match="demo is being torn down; it need not be torn down again"):
        operations.stop_anyway(context, ada, stale)
