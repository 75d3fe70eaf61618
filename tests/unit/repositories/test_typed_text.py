"""What people, chat programs and pages put around a repository is taken off, and nothing is guessed."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import SpecError
from bot.repositories.launch_text import parse_launch, parse_repo
from bot.repositories.typed_text import undecorated

GH = "https://github.com/owner/repo"
BADGE = "https://mybinder.org/v2/gh/owner/repo/main"

SPACES = [
    *("\u00a0", "\t", "\n", "\r\n", "\v", "\f", "\x85", "\u2003", "\u2009", "\u202f", "\u2028", "\u3000"),
    *("\u205f", "\u1680", "\u2800"),
]
NO_WIDTH = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad"]


@pytest.mark.parametrize("space", SPACES, ids=ascii)
def test_any_white_space_parts_words(space: str) -> None:
    spec = parse_repo(f"{space}{GH}{space}main{space}--path{space}nb/a.ipynb{space}")
    assert (spec.url, spec.ref, spec.path) == (GH, "main", "nb/a.ipynb")


@pytest.mark.parametrize("char", NO_WIDTH, ids=ascii)
def test_what_has_no_width_is_left_out(char: str) -> None:
    spec = parse_repo(f"{char}own{char}er/repo{char} ma{char}in")
    assert (spec.url, spec.ref) == (GH, "main")


# What Slack sends for words that look like hosts -> ref, path
SLACK_LINKS: list[tuple[str, tuple[str | None, str | None]]] = [
    ("owner/repo main <http://README.md|README.md>", ("main", "README.md")),
    ("owner/repo <http://main.py|main.py>", ("main.py", None)),
    ("owner/repo <http://run.sh|run.sh>", ("run.sh", None)),
    ("owner/repo --open <http://index.md|index.md>", (None, "index.md")),
    ("owner/repo --path <http://docs.md/a|docs.md/a>", (None, "docs.md/a")),
    ("owner/repo --path=<http://README.md|README.md>", (None, "README.md")),
    ("owner/repo main nb/<http://README.md|README.md>", ("main", "nb/README.md")),
    ("owner/repo main \u201c<http://README.md|README.md>\u201d", ("main", "README.md")),
    ("owner/repo main `<http://README.md|README.md>`", ("main", "README.md")),
    ("owner/repo main <http://readme.md|README.md>", ("main", "README.md")),
    ("owner/repo main <http://a.ai/|a.ai>", ("main", "a.ai")),
    ("owner/repo main &lt;http://README.md|README.md&gt;", ("main", "README.md")),
    ("<http://github.com/owner/repo|github.com/owner/repo> main", ("main", None)),
    ("<https://github.com/owner/repo/tree/main|the code>", ("main", None)),
    ("<https://github.com/owner/repo>\u00a0<http://main.rs|main.rs>", ("main.rs", None)),
]


@pytest.mark.parametrize(("text", "expected"), SLACK_LINKS)
def test_a_file_that_slack_took_for_a_host_is_a_file(
    text: str, expected: tuple[str | None, str | None]
) -> None:
    spec = parse_repo(text)
    assert (spec.url, spec.ref, spec.path) == (GH, *expected)


# Words around a repository -> ref, path
AROUND: list[tuple[str, tuple[str | None, str | None]]] = [
    # Emphasis, quotes, brackets, punctuation
    ("_owner/repo_", (None, None)),
    ("*owner/repo*", (None, None)),
    ("**owner/repo**", (None, None)),
    ("~owner/repo~", (None, None)),
    ("`owner/repo`", (None, None)),
    ("```owner/repo main```", ("main", None)),
    ("```\nowner/repo main\n```", ("main", None)),
    ("`owner/repo main`", ("main", None)),
    ("\u201cowner/repo main\u201d", ("main", None)),
    ("\u00abowner/repo\u00bb", (None, None)),
    ("'owner/repo' 'main'", ("main", None)),
    ("(owner/repo)", (None, None)),
    ("[owner/repo]", (None, None)),
    ("{owner/repo}", (None, None)),
    ("owner/repo `main`", ("main", None)),
    ("owner/repo *main*", ("main", None)),
    ("owner/repo main `nb/a.ipynb`", ("main", "nb/a.ipynb")),
    ("owner/repo main (nb/a.ipynb)", ("main", "nb/a.ipynb")),
    ("owner/repo (main)", ("main", None)),
    ("owner/repo, main, nb", ("main", "nb")),
    ("owner/repo, main, nb/a.ipynb.", ("main", "nb/a.ipynb")),
    ("owner/repo; main", ("main", None)),
    ("owner/repo main.", ("main", None)),
    ("owner/repo main!", ("main", None)),
    ("owner/repo main, --path nb,", ("main", "nb")),
    ("owner/repo --ref `main` --path (nb)", ("main", "nb")),
    ("owner/repo: main", ("main", None)),
    # Bullets and quotations
    ("\u2022 owner/repo", (None, None)),
    ("\u2022owner/repo main", ("main", None)),
    ("- owner/repo main", ("main", None)),
    ("\u2013 owner/repo", (None, None)),
    ("* owner/repo", (None, None)),
    ("1. owner/repo", (None, None)),
    ("2) owner/repo", (None, None)),
    ("&gt; owner/repo", (None, None)),
    ("&gt;owner/repo main", ("main", None)),
    ("&gt; \u2022 owner/repo main", ("main", None)),
    # Markup
    ("[my repo](https://github.com/owner/repo)", (None, None)),
    ('[my repo](https://github.com/owner/repo "title")', (None, None)),
    ("[my repo](https://github.com/owner/repo 'title') main", ("main", None)),
    ("- [my repo](<https://github.com/owner/repo|https://github.com/owner/repo>)", (None, None)),
    (f'[![Binder](https://mybinder.org/badge_logo.svg "b")]({BADGE} "launch")', ("main", None)),
    (f"image:https://mybinder.org/badge_logo.svg[link={BADGE}]", ("main", None)),
    (f'image::https://mybinder.org/badge_logo.svg[Binder,link="{BADGE}"]', ("main", None)),
    (f"image:https://mybinder.org/badge_logo.svg[Binder, link={BADGE}, window=_blank]", ("main", None)),
    (f"link:{BADGE}[Launch]", ("main", None)),
    (f"{BADGE}[Launch on Binder]", ("main", None)),
    (f"[[{BADGE}][Binder]]", ("main", None)),
    (f"[Binder|{BADGE}]", ("main", None)),
    (f"`Binder <{BADGE}>`_", ("main", None)),
    (f".. |b| image:: https://mybinder.org/badge_logo.svg\n   :target: {BADGE}", ("main", None)),
    (f'<a href="{BADGE}"><img src="https://mybinder.org/badge_logo.svg"></a>', ("main", None)),
    # Commands
    ("git clone https://github.com/owner/repo.git", (None, None)),
    ("$ git clone https://github.com/owner/repo.git", (None, None)),
    ("git clone git@github.com:owner/repo.git", (None, None)),
    ("git clone -b dev https://github.com/owner/repo.git", ("dev", None)),
    ("git clone --branch dev https://github.com/owner/repo.git", ("dev", None)),
    ("git clone --branch=dev --depth 1 https://github.com/owner/repo.git", ("dev", None)),
    ("git clone https://github.com/owner/repo.git -b dev", ("dev", None)),
    ("git clone --recurse-submodules https://github.com/owner/repo my-folder", (None, None)),
    ("git clone https://github.com/owner/repo folder --path nb", (None, "nb")),
    ("git clone -q -o up https://github.com/owner/repo --ref dev --path nb --for 6h", ("dev", "nb")),
    ("`git clone https://github.com/owner/repo.git`", (None, None)),
    ("Git Clone <https://github.com/owner/repo.git>", (None, None)),
    ("gh repo clone owner/repo", (None, None)),
    ("gh repo clone owner/repo my-folder -- --depth 1", (None, None)),
    ("gh repo view owner/repo", (None, None)),
    ("repo2docker https://github.com/owner/repo", (None, None)),
    ("jupyter-repo2docker --ref dev https://github.com/owner/repo", ("dev", None)),
    ("pip install git+https://github.com/owner/repo@dev", ("dev", None)),
    ("/binder launch owner/repo main", ("main", None)),
    ("wget https://github.com/owner/repo/archive/dev.zip", ("dev", None)),
    ("curl -L https://github.com/owner/repo/archive/refs/tags/v1.tar.gz", ("refs/tags/v1", None)),
    ("git submodule add https://github.com/owner/repo", (None, None)),
    ("git clone https://github.com/owner/repo.git#dev:nb", ("dev", "nb")),
    # Politeness
    ("please launch owner/repo", (None, None)),
    ("can you launch owner/repo on dev please", ("dev", None)),
    ("the repo owner/repo, thank you", (None, None)),
    ("Binder: https://github.com/owner/repo", (None, None)),
    (":point_right: owner/repo main :rocket:", ("main", None)),
    ("\U0001f449 owner/repo \u2192 main", ("main", None)),
    ("**[repo](https://github.com/owner/repo)** main", ("main", None)),
    (f"![badge](https://mybinder.org/badge_logo.svg) {BADGE}", ("main", None)),
    # Words that name the next one
    ("owner/repo ref = dev", ("dev", None)),
    ("owner/repo --ref = dev", ("dev", None)),
    ("owner/repo @dev", ("dev", None)),
    ("owner/repo release v2", ("v2", None)),
    ("owner/repo (branch dev)", ("dev", None)),
    ("owner/repo (dev branch)", ("dev", None)),
    ("owner/repo -b dev", ("dev", None)),
    ("owner/repo -> main", ("main", None)),
    ("owner/repo | main | nb", ("main", "nb")),
    ("owner/repo - main - nb", ("main", "nb")),
    ("https://github.com/owner/repo/tree/main nb/a.ipynb", ("main", "nb/a.ipynb")),
    ("owner/repo@main a.ipynb", ("main", "a.ipynb")),
    ("owner/repo ref=dev", ("dev", None)),
    ("owner/repo branch=dev path=nb", ("dev", "nb")),
    ("owner/repo ref: dev", ("dev", None)),
    ("owner/repo branch:dev", ("dev", None)),
    ("repo=owner/repo ref=dev", ("dev", None)),
    ("repo: owner/repo branch: dev file: a.ipynb", ("dev", "a.ipynb")),
    ("owner/repo on dev", ("dev", None)),
    ("owner/repo at v1", ("v1", None)),
    ("owner/repo on branch dev", ("dev", None)),
    ("owner/repo on the dev branch", ("dev", None)),
    ("owner/repo, branch dev, file nb/a.ipynb", ("dev", "nb/a.ipynb")),
    ("owner/repo tag v1", ("v1", None)),
    ("owner/repo dev branch", ("dev", None)),
    ("owner/repo main notebook nb/a.ipynb", ("main", "nb/a.ipynb")),
    ("owner/repo --branch dev", ("dev", None)),
    ("owner/repo --tag v1 --file a.ipynb", ("v1", "a.ipynb")),
    ("owner/repo --ref on", ("on", None)),
    ("owner/repo --ref for --path with", ("for", "with")),
    ("owner/repo --name on main", ("main", None)),
]


@pytest.mark.parametrize(("text", "expected"), AROUND, ids=[text for text, _ in AROUND])
def test_words_around_a_repository_are_taken_off(text: str, expected: tuple[str | None, str | None]) -> None:
    spec = parse_repo(text)
    assert (spec.url, spec.ref, spec.path) == (GH, *expected)


def test_a_command_for_gitlab_and_for_bitbucket() -> None:
    assert parse_repo("glab repo clone g/r").url == "https://gitlab.com/g/r"
    assert parse_repo("git clone https://jane@bitbucket.org/t/r.git").url == "https://bitbucket.org/t/r"


# --open and --urlpath -> interface, path
OPENED: list[tuple[str, tuple[str | None, str | None]]] = [
    ("--open lab", ("lab", None)),
    ("--open /lab", ("lab", None)),
    ("--open /lab/tree/a.ipynb", ("lab", "a.ipynb")),
    ("--open lab/tree/nb/a.ipynb", ("lab", "nb/a.ipynb")),
    ("--open lab?path=a.ipynb", ("lab", "a.ipynb")),
    ("--open doc/tree/a.ipynb", ("lab", "a.ipynb")),
    ("--open voila/render/a.ipynb", ("voila", "a.ipynb")),
    ("--open /rstudio", ("rstudio", None)),
    ("--open /notebooks/a.ipynb", ("notebook", "a.ipynb")),
    ("--open /proxy/8501/", ("/proxy/8501/", None)),
    ("--urlpath lab/tree/a.ipynb", ("lab", "a.ipynb")),
    ("--urlpath=/rstudio", ("rstudio", None)),
    ("--urlpath tree/a.ipynb", ("notebook", "a.ipynb")),
    ("--urlpath notebooks/a.ipynb", ("notebook", "a.ipynb")),
    ("urlpath=lab/tree/a.ipynb", ("lab", "a.ipynb")),
    # Directories that repositories have
    ("--open notebooks/a.ipynb", (None, "notebooks/a.ipynb")),
    ("--open lab/a.ipynb", (None, "lab/a.ipynb")),
    ("--open /docs/a.ipynb", (None, "docs/a.ipynb")),
    ("--open <http://index.md|index.md>", (None, "index.md")),
]


@pytest.mark.parametrize(("words", "expected"), OPENED)
def test_open_takes_what_a_launch_link_takes(words: str, expected: tuple[str | None, str | None]) -> None:
    spec = parse_repo(f"owner/repo main {words}")
    assert (spec.ref, spec.interface, spec.path) == ("main", *expected)


@pytest.mark.parametrize(
    "address", ["//evil.example/", "https://evil.example/", "lab/../../x", "/lab/tree/%2e%2e/x"]
)
@pytest.mark.parametrize("option", ["--open", "--urlpath"])
def test_open_cannot_lead_away_from_the_server(option: str, address: str) -> None:
    with pytest.raises(SpecError):
        parse_launch(f"owner/repo {option} {address}")


# What is refused -> what the refusal advises, which is understood
ADVICE: list[tuple[str, str]] = [
    ("owner/repo while", "--ref while"),
    ("owner/repo with", "--ref with"),
    ("owner/repo main into", "--path into"),
    ("owner/repo hours", "--ref hours"),
    ("owner/repo 6h", "--ref 6h"),
    ("owner/repo main tomorrow", "--path tomorrow"),
]


@pytest.mark.parametrize(("text", "advised"), ADVICE)
def test_a_word_of_a_sentence_is_no_ref_but_can_be_written_as_one(text: str, advised: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_launch(text)
    assert advised in f"{caught.value.sentence} {caught.value.hint}"
    parse_launch(f"owner/repo {advised}")


@pytest.mark.parametrize(
    "link",
    [
        "https://github.com/owner/repo/blob/main/My Notebooks/a.ipynb",
        "github.com/owner/repo/blob/main/My Notebooks/a b c.ipynb",
        "https://gitlab.com/g/r/-/blob/main/My Notebooks/a.ipynb",
    ],
)
def test_a_link_with_spaces_is_asked_to_be_quoted_and_is_understood_then(link: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_launch(link)
    assert "quotes around" in caught.value.hint
    assert (parse_repo(f'"{link}"').path or "").startswith("My Notebooks/a")


def test_punctuation_that_belongs_to_a_name_stays() -> None:
    for word in ("..", "a/.", ".", "a(1)", "f(x).ipynb", "v1.0", "_private.py", "a_", "[x", "#1"):
        assert undecorated(word) == word


# --- for any text ---------------------------------------------------------------------------------------

PROSE = [
    *("please", "can", "you", "launch", "this", "one", "for", "me", "with", "at", "on", "in", "from"),
    *("until", "the", "a", "of", "and", "or", "hours", "days", "minutes", "next", "monday"),
    *("tomorrow", "noon", "thanks", "now", "it", "again", "using", "quickly", "I", "would", "like"),
    *("to", "have", "half", "hour", "version", "release", "PR"),
]


@given(st.lists(st.sampled_from(PROSE), max_size=9))
@example(["version", "a"])
def test_no_sentence_behind_a_repository_makes_a_ref(words: list[str]) -> None:
    try:
        spec = parse_repo(f"owner/repo {' '.join(words)}")
    except SpecError:
        return
    assert (spec.ref, spec.path) == (None, None)


letters = st.text(st.characters(exclude_characters="&"), max_size=12)


@given(letters, st.sampled_from([" ", "\u00a0", "\t", "\n", "\u3000"]))
def test_a_ref_stands_in_the_text(text: str, space: str) -> None:
    try:
        spec = parse_repo(f"owner/repo{space}{text}")
    except SpecError:
        return
    # `#7` and `!7` name a pull or merge request, whose ref holds its number.
    ref = re.sub(r"^refs/(?:pull|merge-requests)/(\d+)/head$", r"\1", spec.ref or "")
    assert re.sub(r"\W", "", ref) in re.sub(r"\W", "", text)
