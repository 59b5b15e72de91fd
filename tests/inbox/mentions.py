"""Messages as the inbox gets them, and other processes that work on the same inbox."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from anyio import to_thread

from thenvoi_bridge.contract.messages import ChatMessage
from thenvoi_bridge.inbox.kept import Kept

PATIENCE = 30  # seconds until a stuck test fails
ROOT = Path(__file__).parents[2]
NOW = 1_000_000.0


def mention(id: str, room: str = "room", minute: int = 0) -> ChatMessage:
    at = f"2026-03-01T10:{minute:02}:00.000000Z"
    return ChatMessage(
        id=id,
        chat_room_id=room,
        content=f"the secret of {id}",
        message_type="text",
        sender_id="peer",
        sender_type="User",
        sender_name="Peer",
        inserted_at=at,
        updated_at=at,
    )


def as_kept(message: ChatMessage) -> Kept:
    """The same, as the inbox gives it back."""
    return Kept(**{name: getattr(message, name) for name in Kept.__slots__})


class Process:
    """A program with the folder as its argument, on whose lines the test waits. It may import our tests."""

    def __init__(self, program: str, folder: Path) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-W", "error", "-c", program, str(folder)]
        self._popen = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    async def line(self) -> str:
        assert self._popen.stdout
        return (await to_thread.run_sync(self._popen.stdout.readline)).strip()

    async def say(self, line: str) -> None:
        assert self._popen.stdin
        self._popen.stdin.write(line + "\n")
        self._popen.stdin.flush()

    async def kill(self) -> None:
        self._popen.kill()
        await self.end()

    async def end(self) -> str:
        """Whatever else it prints until it ends, its input being closed."""
        out, _ = await to_thread.run_sync(partial(self._popen.communicate, timeout=PATIENCE))
        return out
