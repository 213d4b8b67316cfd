/** Domain classifier: can the window's rows be told from the reference's? Finds what no feature shows alone. */
import { z } from "zod";
import { insufficient } from "../../src/core/detector.ts";
import type { RowSample } from "../../src/core/row-sample.ts";
import { defineSampleDetector } from "../../src/core/sample-detector.ts";
import { crossValidatedAucNoise } from "../../src/math/cross-validated-noise.ts";
import { pooledColumns } from "../../src/math/pooled-columns.ts";
import { rocAucInterval } from "../../src/math/roc-auc-interval.ts";
import { tellApart } from "../../src/math/two-sample-classifier.ts";

const MOST_FEATURES = 500;
/** Each fold needs some rows of both. */
const LEAST_ROWS = 50;
/** Features that are named, those that carry most first. */
const NAMED = 10;
const LEAST_NAMED_SHARE = 0.02;

export const domainClassifier = defineSampleDetector({
  name: "domain-classifier",
  title: "Domain classifier",
  description:
    "How well a classifier tells rows of the window from rows of the reference that it has not learned from, as the area under its ROC curve: 0.5 where they look alike, 1 where every row gives itself away. It adds up shifts that are small in each feature, and finds features that go together otherwise than before while each looks as it did. It is a logistic regression on the bins and scores of all features and on those products of two features whose mean has clearly changed; other joint changes, such as of three features at once, it does not see. The detail names the features that carry the difference. Rows are a sample by hash of the id. With 2,000 rows each, 20 features cost about 0.4 s of processor time a window, reading included, 200 features about 2.5 s.",
  citation:
    "Lopez-Paz, D. & Oquab, M. (2017). Revisiting classifier two-sample tests. ICLR. Interval: Newcombe, R. G. (2006). Statistics in Medicine 25, 559-573.",
  featureKinds: ["numeric", "categorical"],
  byDefault: false,
  range: [0, 1],
  unit: "area under the ROC curve",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0.5)
      .max(1)
      .default(0.6)
      .describe("Area under the ROC curve above which the rows as a whole have changed enough to matter."),
    min_rows: z.int().min(1).default(200).describe("Rows below which a window is not judged; fewer than 50 never are."),
    sample_rows: z
      .int()
      .min(200)
      .max(10_000)
      .default(2000)
      .describe(
        "Rows of the window, and of the reference, that are compared at most; the time it takes grows with them.",
      ),
  }),

  compare(reference, window, { threshold, min_rows }) {
    const features = window.columns.length;
    const [of, m] = [reference.hashes.length, window.hashes.length];
    const needed = Math.max(min_rows, LEAST_ROWS);
    const lacking = insufficient(of, m, needed);
    if (lacking?.status === "insufficient") return lacking;
    const refused = (reason: string) => ({ status: "insufficient", rows: m, needed, reason }) as const;
    if (of < LEAST_ROWS) return refused(`The reference has ${of} rows to compare with; ${LEAST_ROWS} are needed.`);
    const fault =
      features < 2 ? "two are needed" : `at most ${MOST_FEATURES} are compared: choose some by \`subjects\``;
    if (features < 2 || features > MOST_FEATURES) return refused(`There are ${features} features; ${fault}.`);
    const { rocAuc, contributions, products } = tellApart(
      pooledColumns(bothSamples(reference, window), of + m),
      features,
      joined(reference.hashes, window.hashes),
      Uint8Array.from({ length: of + m }, (_, row) => (row < of ? 0 : 1)),
    );
    if (Number.isNaN(rocAuc)) return refused("The rows' ids are too few: they can't be divided into folds.");
    const noise = crossValidatedAucNoise(of, m);
    const names = window.columns.map(({ name }) => name);
    return {
      status: "ok",
      value: rocAuc,
      noise,
      least: threshold,
      ...rocAucInterval(rocAuc, m, of),
      detail: {
        sampled: m,
        reference_sampled: of,
        features,
        // What is within chance is carried by nothing.
        ...(rocAuc > noise.upper99
          ? {
              carried_by: carriers(names, contributions),
              products: products.map(([a, b]) => `${names[a] ?? ""} × ${names[b] ?? ""}`).slice(0, NAMED),
            }
          : {}),
      },
    };
  },
});

const bothSamples = (reference: RowSample, window: RowSample) =>
  window.columns.map(({ kind, values }, at) => ({
    kind,
    values: Float64Array.from([...(reference.columns[at]?.values ?? []), ...values]),
  }));

const joined = (first: Uint32Array, second: Uint32Array): Uint32Array => {
  const all = new Uint32Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
};

/** Features with their share of what tells the samples apart, the greatest first. */
function carriers(names: readonly string[], contributions: Float64Array): (readonly [string, number])[] {
  const all = contributions.reduce((sum, part) => sum + Math.max(0, part), 0);
  return names
    .map((name, feature) => [name, Math.round((1000 * (contributions[feature] ?? 0)) / all) / 1000] as const)
    .filter(([, share]) => share >= LEAST_NAMED_SHARE)
    .sort(([a, shareA], [b, shareB]) => shareB - shareA || (a < b ? -1 : 1))
    .slice(0, NAMED);
}
