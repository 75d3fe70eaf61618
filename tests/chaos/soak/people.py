"""People who launch and tear down, and try again where they see an error, as people do."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from urllib3.exceptions import HTTPError

from storage.models import Binder
from storage.vocabulary import Status, Target
from tests.chaos.soak.cloud import DOOMED
from tests.chaos.soak.world import CHANNELS, LARGE, Violation, World
from workspace.hands import Person

PATIENCE_SECONDS = 120.0
"""For how long one tries the same command."""

MOST_KEPT = 2
"""So many binders each person keeps for good where places are few."""

Fate = Literal["good", "doomed", "lost"]
"""It gets ready; its build fails; or there is no such ref."""


@dataclass
class Life:
    """One launch, as its owner knows of it."""

    name: str
    channel: str
    fate: Fate
    patience: float
    """Seconds until its owner tears it down, ready or not; infinite for never."""
    is_large: bool = False
    """Whether it needs an admin's approval."""
    rebuilds: bool = False
    """Whether it is built anew although there may be an image of it."""
    typed: int = 0
    """How often the launch was typed."""

    def asked_for(self, name: str) -> bool:
        """Whether a binder is of this launch: one that was made again gets a number behind its name."""
        return name == self.name or name.startswith(f"{self.name}-")


class Somebody:
    """One person, whose deeds are a matter of the seed alone."""

    def __init__(self, world: World, handle: str, seed: int) -> None:
        self.lives: list[Life] = []
        self._world = world
        self._handle = handle
        self._chance = random.Random(f"{seed} {handle}")
        self._person = Person(world.workspace.url, handle)
        self._enough = threading.Event()
        self._complaint: Exception | None = None
        self._thread = threading.Thread(target=self._live_or_complain, name=handle, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more; returns when what was begun is acknowledged.

        Raises:
            Violation: What this person saw go wrong.
        """
        self._enough.set()
        self._thread.join()
        if self._complaint is not None:
            raise self._complaint

    def leave(self) -> None:
        self._person.leave()

    def tear_all_down(self) -> None:
        """Stop what is left."""
        for life in self.lives:
            self._tear_down(life)

    def launch(self, life: Life) -> None:
        """Launch, and again until it is acknowledged."""
        self.lives.append(life)
        path = DOOMED if life.fate == "doomed" else "work"
        ref = "no-such-branch" if life.fate == "lost" else "main"
        words = f"launch {self._world.repository} {ref} {path}-{life.name} --name {life.name}"
        words += f" --size {LARGE}" * life.is_large + " --rebuild" * life.rebuilds
        self._insist(words, life, lambda: self._row(life) is not None)

    def _live_or_complain(self) -> None:
        try:
            self._live()
        except Exception as complaint:  # noqa: BLE001 - raised again where somebody looks, by `stop`
            self._complaint = complaint

    def _live(self) -> None:
        while not self._enough.is_set():
            life = self._next()
            self.launch(life)
            if life.patience < float("inf"):
                self._await(life)
                self._tear_down(life)
            self._enough.wait(self._chance.uniform(0, 1))

    def _next(self) -> Life:
        chance = self._chance
        return Life(
            name=f"{self._handle}-{len(self.lives)}",
            channel=chance.choice(CHANNELS),
            fate=chance.choices(("good", "doomed", "lost"), (6, 2, 1))[0],
            patience=float("inf") if self._keeps() else chance.uniform(0, 12),
            is_large=self._world.asks_for_approval and chance.random() < 0.3,
            rebuilds=chance.random() < 0.1,
        )

    def _keeps(self) -> bool:
        """Whether the next one is kept for good."""
        kept = sum(each.patience == float("inf") for each in self.lives)
        has_room = self._world.places is None or kept < MOST_KEPT
        return self._chance.random() < 0.15 and has_room

    def _await(self, life: Life) -> None:
        deadline = time.monotonic() + life.patience
        while time.monotonic() < deadline and not self._enough.is_set():
            row = self._row(life)
            if row is not None and row.status in {Status.READY, Status.GONE}:
                return
            time.sleep(0.2)

    def _tear_down(self, life: Life) -> None:
        for row in self._rows(life):
            if row.target != Target.GONE:
                self._insist(f"stop {row.name}", life, partial(self._is_to_go, row.id))

    def _row(self, life: Life) -> Binder | None:
        return next(iter(self._rows(life)), None)

    def _rows(self, life: Life) -> list[Binder]:
        return [each for each in self._world.binders() if life.asked_for(each.name)]

    def _is_to_go(self, binder_id: str) -> bool:
        return any(each.id == binder_id and each.target == Target.GONE for each in self._world.binders())

    def _insist(self, words: str, life: Life, is_done: Callable[[], bool]) -> None:
        """Type a command until it is done.

        Raises:
            Violation: It was acknowledged without a word, but it is not done.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            heard = self._heard(life)
            life.typed += words.startswith("launch ")
            is_acked = self._type(words, life)
            if is_done():
                return
            if is_acked and self._heard(life) == heard:
                raise Violation(f"acknowledged and lost: {words}")
            if time.monotonic() > deadline:
                raise Violation(f"nobody answers {self._handle}: {words}")
            time.sleep(0.3)

    def _type(self, words: str, life: Life) -> bool:
        try:
            return bool(self._person.command(f"/binder {words}", channel=life.channel).get("ok"))
        except HTTPError:  # so it ends when the app's socket breaks just then
            return False

    def _heard(self, life: Life) -> int:
        return len(self._person.look().ephemerals(life.channel))
