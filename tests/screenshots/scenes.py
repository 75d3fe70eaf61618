"""What the pictures of the documentation show: messages as the bot makes them, of binders that never change.

A picture is stale when the messages that it was made from are no longer those that the code makes.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bot.config.featured import Featured
from bot.provisioning.instances import Size
from bot.repositories.preview import Preview
from handlers import messages
from handlers.messages.blocks import Json
from handlers.messages.buttons import Offers
from handlers.messages.forms import FormFacts, Origin, found_in, launch_form
from handlers.messages.home_tab import HomeOptions, Mine, Usage, home_of_mine
from handlers.messages.message import Message
from handlers.rules import Role
from storage.models import Binder
from storage.vocabulary import Ending, Status, Target
from tests.unit.handlers.conftest import NOW, binder, building

IMAGES = Path(__file__).parents[2] / "docs" / "images"
HASHES = IMAGES / "screenshots.json"
"""The hash of the messages of each picture."""
OFFERS = Offers(can_shelve=True, can_ask=True)

_ADA = "U0000000ADA"
GRACE = "U00000GRACE"
"""Stands for her id in a view."""
_INTERFACES = [
    {"kind": "lab", "label": "JupyterLab", "path": "lab"},
    {"kind": "notebook", "label": "Notebook", "path": "tree"},
]


@dataclass(frozen=True, slots=True)
class Said:
    """One message.

    Attributes:
        message: What the bot says, or what a person types.
        kind: `root` stands in the channel, `reply` in the thread of the last root; only Ada sees `alone`,
            in that thread; `typed` is what she types.
    """

    message: Message | str
    kind: Literal["root", "reply", "alone", "typed"] = "root"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, and what is done on the page before it is taken.

    Attributes:
        said: What stands there.
        place: The channel, or `dm` for the app's own tab.
        size: Width and height of the window, in pixels.
        is_dark: Whether the reader's browser is in dark mode.
        open_thread: Whether the thread is open.
        open_menu: Whether the last menu is open.
        view: The form that is open before it, or the Home tab.
    """

    said: Callable[[str], Sequence[Said]]
    place: str = "general"
    size: tuple[int, int] = (900, 560)
    is_dark: bool = False
    open_thread: bool = False
    open_menu: bool = False
    view: Callable[[str], Json] | None = None

    def hash(self) -> str:
        """Of all that is said in it, and of what is open before it."""
        shown: list[Any] = [(each.kind, _as_json(each.message)) for each in self.said(_ADA)]
        shown += [self.view(_ADA)] if self.view else []
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]


def _as_json(said: Message | str) -> Any:
    return said if isinstance(said, str) else said.as_arguments()


def _climate(make: Callable[..., Binder], owner: str, **changes: Any) -> Binder:
    return make(
        **{
            "name": "climate-model",
            "owner": owner,
            "url": "https://github.com/example/climate-model",
            "size": "m3.small",
            "interfaces": _INTERFACES,
        }
        | changes
    )


def _card(row: Binder) -> Message:
    return messages.card(row, NOW, can_shelve=True, can_ask=True, newer_blocks=True)


def _building(owner: str) -> list[Said]:
    return [Said(_card(_climate(building, owner, interfaces=[])))]


def _ready(owner: str) -> list[Said]:
    row = _climate(binder, owner)
    return [
        Said(_card(row)),
        Said(messages.ready(row, NOW, offers=OFFERS), "reply"),
        Said(messages.links(row), "alone"),
    ]


def _failed(owner: str) -> list[Said]:
    row = _climate(
        building,
        owner,
        status=Status.GONE,
        target=Target.GONE,
        ending=Ending.FAILED,
        ended_at=NOW - 10,
        failure="The build failed: there is no package nunpy.",
        hint="Did you mean numpy? Correct requirements.txt, and launch it again.",
        log="Step 5/7 : RUN pip install -r requirements.txt\nERROR: No matching distribution found for nunpy",
    )
    return [
        Said(_card(row)),
        Said(messages.failed(row, offers=OFFERS), "reply"),
        Said(messages.log_of(row, with_file=True), "alone"),
    ]


def _direct(owner: str) -> list[Said]:
    link = "https://github.com/example/climate-model"
    return [
        Said(f"Can I run this? {link}", "typed"),
        Said(messages.launch_offer(link, f"launch {link}")),
        Said(f"launch {link}", "typed"),
        Said(_card(_climate(building, owner, interfaces=[]))),
    ]


def _home(owner: str) -> Json:
    row = _climate(binder, owner, price_per_hour=2.0)
    other = _climate(building, GRACE, id="other", name="course", interfaces=[])
    mine = Mine(
        own=[row],
        shared=[(other, Role.SHARED)],
        recent=[_climate(binder, owner, url="https://github.com/example/fractals", ref=None)],
        featured=[Featured("Introduction to Python", "example/python-intro main")],
        usage=Usage(1, 5, 24 * 3600.0, 168 * 3600.0, 4 * 3600.0, None, 3, 9.5 * 3600, 19.0),
    )
    return {"type": "home", "blocks": home_of_mine(mine, HomeOptions(NOW, "SU", OFFERS))}


def _form(_owner: str) -> Json:
    sizes = [Size("m3.small", "2 CPUs, 6 GB", 2.0), Size("m3.large", "16 CPUs, 60 GB", 16.0)]
    refs = ("main", "develop", "v1.0", "v2.0")
    found = found_in(Preview(refs=refs, default="main"))
    facts = FormFacts(sizes, "SU", {"m3.small": 12, "m3.large": 1}, found=found)
    return launch_form(facts, Origin("C1"), repository="example/climate-model")


PICTURES: Mapping[str, Picture] = {
    "building": Picture(_building, size=(900, 580)),
    "thread": Picture(_ready, size=(1240, 680), open_thread=True),
    "failed": Picture(_failed, size=(1240, 720), open_thread=True),
    "direct": Picture(_direct, place="dm", size=(900, 720), is_dark=True),
    "home": Picture(lambda _: [], place="dm", size=(900, 900), view=_home),
    "form": Picture(_building, size=(900, 900), view=_form),
    "phone": Picture(_ready, size=(500, 560), is_dark=True, open_menu=True),
}
"""The pictures by the name of their file."""


def known_hashes() -> dict[str, str]:
    """The hashes of the pictures as they were taken."""
    found: dict[str, str] = json.loads(HASHES.read_text())
    return found
