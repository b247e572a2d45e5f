from django.db import migrations, models

import django_tasks_oneshot.db.fields


class Migration(migrations.Migration):
    dependencies = [
        ("django_tasks_oneshot", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="TaskDuration",
            fields=[
                ("path", models.CharField(max_length=500, primary_key=True, serialize=False, verbose_name="task")),
                ("seconds", models.FloatField(verbose_name="seconds")),
                (
                    "continues",
                    models.BooleanField(
                        default=False,
                        help_text="It goes on over several runs: the seconds are those of a step.",
                        verbose_name="continues",
                    ),
                ),
                (
                    "passed_over",
                    models.BooleanField(
                        default=False,
                        help_text="A run had too little time left for it: the next starts with it.",
                        verbose_name="passed over",
                    ),
                ),
            ],
            options={
                "verbose_name": "usual duration",
                "verbose_name_plural": "usual durations",
            },
        ),
        # NULL and without a default: none of the databases rewrites or reads the table for these.
        migrations.AddField(
            model_name="storedtask",
            name="checkpoint",
            field=django_tasks_oneshot.db.fields.JSONTextField(
                help_text="From what the next attempt goes on.", null=True, verbose_name="checkpoint"
            ),
        ),
        migrations.AddField(
            model_name="storedtask",
            name="checkpoint_attempt",
            field=models.IntegerField(
                editable=False,
                help_text="The latest attempt that has come further than those before it.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("SUCCEEDED", "Succeeded"),
                    ("FAILED", "Failed"),
                    ("INTERRUPTED", "Interrupted"),
                    ("CONTINUED", "Continues later"),
                ],
                max_length=12,
                verbose_name="outcome",
            ),
        ),
    ]
