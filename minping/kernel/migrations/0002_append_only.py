"""The journal is append-only in the database itself: only the sealer's one step is let through."""

from typing import Any

from django.db import migrations

SQLITE = (
    """CREATE TRIGGER journal_no_delete BEFORE DELETE ON kernel_journalentry
    BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END""",
    """CREATE TRIGGER journal_no_change BEFORE UPDATE ON kernel_journalentry
    WHEN OLD.seq IS NOT NULL OR NEW.seq IS NULL OR NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW.action <> OLD.action
      OR NEW.actor <> OLD.actor OR NEW.organization_code <> OLD.organization_code OR NEW.subject IS NOT OLD.subject
      OR NEW.data <> OLD.data OR NEW.leaves <> OLD.leaves
    BEGIN SELECT RAISE(ABORT, 'journal is append-only'); END""",
)
POSTGRES = (
    """CREATE FUNCTION journal_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'UPDATE' AND OLD.seq IS NULL AND NEW.seq IS NOT NULL
         AND (NEW.id, NEW.at, NEW.action, NEW.actor, NEW.organization_code, NEW.data, NEW.leaves)
           = (OLD.id, OLD.at, OLD.action, OLD.actor, OLD.organization_code, OLD.data, OLD.leaves)
         AND NEW.subject IS NOT DISTINCT FROM OLD.subject
      THEN RETURN NEW; END IF;
      RAISE EXCEPTION 'journal is append-only';
    END $$""",
    """CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON kernel_journalentry
    FOR EACH ROW EXECUTE FUNCTION journal_append_only()""",
)


def protect(apps: Any, editor: Any) -> None:
    for statement in SQLITE if editor.connection.vendor == "sqlite" else POSTGRES:
        editor.execute(statement)


def release(apps: Any, editor: Any) -> None:
    names = ("journal_no_delete", "journal_no_change")
    if editor.connection.vendor == "sqlite":
        for name in names:
            editor.execute(f"DROP TRIGGER {name}")
    else:
        editor.execute("DROP FUNCTION journal_append_only() CASCADE")


class Migration(migrations.Migration):
    dependencies = [("kernel", "0001_initial")]
    operations = [migrations.RunPython(protect, release)]
