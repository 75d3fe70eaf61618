"""Questions to the admins on their way to Slack: posted once, then edited in place."""

import structlog
from slack_sdk import WebClient

from handlers.messages import approval_text
from handlers.messages.notices import NoticeOptions
from handlers.outbox.idempotent_post import Post
from handlers.outbox.places import CHANNEL_REFUSED, ROOT_LOST
from handlers.outbox.ways import Ways
from handlers.slack.calls import Rejected
from handlers.slack.clients import HOME
from storage import approvals, binders
from storage.engine import Store
from storage.outbox import Owed

log = structlog.get_logger(__name__)


def send(store: Store, client: WebClient, owed: Owed, ways: Ways, options: NoticeOptions) -> None:
    """Post a question, or edit it.

    Raises:
        DeliveryError: It was not sent, or nobody knows.
    """
    binder_id = str(owed.message.facts.get("binder", ""))
    with store.read() as session:
        binder, asked = binders.get(session, binder_id), approvals.get(session, binder_id)
    channel = options.approval_channel
    if binder is None or asked is None or channel is None:
        ways.done(None)
        return
    message = approval_text.question(binder, asked, options.unit)
    post = Post.of(owed, message, channel, team_id=HOME)
    ts = owed.message.sent_ts or (ways.find(post) if owed.message.unsure else None)
    if ts and _edited(client, ways, post, ts):
        ways.done(ts)
    else:
        ways.done(ways.post(post)[1])


def _edited(client: WebClient, ways: Ways, post: Post, ts: str) -> bool:
    """Edit it; False where it is not there any more."""
    try:
        ways.call(
            client.chat_update, post.team_id, channel=post.channel, ts=ts, **post.message.as_arguments()
        )
    except Rejected as error:
        if error.code not in ROOT_LOST | CHANNEL_REFUSED:
            raise
        log.info("question_lost", error=error.code)
        return False
    return True
