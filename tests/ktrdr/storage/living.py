"""What processes do with a store until they are killed, and what a process finds that comes after.

A server that has all this imported forks them, so that each one starts in an instant.
"""

import json
import multiprocessing
import random
import tempfile
import threading
from pathlib import Path
from uuid import uuid4

import torch

from ktrdr.storage import ModelStorage
from tests.fakes.artifacts import trained_artifact
from tests.fakes.files import QuickFiles

torch.set_num_threads(1)  # a forked process has none of the threads that its server had
ARTIFACTS = [trained_artifact(seed) for seed in range(4)]
with tempfile.TemporaryDirectory() as folder:  # what a first save imports, the server has
    ModelStorage(Path(folder), QuickFiles()).save_model(ARTIFACTS[0])

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload([__name__])


def save_and_delete(root, journal, seed, has_begun):
    """Change a store for ever; the journal says what was saved, and beforehand what will be deleted."""
    choose = random.Random(seed)
    store = ModelStorage(root)
    has_begun.set()
    with journal.open("a", buffering=1) as lines:
        while True:
            operation_id = uuid4().hex
            saved = store.save_model(choose.choice(ARTIFACTS), operation_id=operation_id, artifact_sha256="ab" * 32)
            lines.write(f"saved {saved.version} {operation_id}\n")
            store.set_alias("trend", saved.name, "champion")
            free = [model for model in store.list_models() if not model["aliases"]]
            for model in choose.sample(free, max(0, len(free) - choose.randrange(4))):
                lines.write(f"deleting {model['version']} {model['operation_id']}\n")
                store.delete_model("trend", model["name"])


def look(root, answer):
    """Open the store as a service does that starts, and tell what there is: all of it loads."""
    store = ModelStorage(root)
    before = _loaded(store)
    store.sweep()
    after = _loaded(store)
    link = root / "trend" / "SP500_1d_latest"
    answer.send(
        {
            "before": before,
            "versions": after,
            "latest": store.load("trend", "SP500_1d_latest").metadata["version"] if after else None,
            "link": int(link.readlink().name.rpartition("_v")[2]) if link.is_symlink() else None,
            "leftovers": len(list((root / ".tmp").iterdir())) if (root / ".tmp").exists() else 0,
            "damaged": [told["damaged"] for told in store.list_aliases("trend") if told["damaged"]],
        }
    )


def _loaded(store):
    return {
        model["version"]: store.load("trend", model["name"]).metadata["operation_id"] for model in store.list_models()
    }


def save_in_threads(root, n_threads, start, path):
    """Save at once from several threads of this process, and write down which versions that gave."""
    versions = []

    def save(artifact):
        versions.append(ModelStorage(root).save_model(artifact).version)

    threads = [threading.Thread(target=save, args=(ARTIFACTS[number % len(ARTIFACTS)],)) for number in range(n_threads)]
    start.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    path.write_text(json.dumps(versions))
