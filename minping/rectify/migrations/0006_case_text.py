"""The words of a case and their index: FTS5 kept by triggers, or a generated tsvector with GIN (rectify/words.py).

On SQLite a later migration that alters `rectify_casetext` rebuilds the table and must make the triggers again.
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

SQLITE = (
    """CREATE VIRTUAL TABLE rectify_casetext_index USING fts5(
      words, content='rectify_casetext', content_rowid='id', tokenize='ascii', detail='none')""",
    """CREATE TRIGGER rectify_casetext_new AFTER INSERT ON rectify_casetext BEGIN
      INSERT INTO rectify_casetext_index (rowid, words) VALUES (NEW.id, NEW.words); END""",
    """CREATE TRIGGER rectify_casetext_gone AFTER DELETE ON rectify_casetext BEGIN
      INSERT INTO rectify_casetext_index (rectify_casetext_index, rowid, words) VALUES ('delete', OLD.id, OLD.words);
    END""",
    """CREATE TRIGGER rectify_casetext_changed AFTER UPDATE OF words ON rectify_casetext
    WHEN OLD.words <> NEW.words BEGIN
      INSERT INTO rectify_casetext_index (rectify_casetext_index, rowid, words) VALUES ('delete', OLD.id, OLD.words);
      INSERT INTO rectify_casetext_index (rowid, words) VALUES (NEW.id, NEW.words);
    END""",
)
POSTGRES = (
    """ALTER TABLE rectify_casetext ADD COLUMN tokens tsvector
      GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED""",
    "CREATE INDEX rectify_casetext_tokens ON rectify_casetext USING gin (tokens) WITH (fastupdate = off)",
)


def index(apps: Any, editor: Any) -> None:
    for statement in SQLITE if editor.connection.vendor == "sqlite" else POSTGRES:
        editor.execute(statement)


def forget(apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "sqlite":
        for name in ("new", "gone", "changed"):
            editor.execute(f"DROP TRIGGER rectify_casetext_{name}")
        editor.execute("DROP TABLE rectify_casetext_index")
    else:
        editor.execute("ALTER TABLE rectify_casetext DROP COLUMN tokens")


class Migration(migrations.Migration):
    dependencies = [("rectify", "0005_evidence_removed"), ("feedback", "0004_documents")]
    operations = [
        migrations.CreateModel(
            name="CaseText",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("words", models.TextField()),
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="text", to="feedback.case"
                    ),
                ),
            ],
            options={"verbose_name": "检索词"},
        ),
        migrations.RunPython(index, forget),
    ]
