"""Launch links, and what stands below them in Slack. Pure."""

from bot.repositories.launch_text import parse_launch
from bot.repositories.site_links import link_to, quoted
from bot.repositories.spec import Provider, RepoSpec
from handlers import ids
from handlers.messages.binder_text import name_of, short_url
from handlers.messages.blocks import Json, actions, as_json, button, context, section
from handlers.messages.language import translated
from handlers.messages.message import Message
from handlers.messages.mrkdwn import code, code_block, escape, is_web
from storage.models import Binder

BADGE = "https://mybinder.org/badge_logo.svg"
"""The image by which people know a link that launches a Binder repository."""


def launch_link(binder: Binder, host: str) -> Message:
    """A link and a badge that launch the same again.

    Args:
        binder: What was launched.
        host: The address of the site's launch links; empty where it has none.
    """
    spec = RepoSpec(Provider(binder.provider), binder.url, binder.ref, binder.path, binder.interface)
    command = code_block(f"{ids.COMMAND} launch {_typed(spec)}", 1_500)
    url = link_to(host, spec) if host else ""
    if not is_web(url):
        story = translated("To launch the same as *{name}*, type:", name=name_of(binder)) + f"\n{command}"
        hint = translated(
            "This site has no launch links. Those who run the bot can turn them on with LINK_HOST."
        )
        return Message.of(story.replace("*", ""), [section(story), *([] if host else [context(hint)])])
    told = (
        (
            translated("This link launches the same as *{name}*:", name=name_of(binder)),
            code_block(url, 1_400),
        ),
        (
            translated("The badge for a README, in Markdown:"),
            code_block(f"[![Binder]({BADGE})]({url})", 1_400),
        ),
        (translated("In Slack, people can also type:"), command),
    )
    parts = [f"{title}\n{block}" for title, block in told]
    return Message.of(parts[0].replace("*", ""), [section(each) for each in parts])


def unfurled(text: str) -> list[Json]:
    """What stands below a launch link: what it launches, and the button that does.

    Args:
        text: What the link asks for, as a launch text that can be understood.
    """
    launch = button(translated("Launch"), ids.LAUNCH_THIS, text, style="primary")
    return as_json([section(what_is_launched(text)), *actions([launch])])


def what_is_launched(text: str) -> str:
    """What a launch text that can be understood launches, as markup."""
    spec = parse_launch(text).spec
    what = f"*{escape(short_url(spec.url))}*"
    if spec.ref:
        what = translated("{repository} at {ref}", repository=what, ref=code(spec.ref, 80))
    launch = translated("Launch {repository}", repository=what)
    opens = translated("opens {path}", path=code(spec.path or "", 200))
    return f"{launch} · {opens}" if spec.path else launch


def _typed(spec: RepoSpec) -> str:
    options = {"--ref": spec.ref, "--path": spec.path, "--open": spec.interface}
    words = [f"{flag} {typed}" for flag, value in options.items() if value and (typed := quoted(value))]
    return " ".join([spec.url, *words])
