import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { encodeMessage, type OutgoingMessage } from "../../../src/sidecar/outgoing-message.ts";
import { createMemoryQueue } from "../../../src/sidecar/outgoing-queue.ts";
import { createSender } from "../../../src/sidecar/sender.ts";
import type { Attempt } from "../../../src/sidecar/target.ts";

const event = (id: string, body: Buffer, contentEncoding = ""): OutgoingMessage => ({
  kind: "cloudevent",
  attributes: { id },
  contentType: "application/json",
  contentEncoding,
  body,
});

/** Sends all of the messages to a target that answers as told; what came of each attempt and message. */
async function sendAll(
  messages: readonly OutgoingMessage[],
  answer: (bodies: readonly string[], nth: number) => Attempt,
) {
  const queue = createMemoryQueue(1e6);
  queue.push(messages.map(encodeMessage));
  const attempts: string[][] = [];
  const waits: number[] = [];
  const counts = { sent: 0, refused: 0, dropped: new Map<string, number>() };
  const sender = createSender({
    queue,
    clock: {
      now: () => 0,
      sleep: (ms) => {
        waits.push(ms);
        return Promise.resolve();
      },
    },
    target: {
      name: "test",
      together: (all) => all.length,
      send(some) {
        const bodies = some.map(({ body }) => body.toString());
        attempts.push(bodies);
        return Promise.resolve(answer(bodies, attempts.length - 1));
      },
      close: () => Promise.resolve(),
    },
    listener: {
      sent: (count) => void (counts.sent += count),
      refused: (count) => void (counts.refused += count),
      dropped: (reason, count) => counts.dropped.set(reason, (counts.dropped.get(reason) ?? 0) + count),
      attempt: () => undefined,
      failing: () => undefined,
      recovered: () => undefined,
    },
  });
  sender.start();
  await sender.stop(5_000);
  assert.equal(queue.messages, 0);
  return { attempts, waits, ...counts };
}

const sent: Attempt = { status: "sent", refused: 0 };

describe("The sender", () => {
  it("tries again with growing waits, never sooner than the target asks, and sends each once", async () => {
    const {
      attempts,
      waits,
      sent: count,
    } = await sendAll([event("a", Buffer.from("1"))], (_, nth) =>
      nth < 3 ? { status: "retry", reason: "HTTP 503", retryAfterMs: nth === 2 ? 7_000 : null } : sent,
    );
    assert.equal(attempts.length, 4);
    const [first = 0, second = 0, third = 0] = waits.filter((ms) => ms !== 50);
    assert.ok(first >= 160 && first <= 240 && second >= 320 && second <= 480, waits.join(" "));
    assert.equal(third, 7_000);
    assert.equal(count, 1);
  });

  it("finds the one message that is refused, and sends the others in their order", async () => {
    const messages = ["a", "b", "bad", "d", "e"].map((body) => event(body, Buffer.from(body)));
    const {
      attempts,
      sent: count,
      dropped,
    } = await sendAll(messages, (bodies) =>
      bodies.includes("bad") ? { status: "refused", reason: "HTTP 413", tooLarge: true } : sent,
    );
    assert.equal(count, 4);
    assert.deepEqual([...dropped], [["too_large", 1]]);
    assert.deepEqual(attempts.filter((some) => !some.includes("bad")).flat(), ["a", "b", "d", "e"]);
  });

  it("takes codings off, and counts a body that is not what it says", async () => {
    const messages = [
      event("a", gzipSync("plain"), "gzip"),
      event("b", Buffer.from("no gzip"), "gzip"),
      event("c", Buffer.from("x"), "zstd"),
      event("d", Buffer.from("last")),
    ];
    const { attempts, dropped } = await sendAll(messages, () => sent);
    assert.deepEqual(attempts.flat(), ["plain", "last"]);
    assert.deepEqual([...dropped], [["body_undecodable", 2]]);
  });
});
