"""As on Google Colab: its Python, its versions, a stub of its own package, the notebooks alone in a folder.

`make colab` runs this with torch for a CPU, `make colab TORCH=cuda` with the build that Colab has (5.7 GB), and
`make colab TORCH=here` where this is Colab's own image. Otherwise it is skipped: the environments take minutes and
gigabytes to make. It needs none of this checkout's packages but pytest.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import address

sys.path.insert(0, str(Path(__file__).resolve().parent / "colab"))
import environment

ROOT = Path(__file__).resolve().parent.parent
TORCH = os.environ.get("HRM_LITE_COLAB", "")
NOTEBOOKS = sorted([*(ROOT / "book").glob("*.ipynb"), *(ROOT / "notebooks").glob("*.ipynb")])
RELEASE = address.source(address.current(), address.version())

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(TORCH not in ("cpu", "cuda", "here"), reason="Colab's versions are gigabytes: make colab"),
]


class Machine:
    """One of Colab's machines: an environment, and a folder where notebooks lie by themselves."""

    def __init__(self, python: Path, folder: Path, wheel: Path):
        self.python, self.folder, self.wheel = python, folder, wheel
        # Nothing of this checkout can be found from there, nor anything that a user has set.
        keep = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TEMP", "USERPROFILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
        self.env = {k: v for k, v in os.environ.items() if k in keep or k.lower().endswith("_proxy")}
        if TORCH != "here":
            self.env["PYTHONPATH"] = str(environment.STUB)
        self.env |= {"TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1",
                     "PYTHONUTF8": "1", "JUPYTER_PREFER_ENV_PATH": "1",
                     "MPLBACKEND": "module://matplotlib_inline.backend_inline",
                     "HRM_LITE_CACHE": str(folder / "cache")}

    def run(self, *command: str) -> subprocess.CompletedProcess:
        return subprocess.run([str(self.python), *command], cwd=self.folder, env=self.env, capture_output=True,
                              encoding="utf-8", errors="replace")

    def pip(self, *words: str) -> subprocess.CompletedProcess:
        return self.run("-m", "pip", "--disable-pip-version-check", *words)

    def installed(self) -> dict[str, str]:
        return {p["name"].lower(): p["version"] for p in json.loads(self.pip("list", "--format", "json").stdout)}

    def execute(self, notebook: Path, there: str) -> tuple[subprocess.CompletedProcess, list[dict]]:
        """Run a notebook that installs hrm_lite from ``there``; what came out of its code cells."""
        text = notebook.read_text(encoding="utf-8")
        assert RELEASE in text
        (self.folder / notebook.name).write_text(text.replace(RELEASE, there), encoding="utf-8")
        done = self.run(str(environment.STUB / "execute.py"), notebook.name)
        cells = json.loads((self.folder / notebook.name).read_text(encoding="utf-8"))["cells"]
        return done, [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(pip, check=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=["3.12", "3.13"])
def machine(request, tmp_path_factory, wheel):
    try:
        python = environment.made(request.param, TORCH)
    except environment.Missing as what:
        pytest.skip(str(what))
    found = Machine(python, tmp_path_factory.mktemp(f"colab{request.param}"), wheel)
    found.pip("uninstall", "--yes", "--quiet", "hrm-lite")
    yield found
    found.pip("uninstall", "--yes", "--quiet", "hrm-lite")


@pytest.mark.skipif(TORCH == "here", reason="this is Colab's image: it says itself what Colab has")
def test_it_is_what_colab_has(machine):
    installed = machine.installed()
    for name, version in environment.pins().items():
        if name != "python":
            assert installed[name.lower()].partition("+")[0] == version, name
    assert "hrm-lite" not in installed
    assert machine.run("-c", "import hrm_lite").returncode, "the checkout must not be found"
    assert machine.run("-c", "from google.colab import drive").returncode == 0


def test_installing_replaces_nothing(machine):
    before = machine.installed()
    report = machine.pip("install", "--dry-run", "--quiet", "--report", "-", str(machine.wheel))
    assert report.returncode == 0, report.stderr
    wanted = {p["metadata"]["name"].lower(): p["metadata"]["version"] for p in json.loads(report.stdout)["install"]}
    assert "hrm-lite" in wanted
    replaced = {name: (before[name], version) for name, version in wanted.items() if name in before}
    assert not replaced, "on Colab that means a restart in the middle of a chapter"


def test_where_the_address_cannot_be_reached_the_first_cell_fails_and_says_so(machine):
    done, cells = machine.execute(NOTEBOOKS[0], nowhere := "http://127.0.0.1:9/hrm-lite/v0.zip")
    assert done.returncode != 0 and "hrm-lite" not in machine.installed()
    errors = [[o for o in cell["outputs"] if o["output_type"] == "error"] for cell in cells]
    assert [bool(found) for found in errors[:2]] == [True, False], "and not the second, for want of a module"
    assert nowhere in errors[0][0]["evalue"] and "run this cell again" in errors[0][0]["evalue"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs_alone_in_a_folder(machine, notebook):
    done, cells = machine.execute(notebook, machine.wheel.as_uri())
    assert done.returncode == 0, done.stderr[-3000:]
    for number, cell in enumerate(cells):
        assert cell["execution_count"], f"code cell {number} was not executed"
        warned = [o["text"] for o in cell["outputs"] if o.get("name") == "stderr"]
        assert not warned, f"code cell {number} warns: {warned}"
    where = machine.run("-c", "import hrm_lite; print(hrm_lite.__file__)").stdout
    assert "site-packages" in where, where


def test_the_run_records_came_along(machine):
    machine.pip("install", "--quiet", str(machine.wheel))
    here = {p.name: len(list(p.rglob("*.json"))) for p in (ROOT / "results").iterdir() if p.is_dir()}
    code = "import json; from hrm_lite.records import published; print(json.dumps({n: len(published(n)) for n in %r}))"
    done = machine.run("-c", code % sorted(here))
    assert json.loads(done.stdout or "{}") == here, done.stderr


def test_a_seed_draws_the_same_initial_weights_there(machine):
    machine.pip("install", "--quiet", str(machine.wheel))
    for name in ("conftest.py", "helpers.py", "test_initial_weights.py"):
        shutil.copy(ROOT / "tests" / name, machine.folder)
    shutil.copytree(ROOT / "tests" / "data", machine.folder / "data", dirs_exist_ok=True)
    done = machine.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_initial_weights.py")
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
