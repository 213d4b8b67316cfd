/** What one option of an action asks of another, told with its place in the file. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { load, problems } from "./load-text.ts";

const model = (action: string, more = "") =>
  `models:\n  - name: m\n    task: binary\n    actions:\n      - ${action}\n${more}`;

test("approval needs somebody who gets the link", () => {
  const action = "{ use: webhook, url: https://x.example, approval: true }";
  assert.match(problems(model(action)).join("\n"), /approval: nobody would get the link/);
  const log = "    alerts: { channels: [l] }\nchannels: { l: { use: log } }\n";
  assert.match(problems(model(action, log)).join("\n"), /nobody would get the link/);
  const hook = "    alerts: { channels: [h] }\nchannels: { h: { use: webhook, url: https://h.example } }\n";
  assert.equal(load(model(action, hook)).models[0]?.actions[0]?.approval, true);
});

test("options of a request that contradict each other", () => {
  const http = (more: string) => problems(model(`{ use: http, url: https://x.example, ${more} }`)).join("\n");
  assert.match(http("body: {}, form: {}"), /one body/);
  assert.match(http("run_id_is: a"), /run_id_is: where the run's id stands is missing/);
  assert.match(http("poll: { url: https://x.example, state: s, done: [a], failed: [b] }"), /poll: which run to ask/);
  assert.match(http('body: { a: "{{modle}}" }'), /\{\{modle\}\} is none of/);
});

test("what keeps retraining from running wild is on by default", () => {
  const rules = load(model("{ use: webhook, url: https://x.example }")).models[0]?.actions[0];
  assert.deepEqual(
    [rules?.on, rules?.cooldown, rules?.max_per_month, rules?.approval, rules?.dry_run, rules?.timeout],
    ["ticket", 86_400_000, 4, false, false, 86_400_000],
  );
});
