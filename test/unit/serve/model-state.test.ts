import assert from "node:assert/strict";
import { test } from "node:test";
import { stateOfModel, tagOf } from "../../../src/serve/model-state.ts";
import type { IncidentView } from "../../../src/serve/queries/incidents.ts";

const incident = (
  id: string,
  severity: IncidentView["severity"],
  state: IncidentView["state"],
  openedAt: number,
): IncidentView => ({
  incident_id: id,
  sequence: 1,
  model: "m",
  window: "1h",
  state,
  severity,
  opened_at: openedAt,
  resolved_at: null,
  changed_at: openedAt,
  transition: "opened",
  members: [],
  title: `incident ${id}`,
  onset: openedAt,
});

test("a page makes a model fail, a ticket or a recovering page degrades it, information does neither", () => {
  const ticket = incident("t", "ticket", "firing", 2000);
  const page = incident("p", "page", "firing", 3000);
  const recovering = incident("r", "page", "recovering", 1000);
  assert.deepEqual(stateOfModel("m", [incident("i", "info", "firing", 0)]), {
    model: "m",
    state: "healthy",
    reason: "no incident is open",
    since: null,
    incidents: [],
  });
  assert.deepEqual(stateOfModel("m", [page, ticket]), {
    model: "m",
    state: "failing",
    reason: "incident p",
    since: "1970-01-01T00:00:03.000Z",
    incidents: ["p", "t"],
  });
  assert.deepEqual(stateOfModel("m", [recovering, ticket]), {
    model: "m",
    state: "degraded",
    reason: "incident r (and 1 more)",
    since: "1970-01-01T00:00:01.000Z",
    incidents: ["r", "t"],
  });
});

test("the tag changes with what is said alone", () => {
  const one = stateOfModel("m", [incident("a", "ticket", "firing", 0)]);
  assert.equal(tagOf(one), tagOf({ ...one }));
  assert.notEqual(tagOf(one), tagOf(stateOfModel("m", [])));
});
