"""papermill's engine with three changes: saving is atomic, printed lines are told on, and it can be stopped."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_core.utils import run_sync
from nbclient.exceptions import CellExecutionError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager
from papermill.log import logger

__all__ = ["engine"]


class _Manager(NotebookExecutionManager):
    """Keeps the notebook where its execution says; what was not reached stays "pending"."""

    def __init__(self, nb: Any, execution: Any):
        super().__init__(nb, progress_bar=False)
        self.execution = execution

    def save(self, nb: Any = None, **_) -> None:
        self.nb = nb or self.nb
        self.execution.save(self.nb)
        self.last_save_time = self.now()

    def notebook_complete(self, **_) -> None:
        self.end_time = self.now()
        self.nb.metadata.papermill["end_time"] = self.end_time.isoformat()
        self.nb.metadata.papermill["duration"] = (self.end_time - self.start_time).total_seconds()
        self.save()


class _Client(PapermillNotebookClient):
    """Knows its event loop, so that another thread can interrupt the kernel."""

    loop: Any = None

    def __init__(self, manager: _Manager, **more):
        super().__init__(manager, **more)
        self.execution = manager.execution
        self.execution.client = self

    async def async_execute_cell(self, cell, cell_index, **more):
        self.loop = asyncio.get_running_loop()
        return await super().async_execute_cell(cell, cell_index, **more)

    execute_cell = run_sync(async_execute_cell)

    def papermill_execute_cells(self) -> None:
        self.execution.started(getattr(self.km.provisioner, "pid", None))
        count = len(self.nb.cells)
        for index, cell in enumerate(self.nb.cells):
            if self.execution.asked:
                break
            first = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
            self.execution.at(index + 1, count, first if cell.cell_type == "code" else "")
            try:
                self.nb_man.cell_start(cell, index)
                self.execute_cell(cell, index)
            except CellExecutionError as error:
                self.nb_man.cell_exception(self.nb.cells[index], cell_index=index, exception=error)
                break
            finally:
                self.nb_man.cell_complete(self.nb.cells[index], cell_index=index)
        self.execution.ask_provenance(self)

    def process_message(self, *arguments, **more):
        output = super().process_message(*arguments, **more)
        if output and output.get("output_type") == "stream":
            lines = [line.strip() for line in output.text.replace("\r", "\n").split("\n") if line.strip()]
            if lines:
                self.execution.at(self.execution.cell.number, self.execution.cell.count, lines[-1])
        return output


def engine(execution: Any) -> type[NBClientEngine]:
    """An engine for papermill that works for ``execution``."""

    class Engine(NBClientEngine):
        @classmethod
        def execute_notebook(cls, nb, kernel_name, **_):
            manager = execution.manager = _Manager(nb, execution)
            manager.notebook_start()
            try:
                client = _Client(manager, kernel_name=kernel_name, log=logger, timeout=None, startup_timeout=120)
                # What a kernel says past its notebook is kept aside: it matters only when the kernel dies.
                client.execute(stdout=execution.chatter, stderr=execution.chatter)
            finally:
                manager.notebook_complete()
            return manager.nb

    return Engine
