"""The terminal in which `binder-bot init` runs."""

import getpass
import sys


class RealTerminal:
    """Standard input and output; see `Terminal`."""

    @property
    def has_person(self) -> bool:
        """Whether both are a terminal."""
        return sys.stdin.isatty() and sys.stdout.isatty()

    def say(self, text: str) -> None:
        """Show a text. The names of images and people may hold what would control the terminal."""
        shown = "".join(each for each in text if each == "\n" or each.isprintable())
        sys.stdout.write(f"{shown}\n")
        sys.stdout.flush()

    def ask(self, prompt: str) -> str:
        """Read a line."""
        return input(prompt)

    def ask_secret(self, prompt: str) -> str:
        """Read a line that is not shown."""
        return getpass.getpass(prompt)
