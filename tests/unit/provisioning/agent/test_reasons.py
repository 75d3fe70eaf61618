"""The one sentence of why something failed, from logs that were captured from the real programs.

Each was written by the program itself; only the names of hosts and of the machine's directories were changed.
conda's are those of conda 4.3: what repo2docker uses today (mamba) cannot be had from a package index.
"""

from pathlib import Path

import pytest

from bot.provisioning.agent.error_lines import true_line
from bot.provisioning.agent.failures import CommandFailed
from bot.provisioning.agent.progress import BuildProgress
from bot.provisioning.agent.reasons import (
    git_reason,
    image_failure,
    packages_failure,
    script_failure,
    server_reason,
    uv_reason,
)
from tests.unit.provisioning.agent.jobs import a_job

CAPTURED = Path(__file__).with_name("captured")
REFUSED = "Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server"
NO_IMAGE = 'failed to do request: Head "https://registry-1.docker.io/v2/library'
NO_HOST = "dial tcp: lookup registry-1.docker.io on 10.0.0.53:53: no such host"

OF_IMAGES = {
    "buildx-apt-unknown": "Unable to locate package nonsense-package",
    "buildx-c-extension": "command 'x86_64-linux-gnu-gcc' failed: No such file or directory",
    "buildx-copy-missing": '"/missing.txt" not found: not found',
    "buildx-curl-missing": "/bin/sh: 1: curl: not found",
    "buildx-disk-full": "dd: error writing '/dev/shm/big': No space left on device",
    "buildx-disk-full-of-layers": "write /big.txt: no space left on device",
    "buildx-git-clone": f"unable to access 'http://127.0.0.1:1/none.git/': {REFUSED}",
    "buildx-no-base": f'{NO_IMAGE}/localbase/manifests/nowhere": {NO_HOST}',
    "buildx-npm": "'nonsense-that-is-nowhere-at-all@*' is not in this registry",
    "buildx-pip-build-fails": "RuntimeError: boom here",
    "buildx-pip-no-version": "No matching distribution found for numpy==99.0",
    "buildx-pip-unknown": "No matching distribution found for nonsense-that-is-nowhere",
    "buildx-python-traceback": "FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'",
    "buildx-r": "Error in library(nonsensepkg) : there is no package called 'nonsensepkg'",
    "buildx-syntax": "dockerfile parse error line 8: unknown instruction: RUNN",
    "buildx-warnings-after": "No matching distribution found for nonsense==1",
    "repo2docker-base-image-unreachable": f'{NO_IMAGE}/buildpack-deps/manifests/24.04": {NO_HOST}',
    "repo2docker-mran": (
        "Microsoft killed MRAN, the source of R package snapshots before 2018-12-07. This repo has a "
        "snapshot date of 2018-11-01 specified in runtime.txt. Please use a newer snapshot date"
    ),
    "repo2docker-two-folders": (
        "The repository contains both a 'binder' and a '.binder' directory. However they are exclusive"
    ),
    "repo2docker-yaml": (
        "while parsing a flow node expected the node content, but found '<stream end>' in "
        '"environment.yml", line 2, column 1'
    ),
}
OF_SCRIPTS = {
    "bash-command-missing": "bash: line 1: jupyter-nowhere: command not found",
    "conda-dependency-missing": (
        "PackageNotFoundError: Dependency missing in current linux-64 channels: foo -> bar 2.0"
    ),
    "conda-missing": "PackageNotFoundError: Package missing in current linux-64 channels: nonsense 9*",
    "conda-no-network": (
        "CondaHTTPError: HTTP None None for url <http://127.0.0.1:1/chan/linux-64/repodata.json>"
    ),
    "conda-unsatisfiable": (
        "UnsatisfiableError: The following specifications were found to be in conflict: "
        "baz -> qux 1.0, qux 2.0*"
    ),
    "curl-refused": f"curl: (7) {REFUSED}",
    "make-fails": "cc1: fatal error: nowhere.c: No such file or directory",
    "npm-script": "Error: no theme found",
    "npm-unknown": (
        "The requested resource 'nonsense-that-is-nowhere-at-all@*' could not be found or you do not have "
        "permission to access it"
    ),
    "pip-build-raises": "RuntimeError: boom here",
    "pip-c-extension": "ext.c:1:10: fatal error: nowhere.h: No such file or directory",
    "pip-conflict": (
        "Cannot install numpy<2 and numpy==2.0 because these package versions have conflicting dependencies"
    ),
    "pip-no-version": "No matching distribution found for six==99",
    "r-compilation": "x.c:1:10: fatal error: nowhere.h: No such file or directory",
    "r-missing-dependency": "dependency \u2018nonsensepkg\u2019 is not available for package \u2018rp\u2019",
    "r-missing-package": (
        "Error in library(nonsensepkg) : there is no package called \u2018nonsensepkg\u2019"
    ),
    "r-syntax": "Error: unexpected end of input",
    "wget-missing": "Connecting to 127.0.0.1:1... failed: Connection refused",
}
NO_SET = "No set of packages satisfies `requirements.txt`: because"
OF_UV = {
    "uv-build-misses-module": (
        "A package could not be built: ModuleNotFoundError: No module named 'nowhere_module'."
    ),
    "uv-build-raises": "A package could not be built: RuntimeError: boom here.",
    "uv-c-extension": "Failed to build `ext`: ext.c:1:10: fatal error: nowhere.h: No such file or directory.",
    "uv-conflict": f"{NO_SET} you require numpy==2.0 and numpy<2.",
    "uv-git-unreachable": f"Git operation failed: unable to access 'http://127.0.0.1:1/x.git/': {REFUSED}.",
    "uv-invalid-project": (
        "Failed to build `x`: configuration error: `project` must contain ['version'] properties."
    ),
    "uv-missing-file": "File not found: nowhere.txt.",
    "uv-no-network": (
        "Request failed after 3 retries in 11.7s: Failed to fetch: http://127.0.0.1:1/simple/six/: "
        "Connection refused (os error 111)."
    ),
    "uv-no-version": f"{NO_SET} there is no version of six==99.0 and you require six==99.0.",
    "uv-python-too-new": (
        f"{NO_SET} tensorflow==1.15.0 has no wheels with a matching Python ABI tag (e.g., `cp311`) and you "
        "require tensorflow==1.15."
    ),
    "uv-unknown": (
        f"{NO_SET} nonsense-that-is-nowhere was not found in the package registry and you require "
        "nonsense-that-is-nowhere."
    ),
    "uv-unparsable": (
        "Couldn't parse requirement in `r4.txt` at position 0: Expected one of `@`, `(`, `<`, `=`, `>`, `~`, "
        "`!`, `;`, found `y` nump y == ^."
    ),
}


