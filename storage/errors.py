"""The root of every error that this project raises, and the store's own.

BinderBotError
├── StoreError            here: the database
│   ├── LostLease         somebody else works on this row now
│   └── UnreadableSecret  no key opens a secret of this row, or it was changed
└── ...                   bot/errors.py: everything else
"""


class BinderBotError(Exception):
    """An error of ours. Its text is the sentence that its reader will see.

    Args:
        sentence: One plain sentence: what went wrong, named precisely.
        hint: What the reader can do about it, or an empty string.
    """

    def __init__(self, sentence: str, *, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


class StoreError(BinderBotError):
    """The database could not do what was asked."""


class LostLease(StoreError):
    """The row was claimed by another worker meanwhile: nothing was saved, and nothing should be."""


class UnreadableSecret(StoreError):
    """A secret of one row cannot be opened. Nothing may be concluded from that about its binder."""
