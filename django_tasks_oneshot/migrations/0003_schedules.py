from typing import Any

import django.db.models.deletion
from django.db import migrations, models

import django_tasks_oneshot.db.fields


def fire_as_before(apps: Any, schema_editor: Any) -> None:
    schedules = apps.get_model("django_tasks_oneshot", "Schedule").objects.using(schema_editor.connection.alias)
    schedules.update(due_at=models.F("next_fire_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("django_tasks_oneshot", "0002_checkpoints_and_durations"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeclaredSchedules",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                (
                    "holds_until",
                    django_tasks_oneshot.db.fields.InstantField(help_text="Then they are compared again."),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FireTime",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("fire_at", django_tasks_oneshot.db.fields.InstantField(help_text="In UTC.", verbose_name="fire time")),
                ("replaces", models.IntegerField(default=0, verbose_name="replaces")),
                ("backend_name", models.CharField(max_length=100, verbose_name="backend")),
                ("task_id", models.CharField(max_length=255, verbose_name="task")),
                (
                    "enqueued_at",
                    django_tasks_oneshot.db.fields.InstantField(help_text="In UTC.", verbose_name="enqueued at"),
                ),
            ],
            options={
                "verbose_name": "fire time",
                "verbose_name_plural": "fire times",
            },
        ),
        migrations.AddField(
            model_name="schedule",
            name="definition",
            field=django_tasks_oneshot.db.fields.JSONTextField(
                editable=False, help_text="What an operator wrote, in the form of the settings.", null=True
            ),
        ),
        migrations.AddField(
            model_name="schedule",
            name="due_at",
            field=django_tasks_oneshot.db.fields.InstantField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="schedule",
            name="is_paused",
            field=models.BooleanField(default=False, verbose_name="paused"),
        ),
        migrations.AddField(
            model_name="schedule",
            name="source",
            field=models.CharField(
                choices=[("code", "Code"), ("settings", "Settings"), ("admin", "Admin")],
                default="code",
                max_length=10,
                verbose_name="source",
            ),
        ),
        migrations.AddField(
            model_name="schedule",
            name="task_path",
            field=models.CharField(default="", max_length=500, verbose_name="task"),
        ),
        # NULL and without a default: none of the databases rewrites or reads the table for these.
        migrations.AddField(
            model_name="storedtask",
            name="replaces",
            field=models.IntegerField(
                help_text="How many older fire times it stands for besides.", null=True, verbose_name="replaces"
            ),
        ),
        migrations.AddField(
            model_name="storedtask",
            name="scheduled_for",
            field=django_tasks_oneshot.db.fields.InstantField(
                help_text="The fire time of a schedule that it stands for, in UTC.",
                null=True,
                verbose_name="scheduled for",
            ),
        ),
        migrations.RunPython(fire_as_before, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="schedule",
            index=models.Index(fields=["due_at"], name="oneshot_schedule_due"),
        ),
        migrations.AddField(
            model_name="firetime",
            name="schedule",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="fire_times",
                to="django_tasks_oneshot.schedule",
            ),
        ),
        migrations.AddConstraint(
            model_name="firetime",
            constraint=models.UniqueConstraint(fields=("schedule", "fire_at"), name="oneshot_fire_time"),
        ),
    ]
