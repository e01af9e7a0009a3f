from django.db import migrations, models
from django.db.models import Case, F, When


def sit(apps, schema_editor):
    """Where each case is: where it was assigned to, else where it was rated."""
    seat = Case(When(assigned_code="", then=F("organization_code")), default=F("assigned_code"))
    apps.get_model("feedback", "Case").objects.update(seat_code=seat)


class Migration(migrations.Migration):
    """A generated column became a plain one: its index covers nothing in SQLite."""

    dependencies = [
        ("feedback", "0010_appeal_answer"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="case", name="case_seat"),
        migrations.RemoveField(model_name="case", name="seat_code"),
        migrations.AddField(
            model_name="case",
            name="seat_code",
            field=models.CharField(default="", max_length=40),
            preserve_default=False,
        ),
        migrations.RunPython(sit, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                fields=["seat_code", "state", "due_at", "id", "window_code", "origin"], name="case_seat"
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                name="case_seat_whole",
                condition=models.Q(assigned_code="", seat_code=models.F("organization_code"))
                | (~models.Q(assigned_code="") & models.Q(seat_code=models.F("assigned_code"))),
            ),
        ),
    ]
