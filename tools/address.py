"""The public address of the repository, its release, and all that derives from them.

    python tools/address.py                                   refresh badges and bootstrap cells
    python tools/address.py https://github.com/OWNER/NAME     move everything to a new address

The settings are `[project.urls] Repository` and `version` in pyproject.toml. Badges, the first code cell
of every notebook, _config.yml, CITATION.cff and whatever else links to the repository follow from them.
Needs nothing but Python.
"""

import json
import os
import re
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = re.compile(r"https://github\.com/([A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))/([A-Za-z0-9._-]*[A-Za-z0-9_-])")
SETTING = re.compile(r'(?m)^Repository = "([^"]*)"$')
COLAB_BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
BADGES = re.compile(r"(?s)(<!-- badges[^>]*-->\n).*?(<!-- /badges -->)")
AT_SCALE = re.compile(r"(?s)(<!-- notebooks[^>]*-->\n).*?(<!-- /notebooks -->)")
TEXT = {".bib", ".cfg", ".cff", ".css", ".html", ".ipynb", ".js", ".json", ".md", ".py", ".sh", ".svg", ".toml", ".txt",
        ".yaml", ".yml", ""}
NOT_OURS = {".git", ".venv", "_build", "node_modules", "vendor", "__pycache__", "runs", "results"}


def normalise(url: str) -> str:
    bare = url.strip().rstrip("/").removesuffix(".git")
    if not ADDRESS.fullmatch(bare):
        raise ValueError(f"{url!r} is not an address of the form https://github.com/OWNER/NAME (Colab, Binder and "
                         "Pages links are made from OWNER and NAME). Nothing was changed.")
    return bare


def current(root: Path = ROOT) -> str:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


def parts(url: str) -> tuple[str, str]:
    return ADDRESS.fullmatch(url).groups()


def pages(url: str) -> str:
    owner, name = parts(url)
    return f"https://{owner}.github.io/{name}"


def version(root: Path = ROOT) -> str:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def colab(url: str, notebook: str) -> str:
    """Where Colab opens a notebook, given by its path in the repository."""
    owner, name = parts(url)
    return f"https://colab.research.google.com/github/{owner}/{name}/blob/main/{notebook}"


def colab_badge(url: str, notebook: str) -> str:
    return f"[![Open in Colab]({COLAB_BADGE})]({colab(url, notebook)})"


LAUNCHERS = (r"https://colab\.research\.google\.com/github/{slug}/blob/main/([^?#]+)",
             r"https://mybinder\.org/v2/gh/{slug}/main\?(?:.*&)?(?:urlpath=lab/tree/|urlpath=tree/|labpath=)([^&#]+)",
             r"https://github\.com/{slug}/(?:blob|tree|edit|raw)/main/([^?#]+)")


def led_to(link: str, url: str) -> str | None:
    """The file of the repository that a button opens, on Colab, on Binder or on GitHub; None for any other link."""
    slug = re.escape("/".join(parts(url)))
    found = next(filter(None, (re.fullmatch(f.replace("{slug}", slug) + ".*", link) for f in LAUNCHERS)), None)
    return unquote(found[1]) if found else None


def badges(url: str) -> str:
    owner, name = parts(url)
    ci = f"{url}/actions/workflows/ci.yml"
    binder = f"https://mybinder.org/v2/gh/{owner}/{name}/main?urlpath=lab/tree/book"
    return (f"[![Tests]({ci}/badge.svg)]({ci})\n"
            f"[![Read the book](https://img.shields.io/badge/book-read_it-3b5bdb)]({pages(url)}/)\n"
            f"{colab_badge(url, 'book/09_sudoku.ipynb')}\n"
            f"[![Binder](https://mybinder.org/badge_logo.svg)]({binder})\n")


def at_scale(url: str, root: Path = ROOT) -> str:
    """A line for every full-scale notebook, with its button."""
    names = (path.relative_to(root).as_posix() for path in sorted((root / "notebooks").glob("*.ipynb")))
    return "".join(f"- {colab_badge(url, name)} [`{name}`]({name})\n" for name in names)


