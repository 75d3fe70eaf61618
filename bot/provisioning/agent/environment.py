"""What a repository's own code, and uv, get of the agent's environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot.provisioning.agent.settings import UvSettings

MARK = "BINDER_BOT_INSTANCE"
"""Every process of an instance on the host carries this variable; its value is the instance's directory."""
INHERITED = frozenset(
    {
        *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "NODE_EXTRA_CA_CERTS"),
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CERT"),
        *("PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_CONFIG_FILE"),
        *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
        *("UV_NO_INDEX", "UV_OFFLINE", "UV_INDEX_STRATEGY", "UV_INSECURE_HOST", "UV_NATIVE_TLS"),
        *("UV_SYSTEM_CERTS", "UV_HTTP_TIMEOUT", "UV_CONFIG_FILE", "UV_CONCURRENT_DOWNLOADS"),
        "UV_CONCURRENT_INSTALLS",
    }
)
"""How to reach the network and the package indexes. None of the bot's own secrets is in these."""
_OWN = frozenset({MARK, "HOME", "TMPDIR", "PYTHONUNBUFFERED"})


def repository_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """What a repository's own code gets of an environment."""
    return {name: value for name, value in inherited.items() if name in INHERITED | _OWN}


def prefixes(venv: Path, repo: Path) -> dict[str, str]:
    """Where things are, in the variables that repo2docker has for that."""
    return {
        "VIRTUAL_ENV": str(venv),
        "NB_PYTHON_PREFIX": str(venv),
        "KERNEL_PYTHON_PREFIX": str(venv),
        "REPO_DIR": str(repo),
    }


def uv_variables(uv: UvSettings) -> dict[str, str]:
    """The environment of uv."""
    environment = {
        **repository_environment(os.environ),
        "UV_PYTHON_DOWNLOADS": "manual" if uv.python_downloads else "never",
        "UV_PYTHON_INSTALL_DIR": f"{uv.root}/pythons",
        "UV_CACHE_DIR": uv.cache,
        "UV_NO_PROGRESS": "1",
        # A binder that edits its packages must not edit what the cache gives to others.
        "UV_LINK_MODE": "copy",
    }
    # A repository's own uv.toml is not ours to follow.
    return environment if "UV_CONFIG_FILE" in environment else {**environment, "UV_NO_CONFIG": "1"}
