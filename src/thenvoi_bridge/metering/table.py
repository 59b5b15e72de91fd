"""Every metric, once. Each label has few values, all of them from the contract or from this project."""

from __future__ import annotations

from thenvoi_bridge.metering import Metric

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_PATIENT = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0)

TENANTS = Metric(
    "thenvoi_bridge_tenants", "gauge", "Agents (`agent`) and people (`human`) with a session.", ("side",)
)
MCP_SESSIONS = Metric(
    "thenvoi_bridge_mcp_sessions", "gauge", "Sessions of the handshake era that are open at `/mcp`."
)
SOCKETS = Metric(
    "thenvoi_bridge_sockets", "gauge", "Agents by how their socket does; `live` is well.", ("state",)
)
INBOX = Metric(
    "thenvoi_bridge_inbox_messages",
    "gauge",
    "Messages that wait for an answer (`open`), or have failed for good (`dead`).",
    ("state",),
)
OLDEST = Metric(
    "thenvoi_bridge_inbox_oldest_seconds", "gauge", "Age of the oldest open message; 0 if there is none."
)
DELIVERY = Metric(
    "thenvoi_bridge_delivery_seconds",
    "histogram",
    "From when the platform took a message to when a host was first given it, by rung of the ladder.",
    ("rung",),
    _PATIENT,
)
REDELIVERIES = Metric(
    "thenvoi_bridge_redeliveries_total", "counter", "Messages that were handed out again, after an attempt."
)
WAITS_OPEN = Metric("thenvoi_bridge_waits_open", "gauge", "Calls of `inbox_wait` that are waiting.")
WAITS = Metric(
    "thenvoi_bridge_waits_total", "counter", "Those that ended, with `messages` or `nothing`.", ("outcome",)
)
TOOL_CALLS = Metric(
    "thenvoi_bridge_tool_calls_total",
    "counter",
    "Calls of tools: `ok`, `error`, `asked` (the user first), `cancelled`.",
    ("tool", "outcome"),
)
REST_REQUESTS = Metric(
    "thenvoi_bridge_rest_requests_total",
    "counter",
    "Requests to the platform, repeated ones too, by the status of the answer; `none` without one.",
    ("operation", "status"),
)
BRIDGE = (
    TENANTS,
    MCP_SESSIONS,
    SOCKETS,
    INBOX,
    OLDEST,
    DELIVERY,
    REDELIVERIES,
    WAITS_OPEN,
    WAITS,
    TOOL_CALLS,
    REST_REQUESTS,
)
"""Those of the bridge."""

REQUESTS = Metric(
    "thenvoi_platform_requests_total",
    "counter",
    "Requests that were answered; `none` is no call of the API.",
    ("call", "status"),
)
REQUEST = Metric(
    "thenvoi_platform_request_seconds", "histogram", "Time that answering took.", ("call",), _QUICK
)
CONNECTED = Metric(
    "thenvoi_platform_sockets", "gauge", "Sockets that are open, of agents and of people.", ("type",)
)
TOLD = Metric(
    "thenvoi_platform_events_told_total", "counter", "Events put on sockets, once a socket.", ("event",)
)
LAG = Metric(
    "thenvoi_platform_log_lag_seconds",
    "gauge",
    "How long something has been in the log that sockets are yet to be told; 0 if there is nothing.",
)
DELIVERIES = Metric(
    "thenvoi_platform_deliveries", "gauge", "Messages by recipient, by how far each has come.", ("state",)
)
STORAGE_ERRORS = Metric(
    "thenvoi_platform_storage_errors_total",
    "counter",
    "Transactions that the database did not take: `Busy`, `Full`, `Lost` and others.",
    ("kind",),
)
PLATFORM = (REQUESTS, REQUEST, CONNECTED, TOLD, LAG, DELIVERIES, STORAGE_ERRORS)
"""Those of the platform."""

TABLES = {"bridge": BRIDGE, "platform": PLATFORM}
