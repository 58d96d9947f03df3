"""Every alert rule, the most urgent first; each has a runbook of its name in `docs/runbooks/`."""

from __future__ import annotations

from muster_collector import shipped, thresholds
from muster_collector.alerts.model import Ask, Rule
from muster_collector.thresholds import Shade, limit

AT_RISK = str(thresholds.table()["grade"]["at_risk"])
"""Sites that fall below this grade raise an alert."""
SILENT_S = round(limit("silence"))
"""Seconds without a report after which a node counts as silent."""
PROBES = ("http_response", "net_response", "dns_query")
"""Telegraf's measurements that ask a service; each answer has a `result_code`, 0 for success."""
SERVICE = ("server", "port", "domain")
"""The tags that name a service; a web address has no port, only a DNS question has a domain."""
NODE, DISK = ("host", "site"), ("host", "site", "path")
DAY = 86_400
OF_A_SITE = (
    "silent-node", "completeness-gap", "reports-lost", "score-low", "score-missing",
)  # fmt: skip
"""What a silent site explains."""


def _named(name: str, *shades: Shade) -> list[tuple[int, Shade]]:
    """Limits that are part of a rule's name, the most severe first."""
    return [(round(limit(name, shade)), shade) for shade in shades]


TO_FULL = _named("hours_to_full", "bad", "warn")
EXPIRES = _named("certificate_days", "bad", "poor")


def _missing(by: tuple[str, ...]) -> Ask:
    return Ask(("completeness",), "missing", NODE, combine="sum", by=by)


