"""Notebooks that attack the grader, or break by accident: what each may get at most, and what its owner must be told.

`attacks(...)[name]` is (bytes of the file, points or None where it cannot be graded, words that the feedback has).
Of 9 points task 1 gives 3, task 2 gives 1, task 3 gives 2 and task 4 gives 3.
"""

import json
import random
from textwrap import dedent

from tests.classroom import made

# Right answers, and a cell above them that does harm: it costs itself, and nothing else.
CELL = {
    "endless loop": ("while True:\n    pass", "still computing"),
    "sleeps for ever": ("import time\ntime.sleep(10**6)", "nobody types"),
    "fork bomb": ("""
        import os
        while True:
            try:
                os.fork()
            except OSError:
                pass
        """, "brought the notebook down"),
    "many threads": ("""
        import threading, time
        while True:
            threading.Thread(target=time.sleep, args=(999,)).start()
        """, "code cell 1"),
    "50 GB": ("x = bytearray(50 << 30)", "MemoryError"),
    "50 GB tensor": ("import torch\nx = torch.ones(50 << 28)", "allocate memory"),
    "50 GB by and by": ("x = []\nwhile True:\n    x.append(bytearray(1 << 24))", "MemoryError"),
    "a crash": ("import ctypes\nctypes.string_at(0)", "ended Python itself"),
    "kills": ("""
        import os
        for process in (1, os.getppid(), -1):
            try:
                os.kill(process, 9)
            except OSError:
                pass
        """, "9</b> of 9"),
    "sys.exit": ("import sys\nsys.exit(3)", "SystemExit"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "closes everything": ("import os\nos.closerange(0, 100)", "ended Python itself"),
    "garbage on the pipe": ("""
        import os
        for number in range(3, 64):
            try:
                os.write(number, bytes(range(256)) * 500)
            except OSError:
                pass
        """, "connection to the grader"),
    "200 MB of output": ("for _ in range(200):\n    print('x' * (1 << 20))", "9</b> of 9"),
    "200 MB past Python": ("import os\nfor _ in range(200):\n    os.write(1, b'x' * (1 << 20))", "9</b> of 9"),
    "fills the disk": ("for i in range(99):\n    open(f'/tmp/{i}', 'wb').write(bytes(1 << 24))", "OSError"),
    "input()": ("name = input('your name? ')", "nobody sits"),
    "waits for a widget": ("""
        import ipywidgets, time
        box = ipywidgets.Checkbox()
        while not box.value:
            time.sleep(0.05)
        """, "nobody types"),
    "installs": ("%pip install numpy\n!pip install nothing\n%matplotlib inline\nlines = !ls", "no network"),
    "another shell": ("%%bash\nls /", "command of the shell"),
    "leaves things behind": ("""
        import subprocess, threading, time
        threading.Thread(target=time.sleep, args=(4242,)).start()
        subprocess.Popen(["sleep", "4242"], start_new_session=True)
        """, "9</b> of 9"),
    "divides by zero": ("1 / 0", "ZeroDivisionError"),
    "is no Python": ("def (", "SyntaxError"),
    "imports what is not there": ("import nowhere_at_all", "ModuleNotFoundError"),
}  # fmt: skip

EQUAL = """
    class Equal{base}:
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        def __lt__(self, other): return False
        __gt__ = __le__ = __ge__ = __lt__
        __hash__ = None
        def __float__(self): return 1.5
        def __abs__(self): return self
        def __sub__(self, other): return self
        __rsub__ = __add__ = __radd__ = __truediv__ = __sub__
        def __bool__(self): return False
        def __array__(self, *a, **k):
            import numpy
            return numpy.zeros(())
    """
# Every answer is one value, or a function that returns it: no points at all.
VALUE = {
    "always equal": ("Equal()", EQUAL.format(base=""), "object of type Equal"),
    "always equal float": ("Equal(1.5)", EQUAL.format(base="(float)"), "object of type Equal"),
    "always equal tensor": ("torch.zeros(3).as_subclass(Equal)",
                            "    import torch" + EQUAL.format(base="(torch.Tensor)"), "object of type Equal"),
    "says it is a float": ("Fake()", """
        class Fake:
            __class__ = float
            def __eq__(self, other): return True
        """, "object of type Fake"),
    "NaN": ("float('nan')", "", "NaN"),
    "infinity": ("float('inf')", "", "overflowed"),
    "NaN tensor": ("torch.full((3,), torch.nan)", "", "NaN"),
    "huge tensor": ("torch.zeros(20_000_000)", "", "too large"),
    "larger than memory": ("torch.zeros(10**12)", "", "RuntimeError"),
    "deep list": ("deep", "deep = []\nfor _ in range(500):\n    deep = [deep]", "too large"),
    "list of itself": ("deep", "deep = []\ndeep.append(deep)", "too large"),
    "huge number": ("10**100_000", "", "too large"),
    "half a surrogate": (r"'\ud800<script>alert(1)</script>'", "", "one number"),
}  # fmt: skip

# Right but for task 2, which is right only where something was found that must not be seen.
SEEN = {
    "reads": """
        import glob
        for name in SECRETS:
            try:
                found.append(open(name).read())
            except OSError:
                pass
        found += glob.glob("/root/*") + glob.glob("/etc/*pass*") + glob.glob("/home/*/*.*")
        """,
    "reads at home": """
        import os
        for folder, _, names in os.walk("/course"):
            found += [n for n in names if "judge" in n or "answers_" in n or "halves" in n]
        """,
    "writes the gradebook": """
        import os
        if os.path.isdir(GRADEBOOK):
            found.append(1)
        try:
            os.makedirs(GRADEBOOK, exist_ok=True)
            open(GRADEBOOK + "/marks.csv", "w").write("me,9")
        except OSError:
            pass
        """,
    "writes the package": """
        import hrm_lite
        try:
            open(hrm_lite.__file__, "a").write("#")
            found.append(1)
        except OSError:
            pass
        """,
    "calls out": """
        import socket
        for where in (("127.0.0.1", PORT), ("1.1.1.1", 53)):
            try:
                socket.create_connection(where, 1)
                found.append(1)
            except OSError:
                pass
        """,
    "looks at other processes": """
        import os
        for process in filter(str.isdigit, os.listdir("/proc")):
            if b"cli import main" in open(f"/proc/{process}/cmdline", "rb").read():
                found.append(process)
        """,
}

LOOKS_INTO_FRAMES = """
    import gc, inspect
    def half(x):
        frame, seen = inspect.currentframe(), []
        while frame:
            seen += [v for v in frame.f_locals.values() if isinstance(v, float) and v != x]
            frame = frame.f_back
        seen += [d["want"] for d in gc.get_objects() if isinstance(d, dict) and "want" in d]
        return seen[0] if seen else 0.0
    """
PATCHES_TORCH = """
    import torch
    for name in ("allclose", "equal", "isclose"):
        setattr(torch, name, lambda *a, **k: True)
    torch.testing.assert_close = lambda *a, **k: None
    torch.Tensor.__eq__ = torch.Tensor.__lt__ = torch.Tensor.__gt__ = lambda *a: torch.ones(())
    from hrm_lite import exercises
    import hrm_lite.exercises.base as base
    exercises.check = exercises.judge = base.check = base.judge = lambda *a: True
    """
PATCHES_WIRE = """
    import sys
    for module in list(sys.modules.values()):
        if hasattr(module, "Packer"):
            module.Packer.tree = lambda self, value, depth=0: 6
    """
PATCHES_BUILTINS = """
    import builtins
    builtins.isinstance = lambda *_: True
    builtins.abs = lambda x: 0
    builtins.len = lambda x: 1
    """
WRONG = {"task-1": "def half(x):\n    return x", "task-2": "steps = 4", "task-3": "def centred(x):\n    return x"}
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"


def _tests(notebook: dict) -> list[dict]:
    return [c for c in notebook["cells"] if c["cell_type"] == "code" and c["metadata"].get("nbgrader", {}).get("grade")]


def _deleted():
    notebook = made.handed_in()
    gone = _tests(notebook)
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in gone]
    return notebook


