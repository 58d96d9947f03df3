"""The one list of metrics: name, type, unit, kind and meaning of every field that agents send.

Names, types and units are Telegraf's wherever Telegraf has the metric (`source` names the input
plugin); what Telegraf lacks is named in the same style and has `source` "muster".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Type = Literal["int", "float", "bool", "str"]
Kind = Literal["gauge", "counter", "info"]


class Field(NamedTuple):
    """One field of a measurement; `unit` is UCUM-like ("percent", "bytes", "ms", "s", "1")."""

    name: str
    type: Type
    unit: str
    kind: Kind
    meaning: str


class Measurement(NamedTuple):
    """A measurement: the tags that tell its series apart (beside host and site) and its fields."""

    name: str
    tags: tuple[str, ...]
    fields: tuple[Field, ...]
    source: str = "telegraf"


def _fields(kind: Kind, type_: Type, unit: str, /, **meanings: str) -> Iterable[Field]:
    """Fields that have all but name and meaning in common; a trailing "_" saves Python's words."""
    return (Field(n.removesuffix("_"), type_, unit, kind, m) for n, m in meanings.items())


CATALOGUE: tuple[Measurement, ...] = (
    Measurement(
        "cpu",
        ("cpu",),
        (
            *_fields(
                "gauge",
                "float",
                "percent",
                usage_user="programs, without guests",
                usage_system="kernel",
                usage_idle="nothing to do",
                usage_nice="programs of lowered priority, without guests",
                usage_iowait="idle while a disk request was in flight",
                usage_irq="hardware interrupts",
                usage_softirq="deferred interrupt work, the network's above all",
                usage_steal="taken by the hypervisor for others",
                usage_guest="running guests",
                usage_guest_nice="running guests of lowered priority",
            ),
        ),
    ),
    Measurement(
        "mem",
        (),
        (
            *_fields(
                "gauge",
                "int",
                "bytes",
                total="memory that the kernel manages",
                available="what programs can get without swapping",
                used="total - available",
                free="used for nothing at all",
                cached="page cache and reclaimable slab",
                buffered="raw disk blocks in memory",
                active="used lately, reclaimed last",
                inactive="not used lately, reclaimed first",
                shared="tmpfs and shared memory",
                mapped="files mapped into programs",
                dirty="waiting to be written to disk",
                write_back="being written to disk",
                slab="the kernel's own objects",
                sreclaimable="slab that can be given back",
                sunreclaim="slab that cannot be given back",
                page_tables="page tables",
                swap_cached="swapped out and still in memory",
                commit_limit="most that may be promised under strict overcommit",
                committed_as="promised to programs",
                high_free="free high memory (32-bit kernels)",
                high_total="high memory (32-bit kernels)",
                huge_page_size="size of a huge page",
                low_free="free low memory (32-bit kernels)",
                low_total="low memory (32-bit kernels)",
                swap_free="swap that is free",
                swap_total="swap",
                vmalloc_chunk="largest free block of the vmalloc area",
                vmalloc_total="address space of the vmalloc area",
                vmalloc_used="used of the vmalloc area",
                write_back_tmp="write-back buffers of FUSE",
            ),
            *_fields(
                "gauge",
                "int",
                "1",
                huge_pages_total="huge pages in the pool",
                huge_pages_free="huge pages not in use",
            ),
            *_fields(
                "gauge",
                "float",
                "percent",
                available_percent="available of total",
                used_percent="used of total",
            ),
        ),
    ),
    Measurement(
        "swap",
        (),
        (
            *_fields(
                "gauge",
                "int",
                "bytes",
                total="swap space",
                used="swap in use",
                free="swap not in use",
            ),
            *_fields("gauge", "float", "percent", used_percent="used of total, 0 without swap"),
            *_fields(
                "counter",
                "int",
                "bytes",
                in_="read from swap since boot",
                out="written to swap since boot",
            ),
        ),
    ),
    Measurement(
        "system",
        (),
        (
            *_fields(
                "gauge",
                "float",
                "1",
                load1="tasks running or waiting for CPU or disk, mean of a minute",
                load5="the same, of five minutes",
                load15="the same, of fifteen minutes",
            ),
            *_fields(
                "gauge",
                "int",
                "1",
                n_cpus="logical CPUs online",
                n_physical_cpus="cores that they share",
                n_users="login sessions, where utmp or logind counts them",
                n_unique_users="different users among them",
            ),
            *_fields("counter", "int", "s", uptime="since boot"),
        ),
    ),
    Measurement(
        "disk",
        ("device", "fstype", "mode", "path"),
        (
            *_fields(
                "gauge",
                "int",
                "bytes",
                total="size of the filesystem",
                free="what ordinary users may still use",
                used="in use",
            ),
            *_fields(
                "gauge",
                "float",
                "percent",
                used_percent="used of used + free",
                inodes_used_percent="inodes in use",
            ),
            *_fields(
                "gauge",
                "int",
                "1",
                inodes_total="inodes (0 where the filesystem has no fixed number)",
                inodes_free="inodes not in use",
                inodes_used="inodes in use",
                read_only="1 when mounted for reading only (Muster's own)",
            ),
        ),
    ),
    Measurement(
        "diskio",
        ("name",),
        (
            *_fields(
                "counter",
                "int",
                "1",
                reads="reads completed",
                writes="writes completed",
                merged_reads="reads joined with a neighbour",
                merged_writes="writes joined with a neighbour",
            ),
            *_fields("counter", "int", "bytes", read_bytes="read", write_bytes="written"),
            *_fields(
                "counter",
                "int",
                "ms",
                read_time="all reads' durations together",
                write_time="all writes' durations together",
                io_time="time with any request in flight",
                weighted_io_time="all requests' time in flight together",
            ),
            *_fields("gauge", "int", "1", iops_in_progress="requests in flight now"),
            *_fields(
                "gauge",
                "float",
                "ms",
                io_await="mean duration of a request since the last sample",
                io_svctm="mean busy time of a request since the last sample",
            ),
            *_fields("gauge", "float", "percent", io_util="time busy since the last sample"),
        ),
    ),
    Measurement(
        "net",
        ("interface",),
        (
            *_fields("counter", "int", "bytes", bytes_sent="sent", bytes_recv="received"),
            *_fields(
                "counter",
                "int",
                "1",
                packets_sent="packets sent",
                packets_recv="packets received",
                err_in="receive errors",
                err_out="transmit errors",
                drop_in="received packets dropped",
                drop_out="packets to send dropped",
            ),
            *_fields("gauge", "int", "Mbit/s", speed="of the link, -1 unknown"),
            *_fields(
                "counter",
                "int",
                "1",
                tcp_activeopens="connections opened from here (interface all, as those below)",
                tcp_attemptfails="connections that failed to open",
                tcp_estabresets="connections reset while open",
                tcp_outrsts="resets sent",
                tcp_passiveopens="connections accepted",
                tcp_retranssegs="segments sent again",
                udp_indatagrams="datagrams received",
                udp_inerrors="datagrams that could not be delivered",
                udp_noports="datagrams for ports where nobody listens",
                udp_outdatagrams="datagrams sent",
            ),
        ),
    ),
    Measurement(
        "processes",
        (),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                total="processes",
                total_threads="threads of all processes",
                running="running or ready to",
                sleeping="waiting, may be interrupted",
                blocked="waiting, mostly for a disk",
                zombies="ended, not yet waited for",
                stopped="stopped by a signal or a debugger",
                idle="idle kernel threads",
                dead="going away",
                paging="paging (kernels before 2.6)",
                parked="parked kernel threads",
                unknown="in a state that has no name here",
            ),
        ),
    ),
    Measurement(
        "kernel",
        (),
        (
            *_fields(
                "counter",
                "int",
                "1",
                interrupts="interrupts served since boot",
                context_switches="context switches since boot",
                processes_forked="processes and threads made since boot",
            ),
            *_fields("gauge", "int", "s", boot_time="Unix time of the boot"),
            *_fields("gauge", "int", "bits", entropy_avail="entropy in the kernel's pool"),
        ),
    ),
    Measurement(
        "pressure",
        ("resource", "type"),
        (
            *_fields(
                "gauge",
                "float",
                "percent",
                avg10="of time in which tasks waited for the resource, over 10 s",
                avg60="the same, over 60 s",
                avg300="the same, over 300 s",
            ),
            *_fields("counter", "int", "us", total="time in which tasks waited since boot"),
        ),
    ),
    Measurement(
        "netstat",
        (),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                tcp_established="TCP connections open (established and close-wait)",
                tcp_time_wait="TCP connections closed lately",
                tcp_orphan="TCP connections that no program owns any more",
                tcp_allocated="TCP sockets of any state",
                udp_socket="UDP sockets",
                tcp_syn_sent="TCP connections being opened (from here on: sensor tcp_states)",
                tcp_syn_recv="TCP connections being accepted",
                tcp_fin_wait1="TCP connections closed here, not yet acknowledged",
                tcp_fin_wait2="TCP connections closed here, not yet there",
                tcp_close="TCP sockets without a connection",
                tcp_close_wait="TCP connections closed there, not yet here",
                tcp_last_ack="TCP connections closed there, then here",
                tcp_listen="TCP sockets that accept connections",
                tcp_closing="TCP connections closed at both ends at once",
            ),
        ),
    ),
    Measurement(
        "nstat",
        ("name",),
        (
            *_fields(
                "counter",
                "int",
                "1",
                IpInAddrErrors="received packets for addresses that are not this machine's",
                IpInUnknownProtos="received packets of a protocol that is not known",
                IcmpInErrors="ICMP messages received with errors",
                IcmpInCsumErrors="ICMP messages received with a bad checksum",
                IcmpInEchos="echo requests received",
                IcmpInEchoReps="echo replies received",
                IcmpOutErrors="ICMP messages that could not be sent",
                IcmpOutEchos="echo requests sent",
                IcmpOutEchoReps="echo replies sent",
                UdpInCsumErrors="datagrams received with a bad checksum",
                TcpExtSyncookiesRecv="SYN cookies that came back",
                TcpExtSyncookiesFailed="SYN cookies that came back wrong",
                Ip6InAddrErrors="IPv6 packets for addresses that are not this machine's",
                Ip6InDiscards="received IPv6 packets dropped for want of memory",
                Ip6InHdrErrors="received IPv6 packets with a bad header",
                Ip6InUnknownProtos="received IPv6 packets of a protocol that is not known",
                Ip6OutDiscards="IPv6 packets to send dropped for want of memory",
                Ip6OutNoRoutes="IPv6 packets to send without a route",
                IpForwDatagrams="packets forwarded",
                IpInDiscards="received packets dropped for want of memory",
                IpInHdrErrors="received packets with a bad header",
                IpOutDiscards="packets to send dropped for want of memory",
                IpOutNoRoutes="packets to send without a route",
                IpReasmFails="fragmented packets that could not be put together",
                TcpActiveOpens="connections opened from here",
                TcpPassiveOpens="connections accepted",
                TcpAttemptFails="connections that failed to open",
                TcpEstabResets="connections reset while open",
                TcpInSegs="segments received",
                TcpOutSegs="segments sent, without retransmissions",
                TcpRetransSegs="segments sent again",
                TcpInErrs="segments received with errors",
                TcpOutRsts="resets sent",
                UdpInDatagrams="datagrams received",
                UdpOutDatagrams="datagrams sent",
                UdpNoPorts="datagrams for ports where nobody listens",
                UdpInErrors="datagrams that could not be delivered",
                UdpRcvbufErrors="datagrams dropped at a full receive buffer",
                UdpSndbufErrors="datagrams dropped at a full send buffer",
                TcpExtListenDrops="connections dropped before they were accepted",
                TcpExtListenOverflows="connections dropped at a full accept queue",
                TcpExtSyncookiesSent="SYN cookies sent, as under a flood",
                TcpExtTCPAbortOnMemory="connections given up for want of memory",
                TcpExtTCPAbortOnTimeout="connections given up after too many retries",
                TcpExtTCPBacklogDrop="segments dropped at a busy socket",
                TcpExtTCPLostRetransmit="retransmissions that were lost too",
                TcpExtTCPSynRetrans="SYNs sent again",
                TcpExtTCPTimeouts="retransmission timeouts",
            ),
        ),
    ),
    Measurement(
        "interrupts",
        ("irq", "type", "device"),
        (*_fields("counter", "int", "1", total="interrupts of this line, on all CPUs"),),
    ),
    Measurement(
        "conntrack",
        (),
        (
            *_fields(
                "gauge",
                "float",
                "1",
                nf_conntrack_count="connections tracked",
                nf_conntrack_max="connections that can be tracked; more are dropped",
            ),
        ),
    ),
    Measurement(
        "softnet",
        (),
        (
            *_fields(
                "counter",
                "int",
                "1",
                processed="packets handled by the kernel",
                dropped="packets dropped at a full backlog",
                time_squeeze="times that packets were left for want of time",
            ),
        ),
        "muster",
    ),
    Measurement(
        "kernel_vmstat",
        (),
        (
            *_fields(
                "counter",
                "int",
                "1",
                oom_kill="processes killed for want of memory",
                pgfault="page faults",
                pgmajfault="page faults that read a disk",
                pgscan_direct="pages that programs themselves had to look at to get memory",
            ),
        ),
    ),
    Measurement(
        "linux_sysctl_fs",
        (),
        tuple(
            Field(name, "int", "1", "gauge", meaning)
            for name, meaning in (
                ("file-nr", "open files of the whole system"),
                ("file-max", "open files that there may be"),
            )
        ),
    ),
    Measurement(
        "temp",
        ("sensor", "device"),
        (*_fields("gauge", "float", "Cel", temp="temperature"),),
    ),
    Measurement(
        "sensors",
        ("chip", "feature"),
        (
            *_fields("gauge", "float", "rpm", fan_input="speed of a fan"),
            *_fields(
                "gauge",
                "float",
                "W",
                power_average="power, mean over the meter's interval",
                power_input="power now",
            ),
            *_fields("gauge", "float", "A", curr_input="current now"),
        ),
    ),
    Measurement(
        "mdstat",
        ("Name", "ActivityState", "Devices"),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                DisksActive="members in use",
                DisksDown="members missing",
                DisksFailed="members marked as failed",
                DisksSpare="spare members",
                DisksTotal="members that there should be",
            ),
            *_fields(
                "gauge",
                "int",
                "KiB",
                BlocksSynced="in step, all of it when nothing is being rebuilt",
                BlocksTotal="size of the array",
            ),
            *_fields("gauge", "float", "percent", BlocksSyncedPct="of a rebuild or check done"),
            *_fields("gauge", "float", "min", BlocksSyncedFinishTime="until it ends"),
            *_fields("gauge", "float", "KiB/s", BlocksSyncedSpeed="its speed"),
        ),
    ),
    Measurement(
        "bond",
        ("bond",),
        (
            *_fields("gauge", "int", "1", status="1 up, 0 down"),
            *_fields("info", "str", "1", active_slave="member in use, where only one is"),
        ),
    ),
    Measurement(
        "bond_slave",
        ("bond", "interface"),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                status="of a member: 1 up, 0 down",
                count="members of the bond (in a series without interface)",
            ),
            *_fields("counter", "int", "1", failures="times that the member's link went down"),
        ),
    ),
    Measurement(
        "wireless",
        ("interface",),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                status="of the driver",
                link="quality, most drivers' best is 70",
            ),
            *_fields(
                "gauge",
                "int",
                "dBm",
                level="signal",
                noise="noise, -256 unknown",
            ),
            *_fields(
                "counter",
                "int",
                "1",
                nwid="packets of another network",
                crypt="packets that could not be decrypted",
                frag="packets that could not be put together",
                retry="packets given up after too many retries",
                misc="packets lost for other reasons",
                beacon="beacons missed",
            ),
        ),
    ),
    Measurement(
        "ethtool",
        ("driver", "interface"),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                interface_up="1 when switched on",
                link="1 when there is a signal on the cable",
                duplex="1 full, 0 half",
            ),
            *_fields("gauge", "int", "Mbit/s", speed="of the link, -1 unknown"),
            *_fields("counter", "int", "1", carrier_changes="times that the link came or went"),
            *_fields(
                "gauge",
                "float",
                "percent",
                use_in="of the speed, received, mean since the last reading",
                use_out="of the speed, sent, mean since the last reading",
            ),
        ),
    ),
    Measurement(
        "internal_agent",
        (),
        (
            *_fields(
                "counter",
                "int",
                "1",
                samples="samples taken since the agent started",
                errors="readings that failed since the agent started",
                resends="reports sent more than once",
                acks_ignored="acks that could not be true, or not be read",
                configs_refused="configurations that the centre wanted and that are not in force",
                epochs_begun="times that the agent had to begin counting its reports anew",
            ),
            *_fields("counter", "int", "ms", cpu_ms="processor time since the agent started"),
            *_fields("gauge", "int", "bytes", memory_rss="memory of the agent"),
            *_fields("gauge", "int", "1", spool_depth="reports that are not yet stored"),
            *_fields("gauge", "float", "s", spool_age_s="age of the oldest of them"),
            *_fields("gauge", "bool", "1", spool_in_memory="the disk takes no reports"),
            *_fields(
                "counter",
                "int",
                "bytes",
                link_bytes="carried by the broker's connection, both ways, with TLS, TCP and IP",
            ),
            *_fields("gauge", "int", "bytes", budget_used="of the month's budget so far"),
            *_fields(
                "gauge",
                "int",
                "1",
                shed_level="left out for the budget: 0 nothing, 1 details, 2 all but the vital, "
                "3 most samples too",
            ),
        ),
        "muster",
    ),
    Measurement(
        "internal_gather",
        ("input",),
        (
            *_fields("gauge", "int", "ns", gather_time_ns="the last reading of this sensor took"),
            *_fields("counter", "int", "1", errors="its readings that failed since the start"),
        ),
    ),
    Measurement(
        "multipath",
        ("name", "type"),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                paths="paths to a disk",
                paths_active="of them those that work",
                paths_failed="of them those that do not",
            ),
        ),
        "muster",
    ),
    Measurement(
        "modem",
        ("modem", "model", "operator"),
        (
            *_fields("gauge", "int", "percent", signal_quality="of the best signal"),
            *_fields(
                "gauge",
                "int",
                "1",
                connected="1 while data can pass",
                registered="1 while a network has taken it in",
                roaming="1 while that is not its own network",
            ),
            *_fields("info", "str", "1", access_technology="such as lte, 5gnr or umts"),
            *_fields(
                "gauge",
                "float",
                "dBm",
                rssi="received power, all of the channel",
                rsrp="received power of the reference signal",
            ),
            *_fields(
                "gauge",
                "float",
                "dB",
                rsrq="quality of the reference signal",
                snr="signal to noise",
            ),
        ),
        "muster",
    ),
    Measurement(
        "timex",
        ("status",),
        (
            *_fields(
                "gauge",
                "int",
                "ns",
                offset_ns="what the kernel still has to correct",
                maxerror_ns="most that the clock may be wrong",
                estimated_error_ns="what the clock is probably wrong",
            ),
            *_fields("gauge", "float", "ppm", frequency_offset_ppm="correction of the frequency"),
            *_fields("info", "int", "1", status="flags of adjtimex(2)"),
            *_fields("gauge", "bool", "1", synchronized="whether anybody keeps the clock"),
        ),
    ),
    Measurement(
        "chrony",
        ("leap_status", "reference_id", "stratum"),
        (
            *_fields(
                "gauge",
                "float",
                "s",
                system_time="what is left to correct, positive when the clock is slow",
                last_offset="offset at the last update",
                rms_offset="offset, long-term mean",
                root_delay="network delay to the reference clock",
                root_dispersion="error gathered on the way to the reference clock",
                update_interval="between the last two updates",
            ),
            *_fields(
                "gauge",
                "float",
                "ppm",
                frequency="error of the uncorrected clock",
                residual_freq="of it not yet corrected",
                skew="uncertainty of it",
            ),
        ),
    ),
    Measurement(
        "systemd",
        (),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                units_failed="units that have failed",
                units_total="units that are loaded",
            ),
        ),
        "muster",
    ),
    Measurement(
        "systemd_units",
        ("name", "load", "active", "sub"),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                load_code="load state: 0 loaded, 2 not found, 6 masked",
                active_code="active state: 0 active, 2 inactive, 3 failed",
                sub_code="sub state: 0 running, 1 dead, 4 exited, 12 failed",
            ),
        ),
    ),
    Measurement(
        "updates",
        (),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                pending="packages that would be installed or upgraded",
                security="of them those that mend a security hole",
                reboot_required="1 when an update waits for a reboot",
            ),
        ),
        "muster",
    ),
    Measurement(
        "containers",
        (),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                running="containers that run",
                docker="of them Docker's",
                podman="of them Podman's",
                containerd="of them Kubernetes' by containerd",
                crio="of them Kubernetes' by CRI-O",
                lxc="of them LXC's",
                nspawn="of them systemd-nspawn's",
                cgroups="control groups: slices, services, scopes, containers",
            ),
        ),
        "muster",
    ),
    Measurement(
        "powerstat_package",
        ("package_id",),
        (
            *_fields(
                "gauge",
                "float",
                "W",
                current_power_consumption="of a processor package, mean since the last sample",
                current_dram_power_consumption="of its memory, mean since the last sample",
            ),
        ),
    ),
    Measurement(
        "nvidia_smi",
        ("index", "name", "uuid", "pstate", "compute_mode"),
        (
            *_fields(
                "gauge",
                "int",
                "percent",
                fan_speed="of the fan's greatest speed",
                utilization_gpu="of time with work on the GPU",
                utilization_memory="of time with traffic on its memory",
            ),
            *_fields(
                "gauge",
                "int",
                "MiB",
                memory_total="memory",
                memory_used="memory in use",
                memory_free="memory not in use",
            ),
            *_fields("gauge", "int", "Cel", temperature_gpu="temperature"),
            *_fields(
                "gauge",
                "float",
                "W",
                power_draw="power",
                power_limit="power that it may draw",
            ),
        ),
    ),
    Measurement(
        "procstat",
        ("process_name",),
        (
            *_fields("gauge", "int", "bytes", memory_rss="memory of the processes of this name"),
            *_fields(
                "gauge",
                "int",
                "1",
                num_threads="threads of the processes of this name",
                processes="processes of this name",
            ),
            *_fields(
                "gauge",
                "float",
                "percent",
                cpu_usage="of one CPU, mean since the last reading",
            ),
        ),
    ),
    Measurement(
        "x509_cert",
        ("source", "common_name", "serial_number", "verification", "peer_site"),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                verification_code="0 trusted, 1 not (of servers that probes ask)",
            ),
            *_fields(
                "info",
                "str",
                "1",
                verification_error="why it is not trusted (of servers that probes ask)",
            ),
            *_fields(
                "gauge",
                "int",
                "s",
                age="since it became valid",
                expiry="until it expires, negative afterwards",
                startdate="Unix time from which it is valid",
                enddate="Unix time until which it is valid",
            ),
        ),
    ),
    Measurement(
        "http_response",
        ("server", "method", "status_code", "result", "peer_site"),
        (
            *_fields(
                "gauge",
                "float",
                "s",
                response_time="from the beginning to the end of the answer's head",
            ),
            *_fields("gauge", "int", "bytes", content_length="of the body that was read"),
            *_fields(
                "gauge",
                "int",
                "1",
                http_response_code="the status of the answer",
                response_status_code_match="1 when the status is the one expected, else 0",
                response_string_match="1 when the body holds the text expected, else 0",
                result_code="0 success, 1 other text, 2 body not read, 3 connection failed, "
                "4 timeout, 5 no such name, 6 other status",
            ),
        ),
    ),
    Measurement(
        "net_response",
        ("server", "port", "protocol", "result", "peer_site"),
        (
            *_fields(
                "gauge",
                "float",
                "s",
                response_time="until connected, or until the expected answer",
            ),
            *_fields(
                "gauge",
                "int",
                "1",
                result_code="0 success, 1 timeout, 2 connection failed, 3 no answer, 4 other text",
            ),
        ),
    ),
    Measurement(
        "dns_query",
        ("server", "domain", "record_type", "result", "rcode", "peer_site"),
        (
            *_fields("gauge", "float", "ms", query_time_ms="until the answer; absent without one"),
            *_fields(
                "gauge",
                "int",
                "1",
                result_code="0 success, 1 timeout, 2 error",
                rcode_value="the server's response code, 0 for no error",
            ),
        ),
    ),
    Measurement(
        "ping",
        ("url", "peer_site"),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                packets_transmitted="echo requests sent in a run",
                packets_received="echo replies received in a run",
                ttl="hops that a reply might still have gone",
                result_code="0 answered, 1 no answer or no such host, 2 could not send",
            ),
            *_fields("gauge", "float", "percent", percent_packet_loss="requests without a reply"),
            *_fields(
                "gauge",
                "float",
                "ms",
                minimum_response_ms="shortest round trip",
                average_response_ms="mean round trip",
                maximum_response_ms="longest round trip",
                standard_deviation_ms="of the round trips",
            ),
        ),
    ),
    Measurement(
        "throughput",
        ("server", "port", "result", "peer_site"),
        (
            *_fields(
                "gauge",
                "float",
                "Mbit/s",
                download="from the other agent to this one",
                upload="from this agent to the other one",
                limit="rate that the test kept to: a path that reaches it carries that or more",
            ),
            *_fields("gauge", "float", "ms", latency="until connected"),
            *_fields(
                "gauge",
                "int",
                "bytes",
                bytes_sent="in the test",
                bytes_received="in the test",
            ),
            *_fields(
                "gauge",
                "int",
                "1",
                result_code="0 success, 1 timeout, 2 connection failed, 3 refused, 4 busy",
            ),
        ),
        "muster",
    ),
    Measurement(
        "smart_device",
        ("device", "model"),
        (
            *_fields("gauge", "bool", "1", health_ok="the disk's own judgement"),
            *_fields("gauge", "int", "Cel", temp_c="temperature"),
            *_fields(
                "gauge",
                "int",
                "percent",
                available_spare="spare blocks left (NVMe)",
                available_spare_threshold="spare blocks below which it warns (NVMe)",
                percentage_used="life used, may pass 100 (NVMe)",
            ),
            *_fields("gauge", "int", "1", critical_warning="flags of what is wrong (NVMe)"),
            *_fields("counter", "int", "h", power_on_hours="switched on"),
            *_fields(
                "counter",
                "int",
                "1",
                power_cycle_count="times switched on",
                unsafe_shutdowns="times that the power went without warning (NVMe)",
                media_errors="data that could not be read or checked (NVMe)",
                error_log_entries="entries in the log of errors (NVMe)",
                reallocated_sectors_count="sectors replaced by spare ones (ATA)",
                uncorrectable_errors="errors that could not be corrected (ATA)",
                pending_sector_count="sectors that wait to be replaced (ATA)",
                uncorrectable_sector_count="sectors that could not be read (ATA)",
                udma_crc_errors="transfer errors, often the cable's (ATA)",
            ),
        ),
    ),
)


def types(catalogue: tuple[Measurement, ...] = CATALOGUE) -> dict[str, dict[str, Type]]:
    """Measurement to field to type, for validation."""
    return {m.name: {f.name: f.type for f in m.fields} for m in catalogue}
