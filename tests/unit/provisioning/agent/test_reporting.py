"""What the agent reports: short, seldom, and never the token, whatever is around it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.job import Job
from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.progress import BuildProgress, fraction_of, message_of, own_reason_of
from bot.provisioning.agent.text import Scrubber
from bot.provisioning.openstack.console import report_of_console
from tests.unit.provisioning.agent.jobs import TOKEN, a_job, a_task

ANYTHING = st.text(st.characters(codec=None), max_size=3_000)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return a_job(tmp_path)


def written(job: Job) -> str:
    return (job.places.directory.parent / "console").read_text()


def events(job: Job) -> list[dict[str, Any]]:
    return [json.loads(line.partition(" ")[2]) for line in written(job).splitlines() if line]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=ANYTHING, after=ANYTHING)
@example(before="x" * 180, after="")
@example(before="x" * 380, after="y" * 3_580)
@example(before="\x1b[31", after="y" * 3_980)
@example(before=f"{TOKEN[:9]}\x1b[1m{TOKEN[9:]}\r", after="")
def test_the_token_never_leaves_whatever_is_around_it(tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / "console").write_text("")
    job = a_job(tmp_path)
    text = f"{before}{TOKEN}{after}"

    job.reporter.begin(Phase.BOOTING, text)
    job.reporter.progress(text)
    job.reporter.note(text)
    job.reporter.log(text)
    job.reporter.fail(Failure(text, FailureCode.BUILD_FAILED, text))

    for told in (written(job), job.places.log.read_text(errors="replace")):
        assert TOKEN not in told
        assert "tokentoken" not in told, "nor a part of it that a cut left"
    assert max(map(len, written(job).splitlines())) <= 2_000
    assert len(written(job)) <= 20_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=ANYTHING)
def test_what_is_reported_arrives(tmp_path: Path, log: str) -> None:
    (tmp_path / "console").write_text("")
    job = a_job(tmp_path)
    printable = "".join(each for each in log if each.isprintable()).strip()

    job.reporter.log(printable)
    job.reporter.fail(Failure("Why.", FailureCode.BUILD_FAILED))

    report = report_of_console(written(job))
    assert report is not None
    assert report.reason == "Why."
    assert printable.endswith(report.log)
    assert len(report.log) >= min(len(printable), 800)


def test_addresses_are_reported_without_what_stands_before_the_host(job: Job) -> None:
    job.reporter.begin(Phase.FETCHING, "Fetching https://me:pass@word@example.org/x")

    assert "Fetching https://example.org/x" in written(job)


def test_progress_is_reported_when_it_is_due_and_steps_at_once(tmp_path: Path) -> None:
    job = a_job(tmp_path, seconds=3600)
    job.reporter.begin(Phase.BUILDING, "Building")
    for fraction in (None, 0.5, None, 0.25, 0.75):
        job.reporter.progress("step", fraction)

    assert [event.get("fraction") for event in events(job)] == [None, 0.5, 0.75]


def test_progress_that_had_to_wait_is_reported_later_and_the_newest_of_it(tmp_path: Path) -> None:
    job = a_job(tmp_path, seconds=0.05)
    job.reporter.begin(Phase.BUILDING, "Building")
    job.reporter.progress("too early")
    job.reporter.progress("the newest")
    while len(events(job)) < 2:
        job.reporter.write_due()

    assert [event["message"] for event in events(job)] == ["Building", "the newest"]


def test_a_note_is_told_once_and_again_in_each_phase_that_follows(job: Job) -> None:
    for _ in range(2):
        job.reporter.note("`environment.yaml` is not read.")
    job.reporter.begin(Phase.SERVING, "Serving")

    report = report_of_console(written(job))
    assert report is not None
    assert report.notes == ("`environment.yaml` is not read.",)
    assert [event["phase"] for event in events(job)] == ["booting", "serving", "serving"]


def test_a_log_that_is_full_begins_anew(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.provisioning.agent.reports._LOG_FILE_BYTES", 100)
    for number in range(100):
        job.reporter.log(f"line {number}")

    assert job.places.log.with_name("build.log.1").stat().st_size < 120
    assert job.places.log.stat().st_size <= 100


def test_what_is_built_with_is_reported_once(job: Job) -> None:
    read = BuildProgress(job.reporter)
    for line in (
        '{"message": "Using RBuildPack builder\\n"}',
        "Using NixBuildPack builder",
        "Using x builder",
    ):
        read(line)
    assert [event["kind"] for event in events(job) if "kind" in event] == ["R"]


def test_a_builder_of_another_version_is_no_kind(job: Job) -> None:
    BuildProgress(job.reporter)("Using MojoBuildPack builder")
    assert not any("kind" in event for event in events(job))


def test_a_long_line_takes_no_long_time(job: Job) -> None:
    read = BuildProgress(job.reporter)
    for hostile in ("a" * 65_536, "#1 [a" + " " * 65_536, "\x1b]" * 32_768, "\r" * 65_536, "://" * 21_845):
        read(hostile)


@pytest.mark.parametrize(
    ("line", "fraction"),
    [
        ("#5 [1/4] FROM base", 0.25),
        ("#7 [ 3/12] RUN something", 0.25),
        ("#9 [stage-1  3/4] COPY x", 0.75),
        ("#9 [9/4] COPY x", 1.0),
        ("#9 [1/0] COPY x", None),
        ("#9 DONE 0.2s", None),
        ("[1/4] of something else", None),
    ],
)
def test_the_steps_of_a_build_are_its_fraction(line: str, fraction: float | None) -> None:
    assert fraction_of(line) == fraction


def _gives_up(why: str) -> str:
    return f"Error during build: {why}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"message": "Step 1/3 : FROM x\\n", "phase": "building"}', "Step 1/3 : FROM x"),
        ("not JSON", "not JSON"),
        ("{not JSON", "{not JSON"),
        ('{"message": 7}', '{"message": 7}'),
    ],
)
def test_what_a_line_of_repo2docker_says(line: str, said: str) -> None:
    assert message_of(line) == said


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("Command '['docker', 'buildx']' returned non-zero exit status 1.", ""),
        (
            "The buildx plugin must be installed: Command '['docker']' returned non-zero exit status 1.",
            "The buildx plugin must be installed",
        ),
    ],
)
def test_why_repo2docker_itself_gives_up(why: str, reason: str) -> None:
    assert own_reason_of(_gives_up(why)) == reason


def test_paths_of_this_machine_do_not_show() -> None:
    scrubber = Scrubber("", {"/srv/b/instances/k3v9/work/repo": "", "/srv/b": "…", "/root": "…", "/": "x"})

    assert scrubber.scrub("File /srv/b/instances/k3v9/work/repo/setup.py") == "File setup.py"
    assert scrubber.scrub("in /srv/b/instances/k3v9/work/repo: no") == "in .: no"
    assert scrubber.scrub("/srv/b/environments/1/venv") == "…/environments/1/venv"
    assert scrubber.scrub("-I/root/.pyenv/include file:///root/x") == "-I…/.pyenv/include file://…/x"
    for other in ("/home/jovyan/x", "https://example.org/root/x", "/rooted", "/srv/bc"):
        assert scrubber.scrub(other) == other


def test_a_task_does_not_show_its_token() -> None:
    assert TOKEN not in repr(a_task())