def source(url: str, release: str) -> str:
    """What pip installs: the release that the notebook belongs to, and not what the main branch has become since."""
    return f"{url}/archive/refs/tags/v{release}.zip"


def bootstrap(url: str, release: str) -> dict:
    """The first code cell of every notebook. `remove-cell` keeps it off the page: there it would do nothing.

    Not `%pip`: a `%pip` that fails leaves the cell green, and the next one stumbles over it.
    """
    lines = f'''# Where hrm_lite is missing (Google Colab, Kaggle), install it; elsewhere this cell does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("hrm_lite") is None:
    address = "{source(url, release)}"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--retries", "1", f"hrm-lite @ {{address}}"]
    done = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    importlib.invalidate_caches()
    if done.returncode:
        print(done.stdout)
        raise RuntimeError(f"hrm_lite could not be installed from {{address}}: pip says above why. See that this "
                           "machine reaches the address (Kaggle: Settings, Internet on), then run this cell again.")'''
    return {"cell_type": "code", "execution_count": None, "id": "bootstrap",
            "metadata": {"tags": ["bootstrap", "remove-cell"]}, "outputs": [], "source": lines.splitlines(True)}


def with_bootstrap(text: str, url: str, release: str) -> str:
    """A notebook, as text, whose first code cell is the bootstrap cell."""
    notebook, cell = json.loads(text), bootstrap(url, release)
    code = [i for i, c in enumerate(notebook["cells"]) if c["cell_type"] == "code"]
    first = code[0] if code else len(notebook["cells"])
    has_one = bool(code) and "bootstrap" in notebook["cells"][first]["metadata"].get("tags", [])
    if has_one and notebook["cells"][first] == cell:
        return text
    notebook["cells"][first : first + has_one] = [cell]
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def moved(text: str, old: str, new: str) -> str:
    """The text with every link to the old address, in any of its forms, turned to the new one."""
    (owner, name), (to_owner, to_name) = parts(old), parts(new)
    repository, site = re.escape(f"{owner}/{name}"), re.escape(f"{owner}.github.io/{name}")
    text = re.sub(rf"((?:github\.com|google\.com/github|mybinder\.org/v2/gh)[/:]){repository}(?![\w-])",
                  rf"\g<1>{to_owner}/{to_name}", text)
    return re.sub(rf"(?<![\w-]){site}(?![\w-])", f"{to_owner}.github.io/{to_name}", text)


def files(root: Path = ROOT):
    """Our own text files."""
    for folder, inside, names in os.walk(root):
        inside[:] = sorted(name for name in inside if name not in NOT_OURS)
        for path in (Path(folder, name) for name in sorted(names)):
            if path.suffix in TEXT and path.is_file() and not path.is_symlink():
                yield path


def rewrite(new: str, root: Path = ROOT) -> dict[Path, str]:
    """The files that an address changes, and their new text."""
    old, release, changed = current(root), version(root), {}
    for path in files(root):
        inside = path.relative_to(root)
        try:
            before = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue   # a picture or an archive without a suffix
        after = moved(before, old, new)
        if inside == Path("pyproject.toml"):
            after = SETTING.sub(f'Repository = "{new}"', after)
        if inside == Path("README.md"):
            after = BADGES.sub(lambda block: block[1] + badges(new) + block[2], after)
            after = AT_SCALE.sub(lambda block: block[1] + at_scale(new, root) + block[2], after)
        if path.suffix == ".ipynb" and inside.parts[0] in ("book", "notebooks"):
            after = with_bootstrap(after, new, release)
        if after != before:
            changed[path] = after
    return changed


def main(arguments: list[str]) -> int:
    if len(arguments) > 1:
        sys.exit("one address, please: make address URL=https://github.com/OWNER/NAME")
    try:
        new = normalise(arguments[0] if arguments else current())
    except ValueError as error:
        sys.exit(str(error))
    changed = rewrite(new)
    for path, text in changed.items():
        path.write_bytes(text.encode("utf-8"))
        print(f"rewritten: {path.relative_to(ROOT)}")
    print(f"{new}: {len(changed)} files changed" if changed else f"{new}: everything already says so")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
