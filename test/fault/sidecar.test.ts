import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type EventReceiver, startEventReceiver } from "../support/event-receiver.ts";
import { until } from "../support/http-receiver.ts";
import { freePort } from "../support/kafka/service.ts";
import {
  type SidecarProcess,
  sidecarPorts,
  startInferenceService,
  startLoad,
  startSidecar,
  type TestProcess,
} from "../support/sidecar-process.ts";

describe("A sidecar under load", () => {
  let servicePort: number;
  let service: TestProcess;

  before(async () => {
    servicePort = await freePort();
    service = await startInferenceService(servicePort);
  });
  after(() => service[Symbol.asyncDispose]());

  const to = (port: number) => ["--service", `http://127.0.0.1:${servicePort}`, "--to", `http://127.0.0.1:${port}`];

  it("whose target is away loses no request, and counts what the full buffer did not take", async () => {
    const targetPort = await freePort();
    await using sidecar = await startSidecar(await sidecarPorts(), [...to(targetPort), "--buffer", "64KiB"]);
    const load = startLoad(sidecar.port, { clients: 4, prefix: "away" });
    await until(
      () => load.answered.length > 400,
      30_000,
      () => "400 answers while the target is away",
    );
    await using receiver = await startEventReceiver((index) => (index < 2 ? 429 : 200), targetPort);
    await until(
      () => receiver.events.length > 100,
      30_000,
      () => "events after the target came back",
    );
    await load.stop();
    await emptied(sidecar);

    assert.deepEqual(load.failed, []);
    const dropped = await sidecar.metric('messages_dropped_total{reason="buffer_full"}');
    assert.ok(dropped > 0);
    assert.equal(await sidecar.metric('messages_total{origin="captured"}'), 2 * load.answered.length);
    assert.equal(await sidecar.metric("messages_sent_total"), receiver.events.length);
    assert.equal(receiver.events.length + dropped, 2 * load.answered.length);
    assertPairs(receiver, new Set(load.answered));
  });

  it("killed with SIGKILL again and again sends on from its spool: each answered request, each once", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "driftline-spool-"));
    const targetPort = await freePort();
    const args = [...to(targetPort), "--spool", folder];
    const ports = await sidecarPorts();
    const answered: string[] = [];
    const arrived = new Set<string>();
    let failedWhileUp = 0;
    const round = async (name: string, ms: number) => {
      await using sidecar = await startSidecar(ports, args);
      const load = startLoad(ports.port, { clients: 4, prefix: name });
      await sleep(ms);
      failedWhileUp += load.failed.length;
      await Promise.all([sidecar.kill("SIGKILL"), load.stop()]);
      answered.push(...load.answered);
    };
    await round("target-away", 700);
    {
      await using receiver = await startEventReceiver(undefined, targetPort);
      await round("target-there", 700);
      assert.ok(receiver.events.length > 0);
      for (const { id } of receiver.events) arrived.add(id);
    }
    await round("target-away-again", 500);
    // A record that a loss of power has torn off.
    const last =
      readdirSync(folder)
        .filter((name) => name.endsWith(".spool"))
        .sort()
        .at(-1) ?? "";
    appendFileSync(path.join(folder, last), Buffer.from([0, 0, 1, 0, 9, 9, 9, 9, 0]));

    await using receiver = await startEventReceiver(undefined, targetPort);
    await using sidecar = await startSidecar(ports, args);
    await emptied(sidecar);
    assert.equal(failedWhileUp, 0);
    assert.equal(await sidecar.metric('messages_dropped_total{reason="torn"}'), 1);
    assert.equal(
      await sidecar.metric("messages_sent_total"),
      (await sidecar.metric('messages_total{origin="recovered"}')) - 1,
    );
    for (const { id } of receiver.events) arrived.add(id);
    assert.ok(answered.length > 200, `${answered.length} answers`);
    assert.deepEqual(
      answered.filter((id) => !arrived.has(id)),
      [],
    );
    rmSync(folder, { recursive: true });
  });

  it("tells a full spool, and goes on", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "driftline-spool-"));
    const targetPort = await freePort();
    await using sidecar = await startSidecar(await sidecarPorts(), [
      ...to(targetPort),
      "--spool",
      folder,
      "--spool-limit",
      "128KiB",
    ]);
    const load = startLoad(sidecar.port, { clients: 4, prefix: "full" });
    await until(
      () => load.answered.length > 400,
      30_000,
      () => "400 answers",
    );
    await load.stop();
    assert.deepEqual(load.failed, []);
    const dropped = await sidecar.metric('messages_dropped_total{reason="spool_full"}');
    await using receiver = await startEventReceiver(undefined, targetPort);
    await emptied(sidecar);
    assert.ok(dropped > 0);
    assert.equal(receiver.events.length + dropped, 2 * load.answered.length);
    rmSync(folder, { recursive: true });
  });

  it("whose service is killed is reached again with the service, and captures what was answered", async () => {
    await using receiver = await startEventReceiver();
    await using sidecar = await startSidecar(await sidecarPorts(), to(receiver.port));
    const load = startLoad(sidecar.port, { clients: 4, prefix: "service", waitMs: 5 });
    await until(
      () => load.answered.length > 50,
      20_000,
      () => "answers",
    );
    await service.kill("SIGKILL");
    await until(
      () => load.failed.length > 4,
      20_000,
      () => "failures without the service",
    );
    service = await startInferenceService(servicePort);
    const before = load.answered.length;
    await until(
      () => load.answered.length > before + 50,
      20_000,
      () => "answers again",
    );
    await load.stop();
    await emptied(sidecar);
    assert.equal(receiver.events.length, 2 * load.answered.length);
    assertPairs(receiver, new Set(load.answered));
    assert.ok((await sidecar.metric("service_unreachable_total")) > 0);
  });

  it("stopped with SIGTERM lets requests under way end and sends what waits", async () => {
    await using receiver = await startEventReceiver();
    await using sidecar = await startSidecar(await sidecarPorts(), to(receiver.port));
    const load = startLoad(sidecar.port, { clients: 4, prefix: "drained", waitMs: 300 });
    await until(
      () => load.answered.length > 3,
      20_000,
      () => "answers",
    );
    await sleep(100);
    const stopped = sidecar.kill("SIGTERM");
    await Promise.all([load.stop(), stopped]);
    assert.equal(await stopped, 0);
    // New connections are refused; the four that were asked were answered.
    assert.ok(load.answered.length >= 8, `${load.answered.length} answers`);
    assert.equal(receiver.events.length, 2 * load.answered.length);
  });
});

const emptied = async (sidecar: SidecarProcess): Promise<void> => {
  for (const end = Date.now() + 40_000; Date.now() < end; await sleep(50))
    if ((await sidecar.metric("messages_waiting")) === 0) return;
  assert.fail("messages still wait");
};

/** Every event is half of a pair, and belongs to a request that was answered. */
function assertPairs({ events }: EventReceiver, answered: ReadonlySet<string>): void {
  const sides = new Map<string, number>();
  for (const { id } of events) sides.set(id, (sides.get(id) ?? 0) + 1);
  for (const [id, count] of sides) {
    assert.equal(count, 2, `events of ${id}`);
    assert.ok(answered.has(id), `${id} was answered`);
  }
}
