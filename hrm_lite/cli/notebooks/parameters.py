"""The parameters of a notebook: what its cell tagged `parameters` declares, and values checked against it."""

from __future__ import annotations

import ast
import difflib
import io
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click

__all__ = ["Parameter", "Refused", "check", "declared", "nearest", "parse", "read_yaml"]

_KINDS = {"bool": bool, "int": int, "float": float, "str": str, "list": list, "tuple": list, "dict": dict}
_WORDS = {bool: "True or False", int: "a whole number", float: "a number", str: "text", list: "a list", dict: "a dict"}


class Refused(click.ClickException):
    """What was given cannot be done; nothing was started."""

    exit_code = 2


@dataclass(frozen=True)
class Parameter:
    """One assignment of the cell tagged `parameters`.

    default: its value, or the source text where it is no literal. kinds: the types that a value may have, None among
    them as NoneType; empty: anything. help: the comment in its line.
    """

    name: str
    default: Any
    source: str
    kinds: tuple[type, ...] = ()
    help: str = ""

    def expects(self) -> str:
        words = " or ".join("None" if kind is type(None) else _WORDS[kind] for kind in self.kinds)
        return f"{words or 'any value'} (default {self.source}{'; ' + self.help if self.help else ''})"


def nearest(name: str, names: Iterable[str]) -> str:
    """The advice for a name that is none of ``names``: the one that was probably meant, or all of them."""
    names = list(names)
    close = difflib.get_close_matches(str(name), names, 1)
    if close:
        return f"Did you mean {close[0]}?"
    return f"There are: {', '.join(names)}." if names else "There are none."


def declared(source: str, where: str) -> dict[str, Parameter]:
    """The parameters that the source of a cell assigns, by name. Raises `Refused` when it is not plain Python."""
    try:
        body = ast.parse(source).body
        comments = {
            token.start[0]: token.string.lstrip("# ")
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT
        }
    except (SyntaxError, tokenize.TokenError) as error:
        raise Refused(
            f"the cell tagged `parameters` of {where} is not plain Python ({error}), so its parameters are not known. "
            "Keep magics and unfinished lines out of it: it holds assignments such as seed = 0 only."
        ) from None
    found = {}
    for node in body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, kinds = node.targets[0], None
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target, kinds = node.target, _annotated(node.annotation)
        else:
            continue
        if not isinstance(target, ast.Name):
            continue
        text = ast.get_source_segment(source, node.value)
        try:
            default = _plain(ast.literal_eval(node.value))
            known = True
        except ValueError:
            default, known = text, False
        if kinds is None:
            kinds = (type(default),) if known and default is not None else ()
        found[target.id] = Parameter(target.id, default, text, kinds, comments.get(node.end_lineno, ""))
    return found


def _annotated(node: ast.expr) -> tuple[type, ...] | None:
    """The types that an annotation such as ``int | None`` or ``Optional[int]`` names; None when one is unknown."""
    kinds = []
    for part in ast.unparse(node).strip("'\"").replace("Optional[", "None | ").split("|"):
        name = part.split("[")[0].strip(" ]")
        if name != "None" and name not in _KINDS:
            return None
        kinds.append(type(None) if name == "None" else _KINDS[name])
    return tuple(dict.fromkeys(kinds))


def _plain(value: Any) -> Any:
    """``value`` as JSON and papermill know it: tuples become lists. Raises ValueError for a set, bytes and the like."""
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"{value!r} is a {type(value).__name__}")


def parse(text: str, parameter: Parameter | None = None) -> Any:
    """The value that ``text`` on a command line means: a Python or YAML literal, else the text itself.

    Where the parameter is known to be text, text it is: ``-p source=2024`` gives "2024".
    """
    try:
        literal = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = text
        if text.strip() in ("true", "false", "null", "~") or text.lstrip().startswith(("[", "{")):
            value = read_yaml(text, f"the value {text}")
    else:
        try:
            value = _plain(literal)
        except ValueError as error:
            raise Refused(f"{error}, which a parameter cannot be. Give a number, text, list or dict.") from None
    only_text = parameter is not None and parameter.kinds == (str,)
    return text if only_text and value is not None and not isinstance(value, str) else value


def read_yaml(text: str, where: str) -> Any:
    """YAML without its traps: 1e-3 is a number, on and no are words, a date is text, no key stands twice."""
    import re

    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for key in keys:
                if keys.count(key) > 1:
                    raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands there twice", node.start_mark)
            return super().construct_mapping(node, deep)

    dropped = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:float")
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if tag not in dropped]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    boolean = re.compile("^(?:true|True|TRUE|false|False|FALSE)$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", boolean, list("tTfF"))
    number = re.compile(
        r"^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+"
        r"|\.(?:inf|Inf|INF))$|^\.(?:nan|NaN|NAN)$"
    )
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+.0123456789"))
    # As in Python; not ~ and "null" alone.
    Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^None$"), ["N"])
    try:
        return yaml.load(text, Loader)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise Refused(f"{where} is not readable as YAML: {' '.join(str(error).split())}.") from None


def check(given: Mapping[str, Any], parameters: Mapping[str, Parameter], where: str) -> dict[str, Any]:
    """``given`` with the types that the notebook ``where`` declares. Raises `Refused` for a wrong name or type."""
    checked = {}
    for name, value in given.items():
        if name not in parameters:
            raise Refused(f"{where} has no parameter {name}. {nearest(name, parameters)}")
        checked[name] = _fit(parameters[name], value)
    return checked


def _fit(parameter: Parameter, value: Any) -> Any:
    try:
        value = _plain(value)
    except ValueError as error:
        raise Refused(f"{parameter.name} expects {parameter.expects()}, but {error}.") from None
    kinds = parameter.kinds
    if not kinds or type(value) in kinds:
        return value
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if float in kinds and isinstance(value, str) and value.strip("+-").lower() in ("inf", "nan"):
        return float(value)
    raise Refused(f"{parameter.name} expects {parameter.expects()}, but {value!r} was given.")
