/** What belongs together, what explains what, and in which order people see it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { IncidentRecord } from "../../../src/alert/incident-record.ts";
import { mutedSentences } from "../../../src/alert/incident-text.ts";
import type { JudgedRow } from "../../../src/alert/rules.ts";
import { rateFinding } from "../../../src/core/evidence.ts";
import { globMatches } from "../../../src/core/glob.ts";
import type { Explanation } from "../../../src/core/incident.ts";
import { createGroup, row, rule, START, WINDOW_MS } from "./series.ts";

const drift = rule({ name: "drift", metric: "psi", above: null });
const moved = (index: number, subject: string, value: number, more: Partial<JudgedRow> = {}) =>
  row(index, value, {
    metric: "psi",
    subject_kind: "feature",
    subject,
    threshold: 0.2,
    breached: value > 0.2,
    ...more,
  });
const end = (index: number) => START + index * WINDOW_MS;
const openOf = (records: ReadonlyMap<string, IncidentRecord>) =>
  [...records.values()].filter(({ incident }) => incident.state !== "resolved");

describe("one cause", () => {
  test("a longer window's word on a time that is over is an echo; its next breach is not", () => {
    const short = createGroup([drift]);
    short.judge([moved(1, "a", 0.5), moved(2, "a", 0.1)]);
    assert.deepEqual(short.told(), ["opened", "resolved"]);
    // The hour's window covers the five minutes that are over.
    const hour = (index: number, value: number) =>
      moved(1, "a", value, { window_start: START + (index - 1) * 3_600_000, window_end: START + index * 3_600_000 });
    const long = createGroup([drift], { window: "1h" });
    for (const [id, record] of short.records) long.records.set(id, record);
    long.judge([hour(1, 0.4)]);
    assert.deepEqual(long.told(), []);
    assert.deepEqual(openOf(long.records), []);
    long.judge([hour(2, 0.4)]);
    assert.deepEqual(long.told(), ["opened"]);
  });

  test("models that share a feature which moved at the same time are one incident; those that share none are not", () => {
    const first = createGroup([drift]);
    first.judge([moved(1, "amount", 0.5), moved(1, "m1 only", 0.5)]);
    const foreign = [...first.records.values()];
    const joins = createGroup([drift], { model: "n", foreign });
    joins.judge([moved(1, "amount", 0.5), moved(1, "n only", 0.4)]);
    assert.deepEqual(joins.told(), ["opened"]);
    const [joined] = joins.changes;
    assert.equal(joined?.incident.incident_id, foreign[0]?.incident.incident_id);
    assert.deepEqual(joined?.incident.models, ["m", "n"]);
    assert.equal(joined?.kind, "amended");
    const apart = createGroup([drift], { model: "n", foreign });
    apart.judge([moved(1, "other", 0.5)]);
    assert.equal(apart.changes[0]?.kind, "opened");
    // The same feature, a day later.
    const later = createGroup([drift], { model: "n", foreign });
    later.judge([moved(300, "amount", 0.5)]);
    assert.equal(later.changes[0]?.kind, "opened");
    // It is over when it is over at both.
    joins.judge([moved(2, "amount", 0.1), moved(2, "n only", 0.1)]);
    assert.deepEqual(joins.told(), ["opened"]);
  });

  test("what falls into an open incident later, and is more than people were told of, widens it", () => {
    const group = createGroup([drift]);
    group.judge([moved(1, "a", 0.5)]);
    group.judge([moved(2, "a", 0.5), moved(2, "b", 0.5)]);
    assert.deepEqual(group.told(), ["opened"]);
    group.judge(["a", "b", "c", "d"].map((subject) => moved(3, subject, 0.5)));
    assert.deepEqual(group.told(), ["opened", "widened"]);
    group.judge(["a", "b", "c", "d", "e"].map((subject) => moved(4, subject, 0.5)));
    assert.deepEqual(group.told(), ["opened", "widened"]);
  });

  test("the whole comes before its segments, which are no news beside it", () => {
    const group = createGroup([drift]);
    group.judge([moved(1, "a", 0.9, { segment: "country=DE" }), moved(1, "a", 0.3)]);
    const members = openOf(group.records)[0]?.incident.members ?? [];
    assert.deepEqual(
      members.map(({ segment, muted }) => [segment, muted]),
      [
        [undefined, undefined],
        ["country=DE", "explained by the same change of all events"],
      ],
    );
  });
});

describe("what explains drift mutes it", () => {
  const missing: Explanation = {
    kind: "missing",
    model: "m",
    subject: "age",
    version: "7",
    variant: "",
    since: START,
    until: end(2),
    text: "missing values of age (98 % of the events)",
  };

  test("a missing field its own drift and that of the score, not other features, not KPIs, not what came before", () => {
    const group = createGroup([drift, rule({ name: "low", metric: "accuracy", above: null, below: 0.8 })], {
      explanations: [missing],
    });
    group.judge([
      moved(1, "age", 0.9),
      moved(1, "score", 0.9, { subject_kind: "score" }),
      moved(1, "plan", 0.3),
      row(1, 0.7, { metric: "accuracy" }),
    ]);
    const members = openOf(group.records)[0]?.incident.members ?? [];
    assert.deepEqual(
      members.map(({ subject, muted }) => [subject, muted !== undefined]),
      [
        ["kpi", false],
        ["plan", false],
        ["age", true],
        ["score", true],
      ],
    );
    assert.deepEqual(mutedSentences(members), [
      "Muted: the drift of age, score, explained by missing values of age (98 % of the events)",
    ]);
    const before = createGroup([drift], { explanations: [{ ...missing, since: end(20), until: end(22) }] });
    before.judge([moved(1, "age", 0.9)]);
    assert.equal(openOf(before.records)[0]?.incident.members[0]?.muted, undefined);
  });

  test("drift that only a new version explains is kept, and told to nobody until a KPI falls", () => {
    const version: Explanation = { ...missing, kind: "version", subject: "", text: "the new version 7", until: START };
    const rules = [drift, rule({ name: "low", metric: "accuracy", above: null, below: 0.8, severity: "page" })];
    const group = createGroup(rules, { explanations: [version] });
    group.judge([moved(1, "age", 0.9)]);
    assert.deepEqual(group.told(), []);
    assert.equal(openOf(group.records)[0]?.incident.severity, "info");
    assert.match(
      openOf(group.records)[0]?.incident.reason ?? "",
      /nobody is told: all of it is explained by the new version 7/,
    );
    group.judge([moved(2, "age", 0.9), row(2, 0.7, { metric: "accuracy" })]);
    assert.deepEqual(group.told(), ["opened"]);
    assert.equal(openOf(group.records)[0]?.incident.severity, "page");
  });

  test("the page tier's own words of missing values are read, others are not", () => {
    assert.deepEqual(rateFinding("the share of missing values rose from 0.01 % to 98.2 %"), {
      kind: "missing",
      share: 0.982,
    });
    assert.equal(rateFinding("the share of missing values fell from 5 % to 1 %"), null);
    assert.equal(rateFinding("the share of 17 rose from 3 % to 9 %"), null);
  });
});

test("contributors are ranked by effect and importance; of one feature in two rules there is one name", () => {
  const weigh = ({ subject }: { readonly subject: string }) => (subject === "rare" ? 0.1 : 1);
  const group = createGroup([drift, rule({ name: "drift too", metric: "psi", above: 0.3 })], { weigh });
  group.judge([moved(1, "rare", 1.2), moved(1, "small", 0.4), moved(1, "large", 0.8)]);
  const incident = openOf(group.records)[0]?.incident;
  assert.deepEqual([...new Set(incident?.members.map(({ subject }) => subject))], ["large", "small", "rare"]);
  assert.match(incident?.title ?? "", /psi of large \(version 7\) 0\.8 is above .* and 2 more$/);
});

test("patterns match whole texts, and any character but * is itself", () => {
  for (const [pattern, text, expected] of [
    ["RELP", "RELP", true],
    ["RELP", "RELP2", false],
    ["*", "", true],
    ["f*", "feature", true],
    ["*e", "feature", true],
    ["f*t*e", "feature", true],
    ["f*e*e", "fee", true],
    ["f*e*e*e", "fee", false],
    ["a.c", "abc", false],
  ] as const)
    assert.equal(globMatches(pattern, text), expected, `${pattern} ${text}`);
});
