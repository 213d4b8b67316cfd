/** What the page tier needs to know of a model's segments before it can plan: their part of the reference, and how dependent their events are. */
import type { ModelConfig } from "../../config/schema.ts";
import { DriftlineError } from "../../core/errors.ts";
import type { Lane } from "../../store/store.ts";
import type { LoadedReference } from "../references/load-reference.ts";
import type { SegmentReference } from "../segments/segment.ts";
import { segmentReference } from "../segments/segment-reference.ts";
import type { KpiBound } from "./kpi-bounds.ts";
import { dependenceKey, measureDependence, readDependence } from "./reference-dependence.ts";
import type { Seasons } from "./reference-seasons.ts";
import { type DesignEffects, planPageTier } from "./watched-streams.ts";

export interface PreparedSegments {
  /** null where none are watched. */
  readonly reference: SegmentReference | null;
  /** Of the whole's streams and of those of segments. */
  readonly effects: DesignEffects;
  /** Sentences. */
  readonly notes: readonly string[];
}

interface Parts {
  readonly lane: Lane;
  /** Sees the disk that the reference lies on. */
  readonly readLane: Lane;
  readonly config: ModelConfig;
  readonly reference: LoadedReference;
  readonly kpis: readonly KpiBound[];
  /** Of the whole's streams. */
  readonly effects: DesignEffects;
  readonly seasons: Seasons;
}

/** Measured at the first start with these segments, later as stored. */
export async function prepareSegments(parts: Parts): Promise<PreparedSegments> {
  try {
    return await prepare(parts);
  } catch (thrown) {
    // The file is gone and the stored reference stays in force.
    if (!(thrown instanceof DriftlineError) || thrown.code !== "reference_refused") throw thrown;
    const notes = [`not watched by segment: ${thrown.message}`];
    return { reference: null, effects: parts.effects, notes };
  }
}

async function prepare({
  lane,
  readLane,
  config,
  reference,
  kpis,
  effects,
  seasons,
}: Parts): Promise<PreparedSegments> {
  const found = await segmentReference(lane, readLane, config, reference);
  if (found === null) return { reference: null, effects, notes: [] };
  const { notes } = found;
  const plain = planPageTier(config, reference, kpis, effects, seasons, found);
  if (plain?.segments === null || plain === null) return { reference: null, effects, notes };
  const { segments, tolerance } = plain;
  const known = await readDependence(lane, dependenceKey(config, reference.referenceId, segments));
  const dependence =
    known ??
    (await measureDependence(lane, readLane, config, reference, { ...segments, tolerance, notices: null }, segments));
  return {
    reference: found,
    effects: new Map([...effects, ...dependence.effects]),
    notes: [...notes, ...dependence.notes],
  };
}
