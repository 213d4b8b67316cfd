/** What a message says in parts: the most telling first, times, certainty and weight in plain words, and what is left out is counted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Incident, IncidentMember, IncidentTransition } from "../../../src/core/incident.ts";
import type { MessageContent } from "../../../src/core/message.ts";
import { contentOf } from "../../../src/notify/message-content.ts";
import { incidentLinks } from "../../../src/service/incident-links.ts";
import { exampleCauses } from "../../support/incident-rows.ts";
import { exampleMember, exampleNotification } from "../../support/notification.ts";

const HOUR = 3_600_000;
const model = { false_alarms: { alarms: 1, perMs: 30 * 24 * HOUR } };

function content(
  members: readonly IncidentMember[],
  changed: Partial<Incident> = {},
  transition: IncidentTransition = "opened",
): MessageContent {
  const incident = { ...exampleNotification({}, members).incident, ...changed };
  return contentOf(incident, transition, { links: [], pictures: [], model });
}
const fact = ({ facts }: MessageContent, label: string) => facts.find((one) => one.label === label)?.value;
const drift = (subject: string, value: number, settings: Partial<IncidentMember> = {}) =>
  exampleMember({
    severity: "ticket",
    subject_kind: "feature",
    subject,
    metric: "psi",
    threshold: 0.2,
    direction: "above",
    value,
    ...settings,
  });

test("what fires comes first, then the more urgent, then what is furthest beyond its limit", () => {
  const { moved, movedCount, summary } = content([
    drift("cleared", 9, { firing: false }),
    drift("a little", 0.21),
    drift("much", 1.5),
    exampleMember(),
    drift("negative", -3),
  ]);
  assert.deepEqual(
    moved.map(({ name }) => name),
    ["accuracy", "psi of much", "psi of a little", "psi of negative", "psi of cleared"],
  );
  assert.equal(movedCount, 5);
  assert.deepEqual(
    moved.map(({ part }) => (part === null ? null : Number(part.toFixed(2)))),
    [null, 0.17, 0.02, null, 1],
  );
  assert.equal(
    summary,
    "It rests on 500 events of a window and began 2026-03-02 10:00 UTC. 4 more take part: much, a little, negative, cleared.",
  );
});

test("where alerting has weighed the members, its order holds among those of one urgency", () => {
  const { moved } = content([
    drift("important", 0.3, { weight: 9 }),
    drift("far", 3, { weight: 2 }),
    exampleMember({ weight: 1 }),
  ]);
  assert.deepEqual(
    moved.map(({ name }) => name),
    ["accuracy", "psi of important", "psi of far"],
  );
});

test("a thousand members are counted, and a limited number is kept with the message", () => {
  const { moved, movedCount, summary } = content(
    Array.from({ length: 1_000 }, (_, index) => drift(`f${index}`, 1 + index)),
  );
  assert.deepEqual([moved.length, movedCount, moved[0]?.name], [200, 1_000, "psi of f999"]);
  assert.match(summary, /999 more take part: f998, f997, f996, f995 and 995 more\.$/);
});

test("of what the page tier found: since when and between which moments, how sure, and the promise", () => {
  const onset = { onset: Date.UTC(2026, 2, 1), onset_from: Date.UTC(2026, 1, 28), onset_to: Date.UTC(2026, 2, 1, 6) };
  const beginning = {
    window: { name: "1h", window_start: Date.UTC(2026, 2, 1), window_end: Date.UTC(2026, 2, 1, 1) },
    event: { source: "kafka:ml.predictions:t1", partition: 2, offset: 104_551, timestamp: Date.UTC(2026, 2, 1, 0, 8) },
  };
  const changed = { window: "page tier", beginning };
  const found = content([drift("RELP", 185.6, { metric: "evidence", threshold: 6.2, ...onset })], changed);
  assert.equal(
    fact(found, "Since"),
    "2026-03-01 00:00 UTC (between 2026-02-28 00:00 UTC and 2026-03-01 06:00 UTC, 95 times in 100)",
  );
  assert.equal(fact(found, "First bad window"), "2026-03-01 00:00 UTC to 2026-03-01 01:00 UTC (windows of 1h)");
  assert.equal(fact(found, "First event"), "topic ml.predictions, partition 2, offset 104551, of 2026-03-01 00:08 UTC");
  assert.equal(fact(found, "How sure"), "evidence 185.6 of the 6.2 needed; at most 1 false alarm per 30d by design");
});

test("how much it matters: the KPI that fell, a KPI's gap, the feature that is likely to cost most, or that no loss is known", () => {
  const kpi = {
    ...exampleCauses(),
    kpi: { metric: "estimated_accuracy", before: 0.84, after: 0.8, rows_before: 1, rows_after: 1, segments: 1 },
  };
  assert.equal(
    fact(content([drift("x", 1)], { causes: kpi }), "How much it matters"),
    "estimated accuracy went from 0.84 to 0.8",
  );
  assert.equal(fact(content([exampleMember()]), "How much it matters"), "accuracy misses its limit by 0.09");
  assert.equal(
    fact(content([drift("x", 1)], { causes: { ...kpi, kpi: null } }), "How much it matters"),
    "RELP: its drift is likely to turn another 2.6 % of the predictions wrong",
  );
  assert.equal(
    fact(content([drift("x", 1)], { severity: "ticket" }), "How much it matters"),
    "ticket: no loss of a KPI is known",
  );
});

test("values whose share did not change are no change, and of what is over neither changes nor reasons are told", () => {
  const causes = exampleCauses();
  const open = content([exampleMember()], { causes });
  assert.deepEqual(
    open.changed.map(({ what, before, after }) => [what, before, after]),
    [
      ["RELP = 17", 0.031, 0.0912],
      ["AGEP missing", 0, 0.05],
    ],
  );
  assert.equal(open.why.length, 3);
  for (const transition of ["resolved", "withdrawn"] as const) {
    const over = content([exampleMember({ firing: false })], { causes, resolved_at: Date.UTC(2026, 2, 3) }, transition);
    assert.deepEqual([over.changed, over.why, fact(over, "How sure")], [[], [], undefined]);
    assert.equal(fact(over, "Over since"), "2026-03-03 00:00 UTC");
  }
});

test("hostile names are one line of plain text", () => {
  const hostile = "x\r\nBcc: eve@example.com\u202e\u0000";
  const parts = JSON.stringify(
    content([drift(hostile, 1), exampleMember({ rule: hostile, version: hostile })], { window: hostile }),
  );
  assert.doesNotMatch(parts, /\\r|\\n|\\u202e|\u202e|\\u0000/);
});

test("links lead to the subjects and the model, and to nowhere without an address", () => {
  const { incident } = exampleNotification({}, [
    exampleMember(),
    drift("..", 1),
    drift("a/b?c", 1),
    drift("a/b?c", 2),
    drift("third", 1),
  ]);
  assert.deepEqual(incidentLinks("", incident), []);
  const elsewhere = { ...incident, members: [drift("x", 1, { model: "other", window: "1d" })] };
  assert.ok(incidentLinks("https://d.example", elsewhere)[0]?.url.includes("/models/other/features/x?window=1d&at="));
  const links = incidentLinks("https://d.example", incident);
  assert.deepEqual(
    links.map(({ label }) => label),
    ["See ..", "See a/b?c", "See the model"],
  );
  for (const { url } of links) assert.ok(new URL(url).href.startsWith("https://d.example/models/fraud"), url);
  assert.ok(links[1]?.url.includes("/features/a%2Fb%3Fc?"));
});

test("what a retraining has come to stands first", () => {
  const { incident } = exampleNotification();
  const news = ["A retraining has brought version 8; it is followed until the numbers are good again."];
  const { summary } = contentOf(incident, "retrained", { links: [], pictures: [], model, news });
  assert.equal(summary, `${news[0]} It rests on 500 events of a window and began 2026-03-02 10:00 UTC.`);
});
