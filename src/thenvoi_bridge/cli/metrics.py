"""Where a server's metrics are scraped: options that both servers have, and what comes of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, TypeVar

import click

from thenvoi_bridge import settings

if TYPE_CHECKING:
    from thenvoi_bridge.metering import Meter
    from thenvoi_bridge.metering.scraping import Scraping

Command = TypeVar("Command", bound=Callable[..., None])

_OPTIONS = (
    click.option(
        "--metrics-port",
        type=int,
        metavar="NUMBER",
        help="Port on which to serve /metrics, for Prometheus; 0 takes a free one.",
    ),
    click.option(
        "--metrics-host",
        default="127.0.0.1",
        show_default=True,
        metavar="TEXT",
        help="Address to listen on for that.",
    ),
    click.option(
        "--metrics-name",
        "metrics_names",
        multiple=True,
        metavar="NAME",
        help="Name by which it is asked besides; with another address than this computer's own, a must.",
    ),
)


def metrics_options(command: Command) -> Command:
    """A decorator that adds the options of `Metrics`."""
    return reduce(lambda done, option: option(done), reversed(_OPTIONS), command)


class Metrics:
    """What was asked for. `of` takes the options out of a command's."""

    def __init__(self, port: int | None, host: str, names: tuple[str, ...]) -> None:
        self._port, self._host, self._names = port, host, names

    @classmethod
    def of(cls, flags: dict[str, Any]) -> Metrics:
        """From the values of the options, which are taken out."""
        return cls(flags.pop("metrics_port"), flags.pop("metrics_host"), flags.pop("metrics_names"))

    def run(self, half: str, work: Callable[[Meter], Awaitable[None]], say: Callable[[str], None]) -> None:
        """Do the work, given what counts, beside a server of these metrics if one was asked for. `say` is
        told where that is.

        Raises `BadSetting` for an address that others reach without a name, and `PortTaken`.
        """
        import anyio

        from thenvoi_bridge.metering import UNMETERED
        from thenvoi_bridge.ports import address

        if self._port is None:
            anyio.run(work, UNMETERED)
            return
        scraping = self._scraping(self._port, half)
        say(f"Metrics on {address(scraping.listener)}/metrics")
        anyio.run(scraping.beside, partial(work, scraping.meter))

    def _scraping(self, port: int, half: str) -> Scraping:
        from thenvoi_bridge.hosting.guard import Guard
        from thenvoi_bridge.metering.scraping import Scraping
        from thenvoi_bridge.metering.table import TABLES
        from thenvoi_bridge.ports import bind, is_loopback

        if not is_loopback(self._host) and not self._names:
            raise settings.BadSetting(
                f"--metrics-host {self._host} is reached from elsewhere: say by which name, with "
                "--metrics-name, so that web pages under other names are refused"
            )
        return Scraping.of(bind(self._host, port), TABLES[half], partial(Guard, hosts=self._names))
