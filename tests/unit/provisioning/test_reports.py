"""Whatever an instance writes, a bounded and clean report comes of it, or none."""

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from bot.provisioning.agent.reports import MAX_NOTES
from bot.provisioning.agent.text import MAX_LINE, MAX_LOG, MAX_REASON, clean, last_line, tail
from bot.provisioning.instances import Phase, Report, ReportedImage
from bot.provisioning.reports import MAX_KIND, fold

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
events = st.dictionaries(
    st.sampled_from(
        ["phase", "fraction", "message", "reason", "hint", "log", "note", "kind", "image", "else"]
    ),
    st.sampled_from([*Phase]).map(str) | anything,
)
raw_lines = st.binary(max_size=80) | events.map(lambda event: json.dumps(event).encode())


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def is_clean(text: str, *, newlines: bool = False) -> bool:
    return all(unicodedata.category(char) not in {"Cc", "Cs"} or (newlines and char == "\n") for char in text)


@given(st.lists(raw_lines, max_size=8), st.binary(max_size=200))
def test_hostile_lines_give_a_bounded_clean_report(written: list[bytes], log: bytes) -> None:
    report = fold(b"\n".join(written), log)
    if report is None:
        return
    assert report.phase in Phase
    assert report.fraction is None or 0 <= report.fraction <= 1
    assert len(report.line) <= MAX_LINE
    assert is_clean(report.line)
    for text in (report.reason, report.hint):
        assert len(text) <= MAX_REASON
        assert is_clean(text)
        assert not text or report.phase == Phase.FAILED
    assert len(report.log) <= MAX_LOG
    assert all(len(note) <= MAX_REASON and is_clean(note) for note in report.notes)
    assert len(report.kind) <= MAX_KIND
    assert is_clean(report.kind)
    assert is_clean(report.log, newlines=True)
    for text in (report.line, report.reason, report.log):
        text.encode()


@given(st.text(max_size=20_000))
def test_the_end_of_a_log_is_its_end(log: str) -> None:
    end = tail(log)
    assert len(end) <= MAX_LOG
    assert end in clean(log)


def test_the_newest_phase_wins_and_keeps_only_what_belongs_to_it() -> None:
    report = fold(
        lines(
            {"phase": "fetching", "message": "cloning"},
            {"phase": "building", "fraction": 0.25, "message": "step 1"},
            {"phase": "building", "message": "step 2"},
            {"message": "a line without a phase"},
        )
    )
    assert report == Report(Phase.BUILDING, fraction=0.25, line="a line without a phase")


def test_a_failure_says_why() -> None:
    report = fold(
        lines({"phase": "building", "fraction": 1}, {"phase": "failed", "reason": "It\nbroke.", "log": "x"})
    )
    assert report == Report(Phase.FAILED, reason="It broke.", log="x")


def test_a_cut_first_line_and_a_huge_one_are_skipped() -> None:
    huge = json.dumps({"phase": "failed", "message": "x" * 100_000}).encode()
    report = fold(b'ase": "failed"}\n' + huge + b"\n" + lines({"phase": "serving"}))
    assert report == Report(Phase.SERVING)


def test_nothing_said_is_no_report() -> None:
    assert fold(b"") is None
    assert fold(lines({"fraction": 0.5}, {"phase": "elsewhere"}, ["phase"])) is None


def test_odd_fractions_are_ignored() -> None:
    for odd in (True, -0.1, 1.1, 10**400, float("nan"), float("inf"), "0.5", None):
        report = fold(lines({"phase": "building", "fraction": odd}))
        assert report is not None
        assert report.fraction is None


def test_escapes_and_overwritten_progress_do_not_show() -> None:
    assert clean("\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07") == "red link"
    assert clean("10%\r50%\r100%\r\ndone") == "100%\ndone"
    assert clean("safe\u202etxt.exe") == "safetxt.exe"


def test_a_log_that_lies_beside_is_preferred() -> None:
    report = fold(
        lines({"phase": "building", "message": "Installing", "log": "x"}), b"one\n\x1b[1mtwo\x1b[0m\n\n"
    )
    assert report is not None
    assert report.line == "Installing"
    assert report.log == "one\ntwo"
    assert (last_line(report.log), last_line("")) == ("two", "")


def test_notes_are_kept_each_once_whatever_follows() -> None:
    notes = [{"phase": "building", "note": f"note {number}"} for number in (1, 2, 1, *range(3, 99))]
    report = fold(lines(*notes, {"phase": "serving"}))
    assert report is not None
    assert report.phase == Phase.SERVING
    assert report.notes == tuple(f"note {number}" for number in range(1, MAX_NOTES + 1))


def test_a_long_line_takes_no_longer_than_its_length() -> None:
    line = "x" * 2_000_000
    assert clean(line) == line


def test_what_it_is_built_with_is_what_was_said_first() -> None:
    report = fold(lines({"phase": "building", "kind": "R"}, {"kind": "Nix"}, {"phase": "serving"}))
    assert report is not None
    assert (report.phase, report.kind) == (Phase.SERVING, "R")


IMAGE = {"key": "0" * 24, "id": f"sha256:{'a' * 64}", "directory": "lab", "kind": "conda", "how": "pulled"}


def test_the_image_that_is_started_is_the_first_that_was_reported() -> None:
    forged = IMAGE | {"id": f"sha256:{'b' * 64}"}
    report = fold(lines({"phase": "starting", "image": IMAGE}, {"phase": "serving", "image": forged}))
    assert report is not None
    assert report.image == ReportedImage(**IMAGE)


@given(st.dictionaries(st.sampled_from(list(IMAGE)), anything) | anything)
def test_a_hostile_image_is_bounded_or_none(image: object) -> None:
    report = fold(lines({"phase": "starting", "image": image}))
    assert report is not None
    if report.image is not None:
        assert 16 <= len(report.image.key) <= 64
        assert is_clean(report.image.directory + report.image.kind)
        assert len(report.image.kind) <= MAX_KIND
        assert report.image.how in {"built", "pulled", "kept"}