def _doubled():
    notebook = made.handed_in()
    notebook["cells"] = [copy for cell in notebook["cells"] for copy in (cell, cell)]
    return notebook


def _reordered():
    notebook = made.handed_in()
    first = _tests(notebook)
    notebook["cells"] = first + [cell for cell in notebook["cells"] if cell not in first]
    return notebook


def _changed():
    notebook = made.handed_in({"task-1": "half = None", "task-3": "def centred(x):\n    return x"})
    for cell in _tests(notebook):
        cell["source"] = "exercises.check = lambda *_: True\nexercises.check('C90.1', lambda x: x / 2)"
    return notebook


def _from_colab():
    notebook = made.handed_in()
    for i, cell in enumerate(notebook["cells"]):
        cell.pop("id", None)
        cell["metadata"] |= {"id": f"x{i}", "colab": {"base_uri": "https://localhost:8080/"}}
    return notebook | {"metadata": {"colab": {"provenance": []}, "accelerator": "GPU"}, "nbformat_minor": 0}


def _bare():
    notebook = made.handed_in()
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    return notebook | {"metadata": {}}


def _other():
    cells = [made.text("# Something else"), made.code("print(1)")]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _last_year():
    notebook = made.handed_in()
    notebook["metadata"]["hrm_lite"] = {"classroom": {"assignment": made.NAME, "version": "0123456789ab"}}
    return notebook


