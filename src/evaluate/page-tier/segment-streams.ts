/** What the page tier watches by segment: each feature, prediction and score of each segment, against the segment's own rows of the reference. */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../config/canonical-json.ts";
import { durationText } from "../../config/duration.ts";
import type { ModelConfig } from "../../config/schema.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { type LoadedReference, subjectKey } from "../references/load-reference.ts";
import { type SegmentReference, segmentPaneMs } from "../segments/segment.ts";
import type { TierPlan } from "./tier-plan.ts";

/** The part of a page tier's plan that is about segments: streams with a budget, judged apart from the whole's. */
export interface SegmentPlan extends TierPlan, SegmentSource {}

/** Where the counts of segments come from. */
interface SegmentSource {
  readonly reference: SegmentReference;
  /** Of the whole's reference: what panes of segments are summarised of. */
  readonly subjects: readonly ReferenceSubject[];
  /** Name of the panes of these segments, and their length. */
  readonly panes: string;
  readonly paneMs: number;
}

/** Key of what is watched of a segment in maps; of the whole where `segment` is ''. */
export const watchedKey = (segment: string, subject: string): string =>
  segment === "" ? subject : `${segment} ${subject}`;

/** null where no segment has streams. */
export function segmentPlan(
  config: ModelConfig,
  whole: LoadedReference | null,
  reference: SegmentReference | null,
  plan: TierPlan,
): SegmentPlan | null {
  if (whole === null || reference === null || plan.streams.length === 0) return null;
  const paneMs = segmentPaneMs(config);
  const watched = new Set(reference.segments.flatMap(({ subjects }) => subjects.map(subjectKey)));
  return {
    ...plan,
    reference,
    subjects: whole.subjects.filter((subject) => watched.has(subjectKey(subject))),
    panes: panesName(paneMs, reference),
    paneMs,
  };
}

/** Says which segments the panes hold: others are summarised under another name. */
function panesName(paneMs: number, { dimensions, segments }: SegmentReference): string {
  const content = [dimensions, segments.map(({ segment }) => segment)];
  const hash = createHash("sha256").update(canonicalJson(content)).digest("hex").slice(0, 8);
  return `segments ${durationText(paneMs)} ${hash}`;
}
