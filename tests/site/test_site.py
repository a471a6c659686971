"""The rendered pages: all there, nothing fetched from elsewhere, links that lead somewhere. Needs `make book`."""

import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

from tools import address, execute, render

ROOT = Path(__file__).resolve().parent.parent.parent
HTML = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
DOCUMENTS = [TOC["root"], *(entry["file"] for part in TOC["parts"] for entry in part["chapters"])]
PAGES = sorted(p.relative_to(HTML).as_posix() for p in HTML.rglob("*.html") if HTML / "_static" not in p.parents)
CHAPTERS, AT_SCALE = (sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / folder).glob("*.ipynb"))
                      for folder in ("book", "notebooks"))

each_document = pytest.mark.parametrize("document", DOCUMENTS)
each_page = pytest.mark.parametrize("page", PAGES)


def soup(page: str) -> BeautifulSoup:
    return BeautifulSoup((HTML / page).read_text(encoding="utf-8"), "html.parser")


def test_the_book_was_built():
    assert PAGES, "there are no pages yet: make book"


def test_the_pages_are_those_of_today():
    """Every notebook was executed as it stands, every chapter rendered, and the table of contents names each."""
    assert execute.stale(CHAPTERS + AT_SCALE) == [], "make book"
    render.stage()
    assert render.FINGERPRINT.read_text(encoding="utf-8") == render.fingerprint(), "make book"
    assert {c.removesuffix(".ipynb") for c in CHAPTERS} <= set(DOCUMENTS), "a chapter is missing from _toc.yml"
    assert {p.relative_to(execute.EXECUTED).as_posix() for p in execute.EXECUTED.rglob("*.ipynb")} == {
        *CHAPTERS, *AT_SCALE}


@pytest.mark.parametrize("source", CHAPTERS + AT_SCALE)
def test_a_notebook_ran_to_its_end_without_errors_or_warnings(source):
    notebook = json.loads((execute.EXECUTED / source).read_text(encoding="utf-8"))
    for i, cell in enumerate(c for c in notebook["cells"] if c["cell_type"] == "code"):
        assert cell["execution_count"], f"code cell {i} was not executed"
        for output in cell["outputs"]:
            assert output["output_type"] != "error", f"code cell {i}"
            assert output.get("name") != "stderr", f"code cell {i} warns: {output['text']}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_solution_is_right_by_the_check_of_its_exercise(chapter):
    for cell in json.loads((execute.EXECUTED / chapter).read_text(encoding="utf-8"))["cells"]:
        checked = re.search(r'exercises\.check\("([\dA-Z.]+)"', "".join(cell["source"]))
        if checked:
            said = "".join("".join(o["text"]) for o in cell["outputs"] if o.get("name") == "stdout")
            stub = cell["id"].endswith("-stub")
            verdict = ": Nothing to check yet." if stub else ": right."
            assert f"Exercise {checked[1]}{verdict}" in said, f"{cell['id']}: {said[:200]}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_titles_that_close_cells_on_colab_stay_there(chapter):
    assert "@title" not in (HTML / chapter.replace(".ipynb", ".html")).read_text(encoding="utf-8")


@each_document
def test_every_page_of_the_contents_exists_and_is_not_empty(document):
    sources = [ROOT / f"{document}{suffix}" for suffix in (".md", ".ipynb")]
    written = document not in ("book/api", "book/claims")   # made from docstrings and the ledger, while rendering
    assert sum(source.exists() for source in sources) == written
    article = soup(f"{document}.html").find("article")
    assert article.find("h1") and len(article.get_text().split()) > 40


def test_the_first_page_leads_into_the_book():
    refresh = soup("index.html").find("meta", attrs={"http-equiv": "Refresh"})["content"]
    assert (HTML / refresh.partition("url=")[2]).exists()


# Nothing from elsewhere

LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src",
         "audio": "src", "embed": "src", "object": "data", "image": "href", "use": "href", "input": "src",
         "track": "src"}
NOT_LOADED = {"next", "prev", "index", "search", "canonical", "author", "license", "copyright", "help", "edit"}
ELSEWHERE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
IN_CSS = re.compile(r"(?:url\(|@import)\s*[\"']?\s*(?:https?:)?//[^\s\"')]+", re.IGNORECASE)
IN_SCRIPT = re.compile(r"(?:import\(|from|fetch\(|importScripts\(|\.src\s*=|\.href\s*=)\s*[\"'`](?:https?:)?//[^\"'`]+")


def fetched_from_elsewhere(page: BeautifulSoup) -> list[str]:
    """Whatever a browser would fetch over the network merely to show the page."""
    found = []
    for tag in page.find_all(True):
        links = [tag.get(LOADS[tag.name])] if tag.name in LOADS else []
        links += [piece.split()[0] for piece in tag.get("srcset", "").split(",") if piece.strip()]
        links += [tag.get("poster"), tag.get("background")]
        if tag.name != "link" or not set(tag.get("rel", [])) <= NOT_LOADED:
            found += [link for link in links if link and ELSEWHERE.match(link)]
        found += IN_CSS.findall(tag.get("style", ""))
        if tag.name == "style":
            found += IN_CSS.findall(tag.get_text())
        if tag.name == "script" and "json" not in tag.get("type", ""):
            found += IN_SCRIPT.findall(tag.get_text())
    return found


