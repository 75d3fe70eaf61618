"""Documentation in step with the code."""

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from bot import cli, config
from bot.access.settings import AccessSettings
from bot.config.slack import SlackSettings
from bot.config.workspaces import WorkspacesSettings
from bot.images.settings import ImageSettings
from bot.policy.settings import PolicySettings
from bot.provisioning.local.settings import LocalSettings
from bot.provisioning.openstack.settings import OpenStackSettings
from bot.provisioning.settings import CloudSettings
from handlers.requests import subcommands
from handlers.rules import RULES, Action, Role

ROOT = Path(__file__).parents[1]
SETTINGS = (ROOT / "docs" / "settings.md").read_text()


SECTIONS: dict[str, type[BaseSettings]] = {
    "Slack": SlackSettings,
    "The bot": config.Settings,
    "Several workspaces": WorkspacesSettings,
    "Who may launch, and how much": PolicySettings,
    "Every cloud": CloudSettings,
    "The local cloud": LocalSettings,
    "OpenStack": OpenStackSettings,
    "The image store": ImageSettings,
    "Private repositories": AccessSettings,
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
        if value is None or value in (frozenset(), ())
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


def test_the_readme_has_a_row_for_every_subcommand() -> None:
    rows = re.findall(r"^\| `/binder ([^`]+)` \| .*[.] \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert rows == [each.whole_usage for each in subcommands.SUBCOMMANDS]


PAGES = [*sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_documentation_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    commands = re.findall(r"^ {4}([\w-]+)", capsys.readouterr().out, flags=re.MULTILINE)
    readme = (ROOT / "README.md").read_text()
    assert commands
    assert [each for each in commands if f"`{each}`" not in readme] == []


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


def section(page: str, title: str) -> str:
    """The part of a page below a heading, up to the next one of its level."""
    _, _, rest = (ROOT / page).read_text().partition(f"\n## {title}\n")
    assert rest, f"{page} has no section {title}"
    return rest.split("\n## ")[0]


def rows_of(table: str) -> list[list[str]]:
    """The cells of a table in Markdown, without its heading."""
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


CHANGES = rows_of(section("docs/architecture.md", "Ten typical changes and the files to touch"))


def test_ten_typical_changes_are_explained() -> None:
    assert len(CHANGES) == 10


@pytest.mark.parametrize(("change", "files"), CHANGES, ids=[change for change, _ in CHANGES])
def test_a_typical_change_names_files_that_exist(change: str, files: str) -> None:
    paths = [each for each in re.findall(r"`([^`\s]+)`", files) if is_path(each)]
    assert paths, f"{change} names no file"
    assert [each for each in paths if not (ROOT / each).exists()] == []


def is_path(text: str) -> bool:
    return ("/" in text and not text.startswith("/")) or text.endswith((".md", ".yml"))


def test_the_rooms_of_the_architecture_exist() -> None:
    rooms = re.findall(
        r"`([\w/.]+)`", " ".join(row[0] for row in rows_of(section("docs/architecture.md", "The rooms")))
    )
    assert [each for each in rooms if not (ROOT / each).exists()] == []
    here = {
        f"{each.parent.relative_to(ROOT)}/"
        for room in ("bot", "handlers")
        for each in (ROOT / room).glob("*/__init__.py")
    }
    assert here <= set(rooms), "a room is not explained"


# --- words -----------------------------------------------------------------------------------------------

GLOSSARY = [
    (word.strip("*"), meaning) for word, meaning in rows_of((ROOT / "docs" / "glossary.md").read_text())
]
SOURCES = [
    each for room in ("bot", "handlers", "storage", "workspace") for each in (ROOT / room).rglob("*.py")
]


@pytest.fixture(scope="module")
def written() -> str:
    """All code and documentation but the glossary, in lower case."""
    pages = [page for page in PAGES if page.name != "glossary.md"]
    return "\n".join(each.read_text().lower() for each in [*SOURCES, *pages])


@pytest.mark.parametrize("word", [word for word, _ in GLOSSARY])
def test_a_word_of_the_glossary_is_used(word: str, written: str) -> None:
    assert re.search(rf"\b{word.replace(' ', '[ _]')}", written)


def test_the_glossary_is_in_order_and_each_meaning_is_a_sentence() -> None:
    words = [word for word, _ in GLOSSARY]
    assert words == sorted(words)
    assert [word for word, meaning in GLOSSARY if not meaning.endswith(".")] == []


PRIVATE_WORDS = re.compile(
    r"put(?:s|ting)? (?:it |them )?away|(?:had|have|has|having) (?:it |one )?back|lies? (?:unused|idle)"
    r"|\bdeeds?\b|stumbled|ends so\b|what lives|(?:binders?|it) lives? (?:here|there)|nobody was told of"
    r"|is no time\b|kernel computes",
    re.IGNORECASE,
)
"""Words that only this project would understand, and what people say instead is in docs/glossary.md."""


@pytest.mark.parametrize(
    "path",
    [*PAGES, *sorted((ROOT / "handlers" / "messages").glob("*.py"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_page_or_message_has_no_private_words(path: Path) -> None:
    assert PRIVATE_WORDS.findall(path.read_text()) == []


# --- decisions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda page: page.stem
)
def test_a_decision_has_a_title_a_status_and_a_date(page: Path) -> None:
    title, _, status, *_ = page.read_text().splitlines()
    number, _, name = page.stem.partition("-")
    assert title == f"# {int(number)}. {title.partition('. ')[2]}"
    assert re.match(r"Status: (?:accepted|replaced by \d+) · \d{4}-\d{2}-\d{2}", status)
    assert name


# --- docs/slack.md ---------------------------------------------------------------------------------------

WHO_MAY = {
    "see that it exists, and how far it is": [Action.SEE],
    "launch the same again, get its launch link": [Action.LAUNCH_AGAIN, Action.LINK],
    "read its log": [Action.READ_LOG],
    "open it": [Action.OPEN],
    "extend, save, shelve, resume, stop; ask for help with it": [
        Action.ASK_FOR_HELP,
        Action.EXTEND,
        Action.SAVE,
        Action.SHELVE,
        Action.RESUME,
        Action.STOP,
        Action.HOLD,
    ],
    "share it": [Action.SHARE],
    "approve or deny it": [Action.APPROVE, Action.DENY],
}
COLUMNS = (Role.OWNER, Role.ADMIN, Role.MANAGER, Role.SHARED, Role.MEMBER)


def test_the_page_for_people_says_who_may_do_what_as_the_code_does() -> None:
    rows = {first: rest for first, *rest in rows_of(section("docs/slack.md", "Who sees what"))}
    assert rows.keys() == WHO_MAY.keys()
    assert {each for actions in WHO_MAY.values() for each in actions} == set(Action)
    for row, actions in WHO_MAY.items():
        told = [cell == "yes" or cell.startswith("only if") for cell in rows[row]]
        for action in actions:
            assert told == [role in RULES[action].roles for role in COLUMNS], action
