"""The agent's only loop: sample when due, send what can be sent, wait for whatever comes first."""

from __future__ import annotations

import gc
import os
import signal
import time
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING

from muster_agent import body, budget, config, footprint, inventory, logs, remote
from muster_agent.clock import Clock, SystemClock
from muster_agent.compact import Compact
from muster_agent.delivery import Delivery
from muster_agent.errors import ConfigError
from muster_agent.host import Host
from muster_agent.keeper import Keeper
from muster_agent.mqtt import Event, Link
from muster_agent.sampler import Sampler
from muster_agent.sensors import Sensor, load
from muster_agent.spool import Edges
from muster_agent.systemd import Notifier
from muster_agent.together import Key, Together
from muster_agent.uplink import Uplink
from muster_agent.version import VERSION
from muster_agent.writer import MOST_LOST, Writer
from muster_wire.messages import Birth, ConfigState, Metric

if TYPE_CHECKING:
    from muster_agent.probes.prober import Prober
    from muster_agent.throughput import Responder

GATHER, SOON = 10.0, 1.0
"""Seconds for which the answers to a report wait to be read: for the next sample if it comes so
early, so that an interval has one wake; else for as long as both answers take."""
LONGEST_KEEPALIVE = 65_535.0
TIDY = 100
"""Samples after which cycles are looked for: each message that paho takes in leaves one, and by
itself the garbage collector looks at those that it has seen twice only after days."""
GOODBYE = 2.0
"""Seconds for the broker to take the last message."""


class Orders:
    """What signals have asked for, whichever agent runs when they come."""

    def __init__(self) -> None:
        self.stop = False
        self.reload = False

    def on_stop(self, _number: int, _frame: FrameType | None) -> None:
        """End soon."""
        self.stop = True

    def on_reload(self, _number: int, _frame: FrameType | None) -> None:
        """Read the configuration again soon."""
        self.reload = True


