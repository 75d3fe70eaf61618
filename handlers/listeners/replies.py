"""Answers that only the person who asked sees: in a command, at a button, in a thread, at a form."""

from typing import Any

import structlog
from slack_bolt import BoltContext, BoltResponse
from slack_sdk.errors import SlackClientError

from handlers import ids
from handlers.messages.forms import REPOSITORY
from handlers.messages.message import Message
from handlers.messages.more import answer_view
from handlers.requests.requester import Requester

log = structlog.get_logger(__name__)

Body = dict[str, Any]
_HIDDEN_NAMES = frozenset({"privategroup", "directmessage"})


def reply(context: BoltContext, body: Body, message: Message) -> BoltResponse | None:
    """Answer; in the acknowledgement itself where that is still owed, which takes no call to Slack.

    Returns:
        The acknowledgement, where this was it.
    """
    if context.ack.response is None and "command" in body:
        return context.ack(response_type="ephemeral", **message.as_arguments())
    if context.ack.response is None and body.get("type") == "view_submission":
        return context.ack(response_action="errors", errors={REPOSITORY: message.text})
    try:
        _send(context, body, message)
    except (OSError, SlackClientError) as error:
        # What was asked is done, or refused: only the answer is lost.
        log.warning("answer_not_sent", error=type(error).__name__)
    return None


def requester_of(context: BoltContext, body: Body, key: str) -> Requester:
    """Who asks, from what Bolt made of the payload."""
    user = context.user_id or ""
    # The home tab is no channel: there, a person stands for their direct message.
    channel = context.channel_id or user
    return Requester(
        user=user,
        team_id=context.team_id or context.enterprise_id or "",
        enterprise_id=context.enterprise_id,
        channel=channel,
        key=key[:255],
        is_private=_is_private(channel, _channel_name(body)),
        thread_ts=_thread_of(body),
        response_url=body.get("response_url"),
        workspaces=_workspaces(context),
    )


def _workspaces(context: BoltContext) -> frozenset[str]:
    """Where the bot is installed whose token answers, whatever the payload says of the person."""
    bot = context.authorize_result
    return frozenset(str(each) for each in (bot.team_id, bot.enterprise_id) if each) if bot else frozenset()


def _channel_name(body: Body) -> str | None:
    """The name of the channel, where a payload has it: in a command, at a button, at a message."""
    name = body.get("channel_name") or (body.get("channel") or {}).get("name")
    return str(name) if name else None


def _is_private(channel: str, name: str | None) -> bool | None:
    """Whether only some people can read a channel; None where neither its id nor its name tells.

    Slack hides the names of private channels and direct messages. Their ids tell less: since 2021, those of
    private channels begin with C too.
    """
    if not channel.startswith("C"):
        return True
    if name is None:
        return None
    return name in _HIDDEN_NAMES or name.startswith("mpdm-")


def is_in_more(body: Body) -> bool:
    """Whether a button was pressed in the modal of *More…*, where answers take the place of the buttons."""
    view = body.get("view") or {}
    return body.get("type") == "block_actions" and view.get("callback_id") == ids.MORE


def _send(context: BoltContext, body: Body, message: Message) -> None:
    if is_in_more(body):
        view = body["view"]
        context.client.views_update(
            view_id=view["id"], view=answer_view(message, str(view.get("private_metadata", "")))
        )
    elif context.respond and body.get("response_url"):
        context.respond(
            response_type="ephemeral",
            replace_original=False,
            thread_ts=_thread_of(body),
            **message.as_arguments(),
        )
    elif context.channel_id and not context.channel_id.startswith("D"):
        context.client.chat_postEphemeral(
            channel=context.channel_id,
            user=context.user_id or "",
            thread_ts=_thread_of(body),
            **message.as_arguments(),
        )
    else:
        context.client.chat_postMessage(  # only its reader sees it there, and it stays
            channel=context.channel_id or context.user_id or "",
            thread_ts=_thread_of(body),
            unfurl_links=False,
            unfurl_media=False,
            **message.as_arguments(),
        )


def _thread_of(body: Body) -> str | None:
    place = body.get("event") or body.get("container") or {}
    thread_ts = place.get("thread_ts")
    return str(thread_ts) if thread_ts else None
