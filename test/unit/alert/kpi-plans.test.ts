/** A plan that does not tell, and retrainings of several models that share an incident. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Episode } from "../../../src/alert/episode.ts";
import type { Plans } from "../../../src/alert/kpi-plans.ts";
import { type NewVersion, retrainingSteps } from "../../../src/alert/retrained.ts";
import { heldBackBy, type Silence } from "../../../src/alert/telling.ts";
import type { Incident, IncidentMember, RetrainedVersion } from "../../../src/core/incident.ts";
import { exampleMember, exampleNotification } from "../../support/notification.ts";

const incidentOf = (...members: IncidentMember[]): Incident => exampleNotification({}, members).incident;

describe("a plan that does not tell", () => {
  const plans: Plans = (model, { metric }) =>
    model === "fraud" && metric === "accuracy" ? { tells: false, fallsBack: false, actions: ["webhook"] } : null;
  const accuracy = exampleMember();
  const held = (incident: Incident, silences: readonly Silence[] = []) => heldBackBy(incident, silences, 0, plans);

  test("holds back what is of its KPI alone", () => {
    assert.equal(held(incidentOf(accuracy)), "nobody is told: on_failure of accuracy does not ask for it");
    assert.equal(held(incidentOf(accuracy, exampleMember({ metric: "f1" }))), null);
    assert.equal(held(incidentOf(accuracy, exampleMember({ metric: "f1", firing: false }))) === null, false);
  });

  test("and what is of a model of that name alone; what is left may be silenced", () => {
    assert.equal(held(incidentOf(accuracy, exampleMember({ model: "other" }))), null);
    const silence = { id: "s", matchers: { metric: "f1" }, owner: "ana", reason: "known", from: 0, until: 60_000 };
    assert.match(
      held(incidentOf(accuracy, exampleMember({ metric: "f1" })), [silence]) ?? "",
      /on_failure of accuracy/,
    );
    assert.match(held(incidentOf(exampleMember({ metric: "f1" })), [silence]) ?? "", /^silenced by ana until 1970/);
  });
});

describe("retrainings of two models that share an incident", () => {
  const version = (retraining_id: string): NewVersion => ({ retraining_id, version: "2", since: 100, until: 1_000 });
  const episode = (model: string, of: string): Pick<Episode, "model" | "version" | "cleared"> => ({
    model,
    version: of,
    cleared: null,
  });
  const first: RetrainedVersion = { ...version("of fraud"), count: 1, outcome: null };
  const stepsOf = (
    model: string,
    incident: Partial<Incident>,
    open: readonly ReturnType<typeof episode>[],
    now = 200,
  ) =>
    retrainingSteps({ incident: { ...incidentOf(exampleMember()), ...incident } }, open, {
      model,
      now,
      retrained: new Map([[incidentOf(exampleMember()).incident_id, version(`of ${model}`)]]),
    });
  const both = [episode("fraud", "1"), episode("other", "1")];

  test("each is told once, under a number of its own, and neither takes the other's place", () => {
    const [made, ...none] = stepsOf("other", { retrained: first }, both);
    assert.deepEqual(none, []);
    assert.deepEqual([made?.kind, made?.retrained.model, made?.retrained.count], ["retrained", "other", 2]);
    const retrained_others = made === undefined ? [] : [made.retrained];
    for (const model of ["fraud", "other"])
      assert.deepEqual(stepsOf(model, { retrained: first, retrained_others }, both), []);
  });

  test("of one that does not help its own windows decide, though the other's version has the same name", () => {
    const others = [{ ...version("of other"), model: "other", count: 2, outcome: null }];
    const known = { retrained: first, retrained_others: others };
    assert.deepEqual(stepsOf("fraud", known, [episode("fraud", "1"), episode("other", "2")]), []);
    const [reopened] = stepsOf("other", known, [episode("other", "2")]);
    assert.deepEqual([reopened?.kind, reopened?.retrained.model], ["reopened", "other"]);
    assert.deepEqual(stepsOf("fraud", known, [episode("other", "1")], 2_000), []);
  });
});
