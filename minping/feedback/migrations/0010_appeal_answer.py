from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("feedback", "0009_seat"),
    ]

    operations = [
        migrations.AddField(
            model_name="case",
            name="appeal_answer",
            field=models.TextField(blank=True, default="", verbose_name="申诉不成立的理由"),
        ),
        migrations.AddField(
            model_name="case",
            name="appeal_answered_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="appeal_answered_by",
            field=models.CharField(blank=True, default="", max_length=80),
        ),
    ]
