/** The rules that Driftline is compared with find the changes that River 0.26.1 finds: a comparison with a poor copy would prove nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { eddm } from "../../../bench/comparators/eddm.ts";
import { fhddm } from "../../../bench/comparators/fhddm.ts";
import { hddmA, hddmW } from "../../../bench/comparators/hddm.ts";
import { criticalSteps, kswin } from "../../../bench/comparators/kswin.ts";
import type { OnlineRule } from "../../../bench/comparators/online-rule.ts";
import { uniform } from "../../support/golden.ts";
import { type GoldenStream, goldenStreams } from "../../support/golden-online.ts";

const sides = z.object({ two_sided_test: z.boolean().default(false), lambda_val: z.number().default(0.05) });
const windows = z.object({ alpha: z.number(), window_size: z.number(), stat_size: z.number() });

const rules: Readonly<Record<string, (golden: GoldenStream) => OnlineRule>> = {
  EDDM: () => eddm(),
  HDDMA: ({ parameters }) => hddmA({ twoSided: sides.parse(parameters).two_sided_test }),
  HDDMW({ parameters }) {
    const { two_sided_test, lambda_val } = sides.parse(parameters);
    return hddmW({ twoSided: two_sided_test, weight: lambda_val });
  },
  FHDDM: () => fhddm(),
  KSWIN({ parameters }) {
    const { alpha, window_size, stat_size } = windows.parse(parameters);
    return kswin({ alpha, window: window_size, newest: stat_size, draw: uniform(1) });
  },
};

for (const [kind, make] of Object.entries(rules)) {
  for (const golden of goldenStreams(kind)) {
    test(`golden ${golden.id}: change points and warnings`, () => {
      const rule = make(golden);
      const signals = golden.values.map(rule);
      const at = (wanted: string) => signals.flatMap((signal, index) => (signal === wanted ? [index] : []));
      const changes = at("change");
      assert.deepEqual(changes, golden.expected["change_points"]);
      if (golden.expected["warnings_first10"] === undefined) return;
      // River may leave the warning on at a change.
      const first = z.array(z.number()).parse(golden.expected["warnings_first10"]);
      const warnings = at("warning");
      assert.deepEqual(
        first.filter((index) => !changes.includes(index)),
        warnings.filter((index) => index <= (first.at(-1) ?? -1)),
      );
      const more = z.number().parse(golden.expected["warnings_count"]) - warnings.length;
      assert.ok(more >= 0 && more <= changes.length, `${warnings.length} warnings`);
    });
  }
}

test("Kolmogorov-Smirnov's exact critical values are SciPy's", () => {
  // scipy 1.17.1 ks_2samp, two samples of 30: P(D >= 13/30) = 0.0065, P(D >= 14/30) = 0.0025.
  assert.equal(criticalSteps(30, 0.005), 14);
  assert.equal(criticalSteps(30, 0.01), 13);
});
