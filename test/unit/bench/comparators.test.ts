/** What the golden cases of the rules that Driftline is compared with do not show: a comparison with a poor copy would prove nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { criticalSteps } from "../../../bench/comparators/kswin.ts";

test("Kolmogorov-Smirnov's exact critical values are SciPy's", () => {
  // scipy 1.17.1 ks_2samp, two samples of 30: P(D >= 13/30) = 0.0065, P(D >= 14/30) = 0.0025.
  assert.equal(criticalSteps(30, 0.005), 14);
  assert.equal(criticalSteps(30, 0.01), 13);
});
