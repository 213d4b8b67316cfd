/** Field case traffic-stops-while-an-incident-fires: silence is no recovery. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { close } from "../support/rows.ts";
import { at, type Message, Scenario } from "../support/scenario.ts";

const CONFIG = `models:
  - name: m
    task: regression
    windows: [5m]
    features: { x: numeric }
    kpis:
      - { name: mean_x, sql: "avg(toFloat64(features.x))", max: 80, clear: 80, for: 1 of 1, clear_after: 2 }
    alerts: { channels: [hook], send_resolved: true, renotify_every: 4h }
channels: { hook: { use: webhook, url: "\${HOOK}" } }`;

/** Start of window w1, w2, …, minutes after 10:00. */
const minuteOf = (window: number) => (window - 1) * 5;

const predictions = (window: number, added: number) =>
  Array.from(
    { length: 500 },
    (_, i) =>
      `{"type":"prediction","id":"w${window}-${i}","model":"m","timestamp":"${new Date(Date.parse(at(10, minuteOf(window))) + i * 600).toISOString()}","prediction":1,"features":{"x":${(i % 100) + added}}}`,
  );

/** What each window holds: added to 0..99, or null for none. */
const FIRST = [0, 0, 60, 60, null, null, null, null, null, null];
const VARIANTS = {
  G: { windows: [...FIRST, 0, 0, 0], resolvedAfter: 12 },
  H: { windows: [...FIRST, 60, 0, 0, 0], resolvedAfter: 13 },
} as const;

const kinds = (messages: readonly Message[]) => messages.map((message) => message.type.replace("incident.", ""));

for (const [variant, { windows, resolvedAfter }] of Object.entries(VARIANTS)) {
  for (const restarts of variant === "G" ? [[], [7]] : [[7, 11]]) {
    const how = restarts.length === 0 ? "undisturbed" : `with a restart during w${restarts.join(" and w")}`;
    test(`traffic-stops-while-an-incident-fires: variant ${variant}, ${how}`, async () => {
      await using scenario = await Scenario.open({ config: CONFIG, now: at(10) });
      for (const [index, added] of windows.entries()) {
        const window = index + 1;
        if (restarts.includes(window)) {
          scenario.clock.set(at(10, minuteOf(window) + 2));
          await scenario.restart();
          await scenario.evaluate();
        }
        if (added !== null) {
          scenario.clock.set(at(10, minuteOf(window) + 5));
          await scenario.push(predictions(window, added));
        }
        await scenario.evaluate({ at: at(10, minuteOf(window) + 7) });
        if (window === 10) {
          const quiet = (await scenario.metrics({ metric: "mean_x" })).filter(
            (row) => row.window_start >= Date.parse(at(10, minuteOf(5))),
          );
          assert.ok(quiet.length >= 5, `${quiet.length} windows of silence`);
          for (const row of quiet) assert.deepEqual([row.status, row.value, row.n], ["insufficient", null, 0]);
          assert.equal(kinds(scenario.messages()).includes("resolved"), false, "silence resolved the incident");
          const [open, ...more] = await scenario.incidents();
          assert.deepEqual(more, []);
          assert.equal(open?.state, "insufficient_data");
          assert.equal(open?.members[0]?.data_missing, true);
          assert.match(await scenario.text("/"), /without new data to decide/);
          assert.match(
            await scenario.text(`/incidents/${open?.incident_id ?? ""}`),
            /too few data|no data|data missing/i,
          );
        }
        const resolved = kinds(scenario.messages()).filter((kind) => kind === "resolved").length;
        if (window < resolvedAfter) assert.equal(resolved, 0, `resolved after w${window}`);
        else if (window > resolvedAfter) assert.equal(resolved, 1, `not resolved after w${window}`);
      }
      await scenario.evaluate({ final: true });

      const told = kinds(scenario.messages());
      assert.equal(told.filter((kind) => kind === "opened").length, 1, told.join(" "));
      assert.ok(told.filter((kind) => kind === "data_missing").length <= 1, told.join(" "));
      assert.deepEqual(
        told.filter((kind) => kind !== "data_missing"),
        ["opened", "resolved"],
      );
      const [opened] = scenario.messages();
      const fired = opened?.data.incident.members[0];
      close(fired?.value, 109.5);
      assert.equal(fired?.["window_start"], at(10, minuteOf(3)));
      const over = scenario.messages().at(-1);
      assert.equal(over?.data.incident.id, opened?.data.incident.id);
      close(over?.data.incident.members[0]?.value, 49.5);
      assert.equal(over?.data.incident["resolved_at"], at(10, minuteOf(resolvedAfter) + 5));
    });
  }
}
