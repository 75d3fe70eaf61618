"""Console logs are hostile: whatever is in one, little and clean leaves it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.provisioning.instances import Phase, ReportedImage
from bot.provisioning.openstack.console import lines_of_console, report_of_console

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
KEYS = st.sampled_from(
    ["phase", "fraction", "message", "reason", "hint", "code", "log", "part", "parts", "image", "x"]
)
PHASES = st.sampled_from([*Phase, "running", "", 3])
EVENTS = st.dictionaries(KEYS, VALUES | PHASES, max_size=9).map(
    lambda event: f"BINDER-BOT {json.dumps(event)}"
)
CONSOLES = st.lists(EVENTS | st.text(st.characters(codec=None), max_size=80), max_size=20).map("\n".join)


def code_of(console: str) -> str:
    report = report_of_console(console)
    return report.code if report is not None else ""


def line(**event: Any) -> str:
    return f"BINDER-BOT {json.dumps(event)}\n"


@given(CONSOLES)
def test_no_console_breaks_it(console: str) -> None:
    lines = lines_of_console(console)

    assert all(isinstance(json.loads(each), dict) for each in lines.splitlines())
    report = report_of_console(console)
    assert report is None or len(report.log) <= 4_000
    assert len(code_of(console)) <= 40


def test_the_image_that_is_started_is_found() -> None:
    image = {"key": "ab" * 20, "id": f"sha256:{'c' * 64}", "directory": "sub", "kind": "R", "how": "pulled"}

    report = report_of_console(line(phase="starting", image=image))

    assert report is not None
    assert report.image == ReportedImage(**image)


def test_reports_are_found_among_what_kernels_and_others_say() -> None:
    console = (
        '= 0.5, "message": "cut at its beginning"}\r\n'
        "[    1.234567] random: crng init done\r\n"
        "[    2.000000] eth0: link beBINDER-BOT " + '{"phase": "building", "fraction": 0.5}\r\n'
        'BINDER-BOT {"phase": "failed", [   3.0] mixed}\r\n'
        'BINDER-BOT ["phase"]\n'
        "debian login: "
    )

    report = report_of_console(console)

    assert report is not None
    assert (report.phase, report.fraction) == (Phase.BUILDING, 0.5)


def test_a_log_in_pieces_is_one_log() -> None:
    pieces = ["".join(f"line {n}\n" for n in range(start, start + 100)) for start in (0, 100, 200)]
    console = "".join(
        line(phase="building", log=piece, part=part, parts=3) + "[ 1.0] noise\n"
        for part, piece in enumerate(pieces, start=1)
    )

    report = report_of_console(console + line(phase="failed", reason="Why.", code="build-failed"))

    assert report is not None
    assert report.phase == Phase.FAILED
    assert report.log == "".join(pieces).strip()[-len(report.log) :]
    assert report.log.startswith("line 0\n")


def test_the_log_of_an_earlier_failure_is_not_joined_to_a_new_one() -> None:
    console = line(phase="building", log="old", part=1, parts=1) + line(
        phase="building", log="new", part=1, parts=1
    )

    report = report_of_console(console)

    assert report is not None
    assert report.log == "new"


def test_a_failure_has_a_code_for_the_bot_until_it_is_over() -> None:
    failed = line(phase="booting") + line(phase="failed", reason="No way out.", code="no-egress")

    assert code_of("") == ""
    assert code_of(failed) == "no-egress"
    assert code_of(failed + line(phase="booting")) == ""
    assert code_of(line(phase="failed", code="<script>")) == ""
    assert code_of(line(phase="failed", code=7)) == ""


def test_an_endless_console_is_read_quickly_and_at_its_end() -> None:
    flood = line(phase="booting", message="x" * 1_900) * 1_000 + "BINDER-BOT " + "[" * 50_000 + "\n"

    assert report_of_console(flood + line(phase="serving")) is not None
    assert len(lines_of_console(flood)) <= 128 * 1024
    assert lines_of_console("BINDER-BOT " + "[" * 2_000) == b""
