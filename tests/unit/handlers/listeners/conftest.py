"""A Bolt app with our listeners, to which a test hands what Slack would send."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.request import BoltRequest

import handlers
from bot.provisioning.instances import Size
from handlers import ids
from handlers.messages.approval_text import REASON
from handlers.requests.context import Context
from handlers.slack.profiles import Membership, Profiles, member
from storage import binders, shares
from storage.models import Binder
from storage.share_models import ShareKind
from storage.shares import Subject
from tests.fakes.settings import GivenSettings
from tests.fakes.waiting import eventually
from tests.unit.handlers.conftest import Post, binder
from workspace.hands import Person, plain

REPO = "https://github.com/owner/repo"
ADMIN_BUTTONS = (ids.ADMIN_ANNOUNCE, ids.ADMIN_PAGE.pattern)
SLACKS_NAMES = {"secret": "privategroup"}
"""What Slack calls a channel in what it sends, where that is not the channel's name."""
SIZES = (Size("small", "1 CPU, 2 GB"), Size("large", "8 CPUs, 30 GB"))


@dataclass
class Desk:
    """A Bolt app with our listeners, and what happened to it."""

    post: Post
    app: App
    nudged: list[None]
    numbers: Any = field(default_factory=lambda: count(1))
    guests: frozenset[str] = frozenset()

    def person(self, user: str) -> Person:
        """See `Post.person`."""
        return self.post.person(user)

    def is_member(self, user: str) -> bool:
        """Whether somebody is no guest."""
        return user not in self.guests

    def dispatch(self, body: dict[str, Any]) -> dict[str, Any]:
        """Hand over one envelope; its acknowledgement."""
        response = self.app.dispatch(BoltRequest(mode="socket_mode", body=body))
        assert response.status == 200, response.body
        return json.loads(response.body) if response.body else {}

    def identity(self, user: str | None) -> dict[str, Any]:
        team = self.post.workspace.state.team_id
        return {"user": {"id": user or self.post.ada}, "team": {"id": team}, "enterprise": None}

    def command_body(self, text: str, user: str | None = None, channel: str = "general") -> dict[str, Any]:
        who = user or self.post.ada
        return {
            "command": "/binder",
            "text": text,
            "user_id": who,
            "team_id": self.post.workspace.state.team_id,
            "channel_id": self.post.channel(channel),
            "channel_name": SLACKS_NAMES.get(channel, channel),
            "trigger_id": self.post.workspace.state.issue_trigger(who),
            "response_url": f"{self.post.workspace.url}/response/none",
        }

    def command(self, text: str, user: str | None = None, channel: str = "general") -> str:
        """Type a command; all that its acknowledgement shows, and says aloud."""
        answer = self.dispatch(self.command_body(text, user, channel))
        if not answer:
            return ""
        assert answer["response_type"] == "ephemeral"
        return f"{plain(answer)}\n{answer['text']}"

    def click_body(
        self, action_id: str, value: str | None, user: str | None = None, where: str = "general"
    ) -> dict[str, Any]:
        state = self.post.workspace.state
        who, channel = user or self.post.ada, self.post.channel(where)
        number = next(self.numbers)
        return {
            "type": "block_actions",
            **self.identity(user),
            "channel": {"id": channel, "name": SLACKS_NAMES.get(where, where)},
            "container": {"type": "message", "message_ts": "1.1", "channel_id": channel},
            "trigger_id": state.issue_trigger(who),
            "response_url": self.post.workspace.people._response_url(
                state.person(who), state.channel_for(who, where), None
            ),
            "actions": [
                {"type": "button", "action_id": action_id, "value": value, "action_ts": f"{number}.0"}
            ],
        }

    def choose(self, value: str, user: str | None = None, where: str = "general") -> None:
        """Choose something from the menu of a message."""
        body = self.click_body(ids.MENU, None, user, where)
        [action] = body["actions"]
        body["actions"] = [{**action, "type": "overflow", "selected_option": {"value": value}}]
        self.dispatch(body)

    def home_click_body(self, action_id: str, value: str, user: str) -> dict[str, Any]:
        """A button of somebody's home tab, which is in no channel."""
        body = self.click_body(action_id, value, user)
        body |= {"container": {"type": "view", "view_id": "V1"}, "view": {"type": "home"}}
        del body["channel"], body["response_url"]
        return body

    def click(self, action_id: str, value: str | None, user: str | None = None) -> None:
        self.dispatch(self.click_body(action_id, value, user))

    def mention(
        self, text: str, user: str | None = None, thread_ts: str | None = None, channel: str = "general"
    ) -> None:
        """Type a mention; `text` begins right after the bot's name."""
        number = next(self.numbers)
        event = {
            "type": "app_mention",
            "user": user or self.post.ada,
            "channel": self.post.channel(channel),
            "text": f"<@{self.post.workspace.state.bot.id}>{text if text[:1] in ',:' else f' {text}'}",
            "ts": f"{number}.5",
        }
        self.event(event | ({"thread_ts": thread_ts} if thread_ts else {}))

    def event(self, event: dict[str, Any], event_id: str | None = None) -> None:
        self.dispatch(
            {
                "type": "event_callback",
                "event_id": event_id or f"Ev{next(self.numbers)}",
                "team_id": self.post.workspace.state.team_id,
                "event": event,
            }
        )

    def metadata_of_form(self) -> str:
        """What the form that Ada has open would send back with its values."""
        return str(modal(self)["private_metadata"])

    def submit(self, metadata: str = "", *, ticked: Sequence[str] = (), **values: str) -> dict[str, Any]:
        """Send the form; opened in #general, unless `metadata` says otherwise."""
        metadata = metadata or json.dumps({"channel": self.post.channel("general")})
        state = {
            name: {"value": {"type": "plain_text_input", "value": each}} for name, each in values.items()
        }
        boxes = {
            name: {"value": {"type": "checkboxes", "selected_options": [{"value": name}]}} for name in ticked
        }
        view = {
            "id": f"V{next(self.numbers)}",
            "type": "modal",
            "callback_id": ids.LAUNCH_FORM,
            "private_metadata": metadata,
            "state": {"values": state | boxes},
        }
        return self.dispatch({"type": "view_submission", **self.identity(None), "view": view})

    def send_share_form(
        self, binder_id: str, *, user: str | None = None, **chosen: list[str]
    ) -> dict[str, Any]:
        """Send the form of *Share*, and wait for its answer; `chosen`: ids by field."""
        kinds = {
            "users": "selected_users",
            "managers": "selected_users",
            "channels": "selected_conversations",
        }
        groups = [{"value": each} for each in chosen.pop("groups", [])]
        state: dict[str, Any] = {
            f"share_{name}": {"chosen": {kinds[name]: each}} for name, each in chosen.items()
        }
        state["share_groups"] = {ids.GROUPS: {"selected_options": groups}}
        view = {
            "id": f"V{next(self.numbers)}",
            "type": "modal",
            "callback_id": ids.SHARE_FORM,
            "private_metadata": binder_id,
            "state": {"values": state},
        }
        person = self.person(user or self.post.ada)
        before = len(person.look().messages("dm"))
        answer = self.dispatch({"type": "view_submission", **self.identity(user), "view": view})
        if not answer:
            person.wait_for(lambda seen: seen.messages("dm")[before:])
        return answer

    def send_denial(self, binder_id: str, user: str, reason: str = "too long") -> dict[str, Any]:
        """Send the form of *Deny*."""
        view = {
            "id": f"V{next(self.numbers)}",
            "type": "modal",
            "callback_id": ids.DENY_FORM,
            "private_metadata": binder_id,
            "state": {"values": {REASON: {REASON: {"type": "plain_text_input", "value": reason}}}},
        }
        return self.dispatch({"type": "view_submission", **self.identity(user), "view": view})

    def share(self, row: Binder, *handles: str, manages: bool = False) -> None:
        """Share a binder as its owner would."""
        self.share_all([row], *handles, manages=manages)

    def share_all(self, rows: Sequence[Binder], *handles: str, manages: bool = False) -> None:
        """Share many binders at once."""
        state = self.post.workspace.state
        people = [Subject(ShareKind.USER, state.person(each).id) for each in handles]
        with self.post.store.write() as session:
            for row in rows:
                shares.share(session, row.id, people, manages=manages, by=row.owner)

    def told(self, user: str, act: Callable[[], object]) -> str:
        """The answer that one person alone gets to what they do."""
        person = self.person(user)
        first = person.look()
        before = len(first.ephemerals())
        act()
        shown = person.wait_for(lambda seen: seen.ephemerals()[before:], since=first.version)
        return "\n".join(plain(each) for each in shown)

    def answers(self, user: str = "ada", until: Callable[[str], bool] = bool) -> str:
        """What one person alone sees in the channel, once it is what is waited for."""
        return self.person(user).wait_for(
            lambda seen: (
                shown if until(shown := "\n".join(plain(each) for each in seen.ephemerals())) else None
            )
        )

    def wait(self, happened: Callable[[], bool]) -> None:
        eventually(happened, 10)

    def all(self) -> list[Binder]:
        with self.post.store.read() as session:
            return list(session.query(Binder).order_by(Binder.created_at))

    def has(self, **changes: Any) -> Binder:
        """A binder that is there already, ready since a while."""
        row = self._row(changes)
        with self.post.store.write() as session:
            return binders.add(session, row, wanted_name=changes.get("name", "demo")).binder

    def has_all(self, several: Sequence[dict[str, Any]]) -> list[Binder]:
        """Many such binders at once, each with a name of its own: much quicker than one by one."""
        rows = [self._row(changes) for changes in several]
        with self.post.store.write() as session:
            session.add_all(rows)
        return rows

    def _row(self, changes: dict[str, Any]) -> Binder:
        values = {
            "team_id": self.post.workspace.state.team_id,
            "owner": self.post.ada,
            "channel": self.post.channel("general"),
            "request_key": f"has{next(self.numbers)}",
            "url": f"https://git.example.org/o/{next(self.numbers)}",
        }
        return binder(**(values | changes))

    @property
    def grace(self) -> str:
        return self.id_of("grace")

    def id_of(self, handle: str) -> str:
        return self.post.workspace.state.person(handle).id

    def in_thread(self, row: Binder) -> list[str]:
        """What is said of a binder, once everything is delivered."""
        for _ in range(20):
            self.post.delivery.deliver_due()
            self.post.clock[0] += 2
        thread = self.post.row(row.id).thread_ts or ""
        return [plain(each) for each in self.person(row.owner).look().thread("general", thread)]


