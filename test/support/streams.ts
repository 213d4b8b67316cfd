/** Streams of the page tier for tests: from bare weights, from counts of categories, from a rate. */
import assert from "node:assert/strict";
import type { ReferenceSubject } from "../../src/core/summary.ts";
import type { CategoricalBins } from "../../src/math/categorical-bins.ts";
import { rateStream, type StreamReference, valueStream } from "../../src/sequential/stream-reference.ts";
import { referenceOf } from "./summaries.ts";

/** A stream with these weights; the last category is *new*. */
export function streamOfWeights(kind: StreamReference["kind"], weights: readonly number[]): StreamReference {
  const roles = { numeric: "range", categorical: "category", rate: "yes" } as const;
  return {
    kind,
    weights,
    bins: weights.map((_, bin) =>
      kind === "categorical" && bin === weights.length - 1
        ? { role: "new", label: "new categories" }
        : { role: roles[kind], label: `bin ${bin}` },
    ),
    mergedInto: weights.map((_, bin) => bin),
  };
}

export function categoricalSubject({ categories, bins, singletons }: CategoricalBins): ReferenceSubject {
  return referenceOf({ kind: "categorical", categories, bins, singletons });
}

/** The stream of a reference; however few rows it has. */
export function streamOfSubject(subject: ReferenceSubject): StreamReference {
  return present(valueStream(subject));
}

export function rateStreamOf(label: string, events: number, rows: number): StreamReference {
  return present(rateStream(label, events, rows));
}

function present(stream: ReturnType<typeof valueStream>): StreamReference {
  assert.ok("weights" in stream, "the reference has too few rows");
  return stream;
}
