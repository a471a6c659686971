"""``--set name=value``: any setting of both configurations, read by the type that its field has."""

from __future__ import annotations

import dataclasses
import types
import typing

import click

from ..config import HRMConfig, TrainConfig
from .names import nearest

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word", tuple: "numbers with commas"}
# {name: (configuration, type)}; no name stands in both (a test holds that).
_FIELDS = {
    name: (config, kind)
    for config in (HRMConfig, TrainConfig)
    for name, kind in typing.get_type_hints(config).items()
    if name in {field.name for field in dataclasses.fields(config)}
}


class Setting(click.ParamType):
    """``name=value`` -> (name, value), refused with the nearest name, or with what the setting takes."""

    name = "name=value"

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        name = name.strip().replace("-", "_")
        if name not in _FIELDS:
            self.fail(f"there is no setting {name!r}. {nearest(name, sorted(_FIELDS))}", param, ctx)
        kind = _FIELDS[name][1]
        if not equals:
            self.fail(f"{value!r} lacks its value: write {name}=… with {_describe(kind)}.", param, ctx)
        try:
            return name, _read(text.strip(), kind)
        except ValueError:
            self.fail(f"{name} takes {_describe(kind)}, but was given {text.strip()!r}.", param, ctx)

    def shell_complete(self, ctx, param, incomplete):
        from click.shell_completion import CompletionItem

        return [CompletionItem(f"{name}=") for name in sorted(_FIELDS) if name.startswith(incomplete)]


def read_settings(settings) -> tuple[dict, dict]:
    """Pairs of (name, value) -> what changes in the model's configuration, and what in the training's."""
    changes = {HRMConfig: {}, TrainConfig: {}}
    for name, value in settings:
        changes[_FIELDS[name][0]][name] = value
    return changes[HRMConfig], changes[TrainConfig]


def _members(kind) -> tuple:
    return typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


def _describe(kind) -> str:
    words = []
    for member in _members(kind):
        words.append("none" if member is types.NoneType else _KINDS[typing.get_origin(member) or member])
    return " or ".join(words)


def _read(text: str, kind):
    for member in _members(kind):
        if member is types.NoneType:
            if text.lower() in ("none", "null", ""):
                return None
            continue
        try:
            return _read_one(text, member)
        except ValueError:
            continue
    raise ValueError(text)


def _read_one(text: str, kind):
    if kind is bool:
        if text.lower() not in _WORDS:
            raise ValueError(text)
        return _WORDS[text.lower()]
    if kind is int:
        number = float(text.replace("_", ""))
        if not number.is_integer():  # 1e3 is a whole number too
            raise ValueError(text)
        return int(number)
    if kind is float:
        return float(text)
    if typing.get_origin(kind) is tuple:
        parts = [part.strip() for part in text.strip("()[] ").split(",") if part.strip()]
        return tuple(_read_one(part, typing.get_args(kind)[0]) for part in parts)
    return text
