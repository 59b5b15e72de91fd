// The walk of a host on major 2 of the TypeScript SDK, which speaks both eras: ERA is `auto` or `legacy`.

import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { walk } from "./mcp_walk.mjs";

const [mode, command, ...args] = process.argv.slice(2);
const client = new Client({ name: "walk", version: "1" }, { versionNegotiation: { mode } });

await walk({
  client,
  transport: new StdioClientTransport({ command, args, env: process.env }),
  version: () => client.getNegotiatedProtocolVersion(),
  subscribe: (uri) =>
    mode === "legacy" ? client.subscribeResource({ uri }) : client.listen({ resourceSubscriptions: [uri] }),
  call: (name, given, options) => client.callTool({ name, arguments: given }, options),
  onUpdate: (told) => client.setNotificationHandler("notifications/resources/updated", told),
});
