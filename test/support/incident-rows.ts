/** The incident that the census example opens, its deliveries, and some dead letters. */

import type { CauseReport } from "../../src/core/incident-cause.ts";

export const INCIDENT_ID = "6c1e2f0a-5b1d-4c7e-9a43-0f2f7a1f9d10";
const EVENTS = 20_000;
const LIMIT = 0.05;
const WINDOW = "20000 events";
const at = (iso: string): number => Date.parse(iso);

/** Two values that explain an estimated fall, one with a hostile name, and the features by what they cost. */
export function exampleCauses(): CauseReport {
  return {
    version: "1",
    variant: "",
    window_start: at("2017-09-24T21:40:00Z"),
    window_end: at("2018-01-07T19:12:30Z"),
    baseline: { kind: "reference", window_start: null, window_end: null },
    kpi: {
      metric: "estimated_accuracy",
      before: 0.84,
      after: 0.8,
      rows_before: 20_000,
      rows_after: 20_000,
      segments: 1234,
    },
    causes: [
      {
        conditions: [{ subject_kind: "feature", subject: "RELP", value: { kind: "category", name: "17" } }],
        share_before: 0.031,
        share_after: 0.0912,
        first_window_start: at("2017-02-26T23:56:16Z"),
        first_window_end: at("2017-06-11T20:01:10Z"),
        drift: { metric: "total-variation", part: 0.44 },
        effect: { mix: -0.0244, rate: 0, part: 0.61, kpi_before: 0.55, kpi_after: 0.55, p_value: 1e-9 },
      },
      {
        conditions: [
          { subject_kind: "feature", subject: "SCHL", value: { kind: "category", name: "<script>alert(1)</script>" } },
          { subject_kind: "feature", subject: "AGEP", value: { kind: "range", above: 65, up_to: 71 } },
        ],
        share_before: 0.02,
        share_after: 0.02,
        first_window_start: null,
        first_window_end: null,
        drift: null,
        effect: { mix: 0, rate: -0.01, part: 0.25, kpi_before: 0.9, kpi_after: 0.4, p_value: 1e-5 },
      },
      {
        conditions: [{ subject_kind: "feature", subject: "AGEP", value: { kind: "missing" } }],
        share_before: 0,
        share_after: 0.05,
        first_window_start: null,
        first_window_end: null,
        drift: { metric: "total-variation", part: 0.5 },
        effect: null,
      },
    ],
    features: [{ subject: "RELP", loss_change: 0.0261, lower: 0.02, upper: 0.032 }],
    loss: "error",
  };
}

export function incidentRows(): Record<string, unknown>[] {
  const member = (subject: string, value: number, start: string, end: string) => ({
    rule: "total-variation breached",
    severity: "ticket",
    version: "1",
    variant: "",
    subject_kind: "feature",
    subject,
    metric: "total-variation",
    value,
    threshold: LIMIT,
    direction: "above",
    window_start: at(start),
    window_end: at(end),
    n: EVENTS,
    fired_at: at(end),
    cleared_at: null,
    firing: true,
    data_missing: false,
  });
  const common = {
    incident_id: INCIDENT_ID,
    model: "census",
    window: WINDOW,
    severity: "ticket",
    state: "firing",
    onset: at("2017-02-26T23:56:16Z"),
    opened_at: at("2017-06-11T20:01:10Z"),
    resolved_at: null,
    title: "census: RELP, AGEP and SCHL moved",
  };
  const bodies = [
    {
      ...common,
      members: [
        member("RELP", 0.0783, "2017-02-26T23:56:16Z", "2017-06-11T20:01:10Z"),
        member("AGEP", 0.0578, "2017-02-26T23:56:16Z", "2017-06-11T20:01:10Z"),
      ],
    },
    {
      ...common,
      members: [
        member("RELP", 0.2444, "2017-09-24T21:40:00Z", "2018-01-07T19:12:30Z"),
        member("AGEP", 0.1301, "2017-09-24T21:40:00Z", "2018-01-07T19:12:30Z"),
        member("SCHL", 0.1015, "2017-09-24T21:40:00Z", "2018-01-07T19:12:30Z"),
      ],
      causes: exampleCauses(),
    },
  ];
  return bodies.map((incident, index) => ({
    incident_id: INCIDENT_ID,
    sequence: index + 1,
    model: "census",
    window: WINDOW,
    state: "firing",
    severity: "ticket",
    opened_at: common.opened_at,
    resolved_at: null,
    at: at("2017-06-11T20:01:30Z") + index * 86_400_000,
    transition: index === 0 ? "opened" : "amended",
    body: JSON.stringify({ sequence: index + 1, incident }),
  }));
}

export function deliveryRows(): Record<string, unknown>[] {
  const base = {
    incident_id: INCIDENT_ID,
    model: "census",
    transition: "opened",
    due_at: at("2017-06-11T20:01:30Z"),
    at: at("2017-06-11T20:01:31Z"),
    body: "{}",
  };
  return [
    {
      ...base,
      delivery_id: "11111111-1111-4111-8111-111111111111",
      attempt: 1,
      kind: "channel",
      target: "ml-oncall",
      state: "sent",
      idempotency_key: "k1",
      answer: "200",
    },
    {
      ...base,
      delivery_id: "22222222-2222-4222-8222-222222222222",
      attempt: 3,
      kind: "action",
      target: "webhook",
      state: "failed",
      idempotency_key: "k2",
      answer: "503 Service Unavailable",
    },
  ];
}

/** Three messages that could not be read, the newest at `now`. */
export function deadLetterRows(now: number): Record<string, unknown>[] {
  return [
    {
      source: "kafka:ml.labels:t1",
      partition: 2,
      offset: 104_551,
      item: 0,
      reason: "label_unknown_class",
      detail: 'label: expected 0 or 1, got "yes"',
      raw: '{"type":"label","id":"p277671","label":"yes"}',
      received_at: now,
    },
    {
      source: "kafka:ml.labels:t1",
      partition: 2,
      offset: 104_560,
      item: 0,
      reason: "label_unknown_class",
      detail: 'label: expected 0 or 1, got "yes"',
      raw: '{"type":"label","id":"p277680","label":"yes"}',
      received_at: now - 1000,
    },
    {
      source: "kafka:ml.labels:t1",
      partition: 2,
      offset: 104_602,
      item: 0,
      reason: "not_json",
      detail: "unexpected end at byte 31",
      raw: '{"type":"label","id":"p27772',
      received_at: now - 2000,
    },
  ];
}
