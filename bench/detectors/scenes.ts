/**
 * What the simulation watches: a number, a category or whether a value is missing, first as in the reference, then shifted. A value of a
 * category is its index, a missing value is 1.
 */
import type { ReferenceSubject } from "../../src/core/summary.ts";
import { rateStream, type StreamReference, valueStream } from "../../src/sequential/stream-reference.ts";
import { numericReference, referenceOf } from "../../test/support/summaries.ts";
import { type Random, seededRandom } from "./random.ts";

export type Kind = "numeric" | "category" | "missing";
export type Draw = (random: Random) => number;

export interface Shift {
  readonly name: string;
  readonly draw: Draw;
}

export interface Scene {
  readonly kind: Kind;
  readonly inControl: Draw;
  readonly shifts: readonly Shift[];
}

/** One reference, drawn anew for each stream: a finite sample, as in life, and not the truth. */
export interface Reference {
  /** Sorted, for numbers; else counts per value. */
  readonly values: Float64Array;
  readonly subject: ReferenceSubject;
  readonly stream: StreamReference;
  /** Index into the subject's stored bins. */
  binOf(value: number): number;
}

export const REFERENCE_ROWS = 10_000;

const shares = normalised(Array.from({ length: 10 }, (_, rank) => 1 / (rank + 1) ** 1.2));
const missingShare = 0.01;

const moved = (points: number) =>
  shares.map((share, category) => share + (category === 0 ? -points : category === 1 ? points : 0));
const bernoulli =
  (share: number): Draw =>
  ({ uniform }) =>
    uniform() < share ? 1 : 0;
const meanBy =
  (shift: number): Draw =>
  ({ normal }) =>
    normal() + shift;
const spreadBy =
  (factor: number): Draw =>
  ({ normal }) =>
    normal() * factor;

export const scenes: Readonly<Record<Kind, Scene>> = {
  numeric: {
    kind: "numeric",
    inControl: ({ normal }) => normal(),
    shifts: [
      ...[0.05, 0.1, 0.2, 0.5, 1].map((shift) => ({ name: `mean +${shift}`, draw: meanBy(shift) })),
      ...[1.1, 1.3, 1.5, 0.8].map((factor) => ({ name: `sd ×${factor}`, draw: spreadBy(factor) })),
      {
        name: "Laplace",
        draw({ uniform }) {
          const centred = uniform() - 0.5;
          return -Math.sign(centred) * Math.SQRT1_2 * Math.log1p(-2 * Math.abs(centred));
        },
      },
      { name: "bimodal", draw: ({ uniform, normal }) => (uniform() < 0.5 ? -0.8 : 0.8) + 0.6 * normal() },
      { name: "2 % at +5", draw: ({ uniform, normal }) => normal() + (uniform() < 0.02 ? 5 : 0) },
    ],
  },
  category: {
    kind: "category",
    inControl: categories(shares),
    shifts: [
      ...[0.02, 0.05, 0.1].map((points) => ({ name: `${100 * points} points moved`, draw: categories(moved(points)) })),
      { name: "20 % flattened", draw: categories(shares.map((share) => 0.8 * share + 0.02)) },
      { name: "1 % new", draw: categories([...shares.map((share) => 0.99 * share), 0.01]) },
    ],
  },
  missing: {
    kind: "missing",
    inControl: bernoulli(missingShare),
    shifts: [0.005, 0.015, 0.02, 0.05].map((share) => ({ name: `1 % to ${100 * share} %`, draw: bernoulli(share) })),
  },
};

/** The categories of a law, the last ones of which may be new to the reference. */
function categories(law: readonly number[]): Draw {
  const upTo = law.map((_, category) => law.slice(0, category + 1).reduce((sum, share) => sum + share, 0));
  return ({ uniform }) => {
    const drawn = uniform();
    let category = 0;
    while (category < law.length - 1 && drawn >= (upTo[category] ?? 1)) category++;
    return category;
  };
}

function normalised(weights: readonly number[]): readonly number[] {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / all);
}

/** The reference of the stream with this index. */
export function referenceFor(kind: Kind, seed: number, index: number): Reference {
  const random = seededRandom(seed, `reference ${kind}`, index);
  const drawn = Array.from({ length: REFERENCE_ROWS }, () => scenes[kind].inControl(random));
  if (kind === "numeric") return numericSceneReference(drawn);
  const counts = new Float64Array(kind === "category" ? shares.length + 1 : 2);
  for (const value of drawn) counts[value] = (counts[value] ?? 0) + 1;
  return kind === "category" ? categoryReference(counts) : missingReference(counts);
}

function numericSceneReference(drawn: readonly number[]): Reference {
  const subject = numericReference(drawn);
  const edges = Float64Array.from(subject.edges);
  const binOf = (value: number) => {
    let low = 0;
    let high = edges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((edges[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return { values: Float64Array.from(drawn).sort(), subject, stream: streamOf(valueStream(subject)), binOf };
}

function categoryReference(counts: Float64Array): Reference {
  const order = [...counts.keys()].filter((category) => (counts[category] ?? 0) > 0);
  order.sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0));
  const subject = referenceOf({ kind: "categorical", bins: [...order.map((category) => counts[category] ?? 0), 0, 0] });
  const bins = Int32Array.from(counts, (_, category) => {
    const bin = order.indexOf(category);
    return bin < 0 ? subject.bins.length - 1 : bin;
  });
  const binOf = (value: number) => bins[value] ?? subject.bins.length - 1;
  return { values: counts, subject, stream: streamOf(valueStream(subject)), binOf };
}

/** Bins [missing, present]; the subject has the rows that are present in one bin. */
function missingReference(counts: Float64Array): Reference {
  const [present = 0, missing = 0] = counts;
  const subject = referenceOf({ kind: "numeric", edges: [], bins: [present], missing });
  const stream = streamOf(rateStream("missing", missing, present + missing));
  return { values: counts, subject, stream, binOf: (value) => 1 - value };
}

function streamOf(stream: ReturnType<typeof valueStream>): StreamReference {
  if (!("weights" in stream)) throw new RangeError(`${stream.needed} rows are needed`);
  return stream;
}
