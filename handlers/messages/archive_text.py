"""The message above an archive of saved work. Pure."""

from bot.saved_work.archive import Archive
from handlers.messages.binder_text import name_of
from handlers.messages.mrkdwn import code, inline, person
from storage.models import Binder

_MOST_NAMED = 3


def saved(binder: Binder, archive: Archive) -> str:
    """The message above an archive in the thread, as markup."""
    lines = [f":floppy_disk: {person(binder.owner)} Saved work from *{name_of(binder)}*: {counts(archive)}."]
    if archive.has_patch:
        lines.append("Apply `changes.patch` with `git apply`, or copy the complete files from `files`.")
    if archive.note:
        lines.append(inline(archive.note, 600))
    if archive.left_out:
        lines.append(f":warning: Not included: {_left_out(archive)}.")
    return "\n".join(lines)


def counts(archive: Archive) -> str:
    """How much was saved: `3 files changed, 1 new, 1 deleted`."""
    kinds = ((archive.changed, "changed"), (archive.new, "new"), (archive.deleted, "deleted"))
    parts = [(len(paths), word) for paths, word in kinds if paths]
    if not parts:
        return "no file could be saved"
    (first, word), *others = parts
    files = "file" if first == 1 else "files"
    return ", ".join([f"{first:,} {files} {word}", *(f"{count:,} {kind}" for count, kind in others)])


def _left_out(archive: Archive) -> str:
    named = [f"{code(each.path, 80) or 'more'} ({inline(each.why, 120)})" for each in archive.left_out]
    more = len(named) - _MOST_NAMED
    return ", ".join([*named[:_MOST_NAMED], *([f"and {more:,} more, see `SAVED.txt`"] if more > 0 else [])])
