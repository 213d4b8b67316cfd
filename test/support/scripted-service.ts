/** A service of raw connections that answers by a script, and a client that speaks one: for `exchange-shapes.ts`. */
import { createHash } from "node:crypto";
import net from "node:net";
import { seededRandom } from "../../src/math/seeded-random.ts";
import { type Conversation, nameIn } from "./exchange-shapes.ts";

export interface ScriptedService extends AsyncDisposable {
  readonly port: number;
  /** Digest of all bytes that came with the conversation of this name, since the last `forget`. */
  received(name: string): string | undefined;
  forget(): void;
}

export async function startScriptedService(script: ReadonlyMap<string, Conversation>): Promise<ScriptedService> {
  const received = new Map<string, string>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const digest = createHash("sha256");
    let name: string | null = null;
    let start = Buffer.alloc(0);
    let bytes = 0;
    let step = 0;
    let due = 0;
    socket.on("data", (chunk: Buffer) => {
      digest.update(chunk);
      bytes += chunk.length;
      if (name === null) start = Buffer.concat([start, chunk]);
      name ??= nameIn(start);
      const conversation = name === null ? undefined : script.get(name);
      if (conversation === undefined) return;
      for (let next = conversation.steps[step]; next !== undefined && bytes >= due + next.request.length; ) {
        socket.write(next.answer);
        due += next.request.length;
        step++;
        next = conversation.steps[step];
      }
      if (step === conversation.steps.length && conversation.endedBy === "service") socket.end();
    });
    socket.on("end", () => {
      if (name !== null) received.set(name, digest.digest("hex"));
      socket.end();
    });
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the service has no port");
  return {
    port: address.port,
    received: (name) => received.get(name),
    forget: () => received.clear(),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Holds a conversation, its requests cut up by a seed, and gives the digest of all that came back. */
export function converse(port: number, conversation: Conversation): Promise<string> {
  const random = seededRandom(Number(conversation.name) + 1);
  return new Promise((resolve, reject) => {
    const digest = createHash("sha256");
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    let step = 0;
    let answered = 0;
    let expected = 0;
    const sendNext = () => {
      const next = conversation.steps[step];
      if (next === undefined) return;
      step++;
      expected += next.answer.length;
      for (let at = 0; at < next.request.length; ) {
        const to = random() < 0.5 ? next.request.length : at + 1 + Math.floor(random() * (next.request.length - at));
        socket.write(next.request.subarray(at, to));
        at = to;
      }
      if (step === conversation.steps.length && conversation.endedBy === "client") socket.end();
      else if (conversation.pipelined || next.answer.length === 0) sendNext();
    };
    socket.on("connect", sendNext);
    socket.on("data", (chunk: Buffer) => {
      digest.update(chunk);
      answered += chunk.length;
      if (answered >= expected) sendNext();
    });
    socket.on("end", () => socket.end());
    socket.on("error", reject);
    socket.on("close", () => resolve(digest.digest("hex")));
  });
}
