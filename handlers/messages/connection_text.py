"""What a person reads of their connection with GitHub. Pure."""

from collections.abc import Mapping

from bot.sentences import Sentence
from handlers import ids
from handlers.messages.blocks import section
from handlers.messages.language import translated
from handlers.messages.message import Message
from handlers.messages.mrkdwn import code, date, inline, is_web, link
from handlers.messages.replies import note
from storage.access_models import ConnectionState, GitHubConnection

_AGAIN = Sentence("`{command} connect github` asks for a new one.", command=ids.COMMAND)


_NOTES: Mapping[ConnectionState, tuple[Sentence, Sentence]] = {
    ConnectionState.REQUESTED: (
        Sentence("I am asking GitHub for a code."),
        Sentence("It comes in our direct messages in a moment."),
    ),
    ConnectionState.EXPIRED: (Sentence("The code for GitHub was not entered in time."), _AGAIN),
    ConnectionState.DENIED: (
        Sentence("GitHub did not connect you: you refused, or its App does not allow it."),
        _AGAIN,
    ),
    ConnectionState.LOST: (
        Sentence("Your connection with GitHub has ended: it was revoked there, or has expired."),
        Sentence("`{command} connect github` connects you again.", command=ids.COMMAND),
    ),
}


def told(connection: GitHubConnection | None) -> Message:
    """How far a person's connection is, for them alone; None where they have none."""
    if connection is None:
        return note(Sentence("You aren't connected with GitHub."))
    if connection.state == ConnectionState.WAITING:
        return _code(connection)
    if connection.state == ConnectionState.CONNECTED:
        return _connected(connection)
    return note(*_NOTES[connection.state])


def forgotten(*, was_there: bool) -> Message:
    """The answer to who does not want to be connected."""
    if not was_there:
        return told(None)
    return note(
        Sentence("I have forgotten your connection with GitHub."),
        Sentence("Binders that run already keep running. You can also revoke the App in GitHub's settings."),
    )


def _code(connection: GitHubConnection) -> Message:
    address = connection.address
    shown = translated(
        "Enter the code {code} at {address}. It holds until {until}.",
        code=code(connection.user_code or "", 40),
        address=link(address, address) if is_web(address) else code(address, 200),
        until=date(connection.code_until),
    )
    warning = translated(
        "Nobody else should enter it, and you should enter no code that somebody else gives you."
    )
    return Message.of(f"{shown}\n{warning}", [section(f"{shown}\n{warning}")])


def _connected(connection: GitHubConnection) -> Message:
    if connection.login:
        shown = translated("You are connected with GitHub as {login}.", login=inline(connection.login, 64))
    else:
        shown = translated("You are connected with GitHub.")
    hint = translated(
        "You can launch private repositories that you may read, where this site's GitHub App is installed."
    )
    return Message.of(f"{shown} {hint}", [section(f"{shown} {hint}")])
