"""How workspaces install the bot, over real HTTP to Slack, and which of them may."""

from typing import Any

import pytest
from sqlalchemy import text

from bot.admin.check_slack import slack
from bot.errors import ConfigError
from handlers.installs.oauth import SCOPES, STATE_SECONDS
from handlers.slack.calls import WorkspaceLost
from tests.fakes.database import KEY
from tests.fakes.slack_front import ORGANISATION
from tests.unit.handlers.installs.conftest import HOME, OTHER, STRANGE, Site, settings_of
from tests.unit.handlers.test_manifest import MANIFEST


def test_each_workspace_that_installs_the_bot_has_its_own_token(site: Site) -> None:
    assert site.install(HOME)[0] == site.install(OTHER)[0] == 200
    site.restart()
    teams = [site.access.clients.of(each).auth_test()["team_id"] for each in (HOME, OTHER, "")]
    assert teams == [HOME, OTHER, HOME]
    assert site.nudged == [None, None]
    with pytest.raises(WorkspaceLost, match="not installed"):
        site.access.clients.of(STRANGE)


def test_the_database_holds_no_token(site: Site) -> None:
    site.install(HOME)
    with site.store.engine.connect() as connection:
        stored = repr(connection.execute(text("SELECT * FROM installations")).all())
    assert len(site.front.issued) == 2
    assert not any(each in stored for each in site.front.issued)


def test_the_page_says_where_it_was_installed(site: Site) -> None:
    site.front.workspaces[HOME].state.team_name = "<b>Lab</b>"
    _, page = site.install(HOME)
    assert "&lt;b&gt;Lab&lt;/b&gt;" in page


def test_a_workspace_that_is_not_named_is_refused_and_its_token_forgotten(site: Site) -> None:
    status, page = site.install(STRANGE)
    assert status == 403
    assert "may not install" in page
    assert site.row(STRANGE) is None
    assert not site.front.tokens, "Slack was told to revoke it"


def test_only_the_home_workspace_may_install_where_none_is_named(site: Site) -> None:
    site.settings = settings_of(site.front, launch_for="")
    site.restart()
    assert [site.install(each)[0] for each in (HOME, OTHER)] == [200, 403]


def test_an_organisation_has_to_be_named_itself(site: Site) -> None:
    assert site.install(HOME, of_all=True)[0] == 403
    site.settings = settings_of(site.front, launch_for=f"{HOME} {ORGANISATION}")
    site.restart()
    assert site.install(HOME, of_all=True)[0] == 200
    assert site.is_there(ORGANISATION)


@pytest.mark.parametrize("wrong", ["another browser", "forged", "twice", "late", "cancelled", "no code"])
def test_an_answer_that_nobody_here_waits_for_installs_nothing(
    site: Site, clock: list[float], wrong: str
) -> None:
    state = site.begin()
    query = {"code": site.front.agree(HOME), "state": state}
    match wrong:
        case "another browser":
            site.cookies.clear()
        case "forged":
            query["state"] = site.cookies["slack-app-oauth-state"] = "forged"
        case "twice":
            assert site.get("/slack/oauth_redirect", **{**query, "code": "wrong"})[0] == 401
            site.cookies["slack-app-oauth-state"] = state
        case "late":
            clock[0] += STATE_SECONDS + 1
        case "cancelled":
            query = {"error": "access_denied", "state": state}
        case "no code":
            del query["code"]
    status, _, page = site.get("/slack/oauth_redirect", **query)
    assert (status == 200) == (wrong == "cancelled")
    assert "Not installed" in page
    assert site.row(HOME) is None


def test_the_scopes_are_those_of_the_manifest() -> None:
    assert list(SCOPES) == MANIFEST["oauth_config"]["scopes"]["bot"]


def checked(site: Site, **changes: Any) -> tuple[list[str], str]:
    """What `binder-bot check` says of Slack, and why it stops, if it does."""
    url = site.store.url.render_as_string(hide_password=False)
    nowhere = "http://127.0.0.1:9"
    settings = settings_of(site.front, database_url=url, secret_key=KEY, public_url=nowhere, **changes)
    lines: list[str] = []
    try:
        lines += [each for each in slack(settings) if not each.startswith("advice")]
    except ConfigError as error:
        return lines, error.sentence
    return lines, ""


def test_check_tries_each_workspace_and_the_channels_of_the_home_one(site: Site) -> None:
    state = site.front.workspaces[HOME].state
    lab = state.channel_for(state.person("ada").id, "lab").id
    (line,) = checked(site, help_channel=lab)[0]
    assert "HOME_WORKSPACE has not installed the bot: open http://127.0.0.1:9/slack/install" in line
    for each in (HOME, OTHER):
        site.install(each)
    lines, stops = checked(site, help_channel=lab)
    assert [each.partition(" ")[0] for each in lines] == ["workspace", "workspace", "channel"]
    assert HOME in lines[0]
    assert OTHER in lines[1]
    assert stops == ""
    site.front.remove(OTHER)
    assert "The bot cannot speak in" in checked(site)[1]
    site.workspaces.doubt(OTHER, "app_uninstalled")
    lines, stops = checked(site)
    assert "removed the bot: app_uninstalled" in lines[1]
    assert stops == ""
