"""Files of data sets and models on the Hugging Face Hub: fetched once, held against their hash, then read from disk.

The Hub says a hash of each file before it sends it. A copy that does not match, whatever happened to it, is refused
(where the Hub's cache can make links; elsewhere it does not keep that hash).
The hash of a file that was used once is also written down: should the data set change under the same name, that is
said, and not trained on unnoticed. Files are text; nothing in them is executed or unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import warnings
from pathlib import Path

from hrm_lite.puzzles.files import write_atomically
from hrm_lite.puzzles.store import cache_folder, sha256_of

__all__ = ["fetch", "names"]


def fetch(source: str, filename: str, offline: str, kind: str = "dataset") -> Path:
    """The local copy of a file of a repository.

    source: "OWNER/NAME", or "OWNER/NAME@REVISION" for a branch, tag or commit. offline: what to use without a network,
    for the message. kind: "dataset" or "model", what the repository is.
    Once there, a file is read without asking the network again.

    ValueError for a name that is none; OSError where the Hub cannot be reached or the copy is not what it says.
    """
    repository, revision = _repository(source)
    import huggingface_hub as hub  # only who asks for the Hub pays for the import

    place = dict(repo_id=repository, filename=filename, repo_type=kind, revision=revision)
    try:
        path = hub.try_to_load_from_cache(**place)
        if not isinstance(path, str):
            # Asked first, and once: the download by itself tries for 20 seconds before it says that there is no net.
            hub.get_hf_file_metadata(hub.hf_hub_url(**place))
            path = hub.hf_hub_download(**place)
    except Exception as error:
        raise _unreachable(filename, repository, offline, error) from error
    path = Path(path)
    found = sha256_of(path)  # once: the file may be large
    _hold_against_the_hub(path, found, repository)
    _hold_against_the_past(path, found, source, filename, "" if kind == "dataset" else f"{kind}--")
    return path


def names(source: str, offline: str, kind: str = "dataset") -> list[str]:
    """The names of the files of a repository, as the Hub gave them the first time; arguments and errors as `fetch`.

    Without a network: those of an earlier download.
    """
    repository, revision = _repository(source)
    record = cache_folder() / "hub" / f"{kind}--{source.replace('/', '--')}--names.json"
    try:
        return [str(name) for name in json.loads(record.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        pass
    import huggingface_hub as hub

    try:
        found = hub.list_repo_files(repository, revision=revision, repo_type=kind)
    except Exception as error:
        try:
            folder = hub.snapshot_download(repository, revision=revision, repo_type=kind, local_files_only=True)
            return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())
        except Exception:
            raise _unreachable("the list of files", repository, offline, error) from error
    with contextlib.suppress(OSError):  # then they are asked for again the next time
        record.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(record) as file:
            json.dump(sorted(found), file)
    return sorted(found)


def _repository(source: str) -> tuple[str, str | None]:
    """"OWNER/NAME@REVISION" in two; ValueError for what is no such name."""
    repository, _, revision = source.partition("@")
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repository):
        raise ValueError(f"A repository of the Hub is written \"hub:OWNER/NAME\"; got \"hub:{source}\".")
    return repository, revision or None


def _unreachable(what: str, repository: str, offline: str, error: Exception) -> OSError:
    """The client's own, the network's and the system's errors: all end in the same advice."""
    reason = str(error).splitlines()[0] if str(error) else "no details"
    return OSError(
        f"Could not fetch {what} of \"{repository}\" from the Hugging Face Hub ({type(error).__name__}: {reason}). "
        f"Check the name and the network. Without a network use {offline}.")


def _hold_against_the_hub(path: Path, found: str, repository: str) -> None:
    """The Hub's cache names a file by the hash that the Hub gave: sha256 for large ones, git's sha1 for small ones."""
    real = path.resolve()
    said = real.name if real.parent.name == "blobs" else ""
    if len(said) not in (40, 64):
        return  # a system without links keeps no such names
    if len(said) == 40:
        data = real.read_bytes()
        found = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    if found != said:
        raise OSError(
            f"The copy of {path.name} of \"{repository}\" is damaged: its hash is {found[:16]}…, the Hub gave "
            f"{said[:16]}…. Delete {real} and load it again.")


def _hold_against_the_past(path: Path, found: str, source: str, filename: str, kind: str) -> None:
    record = cache_folder() / "hub" / f"{kind}{source.replace('/', '--')}--{filename}.json"
    try:
        known = str(json.loads(record.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        try:
            record.parent.mkdir(parents=True, exist_ok=True)
            with write_atomically(record) as file:
                json.dump({"sha256": found, "bytes": path.stat().st_size}, file)
        except OSError as error:
            warnings.warn(
                f"Could not write down the hash of {filename} in {record.parent} ({error.strerror or error}): should "
                "the data set change, it will not be noticed. Set HRM_LITE_CACHE to a folder that can be written to.",
                stacklevel=2)
        return
    if found != known:
        raise OSError(
            f"{filename} of \"{source}\" is not the file that was used here before: its sha256 is {found[:16]}…, it "
            f"was {known[:16]}…. Results on the two cannot be compared. To go on with the new one, delete {record}.")
