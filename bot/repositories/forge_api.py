"""What GitHub and GitLab say of a shortened commit, so that a long history need not be fetched for it."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlsplit

from bot.errors import ResolveError
from bot.repositories.addresses import AddressGuard
from bot.repositories.pinned_http import get
from bot.repositories.spec import Provider, RepoSpec

FORGE_APIS: Final[Mapping[Provider, str]] = {
    Provider.GITHUB: "https://api.github.com/repos/{name}/commits/{commit}",
    Provider.GITLAB: "https://gitlab.com/api/v4/projects/{quoted}/repository/commits/{commit}",
}
"""Where a commit is looked up, by provider; both answer anybody, though not many times in an hour."""
_ID: Final = re.compile(r'"(?:sha|id)"\s*:\s*"([0-9a-f]{40})"')
_OK: Final = 200


def full_commit(
    apis: Mapping[Provider, str], spec: RepoSpec, beginning: str, guard: AddressGuard, deadline: float
) -> str | None:
    """The full id of a commit that begins so; None where the host does not say.

    Args:
        apis: See `FORGE_APIS`.
        spec: The repository.
        beginning: Seven digits of the id, or more.
        guard: Which addresses may be spoken to.
        deadline: On the monotonic clock, in seconds.
    """
    if spec.provider not in apis:
        return None
    name = urlsplit(spec.url).path.strip("/")
    url = apis[spec.provider].format(name=name, quoted=quote(name, safe=""), commit=beginning)
    try:
        answer = get(url, guard.pin(url, deadline), deadline)
    except ResolveError:
        return None
    # The answer may be longer than what is read of it; the id stands at its beginning.
    found = _ID.search(answer.body.decode(errors="replace")) if answer.status == _OK else None
    return found[1] if found and found[1].startswith(beginning) else None
