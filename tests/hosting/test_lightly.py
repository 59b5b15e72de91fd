"""The SDK is taken up without what a server over stdio has no use for."""

import subprocess
import sys

import pytest

START = "from thenvoi_bridge.hosting import lightly; lightly.take_up()\n"
HEAVY = ("mcp.client.client", "mcp.server.mcpserver", "httpx2", "apsw", "websockets")


def said(code: str) -> str:
    """What a fresh Python prints, which has taken the SDK up."""
    done = subprocess.run([sys.executable, "-c", START + code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.thorough
def test_a_server_over_stdio_imports_neither_clients_nor_drivers() -> None:
    code = f"import sys, thenvoi_bridge.hosting.stdio; print([m for m in {HEAVY} if m in sys.modules])"
    assert said(code) == "[]"


@pytest.mark.thorough
def test_what_was_left_out_is_there_for_whoever_asks() -> None:
    code = "import mcp, mcp.server, mcp_types\n"
    code += "print(mcp.Client.__name__, mcp.server.Server.__name__, mcp_types.Tool.__name__)"
    assert said(code) == "Client Server Tool"


@pytest.mark.thorough
def test_models_of_a_revision_are_built_when_they_are_first_used() -> None:
    code = "import mcp_types; from mcp_types._v2025_11_25 import InitializeRequest as Model\n"
    code += "print(Model.__pydantic_complete__)"
    assert said(code) == "False"
