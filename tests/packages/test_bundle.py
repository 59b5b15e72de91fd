"""The bundle for desktop hosts (MCPB) and the entry for the registry of MCP servers."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import jsonschema  # type: ignore[import-untyped]
import pytest
from mcp import StdioServerParameters

from tests.guides.reader import Reader
from tests.hosting.team import read as status
from tests.packages.checkout import ROOT, alone, copied, done
from tests.wire.foreign import installed, node, python
from tests.world import World, host
from thenvoi_bridge import __version__, settings

MCPB = "@anthropic-ai/mcpb"
SCHEMA = """
from importlib.resources import files
print((files("skillsaw.schemas.mcp_registry") / "v2025_12_11" / "server.schema.json").read_text())
"""


def read(name: str, root: Path = ROOT) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((root / name).read_text(encoding="utf-8"))
    return said


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.follows("CONTRIBUTING.md#releases", "npx ")
async def test_a_host_that_unpacks_the_bundle_starts_what_it_declares(
    here: World, tmp_path: Path, npm_cache: Path, reader: Reader
) -> None:
    checkout, unpacked = copied(tmp_path / "checkout"), tmp_path / "of a host"
    (checkout / "dist").mkdir()
    for does in ("validate", "pack"):
        _, package, *words = shlex.split(reader.takes())
        assert words[0] == does
        cli = installed(npm_cache, package) / "node_modules" / MCPB / "dist" / "cli" / "cli.js"
        done([*node(str(cli)), *words], checkout)
    with ZipFile(checkout / "dist" / "thenvoi-bridge.mcpb") as bundle:
        bundle.extractall(unpacked)
    assert {file.name for file in unpacked.iterdir()} == {
        "manifest.json", "pyproject.toml", "README.md", "LICENSE", "src",
    }  # fmt: skip
    scout = await here.agent(await here.person(), "Scout")
    manifest = read("manifest.json", unpacked)
    assert (unpacked / manifest["server"]["entry_point"]).is_file()
    answers = {"api_key": scout.key, "base_url": here.url}
    env = {"THENVOI_STATE_DIR": str(tmp_path / "state")}
    async with host(as_declared(manifest, unpacked, answers, env)) as llm:
        assert [tool.name for tool in (await llm.list_tools()).tools] == [
            t["name"] for t in manifest["tools"]
        ]
        assert scout.handle in json.dumps(await status(llm, "thenvoi://status"))


def as_declared(
    manifest: dict[str, Any], folder: Path, answers: dict[str, str], env: dict[str, str]
) -> StdioServerParameters:
    """How a host starts it, of whose questions these were answered, the others with their defaults."""
    given = {name: question["default"] for name, question in manifest["user_config"].items()} | answers

    def filled(text: str) -> str:
        text = text.replace("${__dirname}", str(folder))
        return re.sub(r"\$\{user_config\.(\w+)\}", lambda found: given[found[1]], text)

    declared = manifest["server"]["mcp_config"]
    return StdioServerParameters(
        command=declared["command"],
        args=[filled(word) for word in declared["args"]],
        env=alone(**env) | {name: filled(value) for name, value in declared["env"].items()},
    )


def test_the_entry_of_the_registry_is_of_this_version_and_keeps_keys_secret() -> None:
    entry = read("server.json")
    (package,) = entry["packages"]
    assert entry["version"] == package["version"] == __version__
    assert package["identifier"] == "thenvoi-bridge"
    variables = {one["name"]: one for one in package["environmentVariables"]}
    assert variables.keys() == read("manifest.json")["server"]["mcp_config"]["env"].keys()
    assert settings.unknown(dict.fromkeys(variables, "")) == []
    assert [name for name, one in variables.items() if one["isSecret"]] == ["THENVOI_API_KEY"]
    assert (
        settings.read({}, {n: one.get("default", "") for n, one in variables.items()}) == settings.Settings()
    )


def test_the_readme_says_that_the_package_is_the_one_in_the_registry() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"<!-- mcp-name: (\S+) -->", readme) == [read("server.json")["name"]]


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_the_entry_is_of_the_shape_that_the_registry_wants() -> None:
    schema = json.loads(done([*python("skillsaw==0.22.0"), "-c", SCHEMA]))
    entry = read("server.json")
    assert schema["$id"] == entry["$schema"]
    jsonschema.validate(entry, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**entry, "description": "x" * 101}, schema)
