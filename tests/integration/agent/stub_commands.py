"""Stands in for docker, repo2docker, apt-get and others in a guest; which one is the name it is called by.

Each call is a line of `calls.jsonl` in the stubs' state directory, which also says how to behave.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

STATE = Path(sys.argv[0]).resolve().parent.parent / "state"
STOCK_IMAGE = {"User": "jovyan", "WorkingDir": "/home/jovyan", "Env": ["REPO_DIR=/home/jovyan", "LANG=C"]}


def main() -> int:
    name, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    if arguments[:1] == ["--serve"]:
        serve(int(arguments[1]))
    if name == "repo2docker" and arguments == ["--version"]:
        sys.stdout.write(read("repo2docker.json", "2026.4.0") + "\n")
        return 0
    call = {
        "name": name,
        "argv": arguments,
        "cwd": sorted(each.name for each in Path().iterdir()),
        "env": dict(os.environ),
    }
    with (STATE / "calls.jsonl").open("a") as file:
        file.write(json.dumps(call) + "\n")
    if (STATE / f"{name}.breaks").exists():
        return complain(f"{name}: out of order")
    stubs: dict[str, Callable[[list[str]], int]] = {
        "docker": docker,
        "repo2docker": repo2docker,
        "apt-get": apt_get,
        "iptables": iptables,
    }
    return stubs.get(name, remember)(arguments)


def complain(text: str, code: int = 1) -> int:
    sys.stderr.write(text + "\n")
    return code


def read(name: str, default: Any) -> Any:
    with suppress(FileNotFoundError):
        return json.loads((STATE / name).read_text())
    return default


def write(name: str, content: Any) -> None:
    (STATE / name).write_text(json.dumps(content))


def docker(arguments: list[str]) -> int:
    if arguments[0] == "buildx":
        sys.stdout.write("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3\n")
        return 1 if (STATE / "no-buildx").exists() else 0
    if arguments[0] in {"image", "container"}:
        return inspect(*arguments)
    if arguments[:2] == ["run", "--rm"]:
        sys.stdout.write(read("probe.json", "open 111"))
        return 0
    commands = {
        "run": run,
        "start": start,
        "rm": remove,
        "ps": listing,
        "logs": logs,
        "events": events,
        "info": info,
        "pull": pull,
        "version": version,
    }
    return commands[arguments[0]](arguments[1:]) if arguments[0] in commands else 0


def inspect(kind: str, _: str, name: str) -> int:
    found = read(f"containers/{name}", None) if kind == "container" else read("images.json", {}).get(name)
    if kind == "container" and found and "Pid" in found:
        found["State"] = {"Running": runs(found)}
    if found is None:
        return complain(f"No such {kind}")
    sys.stdout.write(json.dumps([found]))
    return 0


def pull(arguments: list[str]) -> int:
    image = {"Id": "sha256:b1", "RepoDigests": [f"{arguments[-1]}@sha256:d1"]}
    write("images.json", {**read("images.json", {}), arguments[-1]: image})
    return 0


def version(_: list[str]) -> int:
    sys.stdout.write("27.5.1+dfsg1\n")
    return 0


def run(arguments: list[str]) -> int:
    if (STATE / "run.breaks").exists():
        return complain((STATE / "run.breaks").read_text(), 127)
    name, published = (arguments[arguments.index(each) + 1] for each in ("--name", "--publish"))
    labels = dict(after.split("=") for each, after in pairwise(arguments) if each == "--label")
    image = next(each for each in arguments if each.startswith("binder-bot/"))
    container = {
        "Config": {"Image": image, "Labels": labels},
        "State": {},
        "Port": int(published.split(":")[-2]),
    }
    write(f"containers/{name}", container)
    return start([name])


def start(arguments: list[str]) -> int:
    (name,) = arguments
    container = read(f"containers/{name}", {})
    if (STATE / "container.dies").exists():
        container["State"] = {"Running": False, "ExitCode": 137, "OOMKilled": True}
    else:
        process = subprocess.Popen(
            [sys.executable, "-IS", sys.argv[0], "--serve", str(container["Port"])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        container |= {"State": {"Running": True}, "Pid": process.pid}
    write(f"containers/{name}", container)
    return 0


def remove(arguments: list[str]) -> int:
    name = arguments[-1]
    container = read(f"containers/{name}", None)
    if container is None:
        return complain(f"Error response from daemon: No such container: {name}")
    with suppress(ProcessLookupError, KeyError):
        os.kill(container["Pid"], signal.SIGKILL)
    (STATE / "containers" / name).unlink()
    return 0


def runs(container: dict[str, Any]) -> bool:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{container['Pid']}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def listing(_: list[str]) -> int:
    for each in sorted((STATE / "containers").iterdir()):
        container = json.loads(each.read_text())
        # Between `create` and `start` there is no process yet.
        state = "created" if "Pid" not in container else "running" if runs(container) else "exited"
        sys.stdout.write(f"{each.name}\t{state}\n")
    return 0


def logs(_: list[str]) -> int:
    sys.stderr.write((STATE / "logs").read_text())
    return 0


def events(_: list[str]) -> int:
    with suppress(FileNotFoundError):
        happened = STATE / "events"
        sys.stdout.write(happened.read_text())
        happened.unlink()
    return 0


def info(_: list[str]) -> int:
    sys.stdout.write(json.dumps(read("runtimes.json", {"runc": {}})))
    return 0


def repo2docker(arguments: list[str]) -> int:
    with suppress(FileNotFoundError):
        sys.stderr.write((STATE / "build.log").read_text())
    while (STATE / "build.hangs").exists():
        time.sleep(0.01)
    code = int(read("build.exit", 0))
    if (STATE / "build.fails-once").exists():
        (STATE / "build.fails-once").unlink()
        code = 1
    if code == 0:
        image = arguments[arguments.index("--image-name") + 1]
        import hashlib  # noqa: PLC0415 - it is slow to load, and most stubs do without it

        number = f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"
        config = {"Id": number, "Config": read("image.json", STOCK_IMAGE)}
        write("images.json", {**read("images.json", {}), image: config})
    return code


def apt_get(arguments: list[str]) -> int:
    if arguments[0] == "install":
        (STATE / "no-buildx").unlink(missing_ok=True)
        for each in (STATE / "apt").iterdir():
            each.rename(Path(sys.argv[0]).parent / each.name)
    return 0


def iptables(arguments: list[str]) -> int:
    _, action, *rule = arguments
    rules = read("rules.json", [])
    if action == "-C":
        return 0 if rule in rules else 1
    write("rules.json", [*rules, rule])
    return 0


def remember(arguments: list[str]) -> int:
    """Of nft and ip: show what was added."""
    added = STATE / f"{Path(sys.argv[0]).name}.added"
    if {"show", "list"} & set(arguments):
        sys.stdout.write(added.read_text() if added.exists() else "")
    else:
        added.write_text(" ".join(arguments) + ("" if sys.stdin.isatty() else sys.stdin.read()))
    return 0


def serve(port: int) -> None:
    # Importing it takes longer than all that the other stubs do.
    from http.server import BaseHTTPRequestHandler, HTTPServer  # noqa: PLC0415

    class Jupyter(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api" else 404)
            self.end_headers()

    HTTPServer(("127.0.0.1", port), Jupyter).serve_forever()


if __name__ == "__main__":
    sys.exit(main())