def context_of(
    post: Post,
    nudge: Callable[[], None] = lambda: None,
    *,
    can_shelve: bool = False,
    profiles: Profiles | None = None,
    membership_of: Callable[[str, str, frozenset[str]], Membership] = member,
    **settings: Any,
) -> Context:
    """What a new process's listeners work with. Without `profiles`, nobody asks for people's languages."""
    whole: dict[str, Any] = {
        "slack_bot_token": "xoxb-1",
        "slack_app_token": "xapp-1",
        "max_binders_per_person": 3,
        "lifetime_hours": 12,
        "max_hours": 12,
    }
    context = Context(
        post.store,
        GivenSettings(**(whole | settings)),
        SIZES,
        nudge,
        can_shelve,
        membership_of=membership_of,
    )
    if profiles is None:
        return context
    return replace(
        context,
        zone_of=profiles.zone_of,
        known_locale=profiles.known_locale,
        refresh_profile=profiles.refresh,
        membership_of=profiles.membership_of,
    )


def bolt(post: Post, nudge: Callable[[], None], **settings: Any) -> App:
    """A new process's app."""
    # Without a name, Bolt searches the source of every loaded module for one.
    app = App(name="binder-bot", client=post.client)
    handlers.register(app, context_of(post, nudge, **settings))
    return app


@pytest.fixture
def desk(post: Post) -> Desk:
    nudged: list[None] = []
    return Desk(post, bolt(post, lambda: nudged.append(None)), nudged)


def modal(desk: Desk) -> dict[str, Any]:
    return desk.person("ada").wait_for(lambda seen: seen.modal)
