"""Bugs that others made before us, each as the change that would make it here, and who must notice it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """In `file`, `good` becomes `bad`; then one of `tests` at least must fail."""

    name: str
    file: str
    good: str
    bad: str
    tests: tuple[str, ...]


BUGS = (
    Bug(
        "no fencing",
        "inbox/core.py",
        "    if (item.token, item.owner) != (token, owner):\n        raise LeaseLost(item.id)",
        "    pass",
        ("tests/inbox/test_core.py", "tests/inbox/test_store.py"),
    ),
    Bug(
        "acknowledged before the answer is out",
        "inbox/sending.py",
        "    return _record(rows, by, id, order)\n\n\ndef say",
        "    out = _record(rows, by, id, order)\n"
        "    for item in rows.answered_by(out.id):\n"
        "        rows.update(item, core.answered(item, by))\n"
        "    return out\n\n\ndef say",
        ("tests/bridge/test_sending.py", "tests/inbox/test_outbox.py"),
    ),
    Bug(
        "order by id alone",
        "inbox/incoming.py",
        "waiting WHERE chat_id = ? ORDER BY sent_at, id LIMIT ?",
        "waiting WHERE chat_id = ? ORDER BY id LIMIT ?",
        ("tests/inbox/test_store.py", "tests/bridge/test_composites.py"),
    ),
    Bug(
        "dropped when full",
        "listener/notices.py",
        "                self.put(Unclear(notice.topic))",
        "                pass",
        ("tests/test_listener.py",),
    ),
    Bug(
        "no acknowledgement again",
        "inbox/core.py",
        "    if item.state not in NEXT[Step.LISTED]:\n        return item",
        "    if item.state is not State.GONE:\n        return item",
        ("tests/bridge/test_seat.py", "tests/inbox/test_core.py"),
    ),
    Bug(
        "every POST is repeated",
        "client.py",
        "        return errand.route.may_repeat or (errand.key is not None and self.honours_keys is True)",
        "        return True",
        ("tests/test_client.py", "tests/bridge/test_sending.py"),
    ),
    Bug(
        "a short memory of what was done",
        "inbox/tidy.py",
        '    yield lambda rows: rows.tx.run(_DELETE, "done", long_ago, SOME)\n',
        '    yield lambda rows: rows.tx.run(_DELETE, "done", wall, SOME)\n',
        ("tests/inbox/test_tidy.py",),
    ),
    Bug(
        "a join of an earlier connection counts",
        "phoenix/client.py",
        "        return current is not None and frame.join_ref in (None, current)",
        "        return current is not None",
        ("tests/phoenix/test_client.py",),
    ),
    Bug(
        "only EOF ends it",
        "hosting/watch.py",
        'return sys.platform != "win32" and os.getppid() != parent',
        "return False",
        ("tests/system/test_life.py",),
    ),
    Bug(
        "the key is in the log",
        "listener/socket.py",
        "    lambda record: record.levelno > logging.DEBUG",
        "    lambda record: True",
        ("tests/test_listener.py", "tests/system/test_process.py"),
    ),
    Bug(
        "no tenant filter",
        "platform/rooms.py",
        '    if role is None:\n        raise NotFound("Chat room not found")\n    return role',
        '    return role or "member"',
        ("tests/platform/test_isolation.py", "tests/platform/test_messages.py"),
    ),
    Bug(
        "anybody may write into a room",
        "platform/rooms.py",
        "        \"WHERE chat_id = ? AND actor_id = ? AND status = 'active'\",\n        chat_id, me.id,",
        "        \"WHERE chat_id = ? AND ? <> ''\",\n        chat_id, me.id,",
        ("tests/platform/test_isolation.py", "tests/platform/test_messages.py"),
    ),
    Bug(
        "a room is swept by its next message",
        "bridge/sweeping.py",
        "            if pages == 1 or len(found) == before:\n",
        "            found = dict([*found.items()][:1])\n            if True:\n",
        ("tests/bridge/test_sweeping.py", "tests/bridge/test_seat.py"),
    ),
)
