"""What Slack tells when a workspace removes the bot, or takes its token back."""

from slack_bolt import App, Args

from handlers.requests.context import Context


def register(app: App, context: Context) -> None:
    """Listen to the end of installations."""

    @app.event("app_uninstalled")
    def on_uninstalled(args: Args) -> None:
        _doubt(context, args, "app_uninstalled")

    @app.event("tokens_revoked")
    def on_revoked(args: Args) -> None:
        if (args.body["event"].get("tokens") or {}).get("bot"):
            _doubt(context, args, "tokens_revoked")


def _doubt(context: Context, args: Args, why: str) -> None:
    """Have somebody look whether the bot is still there. For an organisation, its id is meant."""
    of_all = args.context.is_enterprise_install
    installation = args.context.enterprise_id if of_all else args.context.team_id
    if installation:
        context.doubt_installation(installation, why)
