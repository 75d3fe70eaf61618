"""Stands in for docker, repo2docker, apt-get and others in a guest; which one is the name it is called by.

Each call is a line of `calls.jsonl` in the stubs' state directory, which also says how to behave. Stubs are
called thousands of times, and to import pathlib, subprocess and typing takes as long as all the rest.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from itertools import pairwise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

COMMANDS = os.path.dirname(os.path.realpath(sys.argv[0]))
STATE = os.path.dirname(COMMANDS) + "/state/"
STOCK_IMAGE = {"User": "jovyan", "WorkingDir": "/home/jovyan", "Env": ["REPO_DIR=/home/jovyan", "LANG=C"]}


def main() -> int:
    name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
    if arguments[:1] == ["--serve"]:
        serve(int(arguments[1]))
    if name == "repo2docker" and arguments == ["--version"]:
        sys.stdout.write(read("repo2docker.json", "2026.4.0") + "\n")
        return 0
    call = {
        "name": name,
        "argv": arguments,
        "cwd": sorted(os.listdir()),
        "env": dict(os.environ),
    }
    with open(STATE + "calls.jsonl", "a") as file:
        file.write(json.dumps(call) + "\n")
    if is_told(f"{name}.breaks"):
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


def is_told(name: str) -> bool:
    """Whether the stubs were told to behave so."""
    return os.path.exists(STATE + name)


def forget(name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(STATE + name)


def text_of(name: str) -> str:
    with open(STATE + name) as file:
        return file.read()


def read(name: str, default: "Any") -> "Any":
    with suppress(FileNotFoundError):
        return json.loads(text_of(name))
    return default


def write(name: str, content: "Any") -> None:
    with open(STATE + name, "w") as file:
        file.write(json.dumps(content))


def docker(arguments: list[str]) -> int:
    if arguments[0] == "buildx":
        sys.stdout.write("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3\n")
        return 1 if is_told("no-buildx") else 0
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
    if is_told("run.breaks"):
        return complain(text_of("run.breaks"), 127)
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
    if is_told("container.dies"):
        container["State"] = {"Running": False, "ExitCode": 137, "OOMKilled": True}
    else:
        import subprocess  # noqa: PLC0415 - see above

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
    forget(f"containers/{name}")
    return 0


def runs(container: "dict[str, Any]") -> bool:
    with suppress(FileNotFoundError), open(f"/proc/{container['Pid']}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
    return False


def listing(_: list[str]) -> int:
    for name in sorted(os.listdir(STATE + "containers")):
        container = read(f"containers/{name}", {})
        # Between `create` and `start` there is no process yet.
        state = "created" if "Pid" not in container else "running" if runs(container) else "exited"
        sys.stdout.write(f"{name}\t{state}\n")
    return 0


def logs(_: list[str]) -> int:
    sys.stderr.write(text_of("logs"))
    return 0


def events(_: list[str]) -> int:
    with suppress(FileNotFoundError):
        sys.stdout.write(text_of("events"))
        forget("events")
    return 0


def info(_: list[str]) -> int:
    sys.stdout.write(json.dumps(read("runtimes.json", {"runc": {}})))
    return 0


def repo2docker(arguments: list[str]) -> int:
    with suppress(FileNotFoundError):
        sys.stderr.write(text_of("build.log"))
    while is_told("build.hangs"):
        time.sleep(0.01)
    code = int(read("build.exit", 0))
    if is_told("build.fails-once"):
        forget("build.fails-once")
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
        forget("no-buildx")
        for name in os.listdir(STATE + "apt"):
            os.rename(f"{STATE}apt/{name}", f"{COMMANDS}/{name}")
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
    added = f"{os.path.basename(sys.argv[0])}.added"
    if {"show", "list"} & set(arguments):
        sys.stdout.write(text_of(added) if is_told(added) else "")
    else:
        with open(STATE + added, "w") as file:
            file.write(" ".join(arguments) + ("" if sys.stdin.isatty() else sys.stdin.read()))
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
