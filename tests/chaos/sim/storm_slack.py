"""Slack in memory, as `handlers.outbox` calls it: with 429 and 5xx, lost replies, and people who delete."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from slack_sdk.errors import SlackApiError

from handlers import ids

CLOSED_CHANNEL = "C2"
"""Where the bot may not write."""


class Answer(dict[str, Any]):
    """What the client's methods return, as far as it is looked at."""

    def __init__(self, status_code: int = 200, headers: dict[str, str] | None = None, **body: Any) -> None:
        super().__init__(body)
        self.status_code = status_code
        self.headers = headers or {}


@dataclass
class Posted:
    """One message that Slack took."""

    ts: str
    at: float
    channel: str
    thread_ts: str | None
    key: str
    text: str
    deleted: bool = False
    """By somebody who may."""
    withdrawn: bool = False
    """By the bot itself, which had posted it too late."""
    edits: int = 0


@dataclass
class StormSlack:
    """What all clients talk to.

    Attributes:
        clock: Its only element is the time, Unix seconds UTC.
        random: Where all chance comes from.
        stormy: Whether anything goes wrong.
        posted: All messages that everybody sees, in order.
        whispered: The texts of those that one person sees: (at, person, thread).
    """

    clock: list[float]
    random: Random
    stormy: bool = True
    posted: list[Posted] = field(default_factory=list)
    whispered: list[tuple[float, str, str | None]] = field(default_factory=list)

    def chance(self, probability: float) -> bool:
        return self.stormy and self.random.random() < probability

    def find(self, channel: str, ts: str | None) -> Posted | None:
        """What everybody sees there."""
        there = (each for each in self.posted if (each.channel, each.ts) == (channel, ts))
        return next((each for each in there if not each.deleted and not each.withdrawn), None)

    def is_visible(self, message: Posted) -> bool:
        """Whether it, and the root of its thread, are still there."""
        root = message.thread_ts is None or self.find(message.channel, message.thread_ts) is not None
        return root and not message.deleted and not message.withdrawn

    def post(self, channel: str, thread_ts: str | None, key: str, text: str) -> Posted:
        """Take a message.

        Raises:
            SlackApiError: There is no such thread, or no way into the channel.
        """
        if channel == CLOSED_CHANNEL:
            raise refusal("not_in_channel")
        if thread_ts is not None and self.find(channel, thread_ts) is None:
            raise refusal("thread_not_found")
        ts = f"{self.clock[0]:.0f}.{len(self.posted):06d}"
        self.posted.append(Posted(ts, self.clock[0], channel, thread_ts, key, text))
        return self.posted[-1]

    def read(self, channel: str, thread_ts: str | None, oldest: float) -> Iterator[Posted]:
        """What stands in a channel, or in a thread."""
        for each in self.posted:
            there = each.thread_ts is None if thread_ts is None else thread_ts in {each.ts, each.thread_ts}
            is_gone = each.deleted or each.withdrawn
            if there and each.channel == channel and not is_gone and float(each.ts) >= oldest:
                yield each


def refusal(code: str, status_code: int = 200, **headers: str) -> SlackApiError:
    untyped: Any = SlackApiError
    error: SlackApiError = untyped(code, Answer(status_code, headers, ok=False, error=code))
    return error


Effect = Callable[[str, Callable[[], Any]], Any]
"""Lets something happen to the process at a call: (its name, the call)."""


class StormClient:
    """Stands in for `slack_sdk.WebClient` in one process of the bot."""

    def __init__(self, slack: StormSlack, effect: Effect) -> None:
        self._slack = slack
        self._effect = effect

    def chat_postMessage(self, **given: Any) -> Any:  # noqa: N802 - Slack's name, which paces go by
        key = given["metadata"]["event_payload"]["key"]
        return self._call("chat_postMessage", partial(self._post, given, key))

    def chat_update(self, **given: Any) -> Any:
        return self._call("chat_update", partial(self._update, given))

    def chat_delete(self, **given: Any) -> Any:
        return self._call("chat_delete", partial(self._delete, given))

    def chat_postEphemeral(self, **given: Any) -> Any:  # noqa: N802 - as above
        return self._call("chat_postEphemeral", partial(self._whisper, given))

    def conversations_open(self, *, users: str) -> Any:
        return self._call("conversations_open", lambda: Answer(channel={"id": f"D{users}"}))

    def conversations_join(self, *, channel: str) -> Any:
        return self._call("conversations_join", partial(self._join, channel))

    def conversations_history(self, **given: Any) -> Any:
        return self._call("conversations_history", partial(self._read, given, None))

    def conversations_replies(self, *, ts: str, **given: Any) -> Any:
        return self._call("conversations_replies", partial(self._read, given, ts))

    def _call(self, name: str, call: Callable[[], Answer]) -> Answer:
        answer: Answer = self._effect(name, partial(self._unreliable, call))
        return answer

    def _unreliable(self, call: Callable[[], Answer]) -> Answer:
        slack = self._slack
        if slack.chance(0.05):
            raise refusal("ratelimited", 429, **{"Retry-After": str(slack.random.choice([1, 5, 30, 60]))})
        if slack.chance(0.04):
            raise self._broken()
        answer = call()
        if slack.chance(0.06):
            raise self._broken()
        return answer

    def _broken(self) -> Exception:
        kinds: list[Exception] = [
            refusal("", 503),
            refusal("internal_error", 500),
            refusal("fatal_error"),
            TimeoutError("timed out"),
            ConnectionResetError("reset"),
        ]
        return self._slack.random.choice(kinds)

    def _post(self, given: dict[str, Any], key: str) -> Answer:
        made = self._slack.post(given["channel"], given["thread_ts"], key, given["text"])
        return Answer(channel=made.channel, ts=made.ts)

    def _update(self, given: dict[str, Any]) -> Answer:
        found = self._slack.find(given["channel"], given["ts"])
        if found is None:
            raise refusal("message_not_found")
        found.text = given["text"]
        found.edits += 1
        return Answer(ts=found.ts)

    def _delete(self, given: dict[str, Any]) -> Answer:
        found = self._slack.find(given["channel"], given["ts"])
        if found is None:
            raise refusal("message_not_found")
        found.withdrawn = True
        return Answer(ts=found.ts)

    def _whisper(self, given: dict[str, Any]) -> Answer:
        if given["channel"] == CLOSED_CHANNEL:
            raise refusal("not_in_channel")
        self._slack.whispered.append((self._slack.clock[0], given["user"], given["thread_ts"]))
        return Answer(message_ts=f"{self._slack.clock[0]:.0f}.{len(self._slack.whispered):06d}")

    def _join(self, channel: str) -> Answer:
        if channel == CLOSED_CHANNEL:
            raise refusal("method_not_supported_for_channel_type")
        return Answer()

    def _read(self, given: dict[str, Any], ts: str | None) -> Answer:
        channel = given["channel"]
        if channel == CLOSED_CHANNEL:
            raise refusal("not_in_channel")
        if ts is not None and self._slack.find(channel, ts) is None:
            raise refusal("thread_not_found")
        found = [_as_read(each) for each in self._slack.read(channel, ts, float(given["oldest"]))]
        return Answer(messages=found, response_metadata={})


def _as_read(message: Posted) -> dict[str, Any]:
    return {
        "ts": message.ts,
        "metadata": {"event_type": ids.METADATA_EVENT, "event_payload": {"key": message.key}},
    }
