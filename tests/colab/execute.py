"""Run a notebook in place, like `Run all`, and keep what came out until an error. For an environment like Colab's."""

import sys

import nbformat
from nbclient import NotebookClient

path = sys.argv[1]
notebook = nbformat.read(path, as_version=4)
try:
    NotebookClient(notebook, timeout=1800, kernel_name="python3").execute()
finally:
    nbformat.write(notebook, path)