def _large():
    notebook = made.handed_in()
    line = {"output_type": "stream", "name": "stdout", "text": ["y" * 1000 + "\n"] * 50_000}
    next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")["outputs"] = [line]
    return notebook


def attacks(secrets, gradebook, port=0) -> dict[str, tuple[bytes, float | None, str]]:
    """All of them. secrets: files that must not be read. gradebook: a folder that must not be seen. port: where
    somebody on this machine answers, who must not be reached.
    """
    found = {name: (made.handed_in(before=[dedent(source)]), 9, said) for name, (source, said) in CELL.items()}
    for name, (value, before, said) in VALUE.items():
        answers = {"task-1": f"half = lambda x: {value}", "task-2": f"steps = {value}",
                   "task-3": f"centred = lambda x: {value}", "task-4": f"repeat = lambda f, x, n: {value}"}  # fmt: skip
        found[name] = made.handed_in(answers, before=[dedent(before)]), 0, said
    for name, look in SEEN.items():
        names = f"SECRETS, GRADEBOOK, PORT, found = {[str(s) for s in secrets]!r}, {str(gradebook)!r}, {port}, []\n"
        found[name] = made.handed_in({"task-2": names + dedent(look) + "steps = 5 if found else 0"}), 8, "Count again"
    loop, leave = "def {0}:\n    while True:\n        pass", "import os\ndef {0}:\n    os._exit(0)"
    found |= {
        "endless loop in a call": (made.handed_in({"task-3": loop.format("centred(x)")}), 7, "did not come back"),
        "ends Python": (made.handed_in({"task-4": "import os\nos._exit(0)"}), 6, "ended Python itself"),
        "ends Python in a call": (made.handed_in({"task-4": leave.format("repeat(*_)")}), 6, "ended Python itself"),
        "five crashes": (made.handed_in(before=["import os\nos._exit(1)"] * 5), 0, "more than 3 times"),
        "looks into frames": (made.handed_in({"task-1": dedent(LOOKS_INTO_FRAMES)}), 6, "Half of 3"),
        "patches torch": (made.handed_in(WRONG, before=[dedent(PATCHES_TORCH)]), 3, "Half of 3"),
        "patches the wire": (made.handed_in(WRONG, before=[dedent(PATCHES_WIRE)]), 0, "Not yet"),
        "patches builtins": (made.handed_in(WRONG, before=[dedent(PATCHES_BUILTINS)]), None, "Not yet"),
        "deleted tests": (_deleted(), 9, "missing"),
        "doubled cells": (_doubled(), 9, "more than once"),
        "tests moved up": (_reordered(), 9, "above your solution"),
        "changed tests": (_changed(), 4, "not as they were"),
        "saved by Colab": (_from_colab(), 9, "9</b> of 9"),
        "no metadata": (_bare(), 9, "lost the marks"),
        "another notebook": (_other(), None, "belongs to none"),
        "last year's": (_last_year(), 9, "another version"),
        "50 MB": (_large(), 9, "9</b> of 9"),
        "script in text": (made.handed_in({"task-2": "steps = '<script>alert(1)</script>'"}), 8, "&lt;script&gt;"),
        "not filled in": (made.handed_in(dict.fromkeys(made.SOLUTIONS, STUB)), 0, "Not done"),
    }
    return {name: (json.dumps(one).encode(), points, said) for name, (one, points, said) in found.items()} | {
        "not JSON": (b"import torch\nprint('a script')\n", None, "no notebook"),
        "empty": (b"", None, "no notebook"),
        "bytes": (random.Random(0).randbytes(5000), None, "no notebook"),
        "a list": (b"[1, 2, 3]", None, "no notebook"),
        "deep JSON": (b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", None, "no notebook"),
        "odd cells": (b'{"cells": [1, null, {"source": 5}]}', None, "no notebook"),
    }
