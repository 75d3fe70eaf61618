"""Every sentence in every language: the catalogues are in step with the code."""

import ast
import pickle
import re
import string
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from bot.sentences import Sentence, joined
from handlers.messages.language import (
    CATALOGUES,
    ENGLISH,
    LANGUAGES,
    language_of,
    number,
    reading,
    translated,
    translated_count,
)

ROOT = Path(__file__).parents[4]
OTHERS = sorted(LANGUAGES - {ENGLISH})
MARKS = {"Sentence", "translated", "translated_count"}
UPDATE = "run `make catalogues`, and translate what is new"


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


@pytest.fixture(scope="module")
def in_code(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What `pybabel extract` finds."""
    template = tmp_path_factory.mktemp("catalogues") / "messages.pot"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # there is the configuration of Babel
        run: Callable[[list[str]], None] = CommandLineInterface().run
        run(["pybabel", "--quiet", "extract", "--output-file", str(template)])
    return read(template)


def catalogue(language: str) -> Catalog:
    return read(CATALOGUES / language / "LC_MESSAGES" / "messages.po")


def keys(of: Catalog) -> set[str]:
    return {str(each.id) for each in of if each.id}


def forms(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (text or "",) if isinstance(text, str | None) else tuple(text)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def entries(of: Catalog) -> Iterator[Message]:
    return (each for each in of if each.id)


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_the_code_is_translated(language: str, in_code: Catalog) -> None:
    known = {str(each.id): each for each in entries(catalogue(language))}
    assert sorted(keys(in_code) - known.keys()) == [], UPDATE
    assert [each for each, entry in known.items() if not all(forms(entry.string)) or entry.fuzzy] == []


def test_no_sentence_is_hidden_from_the_catalogues() -> None:
    """Babel finds neither an f-string nor what stands within one."""
    hidden = []
    for path in [*ROOT.glob("bot/**/*.py"), *ROOT.glob("handlers/**/*.py")]:
        tree = ast.parse(path.read_text())
        within = {id(each) for whole in ast.walk(tree) if is_f_string(whole) for each in ast.walk(whole)}
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in MARKS and call.args:
                first = call.args[0]
                if is_f_string(first) or (isinstance(first, ast.Constant) and id(first) in within):
                    hidden.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert hidden == []


def is_f_string(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr)


@pytest.mark.parametrize("language", OTHERS)
def test_no_translation_is_of_a_sentence_that_is_gone(language: str, in_code: Catalog) -> None:
    assert sorted(keys(catalogue(language)) - keys(in_code)) == [], UPDATE
    assert not catalogue(language).obsolete


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_placeholders_of_its_sentence(language: str) -> None:
    for entry in entries(catalogue(language)):
        wanted = set().union(*(placeholders(each) for each in forms(entry.id)))
        for text in forms(entry.string):
            # "One changed file" may do without its number.
            assert wanted - {"count"} <= placeholders(text) <= wanted, entry.id
            assert all(re.fullmatch(r"\w+", name) for name in placeholders(text)), entry.id


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_keeps_the_markup_of_its_sentence(language: str) -> None:
    for entry in entries(catalogue(language)):
        for text in forms(entry.string):
            for mark in ("`", "*"):
                assert text.count(mark) == forms(entry.id)[0].count(mark), entry.id
            assert re.findall(r":[a-z_]+:", text) == re.findall(r":[a-z_]+:", forms(entry.id)[0])
            assert text == text.strip(), entry.id


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_catalogue_is_that_of_the_text(language: str) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    assert (CATALOGUES / language / "LC_MESSAGES" / "messages.mo").read_bytes() == compiled.getvalue(), UPDATE


def test_a_sentence_is_in_the_language_of_its_reader() -> None:
    said = Sentence("I do not know “{typed}”.", typed="xyz")
    assert str(said) == translated(said) == "I do not know “xyz”."
    with reading("de"):
        assert translated(said) == translated("I do not know “{typed}”.", typed="xyz")
        assert translated(said) == "„xyz“ kenne ich nicht."
    assert translated(said) == "I do not know “xyz”."


def test_what_stands_in_a_sentence_is_put_into_the_language_too() -> None:
    said = joined(
        Sentence("{name} has no log yet.", name="demo"), "", Sentence("Did you mean `{command} {meant}`?")
    )
    assert said == "demo has no log yet. Did you mean `{command} {meant}`?"
    with reading("de"):
        assert translated(said).startswith("demo hat noch kein Log. Meinst du `")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize(
    "hostile", ["{typed}", "{0}", "{typed.__class__}", "{", "}}", "%s %(typed)s", "{typed!r:>99}", ""]
)
def test_a_value_is_never_read_as_a_pattern(language: str, hostile: str) -> None:
    with reading(language):
        assert translated("{name} has no log yet.", name=hostile).startswith(f"{hostile} ha")
        assert translated(hostile) == hostile
        assert translated(Sentence("{name}", name=hostile)) == hostile


def test_a_sentence_survives_being_copied() -> None:
    said = Sentence("There is no size {size}.", size="{x}")
    again = pickle.loads(pickle.dumps(said))
    assert (again, again.pattern, again.values) == (said, said.pattern, said.values)


def test_numbers_are_written_as_the_reader_writes_them() -> None:
    many = "*{name}* has {count} changed files. Tearing it down deletes all its files. Save them first?"
    one = many.replace("files.", "file.", 1).replace("them", "it")
    assert "1,234 changed files" in translated_count(one, many, 1234, name="demo")
    assert "1 changed file." in translated_count(one, many, 1, name="demo")
    with reading("de"):
        assert "1.234 geänderte Dateien" in translated_count(one, many, 1234, name="demo")
        assert "1 geänderte Datei." in translated_count(one, many, 1, name="demo")
        assert number(1234.5, 2) == "1.234,50"
    assert number(1234.5, 2) == "1,234.50"


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de-DE", "de"),
        ("de", "de"),
        ("en-GB", "en"),
        ("pt-BR", "en"),
        ("", "en"),
        (None, "en"),
        ("../de", "en"),
    ],
)
def test_the_language_follows_the_locale(locale: str | None, language: str) -> None:
    assert language_of(locale) == language
