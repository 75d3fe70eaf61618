"""Documentation in step with the code."""

import re
from pathlib import Path

import pytest

from bot import cli, config

ROOT = Path(__file__).parents[1]
SETTINGS = (ROOT / "docs" / "settings.md").read_text()


def settings_table() -> str:
    """The table of docs/settings.md as the code has it."""
    rows = ["| variable | default | what it is |", "| --- | --- | --- |"]
    for name, field in config.Settings.model_fields.items():
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


def test_every_setting_is_documented_as_it_is() -> None:
    assert settings_table().replace("``", "none") in SETTINGS


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
