/**
 * How one budget of false alarms is divided: each stream's fixed share of a model's evidence. Shares come from the configuration alone, never
 * from the data, and sum to 1; so adding a feature takes from the others and changes no promise.
 */

export interface SharedSubject {
  readonly subject: string;
  /** The first is the values; the others are rates (missing, invalid). */
  readonly streams: readonly string[];
}

/** What is watched, by the groups that have a part of their own. Subjects of a group have names of their own, across groups as well. */
export interface Watched {
  readonly features: readonly SharedSubject[];
  /** Predictions and scores. */
  readonly predictions?: readonly SharedSubject[];
  /** KPIs and their estimates. */
  readonly kpis?: readonly SharedSubject[];
  readonly segments?: readonly SharedSubject[];
}

export interface StreamShare {
  readonly subject: string;
  readonly stream: string;
  /** Over 0; all of them sum to 1. */
  readonly share: number;
}

const PREDICTIONS = 1 / 8;
const KPIS = 1 / 4;
const SEGMENTS = 1 / 8;

/**
 * A half for features, an eighth for prediction and score, a quarter for KPIs and their estimates, an eighth for segments, evenly inside
 * each; what is not watched hands its part to the features, or without features to the others in proportion. Inside a subject the values
 * have one half and its rates the other.
 */
export function evidenceShares({ features, predictions = [], kpis = [], segments = [] }: Watched): StreamShare[] {
  const parts: (readonly [readonly SharedSubject[], number])[] = [
    [predictions, predictions.length > 0 ? PREDICTIONS : 0],
    [kpis, kpis.length > 0 ? KPIS : 0],
    [segments, segments.length > 0 ? SEGMENTS : 0],
  ];
  const taken = parts.reduce((sum, [, part]) => sum + part, 0);
  if (features.length > 0)
    return [...spread(features, 1 - taken), ...parts.flatMap(([group, part]) => spread(group, part))];
  return parts.flatMap(([group, part]) => spread(group, part / taken));
}

function spread(subjects: readonly SharedSubject[], part: number): StreamShare[] {
  return subjects.flatMap(({ subject, streams }) => {
    const own = part / subjects.length;
    return streams.map((stream, index) => {
      if (streams.length === 1) return { subject, stream, share: own };
      return { subject, stream, share: index === 0 ? own / 2 : own / 2 / (streams.length - 1) };
    });
  });
}
