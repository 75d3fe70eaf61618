"""Who is in the channels and groups with which binders are shared: asked of Slack in the background.

A request has three seconds, and Slack tells the members of a channel page by page. So a request never asks:
it reads what was written down here. Who joins gets access, and who leaves loses it, when Slack is asked next.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import structlog
from slack_sdk import WebClient

from handlers.slack.calls import DeliveryError, Rejected, SlackCalls, WorkspaceLost
from handlers.slack.clients import HOME, Clients
from storage import outbox, shares
from storage.engine import Store
from storage.share_models import ShareKind
from storage.shares import Subject
from storage.vocabulary import MessageKind

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 300.0
"""After how long Slack is asked again."""
MOST_MEMBERS = 5_000
"""Of a larger channel, only so many get access: whoever shares with more should not."""
MOST_TOLD = 50
"""A larger group is not told one by one."""
_PAGE = 1_000
_SCOPE = "audiences"


class Audiences:
    """Keeps the members of channels and groups as Slack has them.

    Args:
        store: Where they are written down.
        clients: Slack's Web API, for each workspace.
        calls: The rate limiter.
    """

    def __init__(self, store: Store, clients: Clients, calls: SlackCalls) -> None:
        self._store = store
        self._clients = clients
        self._calls = calls
        self._numbers = count(1)
        self._own_ids: dict[str, str] = {}

    def refresh(self) -> None:
        """Ask for the one that is due first, unless another replica has taken it."""
        with self._store.read() as session:
            if not shares.is_audience_due(session, older_than=REFRESH_SECONDS):
                return
        with self._store.write() as session:
            due = shares.claim_audiences(session, older_than=REFRESH_SECONDS)
        for each in due:
            self._refresh(each)

    def _refresh(self, subject: Subject) -> None:
        try:
            members = self._members_where_told(subject)
        except WorkspaceLost as error:  # it is looked for again when the members are due next
            log.debug("members_not_told", subject=subject.id, error=str(error))
        except Rejected as error:  # the bot may not look into it: nobody gets access through it
            log.warning("members_not_told", subject=subject.id, error=str(error))
            self._write(subject, set(), is_refused=True)
        except DeliveryError as error:
            log.info("members_not_told_yet", subject=subject.id, error=str(error))
            with self._store.write() as session:
                shares.ask_again(session, subject.id)
        else:
            self._write(subject, members, is_refused=False)

    def _members_where_told(self, subject: Subject) -> set[str]:
        """The members, as the first workspace tells them that may.

        Slack's ids of channels and groups are its own, and not a workspace's: a shared channel has the same
        one everywhere. So whoever names one that they cannot see keeps nobody else from seeing it.
        """
        with self._store.read() as session:
            teams = shares.workspaces_of(session, subject.id) or [HOME]
        refusal: DeliveryError = WorkspaceLost("nowhere")
        for team_id in teams:
            try:
                return set(self._members(team_id, subject)) - {self._own(team_id)}
            except (Rejected, WorkspaceLost) as error:
                refusal = error if isinstance(error, Rejected) else refusal
        raise refusal

    def _own(self, team_id: str) -> str:
        """The bot's own id: it is a member of channels, but nobody who opens anything."""
        if team_id not in self._own_ids:
            told = self._call(team_id, next(self._numbers), self._clients.of(team_id).auth_test)
            self._own_ids[team_id] = str(told["user_id"])
        return self._own_ids[team_id]

    def _members(self, team_id: str, subject: Subject) -> Iterator[str]:
        client, call = self._clients.of(team_id), partial(self._call, team_id, next(self._numbers))
        if subject.kind == ShareKind.GROUP:
            told = call(client.usergroups_users_list, usergroup=subject.id)
            return iter(told["users"][:MOST_MEMBERS])
        return self._channel_members(call, client, subject.id)

    def _channel_members(self, call: Callable[..., Any], client: WebClient, channel: str) -> Iterator[str]:
        cursor, left = "", MOST_MEMBERS
        while left > 0:
            page = call(client.conversations_members, channel=channel, limit=_PAGE, cursor=cursor)
            yield from page["members"][:left]
            left -= len(page["members"])
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return
        log.warning("audience_too_large", subject=channel, most=MOST_MEMBERS)

    def _call(self, team_id: str, caller: int, method: Callable[..., Any], **arguments: Any) -> Any:
        return self._calls.call(method, f"{_SCOPE} {team_id}", caller, **arguments)

    def _write(self, subject: Subject, members: set[str], *, is_refused: bool) -> None:
        with self._store.write() as session:
            new = shares.set_members(session, subject.id, members)
            tells = subject.kind == ShareKind.GROUP and len(members) <= MOST_TOLD
            for binder, share in shares.live_in(session, subject.id):
                if is_refused:
                    key = f"{MessageKind.NOTE}:unreadable:{binder.id}:{subject.id}"
                    outbox.say(session, MessageKind.NOTE, key, binder.id, sentence=_refused(binder.name))
                for user in sorted(new - {binder.owner}) if tells else ():
                    shares.tell(session, binder.id, user, by=share.by, occasion=subject.id)


def _refused(name: str) -> str:
    return (
        f"I cannot see who is in one of the channels or groups with which {name} is shared. "
        "If it is a private channel, invite me there."
    )
