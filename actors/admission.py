"""Judges a request before an operation is made of it: strategy, bars and place. Nothing refused here leaves a trace."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from actors.runners import Claim
from actors.waiting_room import execution_of
from cluster.environments import Environments
from cluster.selector import ExecutionModeSelector, ModeRequest, Placement
from cluster.view import ClusterView
from ktrdr.data import DataManager, MarketBars
from ktrdr.errors import ExecutionModeError, InfrastructureError
from ktrdr.operations import Operation, utc_text
from ktrdr.storage import Encoding
from ktrdr.strategy import Strategy, StrategyLibrary, StrategySource, load_strategy, read_document
from ktrdr.training import CheckpointPolicy
from ktrdr.training.checkup import check_on_data
from ktrdr.training.identity import code_sha256, training_sha256
from ktrdr.training.lookahead import find_leaks
from ktrdr.training.plan import TrainingPlan, plan_training
from ktrdr.training.rows.preparation import load_market_data
from ktrdr.training.scope import DEFAULT_VALIDATION_SPLIT, Scope, settle_scope, settle_strategy
from ktrdr.training.steps import unreported
from ktrdr.wire import CheckRequest, IdenticalModel, StrategyRequest, TrainingRequest

log = logging.getLogger("ktrdr.admission")

Registry = Callable[[str, tuple[str, ...], str, str], dict[str, Any] | None]
"""Strategy, symbols, base timeframe and `training_sha256` to the model that the same training made, if there is one."""

NEXT = "It starts when a slot is free."


@dataclass(frozen=True)
class Admitted:
    """A request that can be trained: the strategy as it will be trained, and where it goes."""

    strategy: Strategy
    placement: Placement
    request: dict[str, Any]
    """All that was asked, what was left open settled: the operation records it, its attempts are made from it."""
    identical_model: dict[str, Any] | None
    """What the same training has made before."""

    def operation(self, operation_id: str, body_sha256: str, now: datetime, environments: Environments) -> Operation:
        """Return the pending operation that is to be entered into the book."""
        placement = self.placement
        return Operation(
            operation_id=operation_id,
            status_reason=f"{placement.why} {NEXT}" if placement.is_there else placement.why,
            created_at=utc_text(now),
            strategy_name=self.strategy.name,
            request=self.request,
            identical_model=self.identical_model,
            body_sha256=body_sha256,
            execution=execution_of(placement, environments),
        )

    @property
    def why(self) -> dict[str, Any]:
        """The placement as a plan shows it."""
        placement = self.placement
        return {
            "requested_mode": placement.requested_mode,
            "execution_mode": placement.mode,
            "environment": placement.environment,
            "fallback": placement.fallback,
            "reason": placement.why,
        }


class Admission:
    """Everything is injected: where strategies and bars are, what is alive, what was trained, what may be chosen."""

    def __init__(
        self,
        library: StrategyLibrary,
        bars: DataManager,
        view: Callable[[], ClusterView],
        registry: Registry,
        selector: ExecutionModeSelector | None = None,
    ) -> None:
        self._library, self._bars, self._view, self._registry = library, bars, view, registry
        self.selector = selector or ExecutionModeSelector()

    def judge(self, request: TrainingRequest, default_mode: str) -> Admitted | IdenticalModel:
        """Return what would be trained, and where; or the model that is to be reused, wherever there is a place.

        Raises
        ------
        ConfigError
            An unknown mode or strategy, a file or a field that is wrong.
        DataError
            An unknown symbol, dates without bars.
        ExecutionModeError
            No place for it, and it was not asked to wait for one.
        InfrastructureError
            An identical model is to be reused, and the store of models does not answer.
        """
        if request.execution_mode is not None:
            self.selector.environments.check_mode(request.execution_mode)
        strategy = settle_strategy(self.strategy_of(request), request.timeframes)
        scope = _scope_of(strategy, request)
        market = load_market_data(strategy, self._bars, scope, unreported)
        identical = self._identical(request, strategy, scope, market)
        if request.reuse is not None and identical is not None:
            return IdenticalModel(**identical)
        asked = ModeRequest(request.execution_mode, request.require_gpu, default_mode)
        placement = self._placed(asked, request.wait_for_node_s is not None)
        settled = {
            **request.model_dump(mode="json", exclude={"operation_id", "reuse"}),
            "strategy": strategy.document(),
            "symbols": list(scope.symbols),
            "timeframes": list(scope.timeframes),
            "start_date": scope.start_date,
            "end_date": scope.end_date,
            "validation_split": scope.validation_split,
        }
        return Admitted(strategy, placement, settled, identical)

    def _identical(
        self, request: TrainingRequest, strategy: Strategy, scope: Scope, market: MarketBars
    ) -> dict[str, Any] | None:
        seed = strategy.training.seed if request.seed is None else request.seed
        sha256 = training_sha256(strategy, scope, market, seed, code_sha256())
        try:
            return self._registry(strategy.name, scope.symbols, strategy.base_timeframe, sha256)
        except InfrastructureError as error:
            if request.reuse is not None:
                raise
            log.warning("Whether the same training has made a model is not known: %s", error)
            return None

    def _placed(self, asked: ModeRequest, may_wait: bool) -> Placement:
        try:
            return self.selector.select(asked, self._view())
        except ExecutionModeError as error:
            if not may_wait:
                raise
            return self.selector.waiting_place(asked, error)

    def plan(self, request: TrainingRequest, default_mode: str) -> tuple[Admitted, TrainingPlan]:
        """Judge the request and run steps 1 to 6 dry: bars, rows, label shares, features, parameters."""
        admitted = self.judge(request.model_copy(update={"reuse": None}), default_mode)
        assert isinstance(admitted, Admitted)  # nothing is to be reused
        strategy, scope = admitted.strategy, _scope_of(admitted.strategy, request)
        dates = scope.start_date, scope.end_date
        return admitted, plan_training(strategy, self._bars, scope.symbols, *dates, scope.validation_split)

    def check(self, request: CheckRequest) -> dict[str, Any]:
        """Return a `Checkup` as JSON values; with `lookahead` also `leaks`.

        Raises
        ------
        ConfigError, DataError
            As `judge`, and what a training would raise before it trains, such as labels all of one class.
        """
        strategy = settle_strategy(self.strategy_of(request), request.timeframes)
        scope = settle_scope(strategy, request.symbols, request.start_date, request.end_date)
        found = check_on_data(strategy, self._bars, scope).model_dump(mode="json")
        if request.lookahead:
            found["leaks"] = [leak.as_dict() for leak in find_leaks(strategy, self._bars, scope)]
        return found

    def strategy_of(self, request: StrategyRequest) -> Strategy:
        """Return the strategy named by or sent with `request`, its overrides applied, its timeframes not yet."""
        overrides = request.overrides or None
        if request.strategy_name is not None:
            document = read_document(self._library.text(request.strategy_name), f"{request.strategy_name}.yaml")
            return load_strategy(document, overrides)
        assert request.strategy is not None  # the request's own validator saw to it
        return load_strategy(source_of(request.strategy), overrides)


def source_of(sent: str | Mapping[str, Any]) -> StrategySource:
    """Return a strategy that a client sent as what `load_strategy` takes. Its text is never read as a path."""
    return read_document(sent) if isinstance(sent, str) else sent


def _scope_of(strategy: Strategy, request: TrainingRequest) -> Scope:
    split = DEFAULT_VALIDATION_SPLIT if request.validation_split is None else request.validation_split
    return settle_scope(strategy, request.symbols, request.start_date, request.end_date, split, request.data_mode)


def again(parent: Operation, operation_id: str | None) -> TrainingRequest:
    """Return the request for what `parent` trained: its strategy as it was settled, wherever that had come from."""
    settled = {**parent.request, "strategy_name": None, "overrides": {}, "operation_id": operation_id}
    return TrainingRequest.parse(settled)


def retried(draft: Operation, parent: Operation) -> Operation:
    """Return the operation made of `again(parent)`, with the parent's own words for where its strategy came from."""
    origin = {key: parent.request[key] for key in ("strategy_name", "overrides") if key in parent.request}
    return draft.changed(request={**draft.request, **origin}, parent_operation_id=parent.operation_id)


def claim_of(operation: Operation, policy: CheckpointPolicy, artifact_encoding: Encoding) -> Claim:
    """Return the claim for the operation's present attempt; `policy` is the service's, and the request's wins."""
    request = operation.request
    every_epochs = request.get("checkpoint_every_epochs")  # operations of earlier versions do not have it
    return Claim(
        operation_id=operation.operation_id,
        attempt=operation.attempt,
        environment=operation.execution.environment,
        strategy=request["strategy"],
        symbols=tuple(request["symbols"]),
        timeframes=tuple(request["timeframes"]),
        start_date=request["start_date"],
        end_date=request["end_date"],
        validation_split=request["validation_split"],
        seed=request["seed"],
        require_gpu=request["require_gpu"],
        run_name=request["run_name"],
        checkpoint_policy=policy if every_epochs is None else replace(policy, every_epochs=every_epochs),
        artifact=operation.artifact,
        only_hands_over=operation.transferring,
        artifact_encoding=artifact_encoding,
    )
