"""Puts buttons below the launch links that somebody posted."""

from collections.abc import Callable, Mapping
from typing import Any

from slack_sdk import WebClient

from handlers.messages.launch_links import unfurled


def send(call: Callable[..., Any], client: WebClient, facts: Mapping[str, Any]) -> None:
    """Show the buttons. To do it twice is harmless, so no probe is needed.

    Args:
        call: Calls a method of the client at Slack's pace; takes the method, its scope, and its arguments.
        client: Slack's Web API.
        facts: The message (`channel`, `ts`), and its `offers`: what each link asks for.

    Raises:
        DeliveryError: It was not sent, or nobody knows.
    """
    offers = {url: {"blocks": unfurled(text)} for url, text in facts["offers"].items()}
    call(client.chat_unfurl, facts["channel"], channel=facts["channel"], ts=facts["ts"], unfurls=offers)
