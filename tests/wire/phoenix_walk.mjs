// Does with the stock `phoenix` client, over `ws`, what it is told, and says what comes of it.
//
//     node phoenix_walk.mjs URL HEARTBEAT
//
// Speaks with the tests as phoenix_walk.py does. If WAY in the environment is `token`, the key travels as if it
// were one, among the subprotocols.

import { createInterface } from "node:readline";
import { Socket } from "phoenix";
import WebSocket from "ws";

const [url, heartbeat] = process.argv.slice(2);
const { KEY, WAY } = process.env;
const channels = new Map();
let open = false;
let connections = 0;

const say = (is, more = {}) => process.stdout.write(JSON.stringify({ is, ...more }) + "\n");

function join(topic) {
  const channel = socket.channel(topic, {});
  let times = 0;
  channel.onMessage = (event, payload) => {
    if (!/^(phx|chan)_/.test(event)) say("heard", { topic, event, payload });
    return payload;
  };
  channels.set(topic, channel);
  channel
    .join()
    .receive("ok", () => {
      if (times++ === 0) say("joined", { topic });
      else if ([...channels.values()].every((one) => one.state === "joined")) say("back");
    })
    .receive("error", ({ reason }) => {
      say("refused", { topic, why: reason });
      leave(topic, () => {}); // else it asks again for ever
    });
}

function leave(topic, then = () => say("left", { topic })) {
  const channel = channels.get(topic);
  channels.delete(topic);
  channel.leave().receive("ok", then);
}

const socket = new Socket(url, {
  ...(WAY === "token" ? { authToken: KEY } : { params: { api_key: KEY } }),
  transport: WebSocket,
  heartbeatIntervalMs: 1000 * Number(heartbeat),
});
socket.onOpen(() => {
  open = true;
  if (connections++ === 0) say("connected");
});
socket.onClose(() => {
  if (open) say("lost");
  open = false;
});
socket.onError((error) => {
  if (connections === 0) say("failed", { why: error.message });
});
socket.onMessage(({ topic }) => {
  if (topic === "phoenix") say("beat");
});
socket.connect();

for await (const line of createInterface({ input: process.stdin })) {
  const [order, topic] = line.split(" ");
  ({ join, leave })[order](topic);
}
process.exit(0);
