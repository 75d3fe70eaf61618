"""Documentation in step with the code."""

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from bot import cli, config
from bot.provisioning.local_settings import LocalSettings
from bot.provisioning.openstack.settings import OpenStackSettings
from bot.provisioning.settings import CloudSettings

ROOT = Path(__file__).parents[1]
SETTINGS = (ROOT / "docs" / "settings.md").read_text()


SECTIONS: dict[str, type[BaseSettings]] = {
    "The bot": config.Settings,
    "Every cloud": CloudSettings,
    "The local cloud": LocalSettings,
    "OpenStack": OpenStackSettings,
}


def settings_table(section: type[BaseSettings]) -> str:
    """One table of docs/settings.md as the code has it."""
    rows = ["| variable | default | what it is |", "| --- | --- | --- |"]
    own = [name for name in section.__annotations__ if name in section.model_fields]
    for name in own:
        field = section.model_fields[name]
        default = "**required**" if field.is_required() else f"`{shown(field.default)}`"
        rows.append(f"| `{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return (
        ""
        if value is None or value == frozenset()
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


@pytest.mark.parametrize("title", SECTIONS)
def test_every_setting_is_documented_as_it_is(title: str) -> None:
    table = settings_table(SECTIONS[title]).replace("``", "none")
    assert f"\n## {title}\n\n{table}\n" in SETTINGS


def test_no_setting_is_left_out_of_the_sections() -> None:
    own = {name for section in SECTIONS.values() for name in section.__annotations__}
    assert set(config.Settings.model_fields) <= own


def test_every_setting_has_a_description() -> None:
    assert all(field.description for field in config.Settings.model_fields.values())


@pytest.mark.parametrize(
    "page", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"], ids=str
)
def test_links_within_the_documentation_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    commands = re.findall(r"^ {4}(\w+)", capsys.readouterr().out, flags=re.MULTILINE)
    readme = (ROOT / "README.md").read_text()
    assert commands
    assert [each for each in commands if f"`{each}`" not in readme] == []


PAGES = [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"]


def test_every_make_command_that_is_named_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, flags=re.MULTILINE))
    named = {
        each
        for page in PAGES
        for each in re.findall(r"(?:`|^ {4})make ([a-z-]+)", page.read_text(), re.MULTILINE)
    }
    assert {"run", "test", "check", "soak"} <= named
    assert named <= targets
    [phony] = re.findall(r"^\.PHONY: (.*)", makefile, flags=re.MULTILINE)
    assert set(phony.split()) == targets


def test_every_test_that_is_said_to_show_something_is_there() -> None:
    named = {each for page in PAGES for each in re.findall(r"`(tests/[\w/.-]+)", page.read_text())}
    assert named
    assert sorted(each for each in named if not (ROOT / each).exists()) == []
