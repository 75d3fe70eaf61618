"""A terminal with somebody who answers what the test wrote down."""

from collections.abc import Iterable


class FakeTerminal:
    """Answers in order, and then ends the input, as Ctrl-D does; `said` is all that was shown.

    Args:
        answers: Each with the name that its prompt has to begin with.
    """

    def __init__(self, answers: Iterable[tuple[str, str]] = (), *, has_person: bool = True) -> None:
        self.has_person = has_person
        self.said: list[str] = []
        self.hidden: list[str] = []
        self.left = list(answers)

    @property
    def screen(self) -> str:
        return "\n".join(self.said)

    def say(self, text: str) -> None:
        self.said.append(text)

    def ask(self, prompt: str) -> str:
        self.said.append(prompt)
        if not self.left:
            raise EOFError
        name, answer = self.left.pop(0)
        assert prompt.strip().startswith(name), f"{name} was to be asked, not {prompt}"
        if answer == "^C":
            raise KeyboardInterrupt
        return answer

    def ask_secret(self, prompt: str) -> str:
        self.hidden.append(prompt.partition(" ")[0].strip(": "))
        return self.ask(prompt)
