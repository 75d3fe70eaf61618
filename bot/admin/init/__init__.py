"""`binder-bot init`: ask for the settings, try each answer at once, and write them to a file.

`dialogue` asks, and knows no question. `questions` is the table of all questions, `slack_app` its part of
Slack, and `answers` how they are read. `trials` tries answers on Slack, the database and the cloud.
`settings_file` reads and writes the file. `manifest` fills in the Slack app.
"""

import os
import secrets
from pathlib import Path

from bot.admin.init import settings_file, slack_app
from bot.admin.init.dialogue import Terminal, ask_all, confirm
from bot.admin.init.questions import sections
from bot.errors import ConfigError

_MANIFEST = "slack-manifest.yml"
_NEVER_ASKED = ("SLACK_API_URL",)
"""What only those need who know that they do: it is taken from the environment."""
_KEYS = ("SECRET_KEY", "TOKEN_KEY")
_WELCOME = """\
This asks for the settings of binder-bot, and tries each answer at once. Nothing is written before the end.
Enter takes the answer in brackets, `-` leaves an answer empty, and Ctrl-C ends without writing anything.
What is secret is not shown while you type or paste it."""
_DONE = """\
{file} is written. You alone can read it. Keep a copy of SECRET_KEY and TOKEN_KEY in another place.

Next:

    {unset}set -a; . {file}; set +a{bake}
    binder-bot check
    binder-bot serve
{then}"""
_BAKE = """
    binder-bot bake --from IMAGE     # a plain image of Debian or Ubuntu; takes some minutes"""


def init(path: Path, terminal: Terminal) -> None:
    """Ask for all settings, and write them.

    Args:
        path: The settings file. What is in it already is kept, or is the default of a question.
        terminal: Where a person answers.

    Raises:
        ConfigError: There is nobody to answer, or the file cannot be read or written.
        KeyboardInterrupt: The person ended it; nothing was written.
    """
    if not terminal.has_person:
        raise ConfigError("`init` asks questions, so it needs a terminal.")
    file = path.resolve()
    manifest_file = file.with_name(_MANIFEST)
    had_manifest = manifest_file.exists()
    try:
        _ask_and_write(file, manifest_file, terminal)
    except (KeyboardInterrupt, EOFError):
        if not had_manifest:
            manifest_file.unlink(missing_ok=True)
        terminal.say("\nNothing was written.")
        raise KeyboardInterrupt from None


def _ask_and_write(file: Path, manifest_file: Path, terminal: Terminal) -> None:
    existing = settings_file.read(file)
    terminal.say(_WELCOME)
    elsewhere = {name: os.environ[name] for name in _NEVER_ASKED if name in os.environ}
    made = {name: secrets.token_urlsafe(32) for name in _KEYS}
    answers = made | ask_all(terminal, sections(manifest_file), elsewhere | existing, os.environ)
    changed = {
        name: value for name, value in answers.items() if name.isupper() and value != existing.get(name)
    }
    kept = f", which is there already ({len(existing)} settings)" if file.exists() else ""
    if not confirm(terminal, f"Write {file}{kept}?", default=True):
        raise KeyboardInterrupt
    settings_file.write(file, changed)
    bake = _BAKE if answers.get("OPENSTACK_IMAGE") == "baked" else ""
    left_out = [name for name, value in answers.items() if not value and name in os.environ]
    unset = f"unset {' '.join(left_out)}; " if left_out else ""
    then = slack_app.after_start(answers)
    terminal.say("\n" + _DONE.format(file=file, bake=bake, unset=unset, then=then).rstrip())
