"""The choice of a place: pure, total, and always with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cluster.environments import AUTO, ENVIRONMENTS, LOCAL, Environment, Environments
from cluster.view import ClusterView
from ktrdr.errors import ExecutionModeError


@dataclass(frozen=True)
class ModeRequest:
    """What was asked: a mode, or None for the default one."""

    mode: str | None = None
    require_gpu: bool = False
    default_mode: str = AUTO


@dataclass(frozen=True)
class Placement:
    """Where a training goes, and why in one sentence. `fallback`: not where it was asked to go."""

    requested_mode: str
    mode: str
    environment: str
    why: str
    fallback: bool = False
    is_there: bool = True
    """Whether a node that can take it is there now."""


class ExecutionModeSelector:
    """Decides by the table of the design: asked mode, live nodes, GPU requirement -> environment, or an error.

    Of the environments that share a mode, the first that has an able node is taken.
    """

    def __init__(self, environments: Environments = ENVIRONMENTS) -> None:
        self._environments = environments

    @property
    def environments(self) -> Environments:
        """Those it chooses among."""
        return self._environments

    def select(self, request: ModeRequest, view: ClusterView) -> Placement:
        """Return the placement.

        Raises
        ------
        ExecutionModeError
            If no live node can take the training: says what was asked, which nodes there are, and what to do.
        RequestError
            If the mode is neither `auto` nor that of an environment.
        """
        asked = request.mode or request.default_mode
        self._environments.check_mode(asked)
        if asked == AUTO:
            return self._select_auto(request, view)
        how = f"{asked} is {'asked for' if request.mode else 'the default mode'}"
        wanted = self._environments.of_mode(asked)
        if there := _first_able(wanted, request, view):
            n_nodes = len(view.of(there.name, require_gpu=request.require_gpu))
            gpu = " with a GPU" if request.require_gpu else ""
            found = f"1 node of {there.name}{gpu} is" if n_nodes == 1 else f"{n_nodes} nodes of {there.name}{gpu} are"
            return Placement(asked, asked, there.name, f"{how}, and {found} there.")
        if request.require_gpu:
            raise self._no_place(f"{how} with require_gpu", wanted, request, view)
        if asked == LOCAL:
            raise self._no_place(how, wanted, request, view)
        local = self._environments.of_mode(LOCAL)
        if not (there := _first_able(local, request, view)):
            absent = f"there is no {_names(local)} node" if local else "there is no local environment"
            raise self._no_place(f"{how}, and {absent} to fall back to", (*wanted, *local), request, view)
        why = f"{how}, but no node of {_names(wanted)} is there: it runs locally on {there.name} instead."
        return Placement(asked, LOCAL, there.name, why, fallback=True)

    def waiting_place(self, request: ModeRequest, error: ExecutionModeError) -> Placement:
        """Return where a training that has no place now waits for one; `error` says why it has none.

        Raises
        ------
        ExecutionModeError
            The same, where no environment is configured that could ever take it.
        """
        asked = request.mode or request.default_mode
        if asked == AUTO:
            wanted = self._with_gpus() if request.require_gpu else self._environments.of_mode(LOCAL)
        else:
            wanted = self._environments.of_mode(asked)
        if not wanted:
            raise error
        return Placement(asked, wanted[0].mode, wanted[0].name, f"{error} It waits for one.", is_there=False)

    def _select_auto(self, request: ModeRequest, view: ClusterView) -> Placement:
        order = self._with_gpus() if request.require_gpu else self._environments.of_mode(LOCAL)
        if there := _first_able(order, request, view):
            if request.require_gpu:
                modes = ", then ".join(dict.fromkeys(environment.mode for environment in order))
                why = f"auto with require_gpu takes the first that has a GPU of {modes}: {there.name} is there."
            else:
                why = f"auto without a GPU requirement is local: {there.name}."
            return Placement(AUTO, there.mode, there.name, why)
        asked = "auto with require_gpu" if request.require_gpu else "auto without a GPU requirement is local"
        if not order:
            asked += ", and there is no local environment"
        raise self._no_place(asked, order, request, view)

    def _with_gpus(self) -> tuple[Environment, ...]:
        """Return where a GPU is looked for: host, cloud, further modes as they are configured, then local."""
        modes = [mode for mode in self._environments.modes if mode not in (AUTO, "host", "cloud", LOCAL)]
        return tuple(
            environment for mode in ("host", "cloud", *modes, LOCAL) for environment in self._environments.of_mode(mode)
        )

    def _no_place(
        self, asked: str, wanted: Iterable[Environment], request: ModeRequest, view: ClusterView
    ) -> ExecutionModeError:
        named = " or ".join(f"{environment.name} (mode {environment.mode})" for environment in wanted)
        if request.require_gpu:
            advice = f"Start a node of {named} with a GPU and join it to this cluster, or ask without require_gpu."
        elif named:
            advice = f"Start a node of {named} and join it to this cluster."
        else:
            others = [mode for mode in self._environments.modes if mode != AUTO]
            advice = f"Ask for one of the modes there are: {', '.join(others)}."
        return ExecutionModeError(asked, view.describe(), advice)


def _first_able(environments: Iterable[Environment], request: ModeRequest, view: ClusterView) -> Environment | None:
    able = (there for there in environments if view.of(there.name, require_gpu=request.require_gpu))
    return next(able, None)


def _names(environments: Iterable[Environment]) -> str:
    return " or ".join(environment.name for environment in environments)
