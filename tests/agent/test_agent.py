"""Parts of the agent that many examples, or any text at all, must not break."""

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.provisioning import agent
from bot.provisioning.openstack.console import report_of_console
from bot.provisioning.runner import recipe, source
from tests.agent.guest import QUICK, TOKEN, an_order

ANYTHING = st.text(st.characters(codec=None), max_size=3_000)


def an_agents_order(url: str, provider: str = "doi", **changes: Any) -> agent.Order:
    ordered = {"ref": None, "commit": None, "is_tip": False, "path": None, "extra": None, "token": TOKEN}
    return agent.Order(**{"binder_id": "k3v9", "provider": provider, "url": url, **ordered, **changes})


def a_reporter(console: Path, **changes: Any) -> agent.Reporter:
    chosen = {name: getattr(QUICK, name) for name in agent.Settings.__dataclass_fields__}
    return agent.Reporter(console, agent.Settings(**{**chosen, **changes}), TOKEN)


@pytest.fixture
def console(tmp_path: Path) -> Path:
    path = tmp_path / "console"
    path.touch()
    return path


def test_it_is_one_file_of_the_standard_library_for_old_pythons() -> None:
    tree = ast.parse(Path(agent.__file__).read_text(), feature_version=(3, 9))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


def test_it_knows_the_same_files_and_providers_as_the_local_cloud() -> None:
    assert set(agent.CONFIGURATION) == {"binder", ".binder", *recipe.CONFIGURATION}
    assert agent.GIT_PROVIDERS == source.GIT_PROVIDERS


@pytest.mark.parametrize(
    ("url", "read_as"),
    [
        ("10.5281/zenodo.3242074", "https://zenodo.org/records/3242074"),
        ("doi:10.5281/ZENODO.3242074", "https://zenodo.org/records/3242074"),
        ("https://doi.org/10.5281/zenodo.3242074", "https://zenodo.org/records/3242074"),
        ("https://zenodo.org/doi/10.5281/zenodo.3242074", "https://zenodo.org/records/3242074"),
        ("10.5072/zenodo.77", "https://sandbox.zenodo.org/records/77"),
        ("10.7910/DVN/TJCLKP", "10.7910/DVN/TJCLKP"),
        ("swh:1:rev:" + "a" * 40, "swh:1:rev:" + "a" * 40),
        ("https://figshare.com/articles/x/1", "https://figshare.com/articles/x/1"),
    ],
)
def test_archives_are_named_as_repo2docker_reads_them(url: str, read_as: str) -> None:
    assert agent.source_of(an_agents_order(url)) == read_as


@pytest.mark.parametrize(
    "url", ["--config=/tmp/x", "/etc", ".", "", "10.1/x y", "swh:1:cnt:" + "a" * 40, "http://a b"]
)
def test_what_is_no_archive_never_reaches_repo2docker(url: str) -> None:
    with pytest.raises(agent.Failure, match="cannot be fetched"):
        agent.source_of(an_agents_order(url))


