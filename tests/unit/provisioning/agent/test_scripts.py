"""Scripts run as people mean them, whichever editor wrote them."""

import subprocess
from pathlib import Path

import pytest

from bot.provisioning.agent.scripts import runnable


@pytest.mark.parametrize(
    "content",
    [
        b"#!/bin/bash\nset -e\necho hello\n",
        b"#!/bin/bash\r\nset -e\r\necho hello\r\n",
        b"\xef\xbb\xbf#!/bin/bash\r\necho hello\r\n",
        b"\xef\xbb\xbfecho hello\n",
        b"echo hello",
    ],
)
def test_a_script_runs_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    script, copies = tmp_path / "postBuild", tmp_path / "copies"
    copies.mkdir()
    script.write_bytes(content)

    told = subprocess.check_output(runnable(script, copies), text=True)

    assert told == "hello\n"
    assert script.read_bytes() == content


def test_a_program_is_no_text_to_be_turned(tmp_path: Path) -> None:
    program = tmp_path / "start"
    program.write_bytes(b"\x7fELF\0\r\n")

    assert runnable(program, tmp_path / "nowhere") == [str(program)]
