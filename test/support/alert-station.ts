/** Alerting, channels, actions and the outbox over a store, wired as the service wires them; and metric rows to feed them with. */
import { z } from "zod";
import { createAct } from "../../src/act/act.ts";
import { openActions, openFollowers } from "../../src/act/named-actions.ts";
import { createNewVersions } from "../../src/act/new-versions.ts";
import { createRetrainings, type Retrainings } from "../../src/act/retrainings.ts";
import { type Alerting, type AlertingOptions, createAlerting } from "../../src/alert/alerting.ts";
import { configSchema } from "../../src/config/schema.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import type { SendMessage } from "../../src/core/delivery.ts";
import type { MetricRow } from "../../src/core/metric.ts";
import { createOutbox, type Outbox, type OutboxOptions } from "../../src/deliver/outbox.ts";
import {
  channelRefreshes,
  createNotify,
  createToldBefore,
  mirroringChannels,
  openChannels,
} from "../../src/notify/notify.ts";
import { sql } from "../../src/store/sql.ts";
import type { Lane, Store } from "../../src/store/store.ts";

export interface AlertStation {
  readonly alerting: Alerting;
  readonly outbox: Outbox;
  readonly retrainings: Retrainings;
}

export const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** @param config as written in YAML; a model needs name, task, windows and what the test is about */
export function createAlertStation(
  store: Store,
  config: unknown,
  settings: { readonly clock?: Clock; readonly targets?: ReadonlyMap<string, SendMessage> } & Pick<
    AlertingOptions,
    "explain" | "findBeginning"
  > &
    Partial<Omit<OutboxOptions, "lane" | "clock" | "targets">> = {},
): AlertStation {
  const { clock = systemClock, targets, explain, findBeginning, ...rest } = settings;
  const checked = configSchema.parse(config);
  const lane = store.lane("control");
  const link = () => "";
  const opened = targets ?? new Map([...openChannels(checked), ...openActions(checked)]);
  const outbox = createOutbox({
    lane,
    clock,
    targets: opened,
    log: quiet,
    refreshMs: channelRefreshes(checked),
    ...rest,
  });
  const enqueue: Outbox["enqueue"] = (deliveries) => outbox.enqueue(deliveries);
  const act = createAct({
    lane,
    models: checked.models,
    routes: checked.routes,
    clock,
    link,
    publicUrl: () => "http://driftline.test",
    about: (model) => ({
      reference: null,
      data: { store: "./data", predictions_table: `predictions_${model}`, labels_table: "labels" },
    }),
    createToken: () => "one-time-token",
  });
  const followers = openFollowers(checked);
  return {
    outbox,
    retrainings: createRetrainings({ lane, models: checked.models, followers, clock, log: quiet, enqueue }),
    alerting: createAlerting({
      lane,
      models: checked.models,
      clock,
      planners: [
        createNotify(checked.models, link, {
          mirroring: mirroringChannels(checked),
          routes: checked.routes,
          toldBefore: createToldBefore(lane, checked),
        }),
        act,
      ],
      enqueue,
      retrained: createNewVersions(lane, checked.models),
      ...(explain === undefined ? {} : { explain }),
      ...(findBeginning === undefined ? {} : { findBeginning }),
    }),
  };
}

export const START = Date.UTC(2026, 2, 2, 10);

/** A KPI's row for window `index` (from 1) of five minutes; null is a window without data. */
export function kpiRow(index: number, value: number | null, settings: Partial<MetricRow> = {}): MetricRow {
  const window_start = START + (index - 1) * 300_000;
  return {
    model: "m",
    version: "",
    variant: "",
    segment: "",
    window: "5m",
    window_start,
    window_end: window_start + 3e5,
    subject_kind: "kpi",
    subject: "kpi",
    metric: "mean_x",
    value,
    lower: null,
    upper: null,
    threshold: null,
    breached: false,
    n: value === null ? 0 : 500,
    coverage: 1,
    status: value === null ? "insufficient" : "ok",
    detail: "{}",
    reference_id: "",
    monitor_hash: "h",
    revision: 1,
    computed_at: window_start + 3e5,
    ...settings,
  };
}

export async function insertMetrics(lane: Lane, rows: readonly MetricRow[]): Promise<void> {
  await lane.insertRows(
    "metrics",
    rows.map((row) => ({ ...row })),
  );
}

const deliverySchema = z.object({
  target: z.string(),
  transition: z.string(),
  state: z.string(),
  attempt: z.number(),
  answer: z.string(),
  id: z.string(),
});

/** The deliveries as they stand, in the order in which they were planned. */
export function readDeliveries(lane: Lane): Promise<z.output<typeof deliverySchema>[]> {
  return lane.query(
    sql`SELECT target, transition, toString(state) AS state, attempt, answer, toString(delivery_id) AS id FROM deliveries FINAL
      ORDER BY opened_at, incident_id, sequence, target`,
    deliverySchema,
  );
}

const incidentSchema = z.object({
  id: z.string(),
  sequence: z.number(),
  state: z.string(),
  transition: z.string(),
  body: z.string(),
});

/** Every row of the incidents table, in order. */
export function readIncidentRows(lane: Lane): Promise<z.output<typeof incidentSchema>[]> {
  return lane.query(
    sql`SELECT toString(incident_id) AS id, sequence, state, transition, body FROM incidents FINAL ORDER BY opened_at, incident_id, sequence`,
    incidentSchema,
  );
}

/** A clock that is set by hand. Sleeping ends when the time has come, or is cut short. */
export function createManualClock(start: number): Clock & { set(ms: number): void } {
  let now = start;
  const sleepers = new Set<() => void>();
  return {
    now: () => now,
    set(ms) {
      now = ms;
      for (const wake of Array.from(sleepers)) wake();
    },
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const until = now + ms;
        const check = () => {
          if (now < until && signal?.aborted !== true) return;
          sleepers.delete(check);
          resolve();
        };
        sleepers.add(check);
        signal?.addEventListener("abort", check, { once: true });
        check();
      }),
  };
}
