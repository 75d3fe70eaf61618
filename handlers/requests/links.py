"""Launch links: for READMEs and course pages, and the buttons that they get in Slack."""

from collections.abc import Collection
from html import unescape

from bot.errors import SpecError
from bot.repositories.launch_text import parse_launch
from bot.repositories.site_links import MOST, is_of_mybinder, launch_text
from handlers.messages import launch_links
from handlers.messages.message import Message
from handlers.requests.context import Context
from handlers.requests.permissions import requires
from handlers.requests.requester import BinderLookup, Requester
from handlers.rules import Action
from storage import outbox
from storage.vocabulary import MessageKind

MOST_UNFURLED = 5
"""Links of one message that get a button."""


@requires(Action.LINK)
def launch_link(context: Context, _requester: Requester, lookup: BinderLookup) -> Message:
    """A link and a badge that launch what a binder was launched from."""
    with context.store.read() as session:
        binder = lookup(session)
    return launch_links.launch_link(binder, context.settings.link_host)


def unfurl(context: Context, team_id: str, channel: str, ts: str, urls: Collection[str]) -> None:
    """Owe the launch links of a posted message their buttons; other links get none.

    Args:
        context: See there.
        team_id: In which workspace.
        channel: Where the message is.
        ts: Slack's timestamp of it.
        urls: Its links, as Slack handed them over.
    """
    known = {url: text for url in urls if (text := _asked_for(context, unescape(url)))}
    if not known:
        return
    with context.store.write() as session:
        offers = dict(list(known.items())[:MOST_UNFURLED])
        key = f"{MessageKind.UNFURL}:{channel}:{ts}"
        place = {"team": team_id, "channel": channel, "ts": ts}
        outbox.say(session, MessageKind.UNFURL, key, None, **place, offers=offers)
    context.nudge()


def _asked_for(context: Context, url: str) -> str | None:
    """What a link asks for, as a launch text that is understood; None where it gets no button."""
    text = launch_text(context.settings.link_host, url)
    if text is None and context.settings.unfurl_mybinder and is_of_mybinder(url):
        text = url
    if text is None or len(text) > MOST:
        return None
    try:
        parse_launch(text)
    except SpecError:
        return None
    return text
