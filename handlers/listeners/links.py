"""Links to this site or to mybinder.org that somebody posts."""

from slack_bolt import App, Args

from handlers.listeners.errors import answered
from handlers.listeners.replies import requester_of
from handlers.requests import links
from handlers.requests.context import Context

_WHILE_TYPING = "composer"


def register(app: App, context: Context) -> None:
    """Listen to links that are posted."""

    @app.event("link_shared")
    @answered
    def on_links(args: Args) -> None:
        event = args.body["event"]
        if event.get("source") != _WHILE_TYPING:
            urls = [str(each["url"]) for each in event.get("links") or []]
            team_id = requester_of(args.context, args.body, "").team_id
            links.unfurl(context, team_id, str(event["channel"]), str(event["message_ts"]), urls)
