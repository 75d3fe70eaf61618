"""The home tab: a person's binders, and how to begin."""

from slack_bolt import App, Args
from slack_sdk import WebClient

from handlers import messages
from handlers.listeners.errors import answered
from handlers.listeners.replies import requester_of
from handlers.requests.context import Context
from handlers.requests.permissions import roles_of
from handlers.requests.requester import Requester
from handlers.rules import Role
from storage import binders, shares


def register(app: App, context: Context) -> None:
    """Listen to people who open the tab."""

    @app.event("app_home_opened")
    @answered
    def on_home(args: Args) -> None:
        if args.body["event"].get("tab") == "home":
            requester = requester_of(args.context, args.body, f"event:{args.body['event_id']}")
            publish(args.client, context, requester)


def publish(client: WebClient, context: Context, requester: Requester) -> None:
    """Show the tab as it is now."""
    with context.store.read() as session:
        mine = binders.existing(session, requester.team_id, owner=requester.user)
        others = shares.existing(session, requester.team_id, requester.user)
        roles = roles_of(session, context, requester, others)
    shared = {role: [each for each in others if roles[each.id] == role] for role in Role}
    blocks = messages.home(mine, context.store.now(), requester.user, shared)
    client.views_publish(user_id=requester.user, view={"type": "home", "blocks": blocks})
