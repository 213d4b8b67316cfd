import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import { createClient } from "../../src/sidecar/http-exchange.ts";
import { createHttpTarget } from "../../src/sidecar/http-target.ts";
import { createSidecar, type Sidecar } from "../../src/sidecar/sidecar.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { type EventReceiver, startEventReceiver } from "../support/event-receiver.ts";
import { BODY_LIMIT, type Conversation, conversations } from "../support/exchange-shapes.ts";
import { until } from "../support/http-receiver.ts";
import { converse, type ScriptedService, startScriptedService } from "../support/scripted-service.ts";

const SEED = 20_260_302;
const REQUESTS = 10_000;
const AT_ONCE = 16;

describe("A sidecar hands on 10,000 requests of many shapes as the service alone gives them", () => {
  const all = conversations(SEED, REQUESTS);
  let service: ScriptedService;
  let receiver: EventReceiver;
  let sidecar: Sidecar;
  let port: number;

  before(async () => {
    service = await startScriptedService(new Map(all.map((one) => [one.name, one])));
    receiver = await startEventReceiver();
    sidecar = createSidecar({
      service: new URL(`http://127.0.0.1:${service.port}`),
      target: createHttpTarget({
        url: new URL(`http://127.0.0.1:${receiver.port}/v1/events`),
        client: createClient(2),
        mode: "batch",
        token: () => null,
        now: Date.now,
      }),
      listen: { host: "127.0.0.1", port: 0 },
      admin: { host: "127.0.0.1", port: 0 },
      adminToken: () => null,
      capture: {
        names: { variant: "default", namespace: "prod", source: "pod" },
        sample: 1,
        paths: [/./],
        metadataHeaders: [],
      },
      bodyBytes: BODY_LIMIT,
      bufferBytes: 256 * 1024 * 1024,
      spool: null,
      stateFrom: null,
      drainMs: 5_000,
      clock: systemClock,
      log: createLog({ level: "silent" }),
    });
    ({ port } = await sidecar.start());
  });

  after(async () => {
    await receiver[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });

  it("byte for byte, in both directions, and captures each inference as it was", async () => {
    assert.equal(
      all.reduce((sum, { steps }) => sum + steps.length, 0),
      REQUESTS,
    );
    const alone = await speak(all, service.port, service);
    service.forget();
    const through = await speak(all, port, service);
    for (const [index, conversation] of all.entries()) {
      assert.deepEqual(through[index], alone[index], `conversation ${conversation.name} (seed ${SEED})`);
    }

    const expected = all.flatMap(({ inferences }) => inferences);
    assert.ok(expected.length > 1_500, `${expected.length} inferences`);
    await sidecar.stop();
    const of = (side: string) =>
      new Map(receiver.events.filter(({ type }) => type.endsWith(side)).map(({ id, body }) => [id, body]));
    const [requests, responses] = [of(".request"), of(".response")];
    for (const { id, request, response } of expected) {
      assert.ok(requests.get(id)?.equals(request), `request of ${id}`);
      assert.ok(responses.get(id)?.equals(response), `response of ${id}`);
    }
    const wanted = new Set(expected.map(({ id }) => id));
    assert.deepEqual(
      receiver.events.filter(({ id }) => !wanted.has(id)),
      [],
    );
    assert.equal(receiver.events.length, 2 * expected.length);
    assert.equal(receiver.copies, 0);
  });
});

/** What client and service got, conversation by conversation. */
async function speak(
  all: readonly Conversation[],
  port: number,
  service: ScriptedService,
): Promise<{ client: string; service: string | undefined }[]> {
  const got: { client: string; service: string | undefined }[] = [];
  let next = 0;
  const speakOn = async () => {
    for (let index = next++; index < all.length; index = next++) {
      const conversation = all[index];
      if (conversation === undefined) return;
      const client = await converse(port, conversation);
      await until(
        () => service.received(conversation.name) !== undefined,
        5_000,
        () => `conversation ${conversation.name} to end`,
      );
      got[index] = { client, service: service.received(conversation.name) };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, speakOn));
  return got;
}
