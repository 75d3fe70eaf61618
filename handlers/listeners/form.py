"""The launch form: opened from anywhere, looked at while it is open, and sent."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slack_bolt import App, Args

from bot.errors import BinderBotError, SpecError
from bot.repositories.launch_text import parse_repo
from bot.repositories.site_links import expanded
from bot.times.end_times import NoSuchTime
from handlers import ids
from handlers.listeners.errors import answered
from handlers.listeners.form_checks import FormChecks, facts_for, opened
from handlers.listeners.replies import reply, requester_of
from handlers.messages import forms
from handlers.messages.blocks import Json
from handlers.messages.forms import FormError, Origin, launch_form, ref_options
from handlers.messages.message import Message
from handlers.requests import audited, launches
from handlers.requests import launch_form as filled_in
from handlers.requests.context import Context
from handlers.requests.launchers import require_launcher
from handlers.requests.repository_links import repository_in
from handlers.requests.requester import Requester
from handlers.rules import Action


def register(app: App, context: Context) -> None:
    """Listen to the form, and to the shortcuts that open it."""
    checks = FormChecks(context)

    @app.view(ids.LAUNCH_FORM)
    @answered
    def on_form(args: Args) -> None:
        try:
            answer = _launch(context, args)
        except FormError as error:
            audited.refuse(" ".join(error.errors.values()))
            args.ack(response_action="errors", errors=error.errors)
        except BinderBotError as error:
            audited.refuse(error.sentence)
            field = forms.DURATION if isinstance(error, NoSuchTime) else forms.REPOSITORY
            args.ack(response_action="errors", errors={field: forms.without_markup(error)})
        else:
            args.ack()
            if answer is not None:
                reply(args.context, args.body, answer)

    for action_id in (ids.REPOSITORY, ids.REFS):

        @app.action(action_id)
        @answered
        def on_change(args: Args) -> None:
            args.ack()
            requester = requester_of(args.context, args.body, "")
            checks.changed(args.client, requester, args.body["view"])

    @app.options(ids.REFS)
    def on_refs(args: Args) -> None:
        args.ack(options=_refs(context, args))

    _register_shortcuts(app, context)


def _register_shortcuts(app: App, context: Context) -> None:
    @app.shortcut(ids.LAUNCH_MESSAGE)
    @answered
    def on_message(args: Args) -> None:
        args.ack()
        requester = requester_of(args.context, args.body, f"shortcut:{args.body['trigger_id']}")
        text = str(args.body.get("message", {}).get("text") or "")
        repository = repository_in(expanded(context.settings.link_host, text))
        open_form(args, context, requester, repository=repository)

    @app.shortcut(ids.LAUNCH_ANYWHERE)
    @answered
    def on_shortcut(args: Args) -> None:
        args.ack()
        open_form(args, context, requester_of(args.context, args.body, ""))


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
    """Show somebody the form; its launch goes where they are now.

    Raises:
        Refused: They may not launch.
    """
    require_launcher(context, requester)
    origin = Origin(requester.channel, requester.response_url, requester.is_private)
    facts = facts_for(context, requester)
    view = launch_form(facts, origin, repository=repository)
    shown = args.client.views_open(trigger_id=args.body["trigger_id"], view=view)
    if repository or not facts.free:  # there is something to find out
        opened(context, args.client, requester, shown["view"], repository)


def _launch(context: Context, args: Args) -> Message | None:
    """Launch what was filled in, unless it is known that this cannot work.

    Raises:
        FormError: Of what is wrong, at its field.
        BinderBotError: See `launches.launch`.
    """
    audited.begin(Action.LAUNCH_AGAIN)
    view = args.body["view"]
    filled = filled_in.read(view["state"]["values"], link_host=context.settings.link_host)
    requester = at_origin(requester_of(args.context, args.body, f"view:{view['id']}"), view)
    preview = context.slow.preview(filled.request.spec, requester.reader)
    if preview is not None and preview.problem is not None:
        raise FormError(forms.at_its_field(preview.problem))
    return launches.launch(context, requester, filled.request, filled.sharing)


def _refs(context: Context, args: Args) -> list[Json]:
    """The refs of the repository that was looked at last, as far as they are known now."""
    typed = str(args.payload.get("value") or "")
    text = Origin.of(args.body["view"]["private_metadata"]).repository
    try:
        spec = parse_repo(text)
    except SpecError:
        return ref_options(typed, ())
    known = context.slow.repositories.known((spec, requester_of(args.context, args.body, "").reader))
    return ref_options(typed, known.refs if known else ())
