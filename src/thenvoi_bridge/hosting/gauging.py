"""What is to be said of all tenants together when somebody asks; of none of them in particular."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable

from thenvoi_bridge.bridge import sdk
from thenvoi_bridge.bridge.seat import Seat
from thenvoi_bridge.hosting.tenant import Tenant
from thenvoi_bridge.inbox import times
from thenvoi_bridge.inbox.trouble import Trouble
from thenvoi_bridge.metering import Sample
from thenvoi_bridge.metering.table import INBOX, MCP_SESSIONS, OLDEST, SOCKETS, TENANTS, WAITS_OPEN

STATES = ("live", "catching_up", "connecting", "waiting", "standby", "refused", "offline")
"""What a session says of its connection; another process, of another version, may have posted others."""


async def gauged(tenants: Iterable[Tenant]) -> list[Sample]:
    """What the gauges of the bridge say now. An inbox that cannot be read is passed over."""
    everybody = [*tenants]
    samples = [sample for tenant in everybody for sample in _of(tenant)]
    ages = [0.0]
    for seat in [seat for tenant in everybody if (seat := tenant.session.seat_now)]:
        async for sample in _of_inbox(seat):
            if sample.metric is OLDEST:
                ages.append(sample.value)
            else:
                samples.append(sample)
    return [*samples, Sample(OLDEST, max(ages))]


def _of(tenant: Tenant) -> list[Sample]:
    session, side = tenant.session, tenant.principal.side
    state = session.connection if session.connection in STATES else "other"
    return [
        Sample(TENANTS, 1, (side,)),
        Sample(MCP_SESSIONS, sdk.open_sessions(tenant.streamable)),
        Sample(WAITS_OPEN, session.waiting),
        *([Sample(SOCKETS, 1, (state,))] if side == "agent" else []),
    ]


async def _of_inbox(seat: Seat) -> AsyncIterator[Sample]:
    try:
        depth = await seat.inbox.depth()
    except Trouble:
        return
    yield Sample(INBOX, depth.open, ("open",))
    yield Sample(INBOX, depth.dead, ("dead",))
    yield Sample(OLDEST, times.age(depth.oldest, time.time()) or 0.0)
