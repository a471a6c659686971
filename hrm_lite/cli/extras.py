"""The extras of the package, as its own metadata lists them: which are missing, and what brings them."""

from __future__ import annotations

import re
from importlib import metadata

_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?.*?;.*extra\s*==\s*['\"]([\w.-]+)['\"]")


def extras(package: str = "hrm-lite") -> dict[str, list[tuple[str, str | None]]]:
    """{extra: [(distribution, installed version or None), …]}; empty where the package itself is not installed."""
    try:
        requirements = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return {}
    found: dict[str, list[tuple[str, str | None]]] = {}
    for line in requirements:
        if match := _REQUIREMENT.fullmatch(line.strip()):
            name, extra = match.groups()
            found.setdefault(extra, []).append((name, _version(name)))
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def advice(module: str) -> str:
    """What to type where a module is missing: the extra that brings it, or its own name."""
    top = module.split(".")[0]
    for extra, members in extras().items():
        if top.replace("_", "-").lower() in (name.replace("_", "-").lower() for name, _ in members):
            return f'It comes with: pip install "hrm-lite[{extra}]"'
    return f"It comes with: pip install {top}"
