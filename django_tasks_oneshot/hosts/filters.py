"""How the templates of hosts quote."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from django.template import Library

register = Library()


@register.filter(name="json")
def as_json(value: Any) -> str:
    """A string of JSON, and so of YAML and TOML."""
    return json.dumps(value)


@register.filter(name="sh")
def as_shell_word(value: Any) -> str:
    return shlex.quote(str(value))


@register.filter(name="here_document")
def as_here_document(value: Any) -> str:
    """In a here-document of the shell, whose variables it fills in."""
    return re.sub(r"([\\$`])", r"\\\1", str(value))


@register.filter(name="systemd")
def as_systemd_word(value: Any) -> str:
    """An argument. Of a program's variables, systemd fills in those with a dollar sign."""
    return as_systemd_program(value).replace("$", "$$")


@register.filter(name="systemd_program")
def as_systemd_program(value: Any) -> str:
    """https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html#Quoting"""
    text = as_systemd_value(value)
    return f'"{text}"' if text == "" or set(text) & set(" \t\"'\\;") else text


@register.filter(name="systemd_path")
def as_systemd_path(value: Any) -> str:
    """Of WorkingDirectory and the like, which take the rest of the line as it is."""
    return str(value).replace("%", "%%")


@register.filter(name="systemd_value")
def as_systemd_value(value: Any) -> str:
    """In the quotation marks of an Environment."""
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
