/** The alert rules for Driftline itself: every metric they name is there, and promtool takes them where it is installed. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { metricCatalogue } from "../../../src/telemetry/metrics.ts";
import { projectFile } from "../../support/project-file.ts";

const file = projectFile("deploy/prometheus/driftline-alerts.yaml");
const rulesSchema = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
});
const rules = rulesSchema.parse(parse(readFileSync(file, "utf8"))).groups.flatMap((group) => group.rules);

test("every metric of a rule is one of the catalogue, with labels that it has", () => {
  const known = new Map(
    Object.values(metricCatalogue).flatMap(({ name, kind, labels }) =>
      (kind === "histogram" ? [`${name}_count`, `${name}_sum`, `${name}_bucket`] : [name]).map(
        (exposed) => [exposed, labels as readonly string[]] as const,
      ),
    ),
  );
  assert.ok(rules.length >= 8);
  for (const { alert, expr } of rules) {
    const named = [...expr.matchAll(/\b(driftline_\w+)(?:\{(\w+)=)?/g)];
    assert.ok(named.length > 0, alert);
    for (const [, metric = "", label] of named) {
      assert.ok(known.has(metric), `${alert}: ${metric}`);
      if (label !== undefined) assert.ok(known.get(metric)?.includes(label), `${alert}: ${metric}{${label}}`);
    }
  }
});

const promtool = spawnSync("promtool", ["--version"]).error === undefined;
const skip = promtool ? false : "promtool is not installed here (Debian: apt install prometheus)";

test("promtool takes the rules, and they fire when they should", { skip }, () => {
  const checked = spawnSync("promtool", ["check", "rules", file], { encoding: "utf8" });
  assert.equal(checked.status, 0, checked.stdout + checked.stderr);
  const tests = projectFile("test/fixtures/prometheus/driftline-alerts.test.yaml");
  const tested = spawnSync("promtool", ["test", "rules", tests], { encoding: "utf8" });
  assert.equal(tested.status, 0, tested.stdout + tested.stderr);
});