@pytest.mark.parametrize(
    ("path", "root"),
    [(None, "."), ("", "."), ("/", "."), ("one", "one"), ("one/", "one"), ("two", "."), ("one/apt.txt", ".")],
)
def test_a_directory_with_configuration_is_built_from(tmp_path: Path, path: str | None, root: str) -> None:
    for name in ("one/apt.txt", "two/data.csv"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()

    assert agent.build_root(tmp_path, path) == root


@pytest.mark.parametrize("path", ["../other", "/etc", "link", "round", "a\0b", "x" * 5_000, "one/../one"])
def test_a_path_that_leads_out_is_no_path(tmp_path: Path, path: str) -> None:
    checkout = tmp_path / "checkout"
    for folder in (checkout / "one", tmp_path / "other"):
        folder.mkdir(parents=True)
    (checkout / "link").symlink_to("../other")
    (checkout / "round").symlink_to("round")

    with pytest.raises(agent.Failure, match="has no file or directory"):
        agent.build_root(checkout, path)


MRAN = (
    "Microsoft killed MRAN, the source of R package snapshots before 2018-12-07. This repo has a snapshot "
    "date of 2018-11-01 specified in runtime.txt. Please use a newer snapshot date"
)
CONDA = """\
#9 1.2   - nothing provides requested nonsense 9
#9 ERROR: process did not complete successfully: exit code: 1
  12 | >>> RUN echo error
ERROR: failed to solve: process did not complete successfully"""

# Docker 20.10, in a guest whose kernel has AppArmor and which has no parser for it.
OLD_BUILDKIT = """\
#7 14.6 runc run failed: unable to apply apparmor profile: no such file or directory
#7 ERROR: executor failed running [/bin/sh -c chmod 755 /x]: exit code: 1
executor failed running [/bin/sh -c chmod 755 /x]: exit code: 1
Error during build: Command '['docker', 'buildx', 'build', '/x']' returned non-zero exit status 1."""


@pytest.mark.parametrize(
    ("output", "reason", "hint"),
    [
        (
            OLD_BUILDKIT,
            "runc run failed: unable to apply apparmor profile: no such file or directory",
            "",
        ),
        (
            "unknown option\nError during build: Command '['docker']' returned non-zero exit status 1.",
            "unknown option",
            "",
        ),
        (f"Using RBuildPack builder\nError during build: {MRAN}", MRAN, ""),
        (
            CONDA,
            "- nothing provides requested nonsense 9",
            "",
        ),
        ("#3 0.1 E: Unable to locate package nonsense", "E: Unable to locate package nonsense", ""),
        ("write /x: no space left on device", "write /x: no space left on device", "larger disk"),
        ("#8 2.0 Killed\n#8 ERROR: did not complete successfully: exit code: 137", "Killed", "larger size"),
        ("something else", "something else", ""),
        ("", "exit code 3", ""),
    ],
)
def test_the_true_reason_of_a_failed_build(output: str, reason: str, hint: str) -> None:
    failure = agent.build_failure(agent.CommandFailed("repo2docker", 3, output))

    assert failure.reason == f"The image could not be built: {reason}."
    assert hint in failure.hint
    assert bool(hint) == bool(failure.hint)


@pytest.mark.parametrize(
    "place", ["/", "", "x", "/a:b", "/a,readonly", "/a/../..", "/./.", "/a\nb", '/a"', "/a b", None]
)
def test_a_directory_that_docker_would_read_as_more_gets_no_volume(place: str | None) -> None:
    assert agent.files_directory({"WorkingDir": place}) is None


@pytest.mark.parametrize(
    ("user", "is_root"),
    [
        ("", True),
        (None, True),
        ("0", True),
        ("root", True),
        ("0:100", True),
        ("jovyan", False),
        ("1000:100", False),
    ],
)
def test_who_runs_as_root(user: str | None, is_root: bool) -> None:  # noqa: FBT001 - a parameter
    assert agent.runs_as_root({"User": user}) == is_root


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=ANYTHING, after=ANYTHING)
@example(before="x" * 180, after="")
@example(before="x" * 380, after="y" * 3_580)
@example(before="\x1b[31", after="y" * 3_980)
@example(before=f"{TOKEN[:9]}\x1b[1m{TOKEN[9:]}\r", after="")
def test_the_token_never_leaves_whatever_is_around_it(console: Path, before: str, after: str) -> None:
    console.write_text("")
    reporter = a_reporter(console)
    text = f"{before}{TOKEN}{after}"

    reporter.say("booting", text)
    reporter.progress(text)
    reporter.log(text)
    reporter.fail(agent.Failure(text, "build-failed", text))

    written = console.read_text()
    assert TOKEN not in written
    assert "tokentoken" not in written, "nor a part of it that a cut left"
    assert max(map(len, written.splitlines())) <= 2_000
    assert len(written) <= 20_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=ANYTHING)
def test_what_is_told_arrives(console: Path, log: str) -> None:
    console.write_text("")
    reporter = a_reporter(console)
    printable = "".join(each for each in log if each.isprintable()).strip()

    reporter.log(printable)
    reporter.fail(agent.Failure("Why.", "build-failed"))

    report = report_of_console(console.read_text())
    assert report is not None
    assert report.reason == "Why."
    assert printable.endswith(report.log)
    assert len(report.log) >= min(len(printable), 800)


def test_addresses_are_told_without_what_stands_before_the_host(console: Path) -> None:
    a_reporter(console).say("fetching", "Fetching https://me:pass@word@example.org/x")

    assert "Fetching https://example.org/x" in console.read_text()


def test_progress_is_told_when_it_is_due_and_steps_at_once(console: Path) -> None:
    reporter = a_reporter(console, report_seconds=3600)
    reporter.say("building", "Building")
    for fraction in (None, 0.5, None, 0.25, 0.75):
        reporter.progress("step", fraction)

    told = [json.loads(line.partition(" ")[2]) for line in console.read_text().splitlines() if line]
    assert [event.get("fraction") for event in told] == [None, 0.5, 0.75]


def test_a_long_line_takes_no_long_time(console: Path) -> None:
    reader = agent.BuildReader(a_reporter(console))
    for hostile in ("a" * 65_536, "#1 [a" + " " * 65_536, "\x1b]" * 32_768, "\r" * 65_536, "://" * 21_845):
        reader(hostile)


def test_the_order_does_not_show_its_token() -> None:
    assert TOKEN not in repr(an_agents_order("10.5281/zenodo.1"))
    assert TOKEN not in repr(an_order("https://github.com/a/b"))
