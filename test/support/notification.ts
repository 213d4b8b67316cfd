/** A notification as alerting makes it, for tests of channels and actions. */
import { type Notification, type Send, type SendMessage, takingOnly } from "../../src/core/delivery.ts";
import type { Incident, IncidentMember } from "../../src/core/incident.ts";
import type { Picture } from "../../src/core/picture/picture.ts";
import { contentOf } from "../../src/notify/message-content.ts";
import { exampleCauses } from "./incident-rows.ts";

export function exampleMember(settings: Partial<IncidentMember> = {}): IncidentMember {
  return {
    rule: "accuracy below 0.8",
    severity: "page",
    version: "7",
    variant: "",
    subject_kind: "kpi",
    subject: "kpi",
    metric: "accuracy",
    value: 0.71,
    threshold: 0.8,
    direction: "below",
    n: 500,
    firing: true,
    data_missing: false,
    window_start: Date.UTC(2026, 2, 2, 10),
    window_end: Date.UTC(2026, 2, 2, 11),
    fired_at: Date.UTC(2026, 2, 2, 11),
    cleared_at: null,
    ...settings,
  };
}

export function exampleNotification(
  settings: Partial<Notification> = {},
  members: readonly IncidentMember[] = [exampleMember()],
): Notification {
  const incident: Incident = {
    incident_id: "0d2c5d5e-6b5f-8a1c-9f00-000000000001",
    model: "fraud",
    window: "1h",
    severity: "page",
    state: "firing",
    onset: Date.UTC(2026, 2, 2, 10),
    opened_at: Date.UTC(2026, 2, 2, 11),
    resolved_at: null,
    members,
    title: "fraud, window 1h: accuracy 0.71 is below 0.8",
  };
  return {
    idempotencyKey: "7f000000-0000-8000-8000-000000000001",
    transition: "opened",
    incident,
    title: `New page: ${incident.title}`,
    lines: ["accuracy (version 7) 0.71 is below 0.8", "Since 2026-03-02 10:00 UTC."],
    link: "https://driftline.example/incidents/1",
    ...settings,
  };
}

/** What the census example would tell on the day that its estimated F1 falls: several features, causes, pictures and links. */
export function exampleFall(settings: Partial<Notification> = {}, changed: Partial<Incident> = {}): Notification {
  const at = (iso: string) => Date.parse(iso);
  const feature = (subject: string, value: number) =>
    exampleMember({
      rule: "total-variation breached",
      severity: "ticket",
      version: "1",
      subject_kind: "feature",
      subject,
      metric: "total-variation",
      value,
      threshold: 0.05,
      direction: "above",
      window_start: at("2017-12-01T00:00:00Z"),
      window_end: at("2017-12-08T00:00:00Z"),
      fired_at: at("2017-12-08T00:00:00Z"),
      n: 1336,
    });
  const kpi = exampleMember({
    rule: "estimated_f1 below 0.8",
    version: "1",
    metric: "estimated_f1",
    value: 0.766,
    threshold: 0.8,
    window_start: at("2017-12-01T00:00:00Z"),
    window_end: at("2017-12-08T00:00:00Z"),
    fired_at: at("2017-12-08T00:00:00Z"),
    n: 1336,
  });
  const moved: readonly (readonly [string, number])[] = [
    ["RELP", 0.348],
    ["AGEP", 0.186],
    ["SCHL", 0.172],
    ["MAR", 0.134],
    ["MIG", 0.113],
    ["DIS", 0.09],
    ["ESP", 0.087],
    ["ANC", 0.085],
    ["MIL", 0.083],
    ["DREM", 0.073],
  ];
  const incident: Incident = {
    incident_id: "0d2c5d5e-6b5f-8a1c-9f00-000000000001",
    model: "census",
    window: "7d",
    severity: "page",
    state: "firing",
    onset: at("2017-12-01T00:00:00Z"),
    opened_at: at("2017-12-08T00:00:00Z"),
    resolved_at: null,
    members: [kpi, ...moved.map(([subject, value]) => feature(subject, value))],
    title: "census, window 7d: estimated_f1 (version 1) 0.766 is below 0.8 and 10 more",
    causes: { ...exampleCauses(), kpi: { ...KPI, metric: "estimated_f1", before: 0.833, after: 0.766 } },
    ...changed,
  };
  const content = contentOf(incident, settings.transition ?? "opened", {
    links: [
      { label: "Open the incident", url: "https://driftline.example/incidents/1" },
      { label: "See RELP", url: "https://driftline.example/models/census/features/RELP?window=7d" },
      { label: "See the model", url: "https://driftline.example/models/census?window=7d" },
    ],
    pictures: examplePictures(),
    model: { false_alarms: { alarms: 1, perMs: 30 * 86_400_000 } },
  });
  return exampleNotification({
    incident,
    title: `New page: ${incident.title}`,
    lines: incident.members.map(({ subject }) => subject),
    link: "https://driftline.example/incidents/1",
    content,
    ...settings,
  });
}

const KPI = { rows_before: 20_000, rows_after: 1336, segments: 120 };

export function examplePictures(): readonly Picture[] {
  return [
    {
      kind: "series",
      title: "estimated f1, windows of 7d",
      points: Array.from({ length: 30 }, (_, index) => ({
        at: Date.UTC(2017, 10, 8) + index * 86_400_000,
        value: index < 26 ? 0.835 + Math.sin(index) / 300 : 0.833 - (index - 25) * 0.0167,
      })),
      limit: 0.8,
      reference: 0.833,
      estimated: true,
      onset: Date.UTC(2017, 11, 4),
    },
    {
      kind: "categories",
      title: "RELP, share of events",
      rows: [
        { label: "16", reference: 0.012, window: 0.21 },
        { label: "17", reference: 0.031, window: 0.091 },
        { label: "0", reference: 0.431, window: 0.372 },
        { label: "1", reference: 0.272, window: 0.18 },
        { label: "15 other values", reference: 0.254, window: 0.147 },
      ],
    },
  ];
}

/** A target of a test that is told of incidents alone. */
export const incidentTarget = (send: Send): SendMessage => takingOnly("the test's target", new Set(["incident"]), send);
