from django.db import migrations, models
from django.db.models import F


def sit(apps, schema_editor):
    """Every case is where it was rated: none has been assigned yet."""
    apps.get_model("feedback", "Case").objects.update(seat_code=F("organization_code"))


class Migration(migrations.Migration):

    dependencies = [
        ("feedback", "0008_call_words_removed"),
    ]

    operations = [
        migrations.AddField(
            model_name="case",
            name="assigned_code",
            field=models.CharField(blank=True, default="", max_length=40),
        ),
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
                condition=models.Q(assigned_code="", seat_code=F("organization_code"))
                | (~models.Q(assigned_code="") & models.Q(seat_code=F("assigned_code"))),
            ),
        ),
    ]
