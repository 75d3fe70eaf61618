"""The agent, run for real from the user data that the bot renders, among stub commands and with real git."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from bot.provisioning.agent.settings import ContainerSettings, HttpsSettings
from bot.provisioning.agent_archive import archive
from bot.provisioning.instances import Phase
from tests.conftest import GitServer, HostedRepository
from tests.fakes.pythons import old_pythons
from tests.fakes.waiting import free_port
from tests.integration.agent.guest import QUICK, TOKEN, Guest, an_order

OLD_PYTHONS = old_pythons()


@pytest.fixture
def repo(git_server: GitServer) -> HostedRepository:
    return git_server.repository("team/repo")


def build_said(*messages: str) -> str:
    return "\n".join(json.dumps({"message": f"{each}\n", "phase": "building"}) for each in messages) + "\n"


def value(argv: list[str], option: str) -> str:
    return str(argv[argv.index(option) + 1])


def test_serves_a_repository_and_tells_how_far_it_is(guest: Guest, repo: HostedRepository) -> None:
    commit = repo.commit({"requirements.txt": "numpy"})
    guest.says("build.log", build_said("#5 [1/4] FROM base", "#7 [ 3/4] RUN pip", "#7 DONE 0.1s"))

    guest.launch(an_order(repo.url, commit=commit, is_tip=True))

    assert guest.serving().phase == Phase.SERVING
    assert guest.phases == ["booting", "fetching", "building", "starting", "serving"]
    assert guest.head() == commit
    assert [event["fraction"] for event in guest.events if "fraction" in event][:2] == [0.25, 0.75]


def test_the_build_is_given_the_checkout_and_nothing_that_a_repository_could_have_put_there(
    guest: Guest, repo: HostedRepository
) -> None:
    commit = repo.commit({"repo2docker_config.py": "raise SystemExit"})

    guest.launch(an_order(repo.url, commit=commit, interface="nteract", extra="nteract_on_jupyter"))
    guest.serving()

    (call,) = guest.calls("repo2docker")
    assert call["cwd"] == []
    assert call["env"]["BUILDX_BUILDER"] == "default"
    assert call["argv"][-1] == str(guest.root / "var/lib/binder-bot/work/repo")
    assert (value(call["argv"], "--user-id"), value(call["argv"], "--user-name")) == ("1000", "jovyan")
    assert value(call["argv"], "--appendix").endswith("nteract_on_jupyter")
    assert "[contentproviders.Local]" in Path(value(call["argv"], "--config")).read_text()


def test_the_container_is_limited_restarted_and_keeps_its_files(guest: Guest, repo: HostedRepository) -> None:
    guest.launch(
        an_order(repo.url, commit=repo.commit({})),
        replace(QUICK, container=ContainerSettings(pids=99, memory_fraction=0.5)),
    )
    guest.serving()

    (call,) = guest.calls("docker", "run")
    argv = call["argv"]
    assert value(argv, "--restart") == "unless-stopped"
    assert value(argv, "--pids-limit") == "99"
    assert value(argv, "--memory") == value(argv, "--memory-swap")
    assert value(argv, "--security-opt") == "no-new-privileges"
    assert value(argv, "--volume") == "binder-k3v9:/home/jovyan"
    assert value(argv, "--publish") == f"{guest.port}:8888"
    assert "--allow-root" not in argv
    assert "--gpus" not in argv


def test_caddy_is_installed_and_alone_reaches_the_server(guest: Guest, repo: HostedRepository) -> None:
    guest.add("systemctl")
    guest.add("caddy", by_apt=True)
    https = HttpsSettings("sslip.io", "https://acme.example.org/dir", "-----BEGIN CERTIFICATE-----\n")
    settings = replace(QUICK, container=ContainerSettings(address="127.0.0.1"), https=https)
    settings = replace(settings, machine=replace(settings.machine, install=True))
    guest.launch(an_order(repo.url, commit=repo.commit({})), settings)
    guest.serving()

    (run,) = guest.calls("docker", "run")
    assert value(run["argv"], "--publish") == f"127.0.0.1:{guest.port}:8888"
    assert [call["argv"][-1] for call in guest.calls("apt-get", "install")] == ["caddy"]
    assert [call["argv"] for call in guest.calls("systemctl")] == [["restart", "caddy"]]
    configuration = (guest.root / "etc/caddy/Caddyfile").read_text()
    assert f"reverse_proxy 127.0.0.1:{guest.port}\n" in configuration
    assert f"trusted_roots {guest.root / 'etc/caddy/roots.pem'}\n" in configuration
    assert "https_port 443\n" in configuration

    guest.kill_agent()
    guest.clear_console()
    guest.boot()
    guest.serving()
    assert guest.calls("systemctl")[-1]["argv"] == ["start", "caddy"], "nobody is cut off"


def test_the_token_is_in_a_file_of_root_and_nowhere_else(guest: Guest, repo: HostedRepository) -> None:
    guest.launch(an_order(repo.url, commit=repo.commit({})))
    guest.serving()

    (run,) = guest.calls("docker", "run")
    assert Path(value(run["argv"], "--env-file")).read_text() == f"JUPYTER_TOKEN={TOKEN}\n"
    holders = [p for p in guest.root.rglob("*") if p.is_file() and TOKEN in p.read_text(errors="replace")]
    assert sorted(path.name for path in holders) == ["server.env", "task.json"]
    assert {oct(path.stat().st_mode & 0o777) for path in holders} == {"0o600"}
    assert TOKEN not in guest.console
    assert TOKEN not in (guest.state / "calls.jsonl").read_text()


def test_an_image_of_root_is_told_so_and_a_gpu_is_passed_on(guest: Guest, repo: HostedRepository) -> None:
    guest.says("image.json", json.dumps({"User": "", "WorkingDir": "/srv/x,type=bind,source=/"}))
    guest.says("runtimes.json", json.dumps({"nvidia": {}, "runc": {}}))
    guest.add("nvidia-smi")

    guest.launch(an_order(repo.url, commit=repo.commit({"Dockerfile": "FROM scratch"})))
    guest.serving()

    (run,) = guest.calls("docker", "run")
    assert run["argv"][-1] == "--allow-root"
    assert value(run["argv"], "--gpus") == "all"
    assert "--volume" not in run["argv"], "a directory that is an option of its own is no place for a volume"


def test_a_branch_that_moved_meanwhile_does_not_matter(guest: Guest, repo: HostedRepository) -> None:
    ordered = repo.commit({"a": "1"})
    repo.commit({"a": "2"})

    guest.launch(an_order(repo.url, commit=ordered, ref="main", is_tip=True))

    assert guest.serving().phase == Phase.SERVING
    assert guest.head() == ordered


def test_a_commit_that_is_gone_is_named(guest: Guest, repo: HostedRepository) -> None:
    repo.commit({})

    guest.launch(an_order(repo.url, commit="0" * 39 + "1", ref="main"))

    assert "no longer in" in guest.ended().reason
    assert guest.code == "commit-gone"
    assert guest.calls("repo2docker") == []


def test_hostile_names_are_names(guest: Guest, git_server: GitServer) -> None:
    name = "--upload-pack=touch pwned;$(touch pwned)`touch pwned`'é\u202e"
    repo = git_server.repository(f"team/{quote(name, safe='$()`;=-')}")
    branch = "$(touch${IFS}pwned);`id`"
    repo.commit({})
    folder = "--config=x;$(touch pwned) '\" é"
    commit = repo.commit({f"{folder}/environment.yml": "dependencies: []"}, branch=branch)

    guest.launch(an_order(repo.url, commit=commit, ref=branch, path=folder))

    assert guest.serving().phase == Phase.SERVING
    assert guest.head() == commit
    (build,) = guest.calls("repo2docker")
    assert f"--subdir={folder}" in build["argv"]
    assert list(guest.root.rglob("pwned")) == []


@pytest.mark.parametrize(
    ("url", "ref", "said"),
    [
        ("--upload-pack=touch pwned", None, "no address on the web"),
        ("ext::sh -c 'touch pwned'", None, "no address on the web"),
        ("file:///etc", None, "no address on the web"),
        ("http://127.0.0.1:{port}/a%0Ab.git", None, "could not be fetched"),
        (None, "--upload-pack=touch pwned", "could not be fetched"),
        (None, "x\n; touch pwned", "could not be fetched"),
        (None, "nul\0", "could not be fetched"),
    ],
)
def test_hostile_addresses_and_refs_end_in_a_sentence(
    guest: Guest, repo: HostedRepository, url: str | None, ref: str | None, said: str
) -> None:
    repo.commit({})

    port = repo.url.split("/")[2].split(":")[1]
    guest.launch(an_order(url.format(port=port) if url else repo.url, ref=ref))

    assert said in guest.ended().reason
    assert list(guest.root.rglob("pwned")) == []


def test_a_path_that_is_missing_is_answered_with_the_nearest(guest: Guest, repo: HostedRepository) -> None:
    commit = repo.commit({"lessons/one.ipynb": "{}", "lessons/two.ipynb": "{}"})

    guest.launch(an_order(repo.url, commit=commit, path="lesson/one.ipynb"))

    report = guest.ended()
    assert "`lesson/one.ipynb`" in report.reason
    assert "`lessons/one.ipynb`" in report.hint
    assert guest.code == "no-path"


def test_an_archive_goes_to_the_one_source_that_it_is_of(guest: Guest, git_server: GitServer) -> None:
    url = f"{git_server.url}/dataset/rivers"

    guest.launch(an_order(url, provider="ckan", path="notes.ipynb"))
    guest.serving()

    (build,) = guest.calls("repo2docker")
    assert build["argv"][-1] == url
    assert "[contentproviders.CKAN]" in Path(value(build["argv"], "--config")).read_text()


@pytest.mark.parametrize(("others", "code"), [((), "no-egress"), (("{answers}",), "host-unreachable")])
def test_no_way_out_is_told_before_anything_is_done(
    guest: Guest, git_server: GitServer, others: tuple[str, ...], code: str
) -> None:
    egress = tuple(each.format(answers=f"{git_server.url}/") for each in others)
    url = f"http://127.0.0.1:{free_port()}/a/b.git"

    guest.launch(an_order(url), replace(QUICK, machine=replace(QUICK.machine, egress=egress)))

    assert urlless(url) in guest.ended().reason
    assert guest.code == code
    assert guest.phases == ["booting", "failed"]


def urlless(url: str) -> str:
    return url.split("/")[2]


def test_a_failed_build_tells_why_and_shows_the_end_of_its_log(guest: Guest, repo: HostedRepository) -> None:
    why = "ERROR: No matching distribution found for nonsense==9"
    lines = [f"#12 {n}.1 step {n}" for n in range(400)]
    vague = 'ERROR: failed to solve: process "pip" did not complete successfully: exit code: 1'
    guest.says("build.log", build_said(*lines, f"#12 3.2 {why}", "------", vague) + "not JSON\n")
    guest.says("build.exit", "1")

    guest.launch(an_order(repo.url, commit=repo.commit({})))

    report = guest.ended()
    assert report.reason == "The image could not be built: No matching distribution found for nonsense==9."
    assert report.log.endswith(f"------\n{vague}\nnot JSON")
    assert 3_000 < len(report.log) <= 4_000
    assert guest.code == "build-failed"


def test_layers_that_the_engine_lost_are_built_anew(guest: Guest, repo: HostedRepository) -> None:
    lost = (
        "failed to prepare ca9r15hx: open /var/lib/docker/overlay2/c5n0/committed: no such file or directory"
    )
    guest.says("build.log", build_said(f"#9 ERROR: {lost}", "------", f"ERROR: failed to solve: {lost}"))
    guest.says("build.fails-once")
    guest.launch(an_order(repo.url, commit=repo.commit({"a": "b"})))

    assert guest.serving().phase == Phase.SERVING
    config = guest.root / "var/lib/binder-bot/repo2docker_config.py"
    assert "--no-cache" in config.read_text()


def test_a_flooding_build_does_not_flood_the_console(guest: Guest, repo: HostedRepository) -> None:
    steps = [f"#{n} [{n % 9_000 + 1}/9999] RUN \U0001f600{'x' * 300}" for n in range(15_000)]
    guest.says("build.log", build_said(*steps) + "\x1b[31m" + "y" * 200_000 + "\n")
    guest.says("build.exit", "1")

    guest.launch(an_order(repo.url, commit=repo.commit({})))
    guest.ended()

    assert len(guest.console.encode()) < 40_000
    assert max(len(line) for line in guest.console.encode().splitlines()) <= 2_000


def test_a_build_that_takes_too_long_is_ended(guest: Guest, repo: HostedRepository) -> None:
    guest.says("build.hangs")

    guest.launch(an_order(repo.url, commit=repo.commit({})), replace(QUICK, build_seconds=1.2))

    assert "was not built within 0.02 minutes" in guest.ended().reason
    assert guest.code == "build-timeout"


def test_a_reboot_starts_what_is_there(guest: Guest, repo: HostedRepository) -> None:
    guest.launch(an_order(repo.url, commit=repo.commit({})))
    guest.serving()
    guest.halt()
    guest.clear_console()
    shutil.rmtree(repo.directory)

    guest.boot()

    assert guest.serving().phase == Phase.SERVING
    assert guest.phases == ["booting", "starting", "serving"]
    assert len(guest.calls("docker", "run")) == len(guest.calls("repo2docker")) == 1
    assert len(guest.calls("docker", "start")) == 1


def test_a_reboot_while_it_builds_builds_again(guest: Guest, repo: HostedRepository) -> None:
    guest.says("build.hangs")
    guest.launch(an_order(repo.url, commit=repo.commit({})))
    guest.until(lambda report: report.phase == Phase.BUILDING)
    guest.halt()
    (guest.state / "build.hangs").unlink()

    guest.boot()

    assert guest.serving().phase == Phase.SERVING


def test_a_bare_image_is_given_its_tools(guest: Guest, repo: HostedRepository) -> None:
    guest.remove("docker", but_apt_has_it=True)

    guest.launch(an_order(repo.url, commit=repo.commit({})))

    assert guest.serving().phase == Phase.SERVING
    update, install = guest.calls("apt-get")
    assert update["argv"][0] == "update"
    assert install["argv"][-3:] == ["--", "docker.io", "docker-buildx"]
    assert install["env"]["DEBIAN_FRONTEND"] == "noninteractive"


def test_where_the_kernel_has_apparmor_docker_comes_with_its_parser(
    guest: Guest, repo: HostedRepository
) -> None:
    switch = guest.root / "sys/module/apparmor/parameters/enabled"
    switch.parent.mkdir(parents=True)
    switch.write_text("Y\n")
    guest.remove("docker", but_apt_has_it=True)

    guest.launch(an_order(repo.url, commit=repo.commit({})))

    assert guest.serving().phase == Phase.SERVING
    assert guest.calls("apt-get", "install")[0]["argv"][-3:] == ["docker.io", "apparmor", "docker-buildx"]


def test_a_distribution_without_buildx_is_told(guest: Guest, repo: HostedRepository) -> None:
    guest.says("no-buildx")
    guest.says("apt-get.breaks")

    guest.launch(an_order(repo.url, commit=repo.commit({})))

    assert guest.ended().reason == "The machine could not be prepared: apt-get: out of order."
    assert guest.code == "no-tools"


@pytest.mark.parametrize("missing", ["docker", "repo2docker"])
def test_nothing_is_installed_where_nothing_may_be(
    guest: Guest, repo: HostedRepository, missing: str
) -> None:
    guest.remove(missing, but_apt_has_it=True)

    guest.launch(
        an_order(repo.url, commit=repo.commit({})),
        replace(QUICK, machine=replace(QUICK.machine, install=False)),
    )

    assert missing in guest.ended().reason
    assert guest.calls("apt-get") == []


def test_containers_are_kept_from_the_metadata_service_before_any_of_them_runs(
    guest: Guest, repo: HostedRepository
) -> None:
    guest.launch(an_order(repo.url, commit=repo.commit({})))
    guest.serving()

    rules = json.loads((guest.state / "rules.json").read_text())
    assert ["DOCKER-USER", "-d", "169.254.169.254", "-j", "REJECT"] in rules
    assert ["FORWARD", "-j", "DOCKER-USER"] in rules
    order = [json.loads(line)["name"] for line in (guest.state / "calls.jsonl").read_text().splitlines()]
    assert order.index("iptables") < order.index("repo2docker")


@pytest.mark.parametrize("tools", [["nft"], ["ip"], []])
def test_without_iptables_there_are_other_ways_and_without_any_nothing_runs(
    guest: Guest, repo: HostedRepository, tools: list[str]
) -> None:
    guest.says("iptables.breaks")
    for tool in tools:
        guest.add(tool)
    guest.says("ip.added", "100: from all to 169.254.169.254 iif docker0 prohibit")

    guest.launch(an_order(repo.url, commit=repo.commit({})))

    assert guest.serving().phase == (Phase.SERVING if tools else Phase.FAILED)
    assert (guest.code == "no-firewall") == (not tools)
    assert len(guest.calls("docker", "run")) == len(tools)


def test_a_server_that_ends_before_it_answers_is_told_with_its_last_words(
    guest: Guest, repo: HostedRepository
) -> None:
    guest.says("container.dies")
    guest.says("logs", f"http://127.0.0.1:8888/lab?token={TOKEN}\nKernelError: boom\n")

    guest.launch(an_order(repo.url, commit=repo.commit({})))

    report = guest.ended()
    assert report.reason == "Its server ran out of memory before it answered."
    assert report.log.endswith("lab?token=[token]\nKernelError: boom")
    assert TOKEN not in guest.console


def test_an_image_without_jupyter_is_told(guest: Guest, repo: HostedRepository) -> None:
    guest.says("run.breaks", 'exec: "jupyter": executable file not found in $PATH: unknown.')

    guest.launch(an_order(repo.url, commit=repo.commit({})))

    report = guest.ended()
    assert "executable file not found" in report.reason
    assert "install Jupyter" in report.hint


def test_a_server_that_is_lost_and_memory_that_runs_out_are_told(
    guest: Guest, repo: HostedRepository
) -> None:
    guest.launch(an_order(repo.url, commit=repo.commit({})))
    guest.serving()

    guest.says("events", "oom\ndie\n")

    told = guest.until(lambda report: "Serving" in report.line and "being restarted" in guest.console)
    assert told.phase == Phase.SERVING
    assert "the memory was full" in guest.console


def test_the_firewall_alone_needs_no_task(guest: Guest, tmp_path: Path) -> None:
    (tmp_path / "agent.pyz").write_bytes(archive())
    command = [sys.executable, str(tmp_path / "agent.pyz"), "--firewall"]
    subprocess.run(command, env={"PATH": str(guest.commands)}, check=True)

    assert guest.calls("iptables", "-w", "-I", "DOCKER-USER")


@pytest.mark.skipif(not OLD_PYTHONS, reason="no Python 3.9 or 3.10 on this machine")
def test_an_old_python_runs_it(guest: Guest, repo: HostedRepository) -> None:
    guest.python = OLD_PYTHONS[0]

    guest.launch(an_order(repo.url, commit=repo.commit({})))

    assert guest.serving().phase == Phase.SERVING
