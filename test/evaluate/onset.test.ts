/** When and with what an incident began: its interval, its first window and its first event, by the page tier and by rules. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Incident } from "../../src/core/incident.ts";
import { createBeginning } from "../../src/evaluate/incident-beginning.ts";
import { notificationOf } from "../../src/notify/notify.ts";
import { createAlertStation } from "../support/alert-station.ts";
import { openStage } from "../support/evaluation-stage.ts";
import type { WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-02T00:00:00Z");
const HOUR = 3_600_000;
const PER_HOUR = 400;
const clock = { now: () => T0 + 200 * HOUR, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

const draw = uniform(21);
const reference = await stage.referenceFile(
  "reference.ndjson",
  Array.from({ length: 20_000 }, (_, index) => ({
    timestamp: new Date(T0 - (20_000 - index) * 120_000).toISOString(),
    size: draw(),
  })),
);
const base = { task: "binary", pane: "1h", detectors: ["volume"], reference: { file: reference } };

/** 48 hours; sizes shrink from hour 30 on, labels are wrong from hour 20 on. */
function history(): WrittenEvent[] {
  const draws = uniform(5);
  return Array.from({ length: 48 * PER_HOUR }, (_, index): WrittenEvent[] => {
    const hour = Math.floor(index / PER_HOUR);
    const timestamp = T0 + index * (HOUR / PER_HOUR);
    const size = hour >= 30 ? draws() ** 1.6 : draws();
    return [
      {
        kind: "prediction",
        id: `p${index}`,
        version: index % 4 === 0 ? "2" : "1",
        timestamp,
        prediction: 0,
        features: { size },
      },
      {
        kind: "label",
        id: `p${index}`,
        timestamp: timestamp + 1000,
        label: draws() < (hour >= 20 ? 0.5 : 0.1) ? 1 : 0,
      },
    ];
  }).flat();
}

async function incidentsOf(name: string, written: Readonly<Record<string, unknown>>): Promise<Incident[]> {
  const scene = await stage.scene({ ...base, ...written, name });
  await scene.write(history(), 0);
  await scene.evaluation.run({ final: true });
  const findBeginning = createBeginning(stage.lane, [scene.prepared]);
  const station = createAlertStation(
    stage.store,
    { models: [{ ...base, ...written, name }] },
    { clock, findBeginning },
  );
  const changes = await station.alerting.process(name);
  return changes.map(({ incident }) => incident);
}

test("a change has an interval that holds it, the window and the event with which it began", async () => {
  const [incident] = await incidentsOf("drift", { windows: ["6h", "2h"] });
  const member = incident?.members.find(({ subject }) => subject === "size");
  assert.ok(incident !== undefined && member?.onset !== undefined);
  const change = T0 + 30 * HOUR;
  const { onset, onset_from: from = 0, onset_to: to = 0 } = member;
  assert.ok(from <= change && change < to && from <= onset && onset < to, JSON.stringify(member));
  assert.ok(to - from <= 5 * HOUR, `${(to - from) / HOUR} hours`);
  const { window, event } = incident.beginning ?? {};
  assert.equal(window?.name, "2h");
  assert.ok((window?.window_start ?? 0) <= onset && onset < (window?.window_end ?? 0));
  // The first event of the onset's hour among the versions that alarm.
  const index = ((onset - T0) / HOUR) * PER_HOUR;
  const isSecond = member.version === "2";
  const first = index + (isSecond || incident.members.length > 1 ? 0 : 1);
  assert.deepEqual(event, {
    source: "drift",
    partition: 0,
    offset: 2 * first,
    timestamp: T0 + first * (HOUR / PER_HOUR),
  });
  const change0 = {
    kind: "opened",
    occurrence: 1,
    before: null,
    told: "opened",
    sequence: 1,
    incident,
  } as const;
  const { lines } = notificationOf(change0, "opened", "key", "");
  assert.ok(
    lines.some((line) => /^The change began between 2026-03-03 0\d:00 UTC and 2026-03-03 \d\d:00 UTC/.test(line)),
  );
  assert.ok(lines.some((line) => /First window: 2h from .*First event: drift, offset \d+, at 2026-03-03 /.test(line)));
});

test("the window that first breached a user's rule, and the first event in it", async () => {
  const rules = [{ metric: "accuracy", below: 0.8, for: "2 of 3" }];
  const written = { windows: ["2h"], kpis: ["accuracy"], alerts: { rules }, false_alarms: "off" };
  const [incident] = await incidentsOf("rule", written);
  assert.equal(incident?.window, "2h");
  const start = T0 + 20 * HOUR;
  assert.deepEqual(incident.beginning?.window, { name: "2h", window_start: start, window_end: start + 2 * HOUR });
  assert.deepEqual(incident.beginning?.event, {
    source: "rule",
    partition: 0,
    offset: 2 * 20 * PER_HOUR,
    timestamp: start,
  });
  assert.equal(incident.members[0]?.onset_from, undefined);
});

test("a window by number of events that first breached is found among those that were computed", async () => {
  const rules = [{ metric: "accuracy", below: 0.8 }];
  const written = {
    windows: ["1000 events"],
    anchor: "never",
    kpis: ["accuracy"],
    alerts: { rules },
    false_alarms: "off",
  };
  const [incident] = await incidentsOf("counted", written);
  const window = incident?.beginning?.window;
  assert.equal(window?.name, "1000 events");
  assert.equal(window?.window_start, incident?.onset);
  assert.ok((window?.window_end ?? 0) > (window?.window_start ?? 0));
  assert.ok((incident?.beginning?.event?.timestamp ?? 0) >= (incident?.onset ?? 0));
});

test("a KPI's fall has an interval too", async () => {
  const written = { windows: ["1h"], kpis: [{ use: "accuracy", min: 0.8 }] };
  const incidents = await incidentsOf("kpi", written);
  const member = incidents.flatMap(({ members }) => members).find(({ metric }) => metric === "kpi-evidence");
  const change = T0 + 20 * HOUR;
  assert.equal(member?.onset, change);
  const { onset_from: from = 0, onset_to: to = 0 } = member ?? {};
  assert.ok(from <= change && change < to && to - from <= 3 * HOUR, JSON.stringify(member));
});
