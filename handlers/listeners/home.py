"""The Home tab: opened, and turned to another page. It is published by `handlers.outbox.homes`, not here."""

from slack_bolt import App, Args

from handlers import ids
from handlers.listeners.errors import answered
from handlers.listeners.replies import requester_of
from handlers.requests.context import Context
from handlers.requests.requester import Requester
from storage import homes
from storage.home_models import HomeTab


def register(app: App, context: Context) -> None:
    """Listen to people who open the tab, and to the buttons that turn its pages."""

    @app.event("app_home_opened")
    @answered
    def on_home(args: Args) -> None:
        if args.body["event"].get("tab") == "home":
            requester = requester_of(args.context, args.body, f"event:{args.body['event_id']}")
            with context.store.write() as session:
                homes.visit(session, requester.team_id, requester.user)
            context.nudge()

    @app.action(ids.HOME_MINE)
    @answered
    def on_mine(args: Args) -> None:
        args.ack()
        _turn(context, requester_of(args.context, args.body, ""), HomeTab.MINE, 0)

    @app.action(ids.HOME_PAGE)
    @answered
    def on_page(args: Args) -> None:
        args.ack()
        found = ids.HOME_PAGE.fullmatch(str(args.payload["action_id"]))
        requester = requester_of(args.context, args.body, "")
        if found and context.is_admin(requester.team_id, requester.user):
            _turn(context, requester, HomeTab.EVERYTHING, int(found[1]))


def show_again(context: Context, requester: Requester) -> None:
    """Have somebody's tab shown again, because they did something on it."""
    with context.store.write() as session:
        homes.press(session, requester.team_id, requester.user)
    context.nudge()


def _turn(context: Context, requester: Requester, tab: HomeTab, page: int) -> None:
    with context.store.write() as session:
        homes.turn_to(session, requester.team_id, requester.user, tab, page)
    context.nudge()
