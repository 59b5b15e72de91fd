"""`thenvoi-bridge inbox list|show|ack|retry`: the inboxes on this computer, for people and for cron.

Neither the platform nor a key is needed: an inbox is a file, shared with every bridge that runs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from thenvoi_bridge.cli.options import agent_option, said, state_dir_option, visible, write_out_the_rest

if TYPE_CHECKING:
    from thenvoi_bridge.inbox.core import Item, Outcome
    from thenvoi_bridge.inbox.errors import InboxError
    from thenvoi_bridge.inbox.found import Found
    from thenvoi_bridge.inbox.opening import Opened
    from thenvoi_bridge.inbox.store import Inbox

T = TypeVar("T")
Change = Callable[["Inbox", Collection[str]], Awaitable[list["Item"]]]


_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
_ids = click.argument("ids", metavar="ID...", nargs=-1, required=True, callback=said)


def _where(command: Any) -> Any:
    """The options that every command has."""
    return agent_option(state_dir_option(command))


@click.group()
def inbox() -> None:
    """Look into the inboxes on this computer; end or retry messages."""
    write_out_the_rest()


@inbox.command("list")
@_where
@click.option(
    "--state",
    type=click.Choice(["open", "dead", "all"]),
    default="open",
    show_default=True,
    help="What still waits for an answer, what failed for good, or everything.",
)
@click.option("--chat", "chat_id", metavar="ID", callback=said, help="Only this room.")
@click.option("--limit", type=click.IntRange(1), help="So many of each inbox at most, the oldest.")
@_json
def list_messages(
    state_dir: Path, agent: str | None, state: str, chat_id: str | None, limit: int | None, as_json: bool
) -> None:
    """List messages, a line each.

    Its id, room, sender, time, state, attempts and first words, the oldest first.
    """
    from thenvoi_bridge.cli import entries
    from thenvoi_bridge.inbox import at_once
    from thenvoi_bridge.inbox.core import OPEN, State
    from thenvoi_bridge.inbox.records import record

    states = {"open": OPEN, "dead": frozenset({State.DEAD}), "all": frozenset(State)}[state]

    async def look(found: Found) -> list[str]:
        page = await found.inbox.page(None, chat_id, limit or sys.maxsize, states)
        if as_json:
            return [json.dumps(record(found.identity, item)) for item in page.items]
        return [entries.whose(found), *entries.table(page.items)]

    with _no_inbox_is_an_error():
        seen, unusable = at_once.visited(state_dir, agent, look)
    _print(seen, apart=not as_json)
    complain(unusable)


@inbox.command()
@_where
@click.argument("id", callback=said)
@_json
def show(state_dir: Path, agent: str | None, id: str, as_json: bool) -> None:
    """Show everything about one message.

    Its text, its answer, and where it was shown.
    """
    from thenvoi_bridge.cli import entries
    from thenvoi_bridge.inbox.outgoing import key_of_answer

    async def look(found: Opened) -> list[str]:
        for item in await found.inbox.get([id]):
            # One that was refused is no longer the message's, and still tells why nothing came of it.
            out = await found.inbox.outbox.get(item.outgoing_id or key_of_answer(item.id))
            shown = await found.inbox.ledger.of(item.id)
            if as_json:
                return [json.dumps(entries.full_record(found, item, out, shown))]
            return entries.description(found, item, out, shown)
        return []

    seen, unusable = _visit(state_dir, agent, look)
    _print(filter(None, seen), apart=not as_json)
    complain(unusable)
    if not any(seen):
        raise click.ClickException(_unknown([id]))


@inbox.command()
@_where
@_ids
@click.option("--failed", "reason", metavar="REASON", callback=said, help="They have failed, and why.")
def ack(state_dir: Path, agent: str | None, ids: Sequence[str], reason: str | None) -> None:
    """End messages without an answer, as processed or as failed."""
    outcome: Outcome = "processed" if reason is None else "failed"

    async def end(inbox: Inbox, ids: Collection[str]) -> list[Item]:
        return await inbox.end(ids, outcome, reason, inbox.now())

    for item in _changed(state_dir, agent, ids, end, rule="only what is open or dead can be ended"):
        told = item.state == "acking"
        known = "the platform is told by the next bridge that runs" if told else "the platform knows"
        click.echo(f"Message {item.id} has ended as {outcome}; {known}.")


@inbox.command()
@_where
@_ids
def retry(state_dir: Path, agent: str | None, ids: Sequence[str]) -> None:
    """Offer dead messages once more."""

    async def revive(inbox: Inbox, ids: Collection[str]) -> list[Item]:
        return await inbox.retry(ids)

    for item in _changed(state_dir, agent, ids, revive, rule="only what is dead can be retried"):
        click.echo(f"Message {item.id} is offered again, to whoever waits for messages next.")


def _visit(
    state_dir: Path, agent: str | None, look: Callable[[Opened], Awaitable[T]]
) -> tuple[list[T], list[str]]:
    """What `look` sees in the inboxes, and a sentence for each that cannot be used."""
    import anyio

    from thenvoi_bridge.inbox.found import visit
    from thenvoi_bridge.inbox.opening import opened

    with _no_inbox_is_an_error():
        return anyio.run(visit, state_dir, agent, look, opened)


@contextmanager
def _no_inbox_is_an_error() -> Iterator[None]:
    from thenvoi_bridge.inbox.found import NoInbox

    try:
        yield
    except NoInbox as exc:
        raise click.ClickException(str(exc)) from exc


def _print(groups: Iterable[list[str]], *, apart: bool) -> None:
    for nth, lines in enumerate(groups):
        click.echo("\n".join(["", *lines] if nth and apart else lines), nl=bool(lines))


def complain(unusable: Sequence[str]) -> None:
    """End with 1 where an inbox cannot be used, having said which and why."""
    for sentence in unusable:
        click.echo(f"Error: {visible(sentence)}", err=True)
    if unusable:
        raise click.exceptions.Exit(1)


def _unknown(ids: Iterable[str]) -> str:
    return f"There is no message {', '.join(ids)} in the inbox."


def _changed(
    state_dir: Path, agent: str | None, ids: Sequence[str], change: Change, *, rule: str
) -> Iterable[Item]:
    """What becomes of messages, one inbox after the other; of one inbox all are changed, or none."""

    async def look(found: Opened) -> tuple[Path, str, list[str]]:
        return found.folder, found.name, [item.id for item in await found.inbox.get(ids)]

    seen, unusable = _visit(state_dir, agent, look)
    complain(unusable)
    _refuse_unclear({id: [name for _, name, own in seen if id in own] for id in ids})
    for folder, _, own in seen:
        yield from _changed_in(folder, own, change, rule) if own else ()


def _refuse_unclear(holders: Mapping[str, Sequence[str]]) -> None:
    """End with 1 unless each message is in one inbox; of several agents one may be meant, or all."""
    if unknown := [id for id, names in holders.items() if not names]:
        raise click.ClickException(_unknown(unknown))
    for id, names in holders.items():
        if len(names) > 1:
            several = f"Message {id} is in the inboxes of {' and '.join(names)}"
            raise click.ClickException(f"{several}; --agent says which one is meant.")


def _changed_in(folder: Path, ids: Collection[str], change: Change, rule: str) -> list[Item]:
    import anyio

    from thenvoi_bridge.inbox.errors import InboxError
    from thenvoi_bridge.inbox.found import Unusable
    from thenvoi_bridge.inbox.opening import opened

    async def work() -> list[Item]:
        async with opened(folder) as found:
            return await change(found.inbox, ids)

    try:
        return anyio.run(work)
    except Unusable as exc:
        raise click.ClickException(visible(str(exc))) from exc
    except InboxError as exc:
        raise click.ClickException(_refusal(exc, rule)) from exc


def _refusal(exc: InboxError, rule: str) -> str:
    from thenvoi_bridge.cli.entries import MEANING
    from thenvoi_bridge.inbox.core import State
    from thenvoi_bridge.inbox.errors import LeaseLost, NotOpen

    match exc:
        case LeaseLost():
            return (
                f"Message {exc.id} is in the hands of a host that is at work on it; try again once it let go."
            )
        case NotOpen():
            return f"Message {exc.id} is {exc.state}: it {MEANING[State(exc.state)]}; {rule}."
    return f"{exc}."
