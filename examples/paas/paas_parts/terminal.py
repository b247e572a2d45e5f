"""The crontab example's stage, on this project."""

from demo_parts import stage

from .process import PROJECT


def manage(*arguments: str) -> None:
    stage.manage(*arguments, project=PROJECT)
