/** Change of the correlation structure: the pair of numeric features that go together most differently than in the reference. */
import { z } from "zod";
import { insufficient } from "../../src/core/detector.ts";
import type { RowSample } from "../../src/core/row-sample.ts";
import { defineSampleDetector } from "../../src/core/sample-detector.ts";
import {
  changeError,
  type RankCorrelation,
  rankCorrelation,
  ranksOfPresent,
} from "../../src/math/correlation-change.ts";
import { greatestDeviation } from "../../src/math/greatest-deviation.ts";

const MOST_FEATURES = 500;
const LEAST_ROWS = 60;

export const correlation = defineSampleDetector({
  name: "correlation",
  title: "Correlation change",
  description:
    "The greatest change of the rank correlation (Spearman's) between any two numeric features, from the reference to the window; the detail names the pair. Ranks keep it from mistaking a shift or an outlier of one feature for a change of what goes together. The limit grows with the number of pairs, so that more features mean no more false breaches. A domain-classifier finds the same and more, but can't say which way two features have turned. Rows are a sample by hash of the id. With 2,000 rows each, 20 features cost about 0.1 s of processor time a window, 60 under 1 s, 200 about 5 s.",
  citation:
    "Fisher, R. A. (1921). On the probable error of a coefficient of correlation. Metron 1, 3-32. Bonett, D. G. & Wright, T. A. (2000). Psychometrika 65, 23-28 (variance for ranks).",
  featureKinds: ["numeric"],
  byDefault: false,
  range: [0, 2],
  unit: "change of correlation",
  options: z.strictObject({
    threshold: z
      .number()
      .min(0)
      .max(2)
      .default(0.2)
      .describe("Change of a correlation above which it matters: 0.2 is from 0.5 to 0.7, or to 0.3."),
    min_rows: z.int().min(1).default(200).describe("Rows below which a window is not judged; fewer than 60 never are."),
    sample_rows: z
      .int()
      .min(200)
      .max(10_000)
      .default(2000)
      .describe("Rows of the window, and of the reference, that are compared at most."),
  }),

  compare(reference, window, { threshold, min_rows }) {
    const features = window.columns.length;
    const [of, m] = [reference.hashes.length, window.hashes.length];
    const needed = Math.max(min_rows, LEAST_ROWS);
    const lacking = insufficient(of, m, needed);
    if (lacking?.status === "insufficient") return lacking;
    const refused = (reason: string) => ({ status: "insufficient", rows: m, needed, reason }) as const;
    if (features < 2 || features > MOST_FEATURES)
      return refused(
        `There are ${features} numeric features; ${features < 2 ? "two are needed" : `at most ${MOST_FEATURES} are compared: choose some by \`subjects\``}.`,
      );
    const changes = changesOf(reference, window);
    const noise = greatestDeviation(Math.max(1, changes.length));
    const [first, ...rest] = changes.map((change) => judged(change, noise.upper99, threshold));
    if (first === undefined) return refused("No two numeric features vary in enough rows that have both.");
    const worst = rest.reduce((most, one) => (one.excess > most.excess ? one : most), first);
    const perDeviation = worst.upper99 / noise.upper99;
    return {
      status: "ok",
      value: worst.size,
      noise: { expected: noise.expected * perDeviation, upper99: worst.upper99 },
      least: threshold,
      detail: {
        first: worst.first,
        second: worst.second,
        reference_correlation: worst.before.correlation,
        window_correlation: worst.after.correlation,
        pairs: changes.length,
        pairs_beyond: [first, ...rest].filter(({ excess }) => excess > 1).length,
        sampled: m,
        reference_sampled: of,
      },
    };
  },
});

interface Change {
  readonly first: string;
  readonly second: string;
  readonly before: RankCorrelation;
  readonly after: RankCorrelation;
}

function changesOf(reference: RowSample, window: RowSample): Change[] {
  const before = reference.columns.map(({ values }) => ranksOfPresent(values));
  const after = window.columns.map(({ values }) => ranksOfPresent(values));
  const changes: Change[] = [];
  for (const [a, first] of window.columns.entries()) {
    for (const [b, second] of window.columns.entries()) {
      const [x0, y0, x1, y1] = [before[a], before[b], after[a], after[b]];
      if (b <= a || x0 === undefined || y0 === undefined || x1 === undefined || y1 === undefined) continue;
      const [was, is] = [rankCorrelation(x0, y0), rankCorrelation(x1, y1)];
      if (was !== null && is !== null) changes.push({ first: first.name, second: second.name, before: was, after: is });
    }
  }
  return changes;
}

/** `excess` above 1 is a breach: the change as a multiple of the stricter of its noise level and the least that matters. */
function judged(change: Change, deviations: number, least: number) {
  const { before, after } = change;
  const size = Math.abs(after.correlation - before.correlation);
  const transformed = Math.abs(Math.atanh(after.correlation) - Math.atanh(before.correlation));
  const limit = deviations * changeError(before, after);
  // The limit on Fisher's scale, told on that of correlations, so that both say the same of this change.
  const slope = transformed > 1e-9 ? size / transformed : 1 - after.correlation ** 2;
  const upper99 = limit * slope;
  return { ...change, size, upper99, excess: size / Math.max(least, upper99, 1e-12) };
}
