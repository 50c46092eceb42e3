"""A version changed by somebody who lets the manifest vouch for it."""

import io
import zipfile

import torch

from ktrdr.storage.contents import STORED_FILES, entry_of, manifest_of


def saved_by_torch(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def replace(folder, file, content):
    """Replace a file and let the manifest vouch for it, as an intruder would."""
    (folder / file).write_bytes(content)
    files = {name: entry_of((folder / name).read_bytes()) for name in STORED_FILES}
    (folder / "manifest.json").write_bytes(manifest_of(files))


def with_pickle(archive, content):
    """Return an archive of torch's with another pickle in it."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as whole, zipfile.ZipFile(changed, "w") as written:
        for name in whole.namelist():
            written.writestr(name, content if name.endswith("data.pkl") else whole.read(name))
    return changed.getvalue()


def shared(depth, kind=list):
    """Return lists of which each stands ten times in the next: a few hundred bytes to a pickle, 10**depth to a walk."""
    level = kind(["x"])
    for _ in range(depth):
        level = kind([level] * 10)
    return level
