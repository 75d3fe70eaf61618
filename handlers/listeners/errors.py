"""What people read when something goes wrong: our own sentences, or a reference that is also in the log."""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from slack_bolt import App, Args, BoltContext, BoltResponse

from bot.errors import BinderBotError
from bot.sentences import Sentence
from handlers import messages
from handlers.listeners.acts import acting
from handlers.listeners.readers import answering
from handlers.listeners.replies import reply
from handlers.requests import audited
from handlers.requests.permissions import NotAllowed

log = structlog.get_logger(__name__)


def register(app: App) -> None:
    """Catch what breaks around listeners."""

    @app.error
    def on_error(error: Exception, body: dict[str, Any], context: BoltContext) -> BoltResponse | None:
        return reply(context, body, explain(error))


def answered(listener: Callable[[Args], None]) -> Callable[[Args], None]:
    """Answer a person in their language, and tell the errors of a listener where they are.

    Not left to `App.error`: Bolt 1.30 forgets the acknowledgement of a listener that raises within 10 ms
    after it (`ThreadListenerRunner.run` sets `ack.response` to None), and people would see a time-out too.
    """

    @wraps(listener)
    def guarded(args: Args) -> None:
        with answering(args), acting(args):
            try:
                listener(args)
            except Exception as error:  # noqa: BLE001 - whatever it is, `explain` logs it
                reply(args.context, args.body, explain(error))

    return guarded


def explain(error: Exception) -> messages.Message:
    """Put an error into words; one that is not ours is logged, with the reference that the person sees."""
    if isinstance(error, BinderBotError):
        audited.refuse(error.sentence)
        if isinstance(error, NotAllowed):
            return messages.refusal(error.binder, error.action)
        return messages.note(error.sentence, error.hint)
    reference = secrets.token_hex(3)
    log.error("listener_broke", reference=reference, exc_info=error)
    sentence = Sentence("Something went wrong on our side (reference {reference}).", reference=reference)
    audited.fail(sentence)
    return messages.note(sentence)
