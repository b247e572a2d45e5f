from django.db import migrations, models

import django_tasks_oneshot.db.fields


class Migration(migrations.Migration):
    dependencies = [
        ("django_tasks_oneshot", "0003_schedules"),
    ]

    operations = [
        migrations.CreateModel(
            name="UsedSignature",
            fields=[
                ("signature", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("forget_at", django_tasks_oneshot.db.fields.InstantField(db_index=True, help_text="In UTC.")),
            ],
        ),
    ]