def captured(name: str) -> str:
    return (CAPTURED / f"{name}.log").read_text()


@pytest.mark.parametrize(("name", "reason"), OF_IMAGES.items())
def test_why_an_image_could_not_be_built(tmp_path: Path, name: str, reason: str) -> None:
    progress = BuildProgress(a_job(tmp_path).reporter)
    output = "\n".join(map(progress, captured(name).splitlines()))

    failure = image_failure(CommandFailed("repo2docker", 1, output), progress.own_reason)

    assert failure.reason == f"The image could not be built: {reason}."
    assert ("larger disk" in failure.hint) == name.startswith("buildx-disk-full")


@pytest.mark.parametrize(("name", "reason"), OF_SCRIPTS.items())
def test_why_a_script_failed(name: str, reason: str) -> None:
    failure = script_failure("postBuild", CommandFailed("postBuild", 1, captured(name)))

    assert failure.reason == f"`postBuild` ended with exit code 1: {reason}."


@pytest.mark.parametrize(("name", "reason"), OF_UV.items())
def test_why_packages_could_not_be_installed(name: str, reason: str) -> None:
    assert packages_failure(CommandFailed("uv", 1, captured(name)), "requirements.txt").reason == reason


def test_every_captured_log_has_its_row() -> None:
    others = {"git-unreachable", "python-killed", "jupyter-extension"}
    assert {path.stem for path in CAPTURED.iterdir()} == {*OF_IMAGES, *OF_SCRIPTS, *OF_UV, *others}


