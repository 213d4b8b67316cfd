/** Why, in a message: three sentences in plain words, not of what is over, and hostile names as one line. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { causeSentence, causeSentences } from "../../../src/alert/cause-text.ts";
import type { Incident, IncidentTransition } from "../../../src/core/incident.ts";
import type { CauseReport, IncidentCause } from "../../../src/core/incident-cause.ts";
import { incidentBody } from "../../../src/core/webhook-body.ts";
import { notificationOf } from "../../../src/notify/notify.ts";
import { exampleCauses } from "../../support/incident-rows.ts";
import { exampleNotification } from "../../support/notification.ts";

function message(causes: CauseReport, transition: IncidentTransition = "opened") {
  const incident: Incident = { ...exampleNotification().incident, causes };
  const change = { kind: transition, told: transition, occurrence: 1, before: null, sequence: 1, incident };
  return notificationOf(change, transition, "key", "");
}
const whys = ({ lines }: { readonly lines: readonly string[] }) => lines.filter((line) => line.startsWith("Why: "));

test("a message has the three most telling causes", () => {
  const [cause] = exampleCauses().causes;
  assert.ok(cause);
  const many = { ...exampleCauses(), causes: [...exampleCauses().causes, cause, cause] };
  const lines = whys(message(many));
  assert.equal(lines.length, 3);
  assert.equal(
    lines[0],
    "Why: RELP = 17 rose from 3.1 % to 9.1 % since the window of 2017-02-26 to 2017-06-11; explains 61 % of the estimated fall of accuracy.",
  );
});

test("what is over, or was none, is told without a why", () => {
  assert.deepEqual(whys(message(exampleCauses(), "resolved")), []);
  assert.deepEqual(whys(message(exampleCauses(), "withdrawn")), []);
  assert.equal(whys(message(exampleCauses(), "escalated")).length, 3);
});

test("where only the costly features are known, the first of them is told", () => {
  assert.deepEqual(causeSentences({ ...exampleCauses(), causes: [], kpi: null }, 3), [
    "RELP: its drift is likely to turn another 2.6 % of the predictions wrong",
  ]);
});

test("a webhook's body has the causes with times as text", () => {
  const { causes } = incidentBody(message(exampleCauses()));
  assert.ok(typeof causes === "object" && causes !== null && "window_start" in causes);
  assert.equal(causes.window_start, "2017-09-24T21:40:00.000Z");
});

const sentence = (settings: Partial<IncidentCause>): string => {
  const report = exampleCauses();
  const [cause] = report.causes;
  assert.ok(cause);
  return causeSentence({ ...cause, ...settings }, report);
};

test("share and doing worse are told apart where both count", () => {
  assert.equal(
    sentence({
      effect: { mix: -0.01, rate: -0.03, part: 0.8, kpi_before: 0.9, kpi_after: 0.7, p_value: 1e-9 },
      first_window_start: null,
    }),
    "RELP = 17 rose from 3.1 % to 9.1 %, and accuracy there went from 0.9 to 0.7; explains 80 % of the estimated fall of accuracy (25 % of that by its share, 75 % by doing worse)",
  );
});

test("a part of more than the whole is explained", () => {
  const effect = { mix: -0.06, rate: 0, part: 1.58, kpi_before: 0.6, kpi_after: 0.6, p_value: 1e-9 };
  assert.match(
    sentence({ effect }),
    /; explains more than the estimated fall of accuracy \(158 %; others offset a part\)$/,
  );
});

test("names and values from events are one line of plain text", () => {
  const found = sentence({
    conditions: [
      { subject_kind: "feature", subject: "a\nb", value: { kind: "category", name: "x\r\n\u202eevil" } },
      { subject_kind: "segment", subject: "__proto__", value: { kind: "new" } },
    ],
  });
  assert.doesNotMatch(found, /[\r\n\u202e]/);
  assert.match(found, /^a b = x evil and __proto__ with values never seen in the reference rose/);
});
