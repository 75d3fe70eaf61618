"""What people do in forms that are open: type, look for an option, send, close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workspace.block_tree import elements
from workspace.blocks import check_options
from workspace.people import People, action_on
from workspace.socket_mode import NotAnsweredError
from workspace.state import Json, SlackError, State, User
from workspace.views import EXTERNAL, View, Views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace.delivery import Delivery


class FormHands:
    """Every method is something one person does; each returns `ok`, or the `error` that the person sees."""

    def __init__(self, state: State, views: Views, delivery: Delivery, people: People) -> None:
        self._state, self._views, self._delivery, self._people = state, views, delivery, people

    async def type(self, user: str, view_id: str, values: Json) -> Json:
        """Fill in fields without sending the form; the app hears of those that it asked to hear of."""
        who = self._state.person(user)
        view = self._views.top(who.id, view_id)
        before = view.values
        await self._offer(who, view, values)
        view.values = {block: dict(inside) for block, inside in before.items()}
        view.fill(values)
        view.errors = {}
        for block, element in elements(view.payload["blocks"]):
            now, earlier = (each.get(block["block_id"], {}) for each in (view.values, before))
            if block.get("dispatch_action") and now != earlier:
                await self._dispatch(who, view, block, element)
        return {"ok": True}

    async def _dispatch(self, who: User, view: View, block: Json, element: Json) -> None:
        action = action_on(view.payload["blocks"], element["action_id"], block["block_id"])
        action |= view.values[block["block_id"]][element["action_id"]]
        payload = {"type": "block_actions", **self._people.view_container(view), "actions": [action]}
        await self._people.interact(who, payload)

    async def suggest(self, user: str, view_id: str, action_id: str, typed: str = "") -> Json:
        """Type into a menu whose options the app suggests; the `options` that are shown."""
        who = self._state.person(user)
        view = self._views.top(who.id, view_id)
        for block, element in elements(view.payload["blocks"]):
            if element["action_id"] == action_id:
                return await self._suggest(who, view, block, typed)
        raise SlackError("action_not_found")

    async def _suggest(self, who: User, view: View, block: Json, typed: str) -> Json:
        action_id = block["element"]["action_id"]
        payload = {
            "type": "block_suggestion",
            "action_id": action_id,
            "block_id": block["block_id"],
            "value": typed,
            **self._people.view_container(view),
            **self._people.identity(who),
        }
        try:
            answer = await self._delivery.ask("interactive", payload)
        except NotAnsweredError as error:
            return {"ok": False, "error": error.error}
        options: list[Json] = answer.get("options") or []
        check_options(options)
        known = view.offered.setdefault(action_id, [])
        known.extend(one for one in options if one not in known)
        return {"ok": True, "options": options}

    async def _offer(self, who: User, view: View, values: Json) -> None:
        """Look for each chosen option as a person would: in what is offered at first, then by typing it."""
        for block, element in elements(view.payload["blocks"]):
            if element["type"] in EXTERNAL:
                for value in _wanted(values, block, element):
                    for typed in ("", value):
                        if not _is_offered(view, element, value):
                            await self._suggest(who, view, block, typed)

    async def submit(self, user: str, view_id: str, values: Json) -> Json:
        """Fill in the top modal and send it; `errors` by block_id if it was not taken."""
        who = self._state.person(user)
        view = self._views.top(who.id, view_id)
        await self._offer(who, view, values)
        wrong = view.fill(values)
        if wrong:
            self._state.touch()
            return {"ok": False, "error": "validation", "errors": wrong}
        payload = {"type": "view_submission", "view": self._views.as_slack(view), "response_urls": []}
        try:
            answer = await self._delivery.ask("interactive", {**payload, **self._people.identity(who)})
        except NotAnsweredError as error:
            return {"ok": False, "error": error.error}
        return self._people.answered(lambda: self._after_submission(view, answer))

    def _after_submission(self, view: View, answer: Json) -> None:
        action = answer.get("response_action")
        if action == "errors":
            view.errors = answer.get("errors", {})
            self._state.touch()
        elif action == "update":
            self._views.update(view, answer.get("view", {}))
        elif action == "push":
            self._views.push(view.user, answer.get("view", {}))
        else:
            self._views.pop(view.user, everything=action == "clear")

    async def close(self, user: str, view_id: str) -> Json:
        """Close the top modal without sending it."""
        who = self._state.person(user)
        view = self._views.top(who.id, view_id)
        everything = bool(view.payload.get("clear_on_close"))
        self._views.pop(who.id, everything=everything)
        if not view.payload.get("notify_on_close"):
            return {"ok": True}
        payload = {"type": "view_closed", "view": self._views.as_slack(view), "is_cleared": everything}
        return await self._people.interact(who, payload)


def _wanted(values: Json, block: Json, element: Json) -> Iterator[str]:
    chosen: Any = values.get(block["block_id"], values.get(element["action_id"]))
    yield from [chosen] if isinstance(chosen, str) and chosen else []
    yield from chosen if isinstance(chosen, list) else []


def _is_offered(view: View, element: Json, value: str) -> bool:
    return any(one["value"] == value for one in view.with_offers(element)["options"])
