"""Looks at the repository in a form that is open, in the background, and shows there what was found.

It is a courtesy: if it is lost, the launch says the same a moment later.
"""

from threading import Event, Lock
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from bot.access.rights import Reader
from handlers import ids
from handlers.messages import forms
from handlers.messages.forms import FormError, FormFacts, Origin, launch_form
from handlers.messages.language import language_of, reading
from handlers.requests import launch_form as filled_in
from handlers.requests import launches
from handlers.requests.context import Context
from handlers.requests.launch_form import Values
from handlers.requests.requester import Requester

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 0.5
"""After the last letter that somebody typed."""
LOOK_SECONDS = 12.0
"""How long a look at a repository may take."""
_FREE_SECONDS = 3.0
_LATEST_SECONDS = 5.0
"""What Slack's pace holds up for longer is not shown any more."""

View = dict[str, Any]


class FormChecks:
    """Looks once at the newest of what is typed into a form, however many letters arrive."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = Lock()
        self._newest: dict[str, View] = {}
        self._looking: set[str] = set()

    def changed(self, client: WebClient, requester: Requester, view: View) -> None:
        """Look at a form soon; returns at once.

        Args:
            client: Slack's Web API.
            requester: Who has it open.
            view: As Slack told it with the change.
        """
        with self._lock:
            self._newest[view["id"]] = view
            if view["id"] in self._looking:
                return
            self._looking.add(view["id"])
        self._context.slow.submit(self._follow, client, requester, view["id"])

    def _follow(self, client: WebClient, requester: Requester, view_id: str) -> None:
        while (view := self._settled(view_id)) is not None:
            try:
                look_at(self._context, client, requester, view, view["state"]["values"])
            except Exception:
                log.exception("form_check_broke")

    def _settled(self, view_id: str) -> View | None:
        """The form as it is once nobody types any more; None where it has been looked at."""
        view = None
        while True:
            with self._lock:
                newer = self._newest.pop(view_id, None)
                if newer is None and view is None:
                    self._looking.discard(view_id)
            if newer is None:
                return view
            view = newer
            Event().wait(PAUSE_SECONDS)


def facts_for(context: Context, requester: Requester, found: str = "") -> FormFacts:
    """What the form shows now, as far as it is known."""
    return FormFacts(
        sizes=launches.sizes_for(context, requester),
        unit=context.settings.cost_unit,
        free=context.slow.free.known("") or {},
        groups=context.slow.groups.known(requester.team_id) or {},
        found=found,
    )


def opened(context: Context, client: WebClient, requester: Requester, view: View, repository: str) -> None:
    """Look at a form that was just opened, with `repository` filled in; returns at once."""
    values = {forms.REPOSITORY: {ids.REPOSITORY: {"value": repository}}}
    context.slow.submit(look_at, context, client, requester, view, values)


def look_at(context: Context, client: WebClient, requester: Requester, view: View, values: Values) -> None:
    """Look at the repository in a form, and at what is free, and show both."""
    with reading(language_of(context.known_locale(requester.team_id, requester.user))):
        shown = _looked_at(context, requester, view, values)
    delay = context.form_pace.wait("", view["id"])
    if delay > _LATEST_SECONDS:
        return
    Event().wait(delay)
    try:
        client.views_update(view_id=view["id"], hash=view["hash"], view=shown)
    except (OSError, SlackClientError) as error:  # it was closed, or a newer one is shown
        log.debug("form_not_updated", error=str(error))


def _looked_at(context: Context, requester: Requester, view: View, values: Values) -> View:
    found = _found(context, requester.reader, values)
    context.slow.free.wait("", _FREE_SECONDS)
    origin = Origin.of(view["private_metadata"]).looked_at(filled_in.entered(values, forms.REPOSITORY))
    return launch_form(facts_for(context, requester, found), origin)


def _found(context: Context, reader: Reader, values: Values) -> str:
    if not filled_in.entered(values, forms.REPOSITORY):
        return ""
    try:
        request = filled_in.read_repository(values, link_host=context.settings.link_host)
    except FormError as error:
        return forms.not_a_repository(" ".join(error.errors.values()))
    preview = context.slow.repositories.wait((request.spec, reader), LOOK_SECONDS)
    return forms.found_in(preview) if preview else ""
