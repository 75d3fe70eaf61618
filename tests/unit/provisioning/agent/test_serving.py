"""Whether a server answers, asked where it was published."""

from bot.provisioning.agent.serving import answers
from tests.fakes.http import like_jupyter, scripted_server


def test_a_server_is_asked_at_its_own_address() -> None:
    with scripted_server() as server:
        like_jupyter(server)
        port = int(server.url.rpartition(":")[2])
        assert answers(port)
        assert not answers(port, "127.0.0.2")
