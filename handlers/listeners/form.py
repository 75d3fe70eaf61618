"""The launch form: opened from a message, and sent."""

import re
from dataclasses import replace
from html import unescape

from slack_bolt import App, Args

from bot.errors import BinderBotError, SpecError
from bot.repositories.launch_text import parse_repo
from bot.repositories.site_links import expanded
from bot.times.end_times import NoSuchTime
from handlers import ids
from handlers.listeners.errors import answered
from handlers.listeners.replies import reply, requester_of
from handlers.messages import forms
from handlers.messages.forms import FormError, Origin, launch_form
from handlers.requests import launches
from handlers.requests.context import Context
from handlers.requests.requester import Requester

_MARKED_LINK = re.compile(r"<(https?://[^<>|\s]+)(?:\|[^<>]*)?>")
_MOST_WORDS = 200
"""How much of a message is searched for a repository."""


def register(app: App, context: Context) -> None:
    """Listen to the form and to the message shortcut that opens it."""

    @app.view(ids.LAUNCH_FORM)
    @answered
    def on_form(args: Args) -> None:
        view = args.body["view"]
        origin = Origin.of(view["private_metadata"])
        requester = replace(
            requester_of(args.context, args.body, f"view:{view['id']}"),
            channel=origin.channel,
            is_private=origin.is_private,
            response_url=origin.response_url,
        )
        try:
            answer = launches.launch(
                context, requester, forms.read(view["state"]["values"], link_host=context.settings.link_host)
            )
        except FormError as error:
            args.ack(response_action="errors", errors=error.errors)
        except BinderBotError as error:
            field = forms.DURATION if isinstance(error, NoSuchTime) else forms.REPOSITORY
            args.ack(response_action="errors", errors={field: forms.without_markup(error)})
        else:
            args.ack()
            if answer is not None:
                reply(args.context, args.body, answer)

    @app.shortcut(ids.LAUNCH_MESSAGE)
    @answered
    def on_shortcut(args: Args) -> None:
        args.ack()
        requester = requester_of(args.context, args.body, f"shortcut:{args.body['trigger_id']}")
        text = str(args.body.get("message", {}).get("text") or "")
        repository = repository_in(expanded(context.settings.link_host, text))
        open_form(args, context, requester, repository=repository)


def open_form(args: Args, context: Context, requester: Requester, *, repository: str = "") -> None:
    """Show somebody the form; its launch goes where they are now."""
    view = launch_form(
        launches.sizes_for(context, requester.user),
        Origin(requester.channel, requester.response_url, requester.is_private),
        repository=repository,
    )
    args.client.views_open(trigger_id=args.body["trigger_id"], view=view)


def repository_in(text: str) -> str:
    """The first thing in a message that can be launched; empty where there is none."""
    found = unescape(_MARKED_LINK.sub(r" \1 ", text)).split()[:_MOST_WORDS]
    return next((word for word in found if _is_repository(word)), "")


def _is_repository(word: str) -> bool:
    # "and/or" would pass for owner/repo: in prose, only links and identifiers count.
    if "://" not in word and not word.lower().startswith(("doi:", "10.", "swh:")):
        return False
    try:
        parse_repo(word)
    except SpecError:
        return False
    return True
