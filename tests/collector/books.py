"""A ledger's file with what keeps it, fed with reports directly: for days in milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from muster_collector.ingest.acks import Acks
from muster_collector.ingest.bases import Bases
from muster_collector.ingest.budget import Budget
from muster_collector.ingest.desk import Desk
from muster_collector.ingest.fleet import Fleet
from muster_collector.ingest.items import BirthItem, Item, RefusedItem, ReportItem
from muster_collector.ingest.patience import Patience
from muster_collector.ingest.rates import Rates
from muster_collector.ledger.file import FILE_NAME, Changes, LedgerFile, Quarantined
from muster_collector.ledger.periods import Period
from muster_wire.messages import Birth, Lost, Report

EVERY = 10
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


class Books:
    """One collector's ledger; `reopen` is what a restart does."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.path = directory / FILE_NAME
        self.reopen()

    def reopen(self) -> None:
        """As another process finds it."""
        self.file = LedgerFile(self.path, quarantine_bytes=1 << 20)
        self.ledger = self.file.load()
        patience = Patience()
        acks = Acks(
            lambda *_: None,
            patience,
            Rates(1 << 30),
            Bases(1 << 20),
            every=3.0,
            root="muster/v1",
            budget=Budget(1e9),
        )
        self.desk = Desk(self.ledger, acks, patience, lambda _: None)
        self.fleet = Fleet(self.ledger, self.file)

    def settle(self, items: Iterable[Item]) -> None:
        """A batch is stored, and written."""
        self.desk.apply(items)
        self.commit(self.desk.changes())

    def commit(self, changes: Changes) -> None:
        """A transaction."""
        self.file.commit(changes)
        self.desk.timeline.written(changes.booked)

    def send(
        self,
        seqs: Iterable[int],
        *,
        start: int,
        delay: int = 100,
        node: str = "n1",
        site: str = "s1",
        epoch: int = 7,
        oldest: int = 0,
        every: float = EVERY,
        lost: Iterable[tuple[int, int, str]] = (),
    ) -> None:
        """Reports sampled at `start` + seq * every that arrive `delay` ms later."""
        items: list[Item] = []
        for seq in seqs:
            ts = start + round(seq * every * 1000)
            report = Report(
                node=node, site=site, epoch=epoch, seq=seq, oldest=min(oldest, seq), ts=ts,
                sent=ts, every=every, metrics=[], lost=[Lost(*span) for span in lost],
            )  # fmt: skip
            known = self.ledger.node(node, site, ts + delay)
            account = known.account(epoch, report.oldest)
            duplicate = account.known(seq)
            if not duplicate:
                account.pending.add(seq)
            items.append(ReportItem("t", known, account, report, ts + delay, duplicate))
        self.settle(items)

    def born(self, *, oldest: int, following: int, arrival: int, epoch: int = 7) -> None:
        """A birth of n1."""
        node = self.ledger.node("n1", "s1", arrival)
        account = node.account(epoch, oldest)
        birth = Birth(
            node="n1", site="s1", epoch=epoch, oldest=oldest, next=following, ts=0, every=EVERY,
            agent="",
        )  # fmt: skip
        self.settle([BirthItem(node, account, birth, retained=False, arrival=arrival)])

    def refuse(self, seq: int, *, arrival: int) -> None:
        """A report of n1 that cannot be stored, and does not say when it was sampled."""
        node = self.ledger.nodes["n1"]
        record = Quarantined(arrival, "t", "n1", "invalid", "", "", 0, b"")
        self.settle([RefusedItem(record, node, node.accounts[7], seq)])

    def period(self, start: int, end: int, now: int, node: str = "n1") -> Period:
        """The account of a node."""
        ((_, (found,)),) = self.fleet.periods([(start, end)], now, node)
        return found


def counts(period: Period) -> dict[str, int]:
    """What is not nothing."""
    names = ("expected", "stored", "late", "duplicate", "refused", "missing", "down", "silent")
    return {name: value for name in names if (value := getattr(period, name))} | dict(
        period.reasons
    )
