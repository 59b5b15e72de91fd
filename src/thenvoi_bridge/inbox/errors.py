"""What the inbox refuses, split by what the caller does next. Ids and states only: safe to show a model."""


class InboxError(Exception):
    """Base of what the inbox refuses."""


class LeaseLost(InboxError):
    """Somebody else holds the message now, or has ended it: do nothing more for it."""

    def __init__(self, id: str) -> None:
        super().__init__(f"Message {id} is not held here")
        self.id = id


class Underway(InboxError):
    """An answer to the message is being sent at this moment: wait for that call."""

    def __init__(self, id: str) -> None:
        super().__init__(f"An answer to message {id} is being sent right now")
        self.id = id


class NotOpen(InboxError):
    """The message's state does not allow this: most often it was answered or ended before."""

    def __init__(self, id: str, state: str) -> None:
        super().__init__(f"Message {id} is {state}")
        self.id = id
        self.state = state


class LoopSuspected(InboxError):
    """We and this agent may be answering each other for ever: somebody has to say that it is meant."""

    def __init__(self, peer_id: str) -> None:
        super().__init__(f"This looks like two agents answering each other for ever; the other is {peer_id}")
        self.peer_id = peer_id


class Unknown(InboxError):
    """No messages with these ids ever came in."""

    def __init__(self, ids: tuple[str, ...]) -> None:
        super().__init__(f"Not in the inbox: {', '.join(ids)}")
        self.ids = ids


class SeveralRooms(InboxError):
    """One answer goes to one room."""

    def __init__(self, chat_ids: tuple[str, ...]) -> None:
        super().__init__(f"These messages are from several rooms: {', '.join(chat_ids)}")
        self.chat_ids = chat_ids


class LeadLost(InboxError):
    """Another process receives now: whatever this one still wants to note of that is out of date."""
