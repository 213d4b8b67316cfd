/** SIGHUP: a changed configuration comes into force in the running process, without a lost event or a message told twice. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { startHttpReceiver } from "../support/http-receiver.ts";
import { ServiceProcess } from "../support/kafka/service.ts";

const counted = z.object({ n: z.coerce.number() });
const minute = (index: number) => new Date(Date.UTC(2026, 0, 5, 10, index)).toISOString();

/** Ten predictions of a minute with their labels, right or wrong. */
const events = (index: number, right: boolean) =>
  Array.from({ length: 10 }, (_, row) => {
    const common = { model: "m", id: `${index}-${row}`, timestamp: minute(index) };
    return [
      { ...common, type: "prediction", prediction: 1 },
      { ...common, type: "label", label: right ? 1 : 0 },
    ];
  }).flat();

test("a changed configuration comes into force; a wrong one changes nothing", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-reload-"));
  await using hook = await startHttpReceiver();
  try {
    const model = {
      name: "m",
      task: "binary",
      windows: ["1m"],
      allowed_lateness: "0s",
      min_rows: 1,
      false_alarms: "off",
      kpis: [{ use: "accuracy", min: 0.8, clear_after: 1 }],
      alerts: { channels: ["hook"] },
    };
    const config = {
      models: [model],
      channels: { hook: { use: "webhook", url: `${hook.url}/first` } },
      evaluation: { every: "200ms" },
      ingest: { batch_wait: "20ms" },
    };
    await using service = await ServiceProcess.prepare(folder, config);
    const post = async (body: unknown) => {
      const response = await fetch(`${service.url}/v1/events`, { method: "POST", body: JSON.stringify(body) });
      return response.status;
    };
    const change = async (edit: (written: Record<string, unknown>) => void) => {
      const written = z.record(z.string(), z.unknown()).parse(parse(await readFile(service.configFile, "utf8")));
      edit(written);
      await writeFile(service.configFile, stringify(written));
      service.reload();
    };
    const told = () =>
      hook.requests.map(({ path: at, body }) => {
        const { data } = z.object({ data: z.object({ title: z.string() }) }).parse(JSON.parse(body));
        return `${at} ${data.title.split(":")[0] ?? ""}`;
      });
    await service.start();
    await service.untilReady();
    assert.equal(await post([...events(0, false), ...events(1, false)]), 200);
    await service.until("the incident is told", () => told().length === 1);

    await change((written) => {
      written["models"] = [{ ...model, windws: ["1m"] }];
    });
    await service.until(
      "the wrong one is refused",
      async () => (await service.metric("driftline_config_reload_failed")) === 1,
    );
    const ready = await service.get("/ready");
    assert.equal(ready?.status, 200);
    assert.match(ready.text, /refused[\s\S]*windws: unknown key/);
    assert.match(await service.log(), /the changed configuration was refused/);

    // Events are sent all the while.
    let accepted = 0;
    let sending = true;
    const sender = (async () => {
      for (let index = 0; sending; index++) {
        const status = await post([{ ...events(1, false)[0], id: `during-${index}` }]);
        assert.equal(status, 200);
        accepted += 1;
      }
    })();
    await change((written) => {
      written["models"] = [
        { ...model, owner: "ana" },
        { ...model, name: "second" },
      ];
      written["channels"] = { hook: { use: "webhook", url: `${hook.url}/second` } };
    });
    await service.until(
      "the right one is in force",
      async () => (await service.metric("driftline_config_reload_failed")) === 0,
    );
    sending = false;
    await sender;
    const [during] = await service.sql(
      "SELECT uniqExact(id) AS n FROM predictions_m WHERE startsWith(id, 'during-')",
      counted,
    );
    assert.equal(during?.n, accepted);
    assert.equal(await post({ ...events(1, false)[0], model: "second" }), 200);
    assert.match((await service.get("/v1/models"))?.text ?? "", /"second"/);

    for (const index of [2, 3, 4]) assert.equal(await post(events(index, true)), 200);
    await service.until("the end is told where the channel now is", () => told().length >= 2);
    assert.deepEqual(told(), ["/hook/first New ticket", "/hook/second Resolved"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
