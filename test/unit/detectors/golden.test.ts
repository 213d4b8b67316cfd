/** The detectors against values from SciPy, NumPy and NannyML: exact on counts, within the stated bound where values were binned. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { detectors } from "../../../detectors/index.ts";
import type { DetectorExample, DetectorResult } from "../../../src/core/detector.ts";
import { countIntoEdges } from "../../../src/math/numeric-edges.ts";
import { assertClose, type GoldenCase, goldenCases, series } from "../../support/golden.ts";
import { numericReference, numericWindow, referenceOf, windowOf } from "../../support/summaries.ts";

type Measured = Extract<DetectorResult, { status: "ok" }>;

function compare(name: string, reference: DetectorExample["reference"], window: DetectorExample["window"]): Measured {
  const detector = detectors.find((one) => one.name === name);
  assert.ok(detector !== undefined, `no detector ${name}`);
  const result = detector.bind({ min_rows: 1 })(referenceOf(reference), windowOf(window));
  assert.equal(result.status, "ok");
  assert.ok(result.status === "ok");
  return result;
}

const number = (value: unknown) => z.number().parse(value);

function onCounts(name: string, { inputs }: GoldenCase): Measured {
  const counts = z.array(z.number());
  const of = counts.parse(inputs["counts_a"]);
  const to = counts.parse(inputs["counts_b"]);
  return compare(name, { kind: "categorical", bins: [...of, 0, 0] }, { bins: [...to, 0, 0] });
}

function onValues(name: string, { inputs }: GoldenCase): Measured {
  const reference = numericReference(series(inputs["a"]));
  return compare(name, reference, numericWindow(series(inputs["b"]), reference));
}

for (const golden of goldenCases("divergences")) {
  test(`golden ${golden.id}: the distances of counts`, () => {
    assertClose(onCounts("jensen-shannon", golden).value, golden.expected["js_base2"], golden.tolerance, "js");
    assertClose(onCounts("total-variation", golden).value, golden.expected["tv"], golden.tolerance, "tv");
    assertClose(onCounts("psi", golden).value, golden.expected["psi_kt"], golden.tolerance, "psi");
    assertClose(onCounts("hellinger", golden).value, golden.expected["hellinger"], golden.tolerance, "hellinger");
    assertClose(onCounts("l-infinity", golden).value, golden.expected["linf"], golden.tolerance, "l-infinity");
    const divergence = onCounts("kullback-leibler", golden).value;
    assertClose(divergence, golden.expected["kl_kt_cur_ref"], golden.tolerance, "kullback-leibler");
  });
}

for (const golden of goldenCases("psi_terms")) {
  test(`golden ${golden.id}: PSI of categories`, () => {
    assertClose(onCounts("psi", golden).value, golden.expected["psi"], golden.tolerance, "psi");
  });
}

for (const golden of goldenCases("psi_kt10")) {
  test(`golden ${golden.id}: PSI on ten quantile bins`, () => {
    assertClose(onValues("psi", golden).value, golden.expected["psi"], golden.tolerance, "psi");
  });
}

for (const golden of goldenCases("chi2_gtest")) {
  test(`golden ${golden.id}: chi-squared, its p-value and Cramér's V`, () => {
    const { value, detail } = onCounts("chi-squared", golden);
    assertClose(value, golden.expected["chi2"], golden.tolerance, "statistic");
    assertClose(number(detail?.["p_value"]), golden.expected["chi2_p"], golden.tolerance, "p");
    assert.equal(detail?.["degrees_of_freedom"], golden.expected["dof"]);
    assertClose(number(detail?.["cramers_v"]), golden.expected["cramers_v"], golden.tolerance, "V");
  });
}

for (const golden of goldenCases("ks_2samp")) {
  test(`golden ${golden.id}: Kolmogorov-Smirnov on bins lies within its bound`, () => {
    const { value, detail } = onValues("kolmogorov-smirnov", golden);
    const exact = number(golden.expected["D"]);
    assert.ok(value <= exact + 1e-12, `${value} is above ${exact}`);
    assert.ok(exact <= number(detail?.["largest"]) + 1e-12, `${exact} is above the bound ${detail?.["largest"]}`);
  });
}

for (const golden of goldenCases("wasserstein1")) {
  test(`golden ${golden.id}: Wasserstein on bins lies within its bound`, () => {
    const { value, detail } = onValues("wasserstein", golden);
    const exact = number(golden.expected["w1_over_std_ref"]);
    const bound = number(detail?.["error_bound"]);
    assert.ok(Math.abs(value - exact) <= bound + 1e-12, `${value} is not within ${bound} of ${exact}`);
    const n = series(golden.inputs["a"]).length;
    if (n >= 300) assert.ok(Math.abs(value - exact) < 0.02, `${value} instead of ${exact}`);
  });
}

for (const golden of goldenCases("energy_distance")) {
  test(`golden ${golden.id}: energy distance on bins lies within its bound`, () => {
    const { value, detail } = onValues("energy", golden);
    const unit = number(detail?.["unit"]);
    const exact = number(golden.expected["scipy"]) / Math.sqrt(unit);
    const bound = number(detail?.["error_bound"]);
    assert.ok(Math.abs(value - exact) <= bound + 1e-12, `${value} is not within ${bound} of ${exact}`);
    if (series(golden.inputs["a"]).length >= 300)
      assert.ok(Math.abs(value - exact) < 0.02, `${value} instead of ${exact}`);
  });
}

for (const golden of goldenCases("cvm_2samp")) {
  const [a, b] = [series(golden.inputs["a"]), series(golden.inputs["b"])];
  // SciPy's midranks give equal samples of different sizes a statistic above 0, so with ties the two differ by definition.
  if (new Set([...a, ...b]).size < a.length + b.length) continue;
  test(`golden ${golden.id}: Cramér-von Mises on bins lies within its bound`, () => {
    const { value, detail } = onValues("cramer-von-mises", golden);
    const scale = (a.length * b.length) / (a.length + b.length);
    const exact = number(golden.expected["statistic"]) / scale;
    const bound = number(detail?.["error_bound"]);
    assert.ok(Math.abs(value - exact) <= bound + 1e-12, `${value} is not within ${bound} of ${exact}`);
  });

  // The noise is cubic in the bins, of which a reference has some 26.
  if (a.length + b.length > 200) continue;
  test(`golden ${golden.id}: with a bin for each row, Cramér-von Mises has SciPy's statistic and p-value`, () => {
    const edges = [...a, ...b].sort((x, y) => x - y);
    const { detail } = compare(
      "cramer-von-mises",
      { kind: "numeric", edges, bins: countIntoEdges(a, edges) },
      { bins: countIntoEdges(b, edges) },
    );
    assertClose(number(detail?.["statistic"]), golden.expected["statistic"], golden.tolerance, "T");
    // SciPy's series ends some 1e-9 early.
    assertClose(number(detail?.["p_value"]), golden.expected["p_asymptotic"], 1e-7, "p");
  });
}

for (const golden of goldenCases("nannyml_cat")) {
  test(`golden ${golden.id}: distances of categories, as NannyML has them`, () => {
    const count = (values: readonly number[], bins: number) =>
      Array.from({ length: bins }, (_, bin) => values.filter((value) => value === bin).length);
    const of = count(series(golden.inputs["a"]), 6);
    const to = count(series(golden.inputs["b"]), 6);
    const result = (name: string) => compare(name, { kind: "categorical", bins: of }, { bins: to }).value;
    assertClose(result("jensen-shannon"), golden.expected["jensenshannon"], golden.tolerance, "js");
    assertClose(result("hellinger"), golden.expected["hellinger"], golden.tolerance, "hellinger");
    assertClose(result("l-infinity"), golden.expected["linf"], golden.tolerance, "l-infinity");
    // NannyML corrects a table of two categories by Yates, which this does not.
    if (of.filter((rows) => rows > 0).length > 2) {
      assertClose(result("chi-squared"), golden.expected["chi2"], golden.tolerance, "chi-squared");
    }
  });
}
