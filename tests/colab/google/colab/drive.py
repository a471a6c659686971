"""`drive.mount`: makes the folder that COLAB_DRIVE names, if it is set; else it ends as for one who declines."""

import os
from pathlib import Path


def mount(mountpoint: str, force_remount: bool = False, timeout_ms: int = 120_000, readonly: bool = False) -> None:
    if not (place := os.environ.get("COLAB_DRIVE")):
        raise ValueError("mount failed: the reader closed the window that asks for permission")
    (Path(place) / "MyDrive").mkdir(parents=True, exist_ok=True)
    print(f"Mounted at {mountpoint}")


def flush_and_unmount(timeout_ms: int = 24 * 60 * 60 * 1000) -> None: ...
