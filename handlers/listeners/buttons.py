"""Buttons. Their values say which binder is meant; whether the one who clicks may, the row says."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from slack_bolt import App, Args

from bot.repositories.launch_text import parse_launch
from handlers import ids, messages
from handlers.listeners import home
from handlers.listeners.errors import answered
from handlers.listeners.form import at_origin, open_form
from handlers.listeners.replies import is_in_more, reply, requester_of
from handlers.listeners.share_form import open_share_form
from handlers.listeners.typed_text import obey
from handlers.messages.buttons import chosen
from handlers.messages.candidates import Candidate
from handlers.messages.message import Message
from handlers.requests import approvals, launches, links, logs, operations
from handlers.requests.context import Context
from handlers.requests.lookup import by_id
from handlers.requests.permissions import Operation
from handlers.requests.requester import Requester

BUTTONS: Mapping[str, Operation[[], Message] | Operation[[], Message | None]] = {
    ids.OPEN: operations.open_links,
    ids.LAUNCH_LINK: links.launch_link,
    ids.STOP: operations.stop,
    ids.LOG: logs.logs,
    ids.ASK_FOR_HELP: logs.ask_for_help,
    ids.POST_HELP: logs.post_help,
    ids.STOP_ANYWAY: operations.stop_anyway,
    ids.SAVE: operations.save,
    ids.SAVE_AND_STOP: operations.save_and_stop,
    ids.SHELVE: operations.shelve,
    ids.RESUME: operations.resume,
    ids.HOLD: operations.hold,
    ids.KEEP: operations.keep_for_hours,
    ids.KEEP_TONIGHT: operations.keep_until_tonight,
    ids.APPROVE: approvals.approve,
    ids.RETRY: launches.launch_again,
    ids.RETRY_WITHOUT_CONDA: launches.launch_without_conda,
}


def register(app: App, context: Context) -> None:
    """Listen to all buttons."""
    for action_id in BUTTONS:
        app.action(action_id)(_listener(context, action_id))

    @app.action(ids.FORM)
    @answered
    def on_form(args: Args) -> None:
        args.ack()
        open_form(args, context, requester_of_click(args))

    @app.action(ids.SHARE)
    @answered
    def on_share(args: Args) -> None:
        args.ack()
        _share(args, context, str(args.payload.get("value")))

    @app.action(ids.MENU)
    @answered
    def on_menu(args: Args) -> None:
        args.ack()
        option = args.payload.get("selected_option") or {}
        _choose(args, context, *chosen(str(option.get("value") or "")))

    @app.action(ids.CANDIDATE)
    @answered
    def on_candidate(args: Args) -> None:
        args.ack()
        candidate = Candidate.of(str(args.payload.get("value")))
        requester = replace(requester_of_click(args), chosen=candidate.id)
        obey(args, context, requester, candidate.text)

    @app.action(ids.LAUNCH_THIS)
    @answered
    def on_launch_this(args: Args) -> None:
        args.ack()
        asked = parse_launch(str(args.payload.get("value") or ""))
        answer = launches.launch(context, requester_of_click(args), asked)
        if answer is not None:
            reply(args.context, args.body, answer)

    @app.action(ids.LINK)
    def on_link(args: Args) -> None:
        args.ack()  # the browser has opened it already


def _listener(context: Context, action_id: str) -> Callable[[Args], None]:
    @answered
    def on_click(args: Args) -> None:
        args.ack()
        _press(args, context, action_id, str(args.payload.get("value")))

    return on_click


def _choose(args: Args, context: Context, action_id: str, binder_id: str) -> None:
    """Do what was chosen from a menu. What no menu of ours holds was forged, and does nothing."""
    if action_id == ids.MORE:
        requester = requester_of_click(args)
        view = logs.more(context, requester, by_id(context, requester, binder_id))
        args.client.views_open(trigger_id=args.body["trigger_id"], view=view)
    elif action_id == ids.SHARE:
        _share(args, context, binder_id)
    elif action_id in BUTTONS:
        _press(args, context, action_id, binder_id)


def _press(args: Args, context: Context, action_id: str, binder_id: str) -> None:
    requester = requester_of_click(args)
    if (args.body.get("view") or {}).get("type") == "home":
        home.show_again(context, requester)
    answer = BUTTONS[action_id](context, requester, by_id(context, requester, binder_id))
    if answer is None and is_in_more(args.body):
        answer = messages.on_its_way()
    if answer is not None:
        reply(args.context, args.body, answer)


def _share(args: Args, context: Context, binder_id: str) -> None:
    requester = requester_of_click(args)
    open_share_form(args, context, requester, by_id(context, requester, binder_id))


def requester_of_click(args: Args) -> Requester:
    """Who clicks. One click is delivered with one key, however often."""
    place = args.body.get("container") or {}
    parts = [
        place.get("channel_id") or place.get("view_id"),
        place.get("message_ts"),
        args.payload["action_id"],
        args.context.user_id,
        args.payload.get("action_ts"),
    ]
    key = "action:" + ":".join(str(part or "") for part in parts)
    requester = requester_of(args.context, args.body, key)
    return at_origin(requester, args.body["view"]) if is_in_more(args.body) else requester
