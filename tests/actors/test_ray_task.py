from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from actors.runners import ray_task
from actors.runners.port import Claim
from actors.runners.ray_task import RayTaskRunner, task_options, transfer_options
from cluster import ClusterView, NodeView
from ktrdr.errors import NotStarted
from ktrdr.operations import KeptArtifact
from ktrdr.training import CheckpointPolicy
from tests.fakes.results import a_result


def claim(**changes: Any) -> Claim:
    whole: dict[str, Any] = {
        "operation_id": "train-1", "attempt": 1, "environment": "cuda-cloud", "strategy": {}, "symbols": ("S",),
        "timeframes": ("1d",), "start_date": None, "end_date": None, "validation_split": 0.2, "seed": None,
        "require_gpu": False, "run_name": None, "checkpoint_policy": CheckpointPolicy(),
    }  # fmt: skip
    return Claim(**{**whole, **changes})


CUDA = NodeView("a", "x", "cuda-cloud", "cuda", slots=1, gpus=1.0)
NO_CARD = NodeView("b", "x", "cuda-cloud", "cpu", slots=1)


def test_the_task_is_named_by_its_operation_bound_to_its_labels_and_never_retried_by_ray() -> None:
    options = task_options(claim(), ClusterView((CUDA,)))
    assert options["name"] == "train-1"
    assert options["label_selector"] == {"ktrdr.io/environment": "cuda-cloud"}
    assert options["max_retries"] == 0


@pytest.mark.parametrize(
    ("nodes", "require_gpu", "num_gpus"),
    [
        ((CUDA,), False, 1),
        ((CUDA, NO_CARD), True, 1),
        ((CUDA, NO_CARD), False, 0),
        ((NO_CARD,), False, 0),
        ((), True, 0),
    ],
)
def test_a_card_is_asked_for_where_every_node_that_can_take_the_task_has_one(
    nodes: tuple[NodeView, ...], require_gpu: bool, num_gpus: int
) -> None:
    options = task_options(claim(require_gpu=require_gpu), ClusterView(nodes))
    assert options["num_gpus"] == num_gpus
    assert ("ktrdr.io/device" in options["label_selector"]) == require_gpu


@pytest.mark.parametrize(("is_readable", "is_gone"), [(True, True), (False, False)])
def test_nodes_that_cannot_be_read_are_not_gone(
    monkeypatch: pytest.MonkeyPatch, is_readable: bool, is_gone: bool
) -> None:
    monkeypatch.setattr(ray_task, "LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(ray_task, "GONE_S", 0.003)
    n_looks = 0

    def view() -> ClusterView:
        nonlocal n_looks
        n_looks += 1
        if not is_readable:
            raise ConnectionError("the head does not answer")
        return ClusterView(())

    async def scene() -> bool:
        looking = asyncio.ensure_future(RayTaskRunner(view)._nodes_are_gone(claim()))
        while n_looks < 20 and not looking.done():
            await asyncio.sleep(0.001)
        looking.cancel()
        return looking.done() and not looking.cancelled()

    assert asyncio.run(scene()) == is_gone


def test_a_task_that_cannot_be_placed_for_want_of_the_nodes_has_not_started() -> None:
    def view() -> ClusterView:
        raise ConnectionError("the head does not answer")

    with pytest.raises(NotStarted, match="could not be read"):
        asyncio.run(RayTaskRunner(view).run(claim()))


KEPT = KeptArtifact(node="a", address="x", path="/spool/p", sha256="ab" * 32, size=1)


def test_an_attempt_prefers_the_node_that_keeps_what_an_earlier_one_trained_and_takes_any_other() -> None:
    there = replace(CUDA, node_id="a" * 56)
    left = claim(artifact=KEPT.model_copy(update={"node": there.node_id}))
    options = task_options(left, ClusterView((NO_CARD, there)))
    anywhere = {"ktrdr.io/environment": "cuda-cloud"}
    assert options["label_selector"] == {**anywhere, "ray.io/node-id": there.node_id}
    assert options["fallback_strategy"] == [{"label_selector": anywhere}]
    RayTaskRunner(lambda: ClusterView(()))._train.options(
        **options
    )  # Ray's own check of what may be asked for together
    elsewhere = task_options(left, ClusterView((replace(NO_CARD, address="another"),)))
    assert (elsewhere["label_selector"], "fallback_strategy" in elsewhere) == (anywhere, False)


def test_what_is_handed_over_again_runs_on_its_node_beside_what_trains_there() -> None:
    there = replace(CUDA, node_id="a" * 56)
    kept = KEPT.model_copy(update={"node": there.node_id})
    options = transfer_options(claim(artifact=kept, only_hands_over=True), ClusterView((NO_CARD, there)))
    assert (options["scheduling_strategy"].node_id, options["scheduling_strategy"].soft) == (there.node_id, False)
    assert (options["num_cpus"], options["max_retries"], "resources" in options) == (0, 0, False)


def test_nothing_is_handed_over_from_a_node_that_is_not_there() -> None:
    gone = claim(artifact=KEPT.model_copy(update={"node": "c", "address": "y"}), only_hands_over=True)
    with pytest.raises(NotStarted, match="node c at y"):
        transfer_options(gone, ClusterView((CUDA,)))


class Submitted:
    """A remote function whose tasks end when the test says so."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Future[Any]] = []

    def options(self, **_: Any) -> Submitted:
        return self

    def remote(self, _: object) -> asyncio.Future[Any]:
        self.tasks.append(asyncio.get_running_loop().create_future())
        return self.tasks[-1]


def test_an_attempt_that_was_reopened_while_its_first_task_was_left_behind_ends_by_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed: list[Any] = []
    monkeypatch.setattr(ray_task.ray, "cancel", lambda task, force: killed.append(task))

    async def scene() -> None:
        there = replace(CUDA, node_id="a" * 56)
        runner, submitted = RayTaskRunner(lambda: ClusterView((there,))), Submitted()
        monkeypatch.setattr(runner, "_transfer", submitted)
        again = claim(artifact=KEPT, only_hands_over=True)
        runs = []
        for n_submitted in (1, 2):
            runs.append(asyncio.ensure_future(runner.run(again)))
            while len(submitted.tasks) < n_submitted:
                await asyncio.sleep(0.001)
        first, second = submitted.tasks
        first.set_exception(NotStarted("killed"))
        with pytest.raises(NotStarted):
            await runs[0]
        await runner.force_stop(again)
        assert killed == [second]
        second.set_result(a_result().model_dump(mode="json"))
        assert await runs[1] == a_result()

    asyncio.run(asyncio.wait_for(scene(), 10))


@pytest.mark.parametrize("answer", ["done", "node died", "never"])
def test_a_node_that_does_not_let_go_of_an_artifact_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    monkeypatch.setattr(ray_task, "LET_GO_S", 0.01 if answer == "never" else 10.0)

    async def scene() -> None:
        runner, submitted = RayTaskRunner(lambda: ClusterView(())), Submitted()
        monkeypatch.setattr(runner, "_forget", submitted)
        asked = asyncio.ensure_future(runner.let_go("train-1", "a" * 56))
        while not submitted.tasks:
            await asyncio.sleep(0.001)
        if answer == "done":
            submitted.tasks[0].set_result(None)
        if answer == "node died":
            submitted.tasks[0].set_exception(ray_task.ray_errors.NodeDiedError("it is gone"))
        await asked

    asyncio.run(asyncio.wait_for(scene(), 10))
    assert ("left to its sweep" in caplog.text) == (answer != "done")
