"""Serving https: Caddy stands before the container, and gets a certificate for each name by itself (ACME).

The machine does not know its address on the internet, which is another one after it was shelved. So a
certificate is made when a name is first asked for, and the bot asks soon. Only names that are made of an
address are taken, and the authority gives none for a name that leads elsewhere. The challenge is TLS-ALPN-01:
port 443 alone has to be open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.provisioning.agent.commands import capture
from bot.provisioning.agent.failures import CommandFailed, Failure, FailureCode

if TYPE_CHECKING:
    from pathlib import Path

    from bot.provisioning.agent.job import Job
    from bot.provisioning.agent.settings import HttpsSettings

_CADDYFILE = """\
{{
	admin off
	auto_https disable_redirects
	https_port {https.port}
	on_demand_tls {{
		ask http://127.0.0.1:{https.ask_port}
	}}
}}
http://127.0.0.1:{https.ask_port} {{
	bind 127.0.0.1
	@ours expression `{{query.domain}}.matches("^[0-9a-f-]+[.]{domain}$")`
	respond @ours 200
	respond 403
}}
https:// {{
	tls {{
		on_demand
		issuer acme {{
			dir {https.directory}
			disable_http_challenge
			{roots}
		}}
	}}
	reverse_proxy 127.0.0.1:{port}
}}
"""


def serve_https(job: Job) -> None:
    """Have Caddy serve what answers on the port of the server, where the operator wants https.

    Raises:
        Failure: Caddy does not start.
    """
    if job.settings.https is None:
        return
    try:
        is_new = write(job.settings.https, job.settings.port, job.places.root / "etc/caddy")
        capture("systemctl", "restart" if is_new else "start", "caddy")
    except (CommandFailed, OSError) as error:
        raise Failure(f"https cannot be served: {error}.", FailureCode.NO_TOOLS) from error


def write(https: HttpsSettings, port: int, folder: Path) -> bool:
    """Write Caddy's configuration. Returns whether it is another one than before."""
    folder.mkdir(parents=True, exist_ok=True)
    roots, file = folder / "roots.pem", folder / "Caddyfile"
    roots.write_text(https.roots, encoding="ascii")
    text = _CADDYFILE.format(
        https=https,
        domain=https.domain.replace(".", "[.]"),
        port=port,
        roots=f"trusted_roots {roots}" if https.roots else "",
    )
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    file.write_text(text, encoding="utf-8")
    return text != before
