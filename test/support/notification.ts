/** A notification as alerting makes it, for tests of channels and actions. */
import type { Notification } from "../../src/core/delivery.ts";
import type { Incident, IncidentMember } from "../../src/core/incident.ts";

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
