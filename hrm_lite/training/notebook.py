"""What a training notebook settles before it begins: its parameters, the card, and where the run is kept.

On Colab the machine's disk goes away with the machine; a folder of the reader's Drive stays.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import types
from collections.abc import Iterable
from pathlib import Path

import torch

__all__ = ["check_parameters", "check_precision", "keep_run", "needs_gpu"]

DRIVE = Path("/content/drive/MyDrive")
_CHECKED = "_hrm_lite_parameters_checked"
_GPU = "On Colab: Runtime → Change runtime type → T4 GPU, then run all cells again."


def check_parameters(namespace: dict, known: Iterable[str]) -> None:
    """Refuse a parameter that the notebook does not know: papermill sets it all the same, and nothing would read it.

    namespace: the notebook's ``globals()``, as early as possible. known: the names that it reads. When cells are run
    again, the notebook's own names are there too: then only what is nearly a parameter is refused. Raises ValueError.
    """
    known = set(known)
    simple = (str, int, float, bool, list, tuple, dict, types.NoneType)
    own = {name for name, value in namespace.items() if isinstance(value, simple) and not name.startswith("_")}
    own -= {"In", "Out"}
    for name in sorted(own - known):
        near = difflib.get_close_matches(name, known, 1, 0.8)
        if near or _CHECKED not in namespace:
            advice = f"Did you mean {near[0]}? " if near else ""
            raise ValueError(
                f"{name}={namespace[name]!r} is not a parameter of this notebook. {advice}It knows: "
                f"{', '.join(sorted(known))}."
            )
    namespace[_CHECKED] = True


def needs_gpu(profile: str) -> None:
    """Raises RuntimeError where torch sees no GPU; profile: what asked for one."""
    if not torch.cuda.is_available():
        raise RuntimeError(
            f"profile={profile!r} trains on a GPU, and torch sees none on this machine. {_GPU} "
            'profile="smoke" runs everywhere.'
        )


def check_precision(precision: str) -> None:
    """Raises RuntimeError where bfloat16 is asked of a card that would have to emulate it."""
    if precision == "bfloat16" and torch.cuda.is_available() and torch.cuda.get_device_capability() < (8, 0):
        raise RuntimeError(
            f'precision="bfloat16" needs a card from Ampere on (A100, L4, RTX 30), and this one is a '
            f'{torch.cuda.get_device_name()}. Leave it out: "auto" computes in float16 here. Or choose another card: '
            "Runtime → Change runtime type."
        )


def keep_run(run_dir: str | os.PathLike | None, name: str, offer_drive: bool) -> Path:
    """The folder that a run is kept in: ``run_dir`` if it is given, else runs/``name``, on Colab on the reader's Drive.

    offer_drive: ask for the Drive on Colab; False for a run that is not worth it. Who declines keeps the run on the
    machine, and is told what that means.
    """
    local = Path("runs") / name
    if run_dir is not None:
        return Path(run_dir).expanduser()
    if not offer_drive or not _on_colab():
        return local
    if not DRIVE.is_dir():
        print("The checkpoints go to your Google Drive, if you allow it: what lies there outlives this machine.")
        try:
            from google.colab import drive

            drive.mount(str(DRIVE.parent))
        except Exception as error:  # declined, timed out, or nobody is there to be asked
            print(
                f"Drive was not mounted ({error}). The run is kept in {local} on this machine: when Colab takes the "
                "machine back it is gone, and running all cells again begins from nothing. To change your mind, run "
                "this cell again; to keep it elsewhere, set run_dir."
            )
            return local
    return DRIVE / "hrm-lite" / name


def _on_colab() -> bool:
    try:
        return importlib.util.find_spec("google.colab") is not None
    except ModuleNotFoundError:  # no package `google` at all
        return False
