// The walk of a host on a TypeScript SDK: what every major of it does in the same way.
//
//     node mcp_walk_N.mjs ERA COMMAND ARGUMENT...
//
// starts the bridge by this command and says what comes of it in lines of JSON. `subscribe` asks for updates of
// a resource as the SDK and the era do it, `call` calls a tool, `onUpdate` has a function told of updates.

const INBOX = "thenvoi://inbox";

const say = (is, more = {}) => process.stdout.write(JSON.stringify({ is, ...more }) + "\n");

export async function walk({ client, transport, version, subscribe, call, onUpdate }) {
  const told = new Promise((resolve) => {
    onUpdate(async ({ params }) => {
      const { contents } = await client.readResource({ uri: params.uri });
      const { messages } = JSON.parse(contents[0].text);
      if (messages.length) resolve(messages[0].id);
    });
  });
  await client.connect(transport);
  const { tools } = await client.listTools();
  say("connected", { version: version(), tools: tools.map(({ name }) => name) });
  await subscribe(INBOX);
  say("cancelled", { why: await cancelledWait(call) });
  say("told", { id: await told });
  const { structuredContent } = await call("inbox_wait", { timeout_s: 30 });
  for (const { id, attempt } of structuredContent.messages) {
    say("heard", { id, attempt });
    await call("reply", { message_ids: [id], content: "from afar" });
    say("replied");
  }
  await client.close();
}

async function cancelledWait(call) {
  const control = new AbortController();
  const onprogress = ({ progress, total }) => {
    say("beat", { progress, total });
    control.abort("enough");
  };
  try {
    await call("inbox_wait", { timeout_s: 50 }, { signal: control.signal, onprogress });
  } catch (error) {
    return String(error);
  }
  throw new Error("a cancelled wait was answered");
}
