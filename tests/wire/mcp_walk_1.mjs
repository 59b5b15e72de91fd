// The walk of a host on major 1 of the TypeScript SDK, which speaks the handshake era alone.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { walk } from "./mcp_walk.mjs";

const [, command, ...args] = process.argv.slice(2);
const client = new Client({ name: "walk", version: "1" });
const transport = new StdioClientTransport({ command, args, env: process.env });
// The SDK tells a transport which version was agreed on, and this one does not keep it.
let agreed;
transport.setProtocolVersion = (version) => (agreed = version);

await walk({
  client,
  transport,
  version: () => agreed,
  subscribe: (uri) => client.subscribeResource({ uri }),
  call: (name, given, options) => client.callTool({ name, arguments: given }, undefined, options),
  onUpdate: (told) => client.setNotificationHandler(ResourceUpdatedNotificationSchema, told),
});
