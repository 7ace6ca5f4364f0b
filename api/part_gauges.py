"""Writes what was found of the parts that an export needs as Prometheus' gauges."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from api.readiness import Room
from api.schemas.health import Readiness


def exposed_parts(found: Readiness, room: Room) -> str:
    """The parts in Prometheus' text format, with the room of a store that is a folder."""
    registry = CollectorRegistry()
    up = Gauge(
        "landfall_part_up", "1 where a part that an export needs is as it should be.", ["part"], registry=registry
    )
    for part, check in found.checks.items():
        up.labels(part).set(check.ok)
    if room.free_bytes is not None:
        free = Gauge("landfall_store_free_bytes", "Room that the store's disk has left.", registry=registry)
        free.set(room.free_bytes)
        reserve = Gauge("landfall_store_reserve_bytes", "Below this much room downloads wait.", registry=registry)
        reserve.set(room.reserve_bytes)
    return generate_latest(registry).decode()
