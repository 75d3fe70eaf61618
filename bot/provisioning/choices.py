"""What a cloud has that an operator can choose."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that a setting can name.

    Attributes:
        name: What the setting says.
        detail: What the operator should know of it, or an empty string.
    """

    name: str
    detail: str = ""
