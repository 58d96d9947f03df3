"""The collector process: opens the store, runs its roles in one event loop until told to stop."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, cast

from muster_collector import config as configuration
from muster_collector import internal, retention, telemetry
from muster_collector.errors import MusterError, StoreError
from muster_collector.ingest import events
from muster_collector.ledger.file import owner
from muster_collector.store import open_store

if TYPE_CHECKING:
    from muster_collector.alerts.service import Alerting
    from muster_collector.ingest.service import Ingest
    from muster_collector.lease.keeper import Keeper
    from muster_collector.scoring.scorer import Scorer
    from muster_collector.store.base import Store
    from muster_collector.store.embedded import EmbeddedStore

WHAT_ROLES_IMPORT = ("ingest.service", "scoring.scorer", "cli.scorecard", "api.app", "api.serve")
"""Seconds of work, which a standby does before a lease has to be renewed beside it."""
Started = Callable[[], None]


async def run(
    config: configuration.Config, *, stop: asyncio.Event, started: Started | None = None
) -> None:
    """Run the configured roles until `stop`; `started` is called once they work.

    `MusterError` when it cannot start; a broker or a database that is away is waited for.
    """
    with owner(config.collector.data):
        work = _work if config.collector.lease is None else _share
        try:
            await work(config, stop, started or (lambda: None))
        except BaseExceptionGroup as group:
            raise _cause(group) from None


async def _share(config: configuration.Config, stop: asyncio.Event, started: Started) -> None:
    """Work while the lease of the partitions is ours; stand by until then."""
    from muster_collector.lease.keeper import held  # noqa: PLC0415

    for module in WHAT_ROLES_IMPORT:
        importlib.import_module(f"muster_collector.{module}")
    async with held(config, stop) as lease:
        if lease is not None:
            await _work(config, stop, started, lease)


async def _work(
    config: configuration.Config, stop: asyncio.Event, started: Started, lease: Keeper | None = None
) -> None:
    store = open_store(config.store, config.collector.data)
    try:
        await _open(store, config)
        await _roles(config, store, stop, started, lease)
    finally:
        await store.close()


async def _open(store: Store, config: configuration.Config) -> None:
    try:
        await store.open()
    except StoreError as error:
        if config.store.kind == "embedded":
            raise
        # A database that is not there yet: every write tries to open it again.
        events.store_away(store.name, error)


async def _roles(
    config: configuration.Config,
    store: Store,
    stop: asyncio.Event,
    started: Started,
    lease: Keeper | None,
) -> None:
    roles = config.collector.roles
    ingest: Ingest | None = None
    late: list[Callable[[int], None]] = []
    if "ingest" in roles:
        from muster_collector.ingest.service import Ingest  # noqa: PLC0415

        ingest = Ingest(
            config, store, on_stored=lambda ts: late[0](ts) if late else None, lease=lease,
            sites=_settled_sites(config),
        )  # fmt: skip
    fleet = ingest.fleet if ingest else _stored_fleet(store)
    scorer = _scorer(config, store, fleet) if {"score", "api"} & set(roles) else None
    alerting = _alerting(config, store, ingest) if "alert" in roles else None
    async with asyncio.TaskGroup() as tasks:
        if config.store.kind == "embedded":
            sweeps = retention.sweep_for_ever(cast("EmbeddedStore", store), config.store)
            tasks.create_task(_until(stop, sweeps), name="retention")
        telling = internal.write_for_ever(
            store,
            config.mqtt.client_id,
            every=config.collector.completeness_every,
            clock=lambda: time.time_ns() // 1_000_000,
        )
        tasks.create_task(_until(stop, telling), name="internal")
        if ingest is not None:
            tasks.create_task(ingest.run(stop), name="ingest")
        if scorer is not None and "score" in roles:
            late.append(scorer.touch)
            tasks.create_task(_until(stop, scorer.run()), name="score")
            from muster_collector.scoring import standing  # noqa: PLC0415

            tasks.create_task(_until(stop, standing.write_for_ever(scorer)), name="targets")
        elif scorer is not None:
            tasks.create_task(_until(stop, scorer.follow()), name="follow")
        if alerting is not None:
            tasks.create_task(_until(stop, alerting.run()), name="alert")
        if scorer is not None and "api" in roles:
            serving = _serve(config, scorer, ingest, alerting, stop=stop, started=started)
            tasks.create_task(serving, name="api")
        else:
            started()
            await stop.wait()


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do work that has no end until `stop`."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        await stop.wait()
        task.cancel()


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong, out of the groups that task groups make."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        known, _ = found.split(MusterError)
        found = (known or found).exceptions[0]
    return found


def _settled_sites(config: configuration.Config) -> Mapping[str, str]:
    """The nodes whose site the estate settles now, each with it."""
    if config.scoring.estate is None:
        return {}
    from muster_collector import estate  # noqa: PLC0415

    return estate.load(config.scoring.estate).at(time.time_ns() // 1_000_000).node_sites


def _stored_fleet(store: Store) -> Any:
    """The nodes that another process, with the ingest role, has accounts of in the store."""
    from muster_collector.scoring.scorer import wall_clock  # noqa: PLC0415
    from muster_collector.scoring.stored_fleet import StoredFleet  # noqa: PLC0415

    return StoredFleet(store, wall_clock)


def _alerting(config: configuration.Config, store: Store, ingest: Ingest | None) -> Alerting:
    from muster_collector.alerts.receivers import receivers  # noqa: PLC0415
    from muster_collector.alerts.service import Alerting  # noqa: PLC0415

    told = receivers(config.alerts)
    gone = ingest.fleet.gone if ingest else frozenset
    return Alerting(store, config.alerts, told, config.collector.data, gone=gone)


def _scorer(config: configuration.Config, store: Store, fleet: Any) -> Scorer:
    from muster_collector.scoring.scorer import Scorer  # noqa: PLC0415

    card, estate = method(config)
    settings = config.scoring
    return Scorer(store, card, estate, fleet, window=settings.window, every=settings.every)


def method(config: configuration.Config) -> tuple[Any, Any]:
    """The scorecard and the estate that the configuration names; `MusterError` if one is wrong."""
    from muster_collector import estate  # noqa: PLC0415
    from muster_collector.cli.scorecard import read_card  # noqa: PLC0415
    from muster_collector.scoring import live  # noqa: PLC0415

    name, places = config.scoring.scorecard, config.scoring.estate
    card = read_card(str(name)) if name else read_card()
    live.check_read(card, str(name or card.id))
    held = estate.load(places) if places else estate.EMPTY
    live.check_targets(card, held, str(places))
    return card, held


async def _serve(
    config: configuration.Config,
    scorer: Scorer,
    ingest: Ingest | None,
    alerting: Alerting | None,
    *,
    stop: asyncio.Event,
    started: Started,
) -> None:
    from muster_collector.api.app import make_app  # noqa: PLC0415
    from muster_collector.api.guard import check_exposure, is_loopback  # noqa: PLC0415
    from muster_collector.api.serve import bind, serve  # noqa: PLC0415
    from muster_collector.api.services import Services  # noqa: PLC0415

    services = Services(
        store=scorer.store,
        fleet=scorer.fleet,  # type: ignore[arg-type]
        scorer=scorer,
        accounts=ingest.fleet if ingest else None,
        connected=lambda: ingest is None or ingest.connected,
        metrics=telemetry.render,
        stop=stop,
        quarantine=ingest.quarantine if ingest else None,
        forgetting=ingest.forgetting if ingest else None,
        alerting=alerting,
    )
    token = configuration.read_secret(config.api.token_file, "[api] token_file")
    host, port = config.api.host, config.api.port
    check_exposure(host, token, allow_open=config.api.open)
    app = make_app(services, token=token, local_only=not token and is_loopback(host))
    await serve(app, bind(host, port), stop, started)
