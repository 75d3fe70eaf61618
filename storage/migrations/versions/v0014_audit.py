"""How an act was asked for and what became of it; an audit that only grows; settings made in Slack."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_SQLITE = (
    """CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'The audit is append-only.'); END""",
    """CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit
    WHEN OLD.at >= coalesce((SELECT deletable_before FROM audit_horizon WHERE id = 1), 0)
    BEGIN SELECT RAISE(ABORT, 'The audit is append-only.'); END""",
)
_POSTGRESQL = (
    """CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF OLD.at < (SELECT deletable_before FROM audit_horizon WHERE id = 1) THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION 'The audit is append-only.';
    END $$""",
    """CREATE TRIGGER audit_refuses_change BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()""",
    """CREATE TRIGGER audit_refuses_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()""",
)
_ADDED = ("team_id", "class_id", "setting", "way", "channel", "result", "sentence")


def upgrade() -> None:
    """Go to this form."""
    op.create_table(
        "site_settings",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("set_by", sa.String(64), nullable=False),
        sa.Column("set_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "audit_horizon",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("deletable_before", sa.Float(), nullable=False),
    )
    op.add_column("audit", sa.Column("team_id", sa.String(32), nullable=True))
    op.add_column("audit", sa.Column("class_id", sa.String(32), nullable=True))
    op.add_column("audit", sa.Column("setting", sa.String(64), nullable=True))
    op.add_column("audit", sa.Column("way", sa.String(16), nullable=False, server_default=""))
    op.add_column("audit", sa.Column("channel", sa.String(32), nullable=True))
    op.add_column("audit", sa.Column("result", sa.String(16), nullable=False, server_default="done"))
    op.add_column("audit", sa.Column("sentence", sa.Text(), nullable=True))
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_actor", "audit", ["actor", "id"])
    op.execute(
        "UPDATE audit SET team_id = (SELECT binders.team_id FROM binders WHERE binders.id = audit.binder_id)"
    )
    for statement in _statements():
        op.execute(statement)


def _statements() -> tuple[str, ...]:
    return _POSTGRESQL if _is_postgresql() else _SQLITE


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def downgrade() -> None:
    """Go back to the form before."""
    if _is_postgresql():
        op.execute("DROP FUNCTION audit_is_append_only() CASCADE")
    else:
        op.execute("DROP TRIGGER audit_refuses_update")
        op.execute("DROP TRIGGER audit_refuses_delete")
    op.drop_index("ix_audit_actor", "audit")
    op.drop_index("ix_audit_at", "audit")
    for name in _ADDED:
        op.drop_column("audit", name)
    op.drop_table("audit_horizon")
    op.drop_table("site_settings")