REPORTS = (
    Rule(
        name="silent-site",
        title={"en": "Site silent", "zh": "站点静默"},
        summary={
            "en": "No node of {site} has reported for {value} s.",
            "zh": "{site} 的所有节点已 {value} 秒没有上报。",
        },
        ask=Ask(("completeness",), "silent_s", NODE, combine="min", by=("site",)),
        limit=limit("silence"),
        severity="critical",
        hold=120,
        # The collector writes these every minute: without any it is the collector that died.
        quiet=False,
        inhibits=OF_A_SITE,
    ),
    Rule(
        name="silent-node",
        title={"en": "Node silent", "zh": "节点静默"},
        summary={
            "en": "{host} at {site} has not reported for {value} s.",
            "zh": "{site} 的 {host} 已 {value} 秒没有上报。",
        },
        ask=Ask(("completeness",), "silent_s", NODE),
        limit=limit("silence"),
        severity="warning",
        # The rule on silent sites speaks for a dead collector.
    ),
    Rule(
        name="completeness-gap",
        title={"en": "Reports missing", "zh": "报告缺失"},
        summary={
            "en": "{value} reports of {site} have not arrived.",
            "zh": "{site} 有 {value} 份报告尚未到达。",
        },
        ask=_missing(("site",)),
        limit=limit("missing"),
        severity="warning",
        hold=900,
    ),
    Rule(
        name="reports-lost",
        title={"en": "Reports lost", "zh": "报告丢失"},
        summary={
            "en": "{value} reports of {site} were lost for good in an hour.",
            "zh": "{site} 一小时内有 {value} 份报告永久丢失。",
        },
        ask=Ask(("completeness",), "lost", NODE, "rise", combine="sum", by=("site",)),
        limit=limit("lost"),
        severity="warning",
        since=3600,
        hold=0,
    ),
    Rule(
        name="collector-lag",
        title={"en": "Collector lags", "zh": "采集端积压"},
        summary={
            "en": "{value} reports of the whole fleet have not arrived.",
            "zh": "全机群有 {value} 份报告尚未到达。",
        },
        ask=_missing(()),
        limit=limit("missing_in_fleet"),
        severity="critical",
        hold=900,
        # The collector writes this every minute: without it, it stands still.
        quiet=False,
    ),
)
SITE_SCORE = {"level": "site"}
SCORES = (
    Rule(
        name="score-low",
        title={"en": f"Site below grade {AT_RISK}", "zh": f"站点低于 {AT_RISK} 级"},
        summary={"en": "{id} scores {value}.", "zh": "{id} 得分 {value}。"},
        ask=Ask(
            ("readiness",), "score", ("id",),
            where=SITE_SCORE, beside="coverage", site_from="id",
        ),
        limit=shipped.grade_limit(AT_RISK),
        above=False,
        severity="warning",
        hold=900,
        # No score is no low score: the rule on missing scores speaks for it.
    ),
    Rule(
        name="score-missing",
        title={"en": "Site without a score", "zh": "站点无评分"},
        summary={
            "en": "{id} has no score: too few of its nodes have one.",
            "zh": "{id} 没有评分：有评分的节点过少。",
        },
        ask=Ask(
            ("readiness",), "score", ("id",), "lacks",
            where=SITE_SCORE, beside="coverage", site_from="id",
        ),
        limit=limit("no_score"),
        severity="warning",
        hold=900,
        # No site has been scored at all: the scorer stands still.
        quiet=False,
    ),
)  # fmt: skip
WRITABLE = {"mode": "rw"}
DISKS = (
    Rule(
        name="disk-full",
        title={"en": "Disk full", "zh": "磁盘已满"},
        summary={
            "en": "{path} of {host} at {site} is {value} % full.",
            "zh": "{site} 的 {host} 上 {path} 已用 {value} %。",
        },
        ask=Ask(("disk",), "used_percent", DISK, where=WRITABLE),
        limit=limit("disk_used"),
        severity="critical",
    ),
    *(
        Rule(
            name=f"disk-full-{hours}h",
            title={"en": f"Disk full within {hours} h", "zh": f"磁盘将在 {hours} 小时内写满"},
            summary={
                "en": "{path} of {host} at {site} is full in {value} h if it goes on like this.",
                "zh": "照此下去，{site} 的 {host} 上 {path} 将在 {value} 小时后写满。",
            },
            ask=Ask(("disk",), "used_percent", DISK, "hours_to_full", where=WRITABLE),
            limit=limit("hours_to_full", shade),
            above=False,
            severity="critical" if shade == "bad" else "warning",
            since=6 * 3600,
            hold=600 if shade == "bad" else 1800,
            every=300 if shade == "bad" else 600,
        )
        for hours, shade in TO_FULL
    ),
)
SERVICES = (
    Rule(
        name="probe-failing",
        title={"en": "Service not reached", "zh": "服务不可达"},
        summary={
            "en": "Nobody reaches {server} {port}{domain}.",
            "zh": "所有观测点均无法访问 {server} {port}{domain}。",
        },
        ask=Ask(PROBES, "result_code", (*SERVICE, "host"), combine="min", by=SERVICE),
        limit=limit("result_code"),
        severity="critical",
        # Without probes there is nothing to say.
    ),
    *(
        Rule(
            name=f"certificate-{days}d",
            title={
                "en": f"Certificate expires within {days} days",
                "zh": f"证书将在 {days} 天内到期",
            },
            summary={
                "en": "The certificate of {source} has {value} days left.",
                "zh": "{source} 的证书剩余 {value} 天。",
            },
            # A file of one name is another certificate on each machine: the first to expire counts.
            ask=Ask(
                ("x509_cert",), "expiry", ("source", "host"),
                combine="min", by=("source",), scale=1 / DAY,
            ),
            limit=limit("certificate_days", shade),
            above=False,
            severity="critical" if shade == "bad" else "warning",
            since=6 * 3600,
        )
        for days, shade in EXPIRES
    ),
)  # fmt: skip
UPKEEP = (
    Rule(
        name="clock-off",
        title={"en": "Clock off", "zh": "时钟偏差"},
        summary={
            "en": "The clock of {host} at {site} may be wrong by {value} ms.",
            "zh": "{site} 的 {host} 时钟误差可能达 {value} 毫秒。",
        },
        ask=Ask(("timex",), "maxerror_ns", NODE, scale=1e-6),
        limit=limit("clock_error"),
        severity="warning",
        hold=900,
        # Silence is another rule's, and not every machine has adjtimex.
    ),
    Rule(
        name="clock-wrong",
        title={"en": "Clock wrong", "zh": "时钟错误"},
        summary={
            "en": "The clock of {host} at {site} is off by {value} s against the collector's.",
            "zh": "{site} 的 {host} 时钟与采集中心相差 {value} 秒。",
        },
        ask=Ask(("completeness",), "clock_wrong_s", NODE),
        limit=limit("clock_wrong"),
        severity="warning",
        # A silent node's clock is asked for when it is back.
    ),
    Rule(
        name="agent-crash-loop",
        title={"en": "Agent restarts again and again", "zh": "代理反复重启"},
        summary={
            "en": "The agent of {host} at {site} restarted {value} times in half an hour.",
            "zh": "{site} 的 {host} 上的代理半小时内重启了 {value} 次。",
        },
        ask=Ask(("internal_agent",), "samples", NODE, "resets"),
        limit=limit("restarts"),
        severity="warning",
        since=1800,
        hold=0,
        # Nothing restarted.
    ),
    Rule(
        name="security-updates-overdue",
        title={"en": "Security updates overdue", "zh": "安全更新逾期"},
        summary={
            "en": "{value} security updates are overdue on {host} at {site}.",
            "zh": "{site} 的 {host} 有 {value} 个安全更新已逾期。",
        },
        ask=Ask(("updates",), "security", NODE, "least"),
        limit=limit("security_updates"),
        severity="warning",
        since=7 * DAY,
        hold=DAY,
        # A machine whose package manager is not known reports none.
    ),
)
DATABASE_AWAY = Rule(
    name="database-away",
    title={"en": "Database away", "zh": "数据库无应答"},
    summary={
        "en": "The database does not answer; nothing else can be judged meanwhile.",
        "zh": "数据库没有应答；期间无法判断其他规则。",
    },
    # The collector itself answers this one: 1 while a query fails.
    ask=Ask((), "", ()),
    limit=0,
    severity="critical",
    hold=120,
)
"""In Grafana this is the state Error of every other rule."""
RULES: tuple[Rule, ...] = (*REPORTS, *SCORES, *DISKS, *SERVICES, *UPKEEP)
ALL = (*RULES, DATABASE_AWAY)
"""With the one that only the collector has."""
