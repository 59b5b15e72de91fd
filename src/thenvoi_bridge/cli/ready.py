"""`thenvoi-bridge ready`: whether a server of ours is ready, for the health check of its container."""

from __future__ import annotations

import click

PATIENCE = 3.0
"""Seconds for an answer."""


@click.command()
@click.argument("url", default="http://127.0.0.1:8080")
def ready(url: str) -> None:
    """Ask the server at URL whether it is ready.

    Ends with 1 if it is not. URL is where `serve` or `platform serve` listens, http://127.0.0.1:8080 unless
    you say.
    """
    if (status := _asked(url)) != 200:
        raise click.ClickException(f"{url} answers {status}" if status else f"{url} does not answer")
    click.echo("ready")


def _asked(url: str) -> int | None:
    """The status of the answer, if there is one. No proxy is asked, and no redirect followed."""
    from contextlib import closing
    from http.client import HTTPConnection, HTTPException
    from urllib.parse import urlsplit

    try:
        with closing(HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)) as connection:
            connection.request("GET", "/readyz")
            with connection.getresponse() as answer:
                return answer.status
    except (OSError, HTTPException, ValueError):
        return None
