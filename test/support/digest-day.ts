/** A day of three models as the service would have stored it: what a digest is made of. */
import { contentUuid } from "../../src/core/identity.ts";
import type { MetricRow } from "../../src/core/metric.ts";
import { sql, written } from "../../src/store/sql.ts";
import type { Lane } from "../../src/store/store.ts";
import { insertMetrics, kpiRow } from "./alert-station.ts";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** The digest's day ends at 08:00 in Berlin. */
export const DUE = Date.UTC(2026, 2, 3, 7);

export const row = (of: string, end: number, more: Partial<MetricRow>): MetricRow => ({
  ...kpiRow(1, 0),
  model: of,
  version: "7",
  window: "1h",
  window_start: end - HOUR,
  window_end: end,
  computed_at: end + 90_000,
  ...more,
});

function writeIncident(
  lane: Lane,
  change: {
    readonly id: string;
    readonly sequence: number;
    readonly model: string;
    readonly at: number;
    readonly title: string;
    readonly severity?: "page";
    readonly transition?: "resolved";
  },
): Promise<void> {
  const { id, title, transition = "opened", severity = "ticket", ...rest } = change;
  const isOver = transition === "resolved";
  return lane.insertRows("incidents", [
    {
      ...rest,
      incident_id: contentUuid("incident", id),
      models: [],
      window: "1h",
      state: isOver ? "resolved" : "firing",
      severity,
      opened_at: DUE,
      resolved_at: isOver ? DUE : null,
      transition,
      body: JSON.stringify({ incident: { title } }),
    },
  ]);
}

export async function fillDay(lane: Lane): Promise<void> {
  const hours = Array.from({ length: 24 }, (_, hour) => DUE - DAY + hour * HOUR);
  await insertMetrics(lane, [
    ...hours.flatMap((end, hour) => [
      // Beyond its threshold in three hours; a rule looks at age, and none at amount.
      ...["age", "amount"].map((subject) =>
        row("fraud", end, {
          subject_kind: "feature",
          subject,
          metric: "psi",
          value: hour < 3 ? 0.3 : 0.01,
          threshold: 0.2,
          breached: hour < 3,
          n: 500,
          status: "ok",
        }),
      ),
      row("fraud", end, {
        subject_kind: "feature",
        subject: "amount",
        metric: "jensen-shannon",
        value: hour === 5 ? 0.5 : 0.01,
        threshold: 0.1,
        breached: hour === 5,
        n: 500,
        status: "ok",
      }),
      row("fraud", end, {
        segment: "region=eu",
        subject_kind: "feature",
        subject: "amount",
        metric: "psi",
        value: 4,
        threshold: 0.2,
        breached: hour === 1,
        n: 500,
        status: "ok",
      }),
      row("calm", end, {
        subject_kind: "feature",
        subject: "age",
        metric: "psi",
        value: 0.01,
        threshold: 0.2,
        breached: false,
        n: 500,
        status: "ok",
      }),
    ]),
    // The day before yesterday's window is the period before's.
    ...[
      { end: DUE - DAY - 7 * HOUR, value: 0.86 },
      { end: DUE - 7 * HOUR, value: 0.79 },
    ].map(({ end, value }) =>
      row("fraud", end, {
        window: "1d",
        window_start: end - DAY,
        subject_kind: "kpi",
        subject: "kpi",
        metric: "accuracy",
        value,
        lower: value - 0.01,
        upper: value + 0.01,
        threshold: 0.8,
        breached: value < 0.8,
        n: 9000,
        status: "ok",
      }),
    ),
  ]);
  await lane.insertRows("evidence", [
    {
      model: "calm",
      metric: "notice",
      subject_kind: "feature",
      subject: "age",
      version: "7",
      variant: "",
      segment: "",
      window: "page tier",
      window_start: DUE - 2 * HOUR,
      window_end: DUE - HOUR,
      value: 9,
      threshold: 5,
      breached: false,
      alarmed: true,
      n: 10,
      coverage: 0,
      status: "ok",
      onset: DUE - 5 * HOUR,
      finding: "the mean rose from 41 to 44",
      computed_at: DUE - HOUR,
    },
  ]);
  await writeIncident(lane, { id: "1", sequence: 1, model: "fraud", at: DUE - 3 * DAY, title: "fraud: an old one" });
  await writeIncident(lane, {
    id: "2",
    sequence: 1,
    model: "fraud",
    at: DUE - 2 * HOUR,
    title: "fraud: accuracy is low",
    severity: "page",
  });
  await writeIncident(lane, { id: "3", sequence: 1, model: "fraud", at: DUE - 2 * DAY, title: "fraud: over" });
  await writeIncident(lane, {
    id: "3",
    sequence: 2,
    model: "fraud",
    at: DUE - HOUR,
    title: "fraud: over",
    transition: "resolved",
  });
  // Touched after the digest's end: it is of the next one.
  await writeIncident(lane, { id: "4", sequence: 1, model: "calm", at: DUE + HOUR, title: "calm: later" });
  await lane.command(
    sql`INSERT INTO batches (source, partition, first_offset, last_offset, max_timestamp, rows, dead, touched) VALUES
      ('s', 0, 0, 9, ${written(`fromUnixTimestamp64Milli(toInt64(${DUE - HOUR}), 'UTC')`)}, 10, 0, [('fraud', 'prediction', fromUnixTimestamp64Milli(toInt64(${DUE - HOUR}), 'UTC'), 1200), ('fraud', 'prediction', fromUnixTimestamp64Milli(toInt64(${DUE - 30 * HOUR}), 'UTC'), 1000), ('silent', 'prediction', fromUnixTimestamp64Milli(toInt64(${DUE - 30 * HOUR}), 'UTC'), 700)])`,
  );
  await lane.insertRows("dead_letters", [
    ...[0, 1, 2].map((offset) => ({
      source: "s",
      partition: 0,
      offset,
      item: 0,
      reason: "bad_json",
      detail: "",
      raw: "",
      received_at: DUE - 2 * HOUR,
    })),
    {
      source: "s",
      partition: 0,
      offset: 3,
      item: 0,
      reason: "no_model",
      detail: "",
      raw: "",
      received_at: DUE - 2 * HOUR,
    },
    {
      source: "s",
      partition: 0,
      offset: 4,
      item: 0,
      reason: "of another day",
      detail: "",
      raw: "",
      received_at: DUE - 2 * DAY,
    },
  ]);
}
