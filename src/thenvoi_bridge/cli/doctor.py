"""`thenvoi-bridge doctor`: what is wrong, and what helps."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from thenvoi_bridge.cli.options import write_out_the_rest


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Say what is wrong with the setup, and what helps.

    Looks at settings, keys, platform, inboxes and hosts. Nothing is started or changed. Ends with 1 if
    anything is an error. The flags of a bridge stand before the command.
    """
    import anyio

    write_out_the_rest()
    sys.exit(0 if anyio.run(_look, ctx.find_root().params, as_json) else 1)


async def _look(flags: Mapping[str, Any], as_json: bool) -> bool:
    """Print every finding as it is made; whether all is well."""
    from thenvoi_bridge.doctor.examination import examine
    from thenvoi_bridge.doctor.findings import is_well

    findings = []
    async for finding in examine(flags):
        findings.append(finding)
        click.echo(
            json.dumps(finding.as_json()) if as_json else _line(finding.level, finding.said, finding.cure)
        )
    return is_well(findings)


def _line(level: str, said: str, cure: str | None) -> str:
    from thenvoi_bridge.cli.options import visible

    helps = f"\n{'':9}{'try' if level == 'ok' else 'cure'}: {visible(cure)}" if cure else ""
    return f"{level:<9}{visible(said)}{helps}"
