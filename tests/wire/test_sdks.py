"""Agents on the published SDKs, unchanged: they answer what waits and what comes, after a restart too."""

import pytest

from tests.wire.foreign import STARTING, python, walker
from tests.world import World, say
from thenvoi_bridge.contract.messages import ListMessages, ListMyMessages

pytestmark = [pytest.mark.timeout(300), pytest.mark.thorough]


@pytest.mark.parametrize(
    ("package", "module"),
    [
        pytest.param("thenvoi-sdk==0.2.8", "thenvoi", id="thenvoi"),
        pytest.param("band-sdk==6.0.1", "band", id="band"),
    ],
)
async def test_an_agent_on_a_published_sdk_answers_every_mention(
    here: World, package: str, module: str
) -> None:
    alice = await here.person()
    scout = await here.agent(alice, "Scout")
    room = await here.room(alice, scout)
    command = [*python(package), "-m", "tests.wire.sdk_walk", module, here.url]
    earlier = await say(alice, room, scout, "earlier")
    async with walker(command, KEY=scout.key, AGENT_ID=scout.id) as it:
        await it.says("connected", STARTING)
        assert (await it.says("answered"))["id"] == earlier.id
        now = await say(alice, room, scout, "now")
        assert (await it.says("answered"))["id"] == now.id
        await here.stop()
        await here.start()
        other = await here.room(alice, scout)  # a message in the old room would not be found by every version
        later = await say(alice, other, scout, "later")
        assert (await it.says("answered"))["id"] == later.id
    processed = await scout.call(ListMessages(chat_id=room.id, status="processed"))
    assert [message.id for message in processed.data] == [earlier.id, now.id]
    answers = [m for m in (await alice.call(ListMyMessages(chat_id=room.id))).data if m.sender_id == scout.id]
    assert [m.message_type for m in answers] == ["text", "thought"] * 2
    assert "You said: " in answers[0].content
