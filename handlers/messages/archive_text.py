"""What is said of saved work: what is in an archive, or that there is nothing to save. Pure."""

from bot.saved_work.archive import Archive
from handlers.messages.mrkdwn import code, inline, person
from storage.models import Binder

_MOST_NAMED = 3


def saved(binder: Binder, archive: Archive) -> str:
    """What stands above an archive in the thread, as markup."""
    lines = [
        f":floppy_disk: {person(binder.owner)} The work in *{inline(binder.name, 80)}*: {counts(archive)}."
    ]
    if archive.has_patch:
        lines.append("`changes.patch` in it is for `git apply`; `files` holds everything whole.")
    if archive.note:
        lines.append(inline(archive.note, 600))
    if archive.left_out:
        lines.append(f":warning: Not in it: {_left_out(archive)}.")
    return "\n".join(lines)


def counts(archive: Archive) -> str:
    """What was saved, in numbers: `3 files changed, 1 new, 1 deleted`."""
    kinds = ((archive.changed, "changed"), (archive.new, "new"), (archive.deleted, "deleted"))
    parts = [(len(paths), word) for paths, word in kinds if paths]
    if not parts:
        return "nothing that could be saved"
    (first, word), *others = parts
    files = "file" if first == 1 else "files"
    return ", ".join([f"{first:,} {files} {word}", *(f"{count:,} {kind}" for count, kind in others)])


def _left_out(archive: Archive) -> str:
    named = [f"{code(each.path, 80) or 'more'} ({inline(each.why, 120)})" for each in archive.left_out]
    more = len(named) - _MOST_NAMED
    return ", ".join([*named[:_MOST_NAMED], *([f"and {more:,} more, see `SAVED.txt`"] if more > 0 else [])])
