// SPDX-FileCopyrightText: MSRV contributors
// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Runs the Worker for Cloudflare in Node.js, as Cloudflare would on its route.
//
// Arguments: the Worker, the origin's address, and a file with the time in
// Unix seconds. Prints its port. Variables are those of the Worker.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";

const [worker, origin, clock] = process.argv.slice(2);
const { default: handler } = await import(worker);

Date.now = () => 1000 * Number(readFileSync(clock, "utf-8"));

const fetchAnywhere = globalThis.fetch;
globalThis.fetch = (request) => {
  const { pathname, search } = new URL(request.url);
  const { headers, method } = request;
  return fetchAnywhere(origin + pathname + search, { headers, method });
};

const server = createServer(async (incoming, outgoing) => {
  const { connection, host, ...sent } = incoming.headers;
  const request = new Request(`https://cdn.example${incoming.url}`, {
    method: incoming.method,
    headers: sent,
  });
  const response = await handler.fetch(request, process.env);
  const headers = Object.fromEntries(response.headers);
  delete headers["connection"];
  outgoing.writeHead(response.status, headers);
  if (response.body) Readable.fromWeb(response.body).pipe(outgoing);
  else outgoing.end();
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