class Agent:
    """Everything that runs on one node."""

    def __init__(
        self,
        settings: config.Config,
        host: Host,
        clock: Clock,
        reload: remote.Read,
        orders: Orders,
    ) -> None:
        self.settings = settings
        self.remote = remote.Remote(settings, reload, clock.monotonic())
        self.first: Key | None = None
        self.host = host
        self.clock = clock
        self.orders = orders
        self.successor: config.Config | None = None
        self.notifier = Notifier()
        node, metered, every = settings.node, settings.metered, settings.sample.every
        together = Together(metered.report_every, every)
        # A link that is quiet for longer by design need not say that it is alive in between.
        keepalive = max(settings.mqtt.keepalive, min(LONGEST_KEEPALIVE, 1.5 * together.wait))
        mqtt = replace(settings.mqtt, keepalive=keepalive)
        self.remote.trial_s += together.wait
        self.link = Link(mqtt, f"muster-{node.id}", config.password(mqtt))
        self.sensors = sensors(settings, host)
        self.keeper = Keeper(settings.spool, clock)
        self.budget = budget.load(settings, clock)
        self.delivery = Delivery(self.keeper, settings.uplink, clock.monotonic(), together)
        self.compact = Compact(on=settings.uplink.compact and together.batch == 1)
        self.prober = prober(settings, host)
        self.responder = responder(settings)
        asked = self.prober.probes if self.prober else []
        pace = self.budget.every if self.budget else every
        self.sampler = Sampler([*self.sensors, *asked], clock, pace)
        self.writer = Writer(
            self.keeper, self.compact, clock, node=node.id, site=node.site, wait=together.wait
        )
        self.uplink = Uplink(
            self.link,
            self.delivery,
            self.writer,
            root=mqtt.root,
            gather=settings.sample.every if settings.sample.every <= GATHER else SOON,
            birth=self.birth,
            wanted=self.wanted,
        )
        self.answer()

    @property
    def stopping(self) -> bool:
        """Whether the loop has to end."""
        return self.orders.stop or self.successor is not None

    def birth(self, epoch: int, edges: Edges) -> Birth:
        """What the node is now."""
        settings = self.settings
        return Birth(
            node=settings.node.id,
            site=settings.node.site,
            epoch=epoch,
            oldest=edges.oldest,
            next=edges.next,
            ts=self.clock.wall(),
            every=self.sampler.every,
            wait=self.delivery.together.wait,
            agent=VERSION,
            sensors=[sensor.name for sensor in self.sensors],
            inventory=inventory.take(self.host) | (self.budget.leaves_out if self.budget else {}),
            config={
                "every": self.sampler.every,
                "sensor": settings.sensor,
                "remote": self.remote.id,
                "allow": list(settings.remote.allow),
            },
            lost=self.keeper.lost(epoch)[:MOST_LOST],
        )

    def sample(self) -> None:
        """Make one report and spool it."""
        ts = self.clock.wall()
        every = self.sampler.every
        with self.host.sharing():
            metrics = [*self.sampler.sample(), self.about_itself(ts), *self.sampler.account()]
        if self.budget is not None:
            metrics = self.budget.kept(metrics)
            if self.budget.count(self.link.traffic):
                self.sampler.every = self.budget.every
                self.uplink.born = None  # another birth tells
        key = self.writer.spool(ts, every, metrics, up=self.uplink.up)
        self.delivery.made(*key, self.clock.monotonic())
        self.first = self.first or key

    def speak_for_lost(self) -> None:
        """Let an empty report tell what is lost of an epoch of which nothing else is left."""
        ts = self.clock.wall()
        for epoch in self.keeper.silenced():
            empty = body.make(ts=ts, every=self.sampler.every, metrics=[])
            self.keeper.last_words(epoch, ts, empty)
            self.delivery.added(epoch)

    def about_itself(self, now: int) -> Metric:
        """The agent's own readings."""
        return Metric(
            "internal_agent",
            {},
            {
                "samples": self.sampler.samples,
                "errors": self.sampler.errors,
                "spool_depth": self.keeper.depth,
                "spool_age_s": round(self.keeper.age(now), 3),
                "spool_in_memory": bool(self.keeper.trouble),
                "resends": self.delivery.resends,
                "acks_ignored": self.delivery.ignored,
                "configs_refused": self.remote.memory.refused,
                "epochs_begun": self.keeper.begun,
                "cpu_ms": round(time.process_time() * 1000),
                "memory_rss": footprint.rss(),
                "link_bytes": self.link.traffic,
                **(self.budget.fields if self.budget else {}),
            },
        )

    def turn(self, until: float, *, eager: bool = False) -> None:
        """Do what is due, then wait for whatever comes first, until a monotonic time at most.

        Who is eager for answers does not gather them.
        """
        if self.uplink.up:
            self.speak_for_lost()
        pause = self.uplink.step()
        now = self.clock.monotonic()
        self.notifier.alive(now)
        until = min(until, self.notifier.due, self.remote.due)
        deaf = 0.0 if eager else self.uplink.deaf(now)
        self.link.wait(min(pause, until - now), deaf=deaf)
        self.uplink.receive()
        self.try_out()

    def run(self, count: int | None, drain: float) -> int:
        """Run until stopped, or for `count` samples and until all are acked; the exit status."""
        self.notifier.tell("READY=1")
        for helper in (self.prober, self.responder):
            if helper is not None:
                helper.start()
        while not self.stopping and (count is None or self.sampler.samples < count):
            self.turn(self.sampler.due)
            if self.clock.monotonic() >= self.sampler.due:
                self.sample()
                if self.sampler.samples % TIDY == 0:
                    gc.collect()
            if self.orders.reload:
                self.renew()
        self.delivery.together.hurry()
        deadline = self.clock.monotonic() + (drain if count is not None else 0)
        while not self.stopping and self.keeper.depth and self.clock.monotonic() < deadline:
            self.turn(deadline, eager=True)
        left = self.keeper.depth
        self.close()
        logs.info(f"stopped: made={self.sampler.samples} unacked={left}")
        return int(count is not None and left > 0)

    def close(self) -> None:
        """Take leave of the broker and close the spool."""
        for helper in (self.prober, self.responder):
            if helper is not None:
                helper.close()
        deadline = self.clock.monotonic() + GOODBYE
        if self.uplink.up:
            self.uplink.step()  # the last sample may not have gone out yet
        if self.uplink.say_goodbye():
            while self.uplink.status_mid is not None and self.clock.monotonic() < deadline:
                self.link.wait(deadline - self.clock.monotonic())
                self.uplink.receive()
        if self.budget is not None:
            self.budget.count(self.link.traffic)
            self.budget.save()
        self.link.disconnect()
        self.keeper.close()

    def renew(self) -> None:
        """Make way for a successor if the new configuration is right, else go on."""
        self.orders.reload = False
        try:
            local = self.remote.read({})
            again = remote.Remote(local, self.remote.read, self.clock.monotonic())
            self.successor = again.in_force(local)
        except ConfigError as error:
            for mistake in error.mistakes:
                logs.error(f"not reloaded: {mistake}")

    def wanted(self, event: Event) -> None:
        """The centre wants another configuration."""
        self.successor = self.remote.take(event.payload, event.content_type)
        if self.successor is None:
            self.answer()

    def answer(self) -> None:
        """Tell the centre what became of what it wanted last."""
        outcome, node = self.remote.memory.outcome, self.settings.node
        if outcome is not None:
            state, id_, reason = outcome
            ts = self.clock.wall()
            self.uplink.say_config(ConfigState(node.id, node.site, state, id_, ts, reason))

    def try_out(self) -> None:
        """Keep a configuration on trial once it has proved itself, or go back."""
        if not self.remote.on_trial:
            return
        if self.delivery.refusals:
            self.remote.give_up("the collector refused a report")
        elif self.stored(self.first):
            self.remote.confirm()
            self.answer()
            return
        elif self.clock.monotonic() < self.remote.due:
            return
        else:
            self.remote.give_up(f"no report was stored within {self.remote.trial_s:g} s")
        self.answer()
        self.renew()

    def stored(self, key: Key | None) -> bool:
        """Whether a report that this agent made is settled."""
        edges = self.keeper.edges(key[0]) if key else Edges(0, 0)
        return key is not None and (edges is None or edges.oldest > key[1])


