"""What is said of installations: to the operators, and in the browser of who installs. Pure."""

from html import escape

from bot.text import counted

NOT_INSTALLED = "This bot is not installed in this workspace. Ask the people who run it to install it again."
"""In English: without an installation, nobody can ask Slack for somebody's language."""
INSTALL_REFUSED = "This workspace may not install the bot. The people who run it name those that may."
_FAILED = {
    "access_denied": "The installation was cancelled. Nothing was installed.",
    "invalid_browser": "This installation was begun in another browser. Begin again at the install page.",
    "invalid_state": "This installation was begun too long ago, or is done already. Begin again.",
}
_FAILED_OTHERWISE = "Slack did not confirm the installation. Begin again at the install page."


def lost(name: str, why: str, count: int, grace_seconds: float) -> str:
    """That a workspace removed the bot; with Slack's word for why, and how many binders it has."""
    left = f"It has {counted(count, 'running binder')}"
    end = f"which end in {counted(round(grace_seconds / 3600), 'hour')} unless it is installed there again"
    told = "The bot cannot tell their owners"
    fate = f"{left}, {end}. {told}." if count else "It has no running binders."
    return f"The bot was removed from the workspace {name} ({why}). {fate}"


def installed_page(name: str) -> str:
    """The page for who installed the bot."""
    return _page("Installed", f"The bot is installed in {name}. Type /binder help in Slack to begin.")


def failed_page(reason: str, sentence: str = "") -> str:
    """The page for whose installation failed; `reason` is the word of Slack or Bolt for why."""
    return _page("Not installed", sentence or _FAILED.get(reason, _FAILED_OTHERWISE))


def _page(title: str, sentence: str) -> str:
    style = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    return (
        f'<!doctype html><html lang="en"><head>{head}<style>{style}</style></head>'
        f"<body><h1>{title}</h1><p>{escape(sentence)}</p></body></html>"
    )
