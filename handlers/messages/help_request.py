"""Asking for help with a launch that failed: what would be posted, and what is. Pure."""

from bot.text import shorten
from handlers import ids
from handlers.messages.binder_text import name_of, repository_link, repository_text
from handlers.messages.blocks import MAX_TEXT, actions, as_json, button, context, section
from handlers.messages.language import translated
from handlers.messages.message import LOG_LIMIT, Message
from handlers.messages.mrkdwn import code, code_block, inline, person
from handlers.messages.status_text import reason
from storage.models import Binder

NOT_ASKED = "I cannot post in the channel for help, so nobody was asked. Tell those who run this bot."


def help_preview(binder: Binder, channel: str, by: str) -> Message:
    """What would be posted in the help channel, as it would be, for the one who asks for help."""
    place = f"<#{channel}>"
    intro = translated("This would be posted in {channel}, so that people there can help you.", channel=place)
    if binder.is_private is not False:
        intro += " " + translated(
            "It was launched in private; its name, repository and log would not be private there."
        )
    only_then = translated("Nothing is posted unless you press *Post it*.")
    request = help_request(binder, by)
    ask = actions([button(translated("Post it"), ids.POST_HELP, binder.id, style="primary")])
    blocks = [*as_json([section(intro)]), *request.blocks, *as_json([*ask, context(only_then)])]
    return Message(shorten(f"{intro}\n{only_then}\n{request.text}", MAX_TEXT), blocks)


def help_request(binder: Binder, by: str) -> Message:
    """In the help channel: what failed, why, and the end of its log."""
    story = f"{person(by)} asks for help: *{name_of(binder)}* could not be launched."
    facts = _facts(binder)
    log = code_block(binder.log or "", LOG_LIMIT)
    blocks = [section(f":sos: {story}"), section(facts), *([section(log)] if log else [])]
    return Message.of(f"{story}\n{facts}".replace("*", ""), blocks)


def _facts(binder: Binder) -> str:
    """What somebody has to know who wants to help."""
    commit = f" at {code((binder.commit or '')[:12])}" if binder.commit else ""
    ref = f" · {code(binder.ref, 80)}" if binder.ref else ""
    lines = [
        f"*Repository:* {repository_link(binder) or repository_text(binder)}{ref}{commit}",
        f"*Size:* {code(binder.size, 66) or 'unknown'}",
        f"*Reason:* {reason(binder) or 'not known'}",
    ]
    if binder.hint:
        lines.append(f"*What the bot advised:* {inline(binder.hint, 500)}")
    return "\n".join(lines)