def sensors(settings: config.Config, host: Host) -> list[Sensor]:
    """The sensors that the configuration asks for."""
    return load(host, settings.sample.sensors or None, settings.sensor)


def prober(settings: config.Config, host: Host) -> Prober | None:
    """What runs the probes that the configuration asks for; None without any."""
    if not settings.probe:
        return None
    from muster_agent.probes.prober import Prober

    return Prober(settings.probe, host)


def responder(settings: config.Config) -> Responder | None:
    """What answers other agents' throughput tests; None where the configuration has none."""
    if not settings.throughput.listen.port:
        return None
    from muster_agent.throughput import Responder

    return Responder(settings.throughput)


def run(
    settings: config.Config,
    host: Host,
    reload: remote.Read,
    *,
    count: int | None,
    drain: float,
) -> int:
    """Run the agent until SIGTERM, SIGINT or `count` samples; the exit status.

    SIGHUP reads the configuration again; `reload` raises `ConfigError` when it is wrong, and then
    the agent goes on with the one it has. What the centre wants lies over it.
    """
    orders = Orders()
    signal.signal(signal.SIGTERM, orders.on_stop)
    signal.signal(signal.SIGINT, orders.on_stop)
    signal.signal(signal.SIGHUP, orders.on_reload)
    settings = remote.Remote(settings, reload, 0.0).in_force(settings)
    while True:
        agent = Agent(settings, host, SystemClock(), reload, orders)
        signal.set_wakeup_fd(agent.link.waker.fileno(), warn_on_full_buffer=False)
        greet(settings)
        gc.collect()
        gc.freeze()  # what start-up made stays: the collector need not look at it again
        status = agent.run(count, drain)
        if agent.successor is None or orders.stop:
            return status
        settings = agent.successor


def greet(settings: config.Config) -> None:
    """The line that begins a run."""
    node = settings.node
    logs.info(
        f"muster-agent {VERSION} as {node.site}/{node.id}, a sample every "
        f"{settings.sample.every:g} s, pid {os.getpid()}"
    )
