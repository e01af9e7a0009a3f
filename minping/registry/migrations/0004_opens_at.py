from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0003_reports_from'),
    ]

    operations = [
        migrations.AddField(
            model_name='organization',
            name='opens_at',
            field=models.CharField(blank=True, default='', max_length=5, verbose_name='开门时间'),
        ),
    ]
