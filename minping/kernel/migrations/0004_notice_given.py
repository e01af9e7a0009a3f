from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("kernel", "0003_notices"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(choices=[("soon", "将超时"), ("late", "已超时"), ("given", "转来")], max_length=5),
        ),
    ]
