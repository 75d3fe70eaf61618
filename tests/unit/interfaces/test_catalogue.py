"""The table of interfaces, and what real proxies register with jupyter-server-proxy."""

from collections import Counter

import pytest

from bot.interfaces import catalogue
from bot.interfaces.catalogue import INTERFACES
from bot.interfaces.discovery import discover
from bot.jupyter.client import JupyterServer
from bot.repositories.launch_text import parse_repo
from tests.fakes.http import Script

# What `server-proxy/servers-info` of jupyter-server-proxy 4.6.0 names, with each of these packages installed.
REGISTERED = {
    "jupyter-codeserver-proxy 0.1.0": ("codeserver", "vscode", "codeserver/"),
    "jupyter-codeserver2-proxy 0.1.2": ("codeserver2", "vscode", "codeserver2/"),
    "jupyter-vscode-proxy 0.7": ("vscode", "vscode", "vscode/"),
    "jupyter-code-server 1.2": ("vscode", "vscode", "vscode/"),
    "jupyter-rsession-proxy 2.5.1": ("rstudio", "rstudio", "rstudio/"),
    "jupyter-shiny-proxy 1.4": ("shiny", "shiny", "shiny/"),
    "jupyter-remote-desktop-proxy 3.0.1": ("desktop-websockify", "desktop", "desktop/"),
    "jupyter-desktop-server 0.1.3": ("desktop", "desktop", "desktop/"),
}


@pytest.mark.parametrize(("name", "kind", "path"), REGISTERED.values(), ids=REGISTERED)
def test_an_interface_is_found_by_the_name_that_its_proxy_registers(
    script: Script, server: JupyterServer, name: str, kind: str, path: str
) -> None:
    script.json("/server-proxy/servers-info", {"server_processes": [{"name": name}]})
    found = discover(server, path=None, wanted=kind)
    assert [(each.kind, each.path) for each in found] == [(kind, path)]


def test_an_interface_that_two_proxies_offer_is_listed_once(script: Script, server: JupyterServer) -> None:
    names = [{"name": name} for name in ("codeserver", "vscode")]
    script.json("/server-proxy/servers-info", {"server_processes": names})
    assert [each.path for each in discover(server, path=None, wanted=None)] == ["vscode/"]


def test_a_proxy_whose_page_asks_for_a_secret_of_its_own_is_not_offered(
    script: Script, server: JupyterServer
) -> None:
    script.json("/server-proxy/servers-info", {"server_processes": [{"name": "openvscodeserver"}]})
    assert discover(server, path=None, wanted="vscode") == []


def test_no_two_interfaces_share_a_name_or_a_proxy() -> None:
    for names in [
        Counter(name for each in INTERFACES for name in (each.key, *each.aliases)),
        Counter(name for each in INTERFACES for name in each.proxies),
    ]:
        assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("interface", INTERFACES, ids=lambda each: each.key)
def test_an_interface_is_found_in_one_way_and_understood_in_each_form(
    interface: catalogue.Interface,
) -> None:
    assert bool(interface.page) != bool(interface.proxies)
    for typed in (interface.key, *interface.aliases):
        assert parse_repo(f"o/r --open {typed.upper()}").interface == interface.key
    for page in [interface.page, *interface.proxies.values()]:
        if page:
            assert parse_repo(f"mybinder.org/v2/gh/o/r/main?urlpath={page}").interface == interface.key


@pytest.mark.parametrize(
    ("asked_for", "package"),
    [
        ("voila", "voila"),
        ("nteract", "nteract_on_jupyter"),
        ("lab", ""),
        ("/git-pull?repo=x", ""),
        (None, ""),
    ],
)
def test_the_package_to_add_is_that_of_the_interface_that_was_asked_for(
    asked_for: str | None, package: str
) -> None:
    assert catalogue.package(asked_for) == package
