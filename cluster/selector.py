"""The choice of a place: pure, total, and always with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.environments import CLOUD, ENVIRONMENTS, HOST, LOCAL, Environment, environment_of_mode
from cluster.view import ClusterView
from ktrdr.errors import ExecutionModeError, RequestError, did_you_mean

MODES = ("auto", *(environment.mode for environment in ENVIRONMENTS))


@dataclass(frozen=True)
class ModeRequest:
    """What was asked: a mode, or None for the default one."""

    mode: str | None = None
    require_gpu: bool = False
    default_mode: str = "auto"


@dataclass(frozen=True)
class Placement:
    """Where a training goes, and why in one sentence. `fallback`: not where it was asked to go."""

    requested_mode: str
    mode: str
    environment: str
    why: str
    fallback: bool = False


class ExecutionModeSelector:
    """Decides by the table of the design: asked mode, live nodes, GPU requirement -> environment, or an error."""

    def select(self, request: ModeRequest, view: ClusterView) -> Placement:
        """Return the placement.

        Raises
        ------
        ExecutionModeError
            If no live node can take the training: says what was asked, which nodes there are, and what to do.
        RequestError
            If the mode is none of `MODES`.
        """
        asked = request.mode or request.default_mode
        if asked not in MODES:
            raise RequestError(
                "execution_mode",
                f"Unknown execution mode '{asked}'.",
                did_you_mean(asked, MODES) or f"One of: {', '.join(MODES)}.",
            )
        how = "asked for" if request.mode else "the default mode"
        if asked == "auto":
            return self._select_auto(request, view)
        environment = environment_of_mode(asked)
        nodes = view.of(environment.name, require_gpu=request.require_gpu)
        if nodes:
            gpu = " with a GPU" if request.require_gpu else ""
            return Placement(
                asked,
                asked,
                environment.name,
                f"{asked} is {how}, and {_count(len(nodes))} of {environment.name}{gpu} is there.",
            )
        if request.require_gpu or environment is LOCAL:
            raise self._no_place(
                f"{asked} is {how}" + (" with require_gpu" if request.require_gpu else ""), environment, request, view
            )
        if not view.of(LOCAL.name):
            raise self._no_place(
                f"{asked} is {how}, and there is no {LOCAL.name} node to fall back to", environment, request, view
            )
        why = f"{asked} is {how}, but no node of {environment.name} is there: it runs locally on {LOCAL.name} instead."
        return Placement(asked, LOCAL.mode, LOCAL.name, why, fallback=True)

    def waiting_place(self, request: ModeRequest, error: ExecutionModeError) -> Placement:
        """Return where a training that has no place now waits for one; `error` says why it has none."""
        asked = request.mode or request.default_mode
        first = HOST if asked == "auto" and request.require_gpu else LOCAL
        environment = first if asked == "auto" else environment_of_mode(asked)
        return Placement(asked, environment.mode, environment.name, f"{error} It waits for one.")

    def _select_auto(self, request: ModeRequest, view: ClusterView) -> Placement:
        order = (HOST, CLOUD, LOCAL) if request.require_gpu else (LOCAL,)
        for environment in order:
            if view.of(environment.name, require_gpu=request.require_gpu):
                why = (
                    f"auto with require_gpu takes host, then cloud, then a local GPU: {environment.name} is there."
                    if request.require_gpu
                    else f"auto without a GPU requirement is local: {environment.name}."
                )
                return Placement("auto", environment.mode, environment.name, why)
        raise self._no_place("auto" + (" with require_gpu" if request.require_gpu else ""), order[0], request, view)

    def _no_place(
        self, asked: str, environment: Environment, request: ModeRequest, view: ClusterView
    ) -> ExecutionModeError:
        if request.require_gpu:
            advice = "Start a node with a GPU and join it to this cluster, or ask without require_gpu."
        else:
            advice = f"Start a node of {environment.name} (mode {environment.mode}) and join it to this cluster."
        return ExecutionModeError(asked, view.describe(), advice)


def _count(n_nodes: int) -> str:
    return f"{n_nodes} node" + ("" if n_nodes == 1 else "s")
