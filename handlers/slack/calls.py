"""Calls of Slack's Web API within its rate limits, with four ways to fail.

DeliveryError
├── TooEarly         not sent: its turn is later
├── Rejected         Slack said no, and why
├── WorkspaceLost    not sent: the bot is not in that workspace
└── Uncertain        nobody knows whether it arrived
"""

import http.client
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from handlers.slack.clients import InstalledClient
from handlers.slack.rate_limit import RateLimit

Method = Callable[..., SlackResponse]

DEFAULT_RETRY_AFTER_SECONDS = 5.0
UPDATES = "chat_update"
_MAYBE_DONE = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
"""Answers after which, as Slack documents, the call may have succeeded."""
_OTHERS = "others"
_READS = ("conversations_history", "conversations_replies")
_READ_BY_INSTALLATIONS = "read by installations"


class DeliveryError(Exception):
    """A call that did not end as it should."""


class TooEarly(DeliveryError):
    """It was not sent: its turn comes in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"in {seconds:.1f} s")
        self.seconds = seconds


class Rejected(DeliveryError):
    """Slack refused it; `code` is its word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class WorkspaceLost(DeliveryError):
    """It was not sent: the bot is not installed in that workspace, or not any more.

    Args:
        why: Slack's word for it.
        is_over: Whether nobody waits any more for it to come back.
    """

    def __init__(self, why: str, *, is_over: bool = False) -> None:
        super().__init__(why)
        self.is_over = is_over


class Uncertain(DeliveryError):
    """It may have arrived, or not."""


_OUTCOMES: Mapping[type[DeliveryError], str] = {
    TooEarly: "too_early",
    Rejected: "rejected",
    Uncertain: "uncertain",
}


def ignore(_method: str, _outcome: str) -> None:
    """Note nothing, where nobody measures."""


def never_lost(_client: object, _code: str) -> bool:
    """Take no workspace for lost, where there is only one."""
    return False


def default_rate_limits(clock: Callable[[], float] = time.monotonic) -> dict[str, RateLimit]:
    """Slack's rate limits by method, with a margin: at most 50 edits in any minute."""
    return {
        "chat_postMessage": RateLimit(1.0, 2, clock=clock),
        UPDATES: RateLimit(0.5, 20, clock=clock),
        "chat_postEphemeral": RateLimit(1.5, 10, clock=clock),
        # The direct messages of a class are opened all at once, and hardly any at other times.
        "conversations_open": RateLimit(0.6, 20, clock=clock),
        "views_publish": RateLimit(1.5, 10, clock=clock),
        # Of an app that several workspaces install, unless it is in Slack's Marketplace (May 2025).
        _READ_BY_INSTALLATIONS: RateLimit(1 / 60, 1, clock=clock),
        _OTHERS: RateLimit(0.8, 10, clock=clock),
    }


class SlackCalls:
    """Calls a method when its turn has come, and tells three kinds of failure apart.

    Args:
        limits: By the name of the method; `others` for the rest.
        observe: Told the name of the method that was called, and what became of it.
        is_lost: Tells whether the workspace of a client is lost, now that Slack refused a call with a word.
    """

    def __init__(
        self,
        limits: Mapping[str, RateLimit],
        observe: Callable[[str, str], None] = ignore,
        *,
        is_lost: Callable[[object, str], bool] = never_lost,
    ) -> None:
        self._limits = limits
        self._observe = observe
        self._is_lost = is_lost

    def limit_of(self, method_name: str) -> RateLimit:
        """The rate limit of a method."""
        return self._limits.get(method_name, self._limits[_OTHERS])

    def edits_are_scarce(self, team_id: str) -> bool:
        """Whether half of the edits that a workspace may make at once are used."""
        updates = self.limit_of(UPDATES)
        return updates.left(team_id) <= updates.burst / 2

    def call(self, method: Method, scope: str, caller: int, **arguments: Any) -> SlackResponse:
        """Call a method of the client.

        Args:
            method: A bound method of `WebClient`, without retry handlers.
            scope: The channel or workspace by which Slack counts this method.
            caller: Whose turn is taken: the outbox message's id.
            **arguments: Passed on.

        Raises:
            TooEarly: Its turn is later, or Slack said 429; nothing was done.
            Rejected: Slack refused it.
            WorkspaceLost: Slack does not take the token any more.
            Uncertain: It may have been done.
        """
        limit, scope = self._limit_in(method, scope)
        # A try of several calls begins anew when one is too early. If its first call could take the turn that
        # the last one waits for, it would never get to its end.
        turn = (caller, method.__name__, arguments.get("cursor"))
        if wait := limit.wait(scope, turn):
            raise TooEarly(wait)
        try:
            answer = method(**arguments)
        except SlackApiError as error:
            failure = _failure(error, limit, scope)
            self._observe(method.__name__, _OUTCOMES[type(failure)])
            if isinstance(failure, Rejected) and self._is_lost(_client_of(method), failure.code):
                raise WorkspaceLost(failure.code) from error
            raise failure from error
        except (OSError, http.client.HTTPException, SlackClientError) as error:
            self._observe(method.__name__, _OUTCOMES[Uncertain])
            raise Uncertain(f"{type(error).__name__}: {error}") from error
        self._observe(method.__name__, "done")
        return answer

    def _limit_in(self, method: Method, scope: str) -> tuple[RateLimit, str]:
        """The limit that holds for a call, and by what Slack counts it."""
        client = _client_of(method)
        if method.__name__ in _READS and isinstance(client, InstalledClient):
            return self.limit_of(_READ_BY_INSTALLATIONS), f"{method.__name__} {client.installation_id}"
        return self.limit_of(method.__name__), scope


def _client_of(method: Method) -> object:
    return getattr(method, "__self__", None)


def _failure(error: SlackApiError, limit: RateLimit, scope: str) -> DeliveryError:
    response = error.response
    code = str(response.get("error", ""))
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS or code == "ratelimited":
        seconds = _retry_after(response)
        limit.hold(scope, seconds)
        return TooEarly(seconds)
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or code in _MAYBE_DONE:
        return Uncertain(f"HTTP {response.status_code} {code}"[:300])
    return Rejected(code)


def _retry_after(response: SlackResponse) -> float:
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        return max(float(headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return DEFAULT_RETRY_AFTER_SECONDS
