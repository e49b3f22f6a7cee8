"""Checks of what the kernel allows: descriptors, ports, memory and queues of TCP, namespaces.

Rules: as in `harness.doctor`: a Place in, a Finding out. Bounds stand beside each check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.doctor.finding import Finding, finding

if TYPE_CHECKING:
    from harness.doctor.place import Place

_FILES, _FILES_LEAST = 20_000, 4_096  # 10,000 connections are held; 1,000 are measured
_PORTS, _PORTS_LEAST = 20_000, 4_000
_TCP, _TCP_LEAST = 256 << 20, 64 << 20  # bytes; twenty peers that never read hold 170 MB
_QUEUE, _QUEUE_LEAST = 1_024, 128
_IPV4 = "proc/sys/net/ipv4"


def open_files(place: Place) -> Finding:
    """Return the limit of files: the harness raises the soft one by itself, up to the hard."""
    soft, hard = place.open_files()
    most = float("inf") if hard < 0 else hard
    return finding(
        "open files",
        f"soft {soft:,}, hard {'none' if hard < 0 else f'{hard:,}'}",
        bad=most < _FILES_LEAST,
        fair=most < _FILES,
        advice=f"Raise the hard limit to {_FILES:,}: in /etc/security/limits.conf, "
        f"`* hard nofile {_FILES}`, and log in again.",
    )


def ports(place: Place) -> Finding:
    """Return the ports: each connection opened and closed leaves one waiting for a minute."""
    ends = place.numbers(f"{_IPV4}/ip_local_port_range")
    reuse = place.read(f"{_IPV4}/tcp_tw_reuse")
    if len(ends) != 2:
        return finding("ports", "not visible", fair=True, advice="Mount /proc.")
    count = ends[1] - ends[0] + 1
    again = {"0": "not reused", "1": "reused", "2": "reused on loopback"}.get(reuse, "reuse hidden")
    return finding(
        "ports",
        f"{count:,}, in TIME_WAIT {again}",
        bad=count < _PORTS_LEAST,
        fair=count < _PORTS or reuse == "0",
        advice="sudo sysctl net.ipv4.ip_local_port_range='32768 60999' net.ipv4.tcp_tw_reuse=2",
    )


def tcp_memory(place: Place) -> Finding:
    """Return TCP's memory: past the middle figure of tcp_mem the kernel shrinks windows."""
    pages = place.numbers(f"{_IPV4}/tcp_mem")
    if len(pages) != 3:
        return finding("TCP memory", "not visible", fair=True, advice="Mount /proc.")
    bytes_ = pages[1] * place.page_bytes
    return finding(
        "TCP memory",
        f"{bytes_ >> 20:,} MiB before pressure",
        bad=bytes_ < _TCP_LEAST,
        fair=bytes_ < _TCP,
        advice="sudo sysctl net.ipv4.tcp_mem='65536 131072 262144', or give the machine memory.",
    )


def queue(place: Place) -> Finding:
    """Return the queue: the listener asks for 1,024, and the kernel gives somaxconn at most."""
    most = sum(place.numbers("proc/sys/net/core/somaxconn"))
    if not most:
        return finding("somaxconn", "not visible", fair=True, advice="Mount /proc.")
    return finding(
        "somaxconn",
        f"{most:,}",
        bad=most < _QUEUE_LEAST,
        fair=most < _QUEUE,
        advice=f"sudo sysctl net.core.somaxconn={_QUEUE}",
    )


def congestion(place: Place) -> Finding:
    """Return the algorithm: loopback loses nothing, so that only one that paces matters."""
    name = place.read(f"{_IPV4}/tcp_congestion_control")
    return finding(
        "congestion",
        name or "not visible",
        fair=name not in ("cubic", "reno"),
        advice="sudo sysctl net.ipv4.tcp_congestion_control=cubic: bbr, for one, sends by timers.",
    )


def namespaces(place: Place) -> Finding:
    """Return whether children may have files of their own, as some cases of check need."""
    refusal = place.namespaces()
    return finding(
        "namespaces",
        refusal or "a child may have files of its own",
        fair=bool(refusal),
        advice="Measuring needs none; some cases of check are UNSUPPORTED without: run as root, or "
        "sudo sysctl kernel.unprivileged_userns_clone=1",
    )
