"""The Slack app's manifest, filled in for a site, and the link that opens Slack's page with it."""

import sysconfig
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

from bot.errors import ConfigError

MOST_CHARACTERS_OF_NAME = 35
"""Of an app's name, by Slack's reference of manifests."""
LONGEST_LINK = 8000
"""RFC 9110, section 4.1: what everybody on the way should take. Slack names no limit of its own."""
_EXAMPLE_HOST = "binder.example.org"
_NEW_APP = "https://api.slack.com/apps?new_app=1&manifest_yaml="
_PLACES = (
    Path(__file__).parents[3] / "manifest.yml",  # in a checkout
    Path(sysconfig.get_path("data")) / "share" / "binder-bot" / "manifest.yml",
)


def manifest_of(app_name: str, link_host: str) -> str:
    """The manifest as YAML.

    Args:
        app_name: What people call the app.
        link_host: The address of the site's launch links; empty for none.

    Raises:
        ConfigError: This installation has no manifest.
    """
    return yaml.safe_dump(
        filled(_read(), app_name, link_host), sort_keys=False, allow_unicode=True, width=10_000
    )


def filled(manifest: dict[str, Any], app_name: str, link_host: str) -> dict[str, Any]:
    """A manifest with another name, and with the site's host in place of the example."""
    features = manifest["features"]
    others = [each for each in features["unfurl_domains"] if each != _EXAMPLE_HOST]
    host = urlsplit(link_host).hostname
    return manifest | {
        "display_information": manifest["display_information"] | {"name": app_name},
        "features": features
        | {
            "bot_user": features["bot_user"] | {"display_name": app_name},
            "unfurl_domains": [*others, *([host] if host and host not in others else [])],
        },
    }


def link_to(manifest: str) -> str | None:
    """The link that opens Slack's page with a manifest; None where it would be too long."""
    link = _NEW_APP + quote(manifest, safe="")
    return link if len(link) <= LONGEST_LINK else None


def _read() -> dict[str, Any]:
    for place in _PLACES:
        if place.is_file():
            return dict(yaml.safe_load(place.read_text(encoding="utf-8")))
    raise ConfigError("manifest.yml is missing in this installation of binder-bot.")
