"""Alembic's entry: runs the migrations over the connection that `Store.migrate` opened."""

from alembic import context

import storage.access_models
import storage.admin_models
import storage.audit_models
import storage.class_models
import storage.history_models
import storage.installation_models
import storage.lease_models
import storage.policy_models
import storage.share_models
import storage.warm_models  # noqa: F401 - each adds its tables to the metadata
from storage.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a column
)
with context.begin_transaction():
    context.run_migrations()
