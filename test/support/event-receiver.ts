/** A receiver of the sidecar's events over HTTP: keeps them, once for each id and side, and answers as it is told. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { z } from "zod";

const batch = z.array(z.object({ id: z.string(), type: z.string(), data_base64: z.string() }).loose());

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly body: Buffer;
}

export interface EventReceiver extends AsyncDisposable {
  readonly port: number;
  /** In the order in which they came, copies left out. */
  readonly events: readonly ReceivedEvent[];
  /** Those that came again. */
  readonly copies: number;
  readonly posts: readonly { readonly headers: IncomingHttpHeaders; readonly body: Buffer }[];
}

/** @param status the answer to the n-th request (from 0); only what is answered with 200 is kept */
export async function startEventReceiver(
  status: (index: number) => number = () => 200,
  port = 0,
): Promise<EventReceiver> {
  const events: ReceivedEvent[] = [];
  const seen = new Set<string>();
  const posts: { headers: IncomingHttpHeaders; body: Buffer }[] = [];
  let asked = 0;
  let copies = 0;
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => respond(request.headers, Buffer.concat(parts), response));
  });
  const respond = (headers: IncomingHttpHeaders, body: Buffer, response: ServerResponse) => {
    const answer = status(asked++);
    if (answer === 200) {
      const post = { headers, body };
      posts.push(post);
      for (const event of eventsOf(post.headers, post.body)) {
        const key = `${event.type} ${event.id}`;
        if (seen.has(key)) copies++;
        else events.push(event);
        seen.add(key);
      }
    }
    response.writeHead(answer, answer === 429 ? { "retry-after": "1" } : {});
    response.end();
  };
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the receiver has no port");
  return {
    port: address.port,
    events,
    posts,
    get copies() {
      return copies;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function eventsOf(headers: IncomingHttpHeaders, body: Buffer): ReceivedEvent[] {
  if (headers["content-type"] === "application/cloudevents-batch+json")
    return batch.parse(JSON.parse(body.toString("utf8"))).map(({ id, type, data_base64 }) => ({
      id,
      type,
      body: Buffer.from(data_base64, "base64"),
    }));
  const id = headers["ce-id"];
  const type = headers["ce-type"];
  return typeof id === "string" && typeof type === "string" ? [{ id, type, body }] : [];
}
