"""The launch form: opened from a message, and sent."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slack_bolt import App, Args

from bot.errors import BinderBotError
from bot.repositories.site_links import expanded
from bot.times.end_times import NoSuchTime
from handlers import ids
from handlers.listeners.errors import answered
from handlers.listeners.replies import reply, requester_of
from handlers.messages import forms
from handlers.messages.forms import FormError, Origin, launch_form
from handlers.requests import launches
from handlers.requests.context import Context
from handlers.requests.repository_links import repository_in
from handlers.requests.requester import Requester


def register(app: App, context: Context) -> None:
    """Listen to the form and to the message shortcut that opens it."""

    @app.view(ids.LAUNCH_FORM)
    @answered
    def on_form(args: Args) -> None:
        view = args.body["view"]
        requester = at_origin(requester_of(args.context, args.body, f"view:{view['id']}"), view)
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


def at_origin(requester: Requester, view: Mapping[str, Any]) -> Requester:
    """Somebody in a modal, as asking from where they opened it."""
    origin = Origin.of(view["private_metadata"])
    return replace(
        requester,
        channel=origin.channel,
        is_private=origin.is_private,
        response_url=origin.response_url,
    )


def open_form(args: Args, context: Context, requester: Requester, *, repository: str = "") -> None:
    """Show somebody the form; its launch goes where they are now."""
    view = launch_form(
        launches.sizes_for(context, requester.user),
        Origin(requester.channel, requester.response_url, requester.is_private),
        repository=repository,
    )
    args.client.views_open(trigger_id=args.body["trigger_id"], view=view)