def test_why_git_failed() -> None:
    assert (
        git_reason(captured("git-unreachable"))
        == f"unable to access 'http://127.0.0.1:1/none.git/': {REFUSED}"
    )
    assert git_reason("fatal: dumb http transport does not support shallow capabilities\n") != ""
    assert git_reason("remote: Not Found\nfatal: repository 'https://x/' not found\n") == (
        "repository 'https://x/' not found"
    )
    assert git_reason("") == "git printed nothing"


def test_a_server_s_last_words_are_the_error_in_them() -> None:
    assert "No module named 'notebook'" in server_reason(captured("jupyter-extension"))
    assert server_reason("") == ""


def test_what_was_killed_for_its_memory_gets_that_hint() -> None:
    error = CommandFailed("postBuild", 137, captured("python-killed"))

    assert "larger size" in script_failure("postBuild", error).hint


# What follows could not be captured here, and stands in the programs' documentation and in bug reports.
LIBMAMBA = """\
error    libmamba Could not solve for environment specs
    The following package could not be installed
    \u2514\u2500 nonsense =9 * does not exist (perhaps a typo or a missing channel).
critical libmamba Could not solve for environment specs"""
# Docker 20.10, in a guest whose kernel has AppArmor and which has no parser for it.
NO_APPARMOR = """\
#7 14.6 runc run failed: unable to apply apparmor profile: no such file or directory
#7 ERROR: executor failed running [/bin/sh -c chmod 755 /x]: exit code: 1
executor failed running [/bin/sh -c chmod 755 /x]: exit code: 1"""
NEW_BUILDKIT = """\
#9 1.1 ERROR: No matching distribution found for nonsense
#9 ERROR: process "/bin/sh -c pip install nonsense" did not complete successfully: exit code: 1
------
 > [5/5] RUN pip install nonsense:
------
Dockerfile:8
--------------------
   6 |     WORKDIR /home/jovyan
   8 | >>> RUN pip install nonsense
--------------------
ERROR: failed to build: failed to solve: process "sh -c pip" did not complete successfully: exit code: 1"""


@pytest.mark.parametrize(
    ("output", "reason", "hint"),
    [
        (NO_APPARMOR, "runc run failed: unable to apply apparmor profile: no such file or directory", ""),
        (NEW_BUILDKIT, "No matching distribution found for nonsense", ""),
        (
            "\n".join(f"#9 1.0 {line}" for line in LIBMAMBA.splitlines())
            + '\n#9 ERROR: process "mamba" did not complete successfully: exit code: 1',
            "nonsense =9 * does not exist (perhaps a typo or a missing channel)",
            "",
        ),
        (
            "#8 2.0 Killed\n#8 ERROR: process did not complete successfully: exit code: 137",
            "Killed",
            "larger size",
        ),
        ("write /x: no space left on device", "write /x: no space left on device", "larger disk"),
        ("something else", "something else", ""),
        ("", "repo2docker ended with exit code 3", ""),
    ],
)
def test_why_other_images_could_not_be_built(output: str, reason: str, hint: str) -> None:
    failure = image_failure(CommandFailed("repo2docker", 3, output))

    assert failure.reason == f"The image could not be built: {reason}."
    assert hint in failure.hint
    assert bool(hint) == bool(failure.hint)


NOT_FOUND_DRAWN = """  \u00d7 No solution found when resolving dependencies:
  \u2570\u2500\u25b6 Because there is no version of numpy==99 and you require numpy==99, we can conclude
      that your requirements are unsatisfiable.
"""


def test_older_drawings_of_uv_are_read() -> None:
    assert uv_reason(NOT_FOUND_DRAWN, "requirements.txt") == (
        f"{NO_SET} there is no version of numpy==99 and you require numpy==99."
    )


def test_warnings_are_never_the_reason() -> None:
    for warning in (
        "WARNING: errors are not found",
        "npm warn deprecated: error-ex",
        "DeprecationWarning: error",
    ):
        assert true_line(f"ValueError: no\n{warning}") == "ValueError: no"


def test_of_nothing_serious_the_last_is_the_reason() -> None:
    assert true_line("warning: one\nsomething\nwarning: two") == "something"
    assert true_line("warning: one") == "warning: one"
    assert true_line("\n\n") == ""
