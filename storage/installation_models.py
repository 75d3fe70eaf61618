"""The tables of installations: the workspaces in which the bot is, and what it needs to speak there.

All times are Unix seconds in UTC by the database's clock; None where something has not happened.
"""

from sqlalchemy import Float, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import Base
from storage.secret_columns import SecretColumn, keep_secrets


class Installation(Base):
    """The bot in one workspace, or in a whole organisation (Enterprise Grid)."""

    __tablename__ = "installations"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """Slack's id of the workspace (`T…`), or of the organisation (`E…`) in all of which it is installed."""
    enterprise_id: Mapped[str | None] = mapped_column(String(32))
    """The organisation of the workspace, if any."""
    name: Mapped[str] = mapped_column(String(255), default="")
    bot_id: Mapped[str] = mapped_column(String(32))
    bot_user_id: Mapped[str] = mapped_column(String(32))
    scopes: Mapped[str] = mapped_column(Text, default="")
    """What its token may do, separated by commas."""
    installed_by: Mapped[str] = mapped_column(String(32))
    installed_at: Mapped[float] = mapped_column(Float)

    # Its tokens
    stored_bot_token: Mapped[str] = mapped_column("bot_token", Text)
    bot_token = SecretColumn[str]("stored_bot_token")
    stored_refresh_token: Mapped[str | None] = mapped_column("refresh_token", Text)
    refresh_token = SecretColumn[str | None]("stored_refresh_token")
    expires_at: Mapped[float | None] = mapped_column(Float)
    """When its token ends; None where it does not."""
    version: Mapped[int] = mapped_column(Integer, default=1)
    """Raised with each new token: what is said of an older one counts no more."""
    refresh_until: Mapped[float] = mapped_column(Float, default=0.0)
    """Until when somebody refreshes its token: nobody else does so meanwhile."""

    # Lost
    lost_at: Mapped[float | None] = mapped_column(Float)
    """When Slack said that it is no more; None while it is there."""
    lost_for: Mapped[str] = mapped_column(String(64), default="")
    """Slack's word for why."""
    ended_at: Mapped[float | None] = mapped_column(Float)
    """When its binders were torn down because it did not come back."""

    def __repr__(self) -> str:
        """Name it without its secrets."""
        return f"<Installation {self.id}>"


keep_secrets(Installation)


class Workspace(Base):
    """A workspace for which the installation of its whole organisation speaks."""

    __tablename__ = "workspaces"

    team_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    enterprise_id: Mapped[str] = mapped_column(String(32), index=True)


class InstallState(Base):
    """An installation that somebody began: Slack's answer is taken once, and only with its state."""

    __tablename__ = "install_states"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the state, which only the browser of that person has."""
    expires_at: Mapped[float] = mapped_column(Float)
