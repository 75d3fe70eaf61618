"""People's connections with GitHub: each person asks for their own, and for nobody else's."""

from bot.errors import RequestError
from bot.sentences import Sentence
from handlers import ids
from handlers.messages import connection_text
from handlers.messages.message import Message
from handlers.requests import audited
from handlers.requests.context import Context
from handlers.requests.launchers import require_launcher
from handlers.requests.requester import Requester
from storage import connections

GITHUB = "github"


def connect(context: Context, requester: Requester, rest: str) -> Message:
    """Begin to connect somebody with GitHub, or say how far that is.

    Raises:
        Refused: This person may not launch, so there is nothing to connect for.
        RequestError: The site has no GitHub App, or something else is named.
    """
    audited.name("connect")
    _require_github(context, rest, "connect")
    require_launcher(context, requester)
    with context.store.write() as session:
        found = connections.request(session, requester.team_id, requester.user)
        session.flush()
        answer = connection_text.told(found)
    context.nudge()
    return answer


def disconnect(context: Context, requester: Requester, rest: str) -> Message:
    """Forget somebody's connection with GitHub. Those may do it, too, who may no longer launch.

    Raises:
        RequestError: See `connect`.
    """
    audited.name("disconnect")
    _require_github(context, rest, "disconnect")
    with context.store.write() as session:
        was_there = connections.forget(session, requester.team_id, requester.user)
    return connection_text.forgotten(was_there=was_there)


def _require_github(context: Context, rest: str, word: str) -> None:
    if rest.strip().lower() not in {"", GITHUB}:
        raise RequestError(
            Sentence("I can connect you with GitHub only."),
            hint=Sentence("`{command} {word} github`", command=ids.COMMAND, word=word),
        )
    if not context.settings.has_github_app:
        raise RequestError(
            Sentence("This site has no GitHub App, so nobody can be connected with GitHub."),
            hint=context.settings.whom_to_ask,
        )
