"""`/models`: the versions there are, what is said of them, which of them go."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from ktrdr.storage import AliasEntry, Annotation, Deleted, ModelPage, Pruned
from ktrdr.wire import AliasRequest, AnnotationRequest, ModelQuery, Page, PruneRequest
from serve.routes.gateway import GatewayDep

router = APIRouter(prefix="/models", tags=["models"])

Asked = Annotated[ModelQuery, Query()]


@router.get("")
async def list_models(gateway: GatewayDep, asked: Asked) -> Page[dict[str, Any]]:
    """Return versions, newest first."""
    return await _page(gateway, None, asked)


@router.post("/prune")
async def prune(gateway: GatewayDep, asked: PruneRequest) -> Pruned:
    """Delete all but the newest `keep` versions of every model name; those that an alias names stay."""
    pruned: Pruned = await gateway.models("prune", asked.keep, asked.strategy, asked.dry_run)
    return pruned


@router.get("/{strategy}")
async def list_of_strategy(strategy: str, gateway: GatewayDep, asked: Asked) -> Page[dict[str, Any]]:
    """Return one strategy's versions, newest first."""
    return await _page(gateway, strategy, asked)


@router.get("/{strategy}/aliases")
async def list_aliases(strategy: str, gateway: GatewayDep) -> Page[dict[str, Any]]:
    """Return for each model name its aliases and every change of them."""
    items: list[dict[str, Any]] = await gateway.models("list_aliases", strategy)
    return Page(items=items, total_count=len(items))


@router.get("/{strategy}/{name}")
async def show(strategy: str, name: str, gateway: GatewayDep) -> dict[str, Any]:
    """Return all that is known of a version; name is `{symbol}_{timeframe}_v{N}`, `..._latest` or `...@{alias}`."""
    found: dict[str, Any] = await gateway.models("describe", strategy, name)
    return found


@router.patch("/{strategy}/{name}")
async def annotate(strategy: str, name: str, gateway: GatewayDep, asked: AnnotationRequest) -> Annotation:
    """Change the note and the tags of a version."""
    annotation: Annotation = await gateway.models("annotate", strategy, name, asked.change)
    return annotation


@router.delete("/{strategy}/{name}")
async def delete(strategy: str, name: str, gateway: GatewayDep) -> Deleted:
    """Delete a version; 409 where an alias names it."""
    return await gateway.delete_model(strategy, name)


@router.put("/{strategy}/{name}/aliases/{alias}")
async def set_alias(
    strategy: str, name: str, alias: str, gateway: GatewayDep, asked: AliasRequest | None = None
) -> AliasEntry:
    """Let an alias name this version, whichever it named before."""
    entry: AliasEntry = await gateway.models("set_alias", strategy, name, alias, (asked or AliasRequest()).by)
    return entry


@router.delete("/{strategy}/{name}/aliases/{alias}")
async def remove_alias(
    strategy: str, name: str, alias: str, gateway: GatewayDep, asked: AliasRequest | None = None
) -> AliasEntry:
    """Let an alias of this version name nothing; its history stays."""
    entry: AliasEntry = await gateway.models("remove_alias", strategy, name, alias, (asked or AliasRequest()).by)
    return entry


async def _page(gateway: GatewayDep, strategy: str | None, asked: ModelQuery) -> Page[dict[str, Any]]:
    page: ModelPage = await gateway.models("page_models", strategy, asked.chosen, asked.limit, asked.cursor)
    return Page(items=list(page.items), total_count=page.total_count, next_cursor=page.next_cursor)
