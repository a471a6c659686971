"""Render the book: _build/executed and book/*.md -> _build/html (Jupyter Book 1, warnings are errors).

The pages are staged under _build/stage at the paths that they have in the repository, so that the
source, Colab and Binder buttons point to the right files. Nothing is built when nothing changed.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))   # run as a script, it sees its own folder only

from tools import api, at_scale, bind, claims, cover, fold, ground, reading  # noqa: E402

BUILD = ROOT / "_build"
STAGE, HTML, FINGERPRINT = BUILD / "stage", BUILD / "html", BUILD / "html.fingerprint"

# matplotlib's to_jshtml asks a CDN for Font Awesome 4; the theme already brings these icons along.
FONT_AWESOME = re.compile(r'<link\s+rel="stylesheet"\s+href="https://maxcdn\.bootstrapcdn\.com/font-awesome/[^"]*">\s*')


# Thebe would run cells on a public server. Jupyter Book loads it unasked, twice, which is an error on every page.
THEBE = re.compile(r"\s*<script>const THEBE_JS_URL.*?</script>"
                   r"|\s*<(?:script|link)\b[^>]*sphinx-thebe\.(?:js|css)[^>]*>(?:\s*</script>)?")


def for_the_page(notebook: dict) -> dict:
    """Without what would be fetched from elsewhere, without the titles that are Colab's, and no picture on white."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = fold.untitled(fold.text(cell))
        for output in cell.get("outputs", []):
            html = output.get("data", {}).get("text/html")
            if html is not None:
                output["data"]["text/html"] = FONT_AWESOME.sub("", html if isinstance(html, str) else "".join(html))
            png = output.get("data", {}).get("image/png")
            if png is not None:
                output["data"]["image/png"] = ground.cleared(png if isinstance(png, str) else "".join(png))
    return notebook


def stage() -> None:
    shutil.rmtree(STAGE, ignore_errors=True)
    ignore = shutil.ignore_patterns("*.ipynb", ".*", "__pycache__")
    shutil.copytree(ROOT / "book", STAGE / "book", ignore=ignore)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy2(ROOT / name, STAGE / name)
    (STAGE / "book" / "api.md").write_text(api.page(), encoding="utf-8")
    (STAGE / "book" / "claims.md").write_text(claims.page(), encoding="utf-8")
    (STAGE / "book" / "images" / "thinking.html").write_text(cover.page(), encoding="utf-8")
    for name in ("index.md", "how_to_read.md"):
        first = STAGE / "book" / name
        first.write_text(reading.filled(first.read_text(encoding="utf-8"), ROOT / "book"), encoding="utf-8")
    pages = {source.relative_to(BUILD / "executed"): json.loads(source.read_text(encoding="utf-8"))
             for source in sorted((BUILD / "executed").rglob("*.ipynb"))}
    # Of the notebooks for large runs the pages show the whole runs that are kept; the others their smoke tests.
    pages |= {source.relative_to(ROOT): at_scale.refreshed(path, source)
              for path, source in at_scale.executed().items()}
    wrong = [fault for name, notebook in pages.items() for fault in bind.bind(notebook, name.as_posix())]
    wrong += [fault for page in sorted((ROOT / "book").glob("*.md"))
              for fault in bind.faults_of_page(page.read_text(encoding="utf-8"), page.name)]
    if wrong:
        sys.exit("\n".join([*wrong, "Numbers in the text differ from what the cells found; nothing was rendered."]))
    for name, notebook in pages.items():
        (STAGE / name).parent.mkdir(parents=True, exist_ok=True)
        (STAGE / name).write_text(json.dumps(for_the_page(reading.announce(notebook))), encoding="utf-8")


def fingerprint() -> str:
    sha = hashlib.sha256()
    inputs = [p for p in sorted(STAGE.rglob("*")) if p.is_file()]
    for path in [*inputs, ROOT / "constraints.txt", Path(__file__)]:
        sha.update(f"{path.relative_to(ROOT).as_posix()}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return sha.hexdigest()


def main() -> int:
    stage()
    new = fingerprint()
    index = HTML / "index.html"
    if not (index.exists() and FINGERPRINT.exists() and FINGERPRINT.read_text(encoding="utf-8") == new):
        print("rendering the pages …", flush=True)
        FINGERPRINT.unlink(missing_ok=True)
        begun, work = time.perf_counter(), BUILD / "sphinx"
        shutil.rmtree(work, ignore_errors=True)   # whole, each time: a page that Sphinx skips gives no warnings
        command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(STAGE),
                   "--path-output", str(work), "--all", "-W", "-n", "--keep-going", "-q"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
                              errors="replace", env=os.environ | {"PYTHONUTF8": "1"})
        if done.returncode:
            said = done.stdout.replace(f"{STAGE}{os.sep}", "")
            sys.exit(f"{said}\nThe pages were not rendered: Jupyter Book warned or failed, see above.")
        for page in (work / "_build" / "html").rglob("*.html"):
            page.write_text(THEBE.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")
        shutil.rmtree(HTML, ignore_errors=True)
        shutil.move(work / "_build" / "html", HTML)
        FINGERPRINT.write_text(new, encoding="utf-8")
        print(f"rendered in {time.perf_counter() - begun:.0f} s")
    print(f"\nThe book: {index.as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
