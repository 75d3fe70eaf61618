"""What admins decide at run time, and the groups that the settings name."""

from sqlalchemy import select

from storage import policies, shares
from storage.audit_models import Audit
from storage.engine import Store
from storage.share_models import Audience


def test_the_last_word_about_a_pattern_counts(store: Store) -> None:
    with store.write() as session:
        policies.ban(session, "github.com/evil", "UADA", "miners")
        policies.ban(session, "github.com/evil", "UBOB", "miners again")
        policies.allow(session, "github.com/evil/good", "UADA")
    with store.read() as session:
        found = {each.pattern: (each.is_allowed, each.by, each.reason) for each in policies.rules(session)}
        assert all(each.at > 0 for each in policies.rules(session))
        events = session.scalars(select(Audit.event).order_by(Audit.id)).all()
    assert found == {
        "github.com/evil": (False, "UBOB", "miners again"),
        "github.com/evil/good": (True, "UADA", ""),
    }
    assert events == ["ban", "ban", "allow"]


def test_a_ban_can_be_taken_back_once(store: Store) -> None:
    with store.write() as session:
        policies.ban(session, "github.com/evil", "UADA")
        assert policies.forget(session, "github.com/evil", "UADA")
        assert not policies.forget(session, "github.com/evil", "UADA")
        assert policies.rules(session) == []


def test_a_persons_own_limits_replace_each_other_and_end(store: Store) -> None:
    with store.write() as session:
        policies.set_limits(session, "T1", "U1", {"binders": 9, "hours": 4}, "UADA")
        policies.set_limits(session, "T1", "U1", {"binders": 7}, "UBOB")
        assert policies.limits_of(session, "T1", "U1") == {"binders": 7}
        assert policies.limits_of(session, "T2", "U1") == {}
        assert [(each.user, each.by) for each in policies.all_limits(session, "T1")] == [("U1", "UBOB")]
        policies.set_limits(session, "T1", "U1", {}, "UBOB")
        assert policies.all_limits(session, "T1") == []


def test_slack_is_asked_for_the_groups_that_the_settings_name_and_no_longer_for_others(store: Store) -> None:
    with store.write() as session:
        shares.name_groups(session, {"S1", "S2"})
        assert not shares.are_known(session, {"S1"})
        assert {each.id for each in shares.claim_audiences(session, older_than=300, limit=9)} == {"S1", "S2"}
        shares.set_members(session, "S1", {"U1"})
        shares.forget_unused(session)
        assert shares.are_known(session, {"S1", "S2"})
        assert shares.groups_of(session, "U1", {"S1", "S2"}) == {"S1"}
        shares.name_groups(session, {"S2"})
        shares.forget_unused(session)
        assert session.scalars(select(Audience.subject)).all() == ["S2"]
        shares.name_groups(session, set())
        assert not shares.is_audience_due(session, older_than=0)