@each_page
def test_a_page_fetches_nothing_from_elsewhere(page):
    assert not fetched_from_elsewhere(soup(page))


def test_no_stylesheet_fetches_anything_from_elsewhere():
    sheets = list(HTML.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        assert not IN_CSS.findall(re.sub(r"(?s)/\*.*?\*/", "", sheet.read_text(encoding="utf-8"))), sheet.name


@pytest.mark.parametrize("html", [
    "<script src='https://cdn.x.org/a.js'></script>", "<link rel=stylesheet href='//x.org/a.css'>",
    "<img src='http://x.org/a.png'>", "<img srcset='a.png 1x, https://x.org/b.png 2x'>", "<style>@import 'https://x.org/a.css';</style>",
    "<p style=\"background: url('https://x.org/a.png')\">", "<link rel='preload' href='https://x.org/font.woff2'>",
    "<script>import('https://x.org/a.js')</script>", "<iframe src='https://x.org'></iframe>"])
def test_the_check_for_foreign_files_can_fail(html):
    assert fetched_from_elsewhere(BeautifulSoup(html, "html.parser"))


def test_links_for_the_reader_are_fine():
    html = ("<a href='https://x.org'>x</a><link rel='next' href='b.html'>"
            "<img src='data:image/png;base64,AA'><img src='a.png'>")
    assert not fetched_from_elsewhere(BeautifulSoup(html, "html.parser"))


# Links and parts

@each_page
def test_files_and_places_that_a_page_points_to_exist(page):
    here, missing = soup(page), []
    targets = [tag[key] for tag in here.find_all(True) for key in ("href", "src") if tag.has_attr(key)]
    for target in targets:
        split = urlsplit(target)
        if split.scheme or split.netloc:
            continue
        path = (HTML / page).parent / unquote(split.path) if split.path else HTML / page
        if not path.is_file():
            missing.append(target)
        elif split.fragment and path.suffix == ".html":
            other = here if path == HTML / page else soup(path.resolve().relative_to(HTML.resolve()).as_posix())
            if not other.find(attrs={"id": unquote(split.fragment)}):
                missing.append(target)
    assert not missing


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_buttons_lead_to_the_notebook_in_the_repository(chapter):
    owner, name = address.parts(address.current())
    links = {tag["href"] for tag in soup(chapter.replace(".ipynb", ".html")).find_all("a", href=True)}
    assert f"https://colab.research.google.com/github/{owner}/{name}/blob/main/{chapter}" in links
    binder = f"https://mybinder.org/v2/gh/{owner}/{name}/main"
    assert any(link.startswith(binder) and link.endswith(chapter) for link in links)
    assert address.current() in links


@each_page
def test_every_button_and_link_into_the_repository_leads_to_a_file_of_the_checkout(page):
    links = {tag["href"] for tag in soup(page).find_all("a", href=True)}
    led = {link: path for link in links if (path := address.led_to(link, address.current())) is not None}
    assert not {link for link, path in led.items() if not (ROOT / path).exists()}
    # Whatever is a link to one of the launchers is of a form that the line above understands.
    launchers = ("https://colab.research.google.com/github", "https://mybinder.org/v2", f"{address.current()}/blob")
    assert not {link for link in links if link.startswith(launchers)} - led.keys()


@pytest.mark.parametrize("link, path", [
    ("https://colab.research.google.com/github/a/b/blob/main/book/x.ipynb", "book/x.ipynb"),
    ("https://mybinder.org/v2/gh/a/b/main?urlpath=lab/tree/book/x%20y.ipynb", "book/x y.ipynb"),
    ("https://github.com/a/b/blob/main/README.md#install", "README.md"), ("https://github.com/a/b", None),
    ("https://colab.research.google.com/github/other/b/blob/main/book/x.ipynb", None),
    ("https://github.com/a/b/issues", None)])
def test_a_button_is_taken_apart_rightly(link, path):
    assert address.led_to(link, "https://github.com/a/b") == path


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_mathematics_and_widgets_come_with_the_page(chapter):
    page = soup(chapter.replace(".ipynb", ".html"))
    scripts = [urlsplit(tag["src"]).path for tag in page.find_all("script", src=True)]
    if page.find(class_="math"):
        assert any(s.endswith("vendor/mathjax/tex-mml-chtml.js") for s in scripts)
    kind = "application/vnd.jupyter.widget-{}+json"
    views = [json.loads(tag.get_text()) for tag in page.find_all("script", type=kind.format("view"))]
    states = [json.loads(tag.get_text())["state"] for tag in page.find_all("script", type=kind.format("state"))]
    for view in views:
        assert any(view["model_id"] in state for state in states), "a widget without its state"
    if views:
        assert any(s.endswith("vendor/html-manager/embed-amd.js") for s in scripts)


def test_the_bibliography_holds_every_entry():
    keys = re.findall(r"(?m)^@\w+\{([^,]+),", (ROOT / "book/references.bib").read_text(encoding="utf-8"))
    listed = soup("book/bibliography.html").find("article").find_all(class_="citation")
    assert len(keys) == len(set(keys)) == len(listed) > 10
    assert not [one.get_text() for one in listed if re.search(r"[$\\^{}]", one.get_text())], "TeX that nobody has set"
