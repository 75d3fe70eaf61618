"""The tables of private repositories: who is connected with GitHub, and the deploy tokens of operators.

All times are Unix seconds in UTC by the database's clock.
"""

from enum import StrEnum

from sqlalchemy import Float, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import Base, words
from storage.secret_columns import SecretColumn, keep_secrets


class ConnectionState(StrEnum):
    """How far somebody's connection with GitHub is."""

    REQUESTED = "requested"
    """They asked for a code; GitHub was not asked for it yet."""
    WAITING = "waiting"
    """They have a code, and GitHub is asked whether they entered it."""
    CONNECTED = "connected"
    EXPIRED = "expired"
    """They did not enter the code in time."""
    DENIED = "denied"
    """They, or GitHub, refused."""
    LOST = "lost"
    """It was good, and GitHub takes it no more."""


class GitHubConnection(Base):
    """The right of one person at GitHub, or the way to it."""

    __tablename__ = "github_connections"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    """The workspace and the person: see `storage.connections.id_of`."""
    team_id: Mapped[str] = mapped_column(String(32))
    user: Mapped[str] = mapped_column("person", String(32))
    state: Mapped[ConnectionState] = mapped_column(words(ConnectionState))
    asked_at: Mapped[float] = mapped_column(Float)
    login: Mapped[str] = mapped_column(String(64), default="")
    """What GitHub calls them, once they are connected."""

    # The code that they enter
    address: Mapped[str] = mapped_column(Text, default="")
    """Where they enter it."""
    stored_user_code: Mapped[str | None] = mapped_column("user_code", Text)
    user_code = SecretColumn[str | None]("stored_user_code")
    stored_device_code: Mapped[str | None] = mapped_column("device_code", Text)
    device_code = SecretColumn[str | None]("stored_device_code")
    """By which GitHub is asked what became of it; a secret."""
    code_until: Mapped[float] = mapped_column(Float, default=0.0)
    poll_seconds: Mapped[float] = mapped_column(Float, default=5.0)
    """How often GitHub lets itself be asked."""

    # The right
    stored_access_token: Mapped[str | None] = mapped_column("access_token", Text)
    access_token = SecretColumn[str | None]("stored_access_token")
    access_until: Mapped[float | None] = mapped_column(Float)
    """When the token ends; None where GitHub lets it live for ever."""
    stored_refresh_token: Mapped[str | None] = mapped_column("refresh_token", Text)
    refresh_token = SecretColumn[str | None]("stored_refresh_token")
    """Gives the next token, once."""

    next_at: Mapped[float | None] = mapped_column(Float)
    """When GitHub is to be asked next; None where nothing is to be asked."""
    fence: Mapped[int] = mapped_column(Integer, default=0)
    """Raised by each claim: whoever claimed it before writes nothing any more."""

    __table_args__ = (Index("ix_github_connections_due", "next_at"),)

    def __repr__(self) -> str:
        """Name it without its secrets."""
        return f"<GitHubConnection {self.id} {self.state}>"


class DeployToken(Base):
    """A token of a git host, which an operator stored for some repositories and some people."""

    __tablename__ = "deploy_tokens"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    pattern: Mapped[str] = mapped_column(String(255))
    """As `bot.policy.repositories.read_pattern` writes it."""
    people: Mapped[str] = mapped_column(Text)
    """Slack ids of people, user groups and workspaces, separated by commas."""
    user: Mapped[str] = mapped_column("user_name", String(255))
    """The user name that the host wants with the token."""
    stored_token: Mapped[str] = mapped_column("token", Text)
    token = SecretColumn[str]("stored_token")
    created_at: Mapped[float] = mapped_column(Float)

    def __repr__(self) -> str:
        """Name it without its secret."""
        return f"<DeployToken {self.id} {self.pattern}>"


keep_secrets(GitHubConnection)
keep_secrets(DeployToken)
