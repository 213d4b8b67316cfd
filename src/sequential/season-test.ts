/**
 * Whether a reference has a daily or a weekly rhythm: an analysis of variance over whole days. It asks whether hours of the day (or days of the
 * week) differ by more than the same hour differs from day to day, so that bursts and slow changes, which come at any hour, are no rhythm.
 */
import { incompleteBeta } from "../math/incomplete-beta.ts";
import { weekdayOf } from "./season-slots.ts";

/** One day of a stream in one direction, by hour of the day. */
export interface DayOfScores {
  /** Days since 1 January 1970. */
  readonly day: number;
  readonly events: ArrayLike<number>;
  /** Sum of the direction's score over the events, centred and standardised under the reference. */
  readonly sums: ArrayLike<number>;
}

const HOURS = 24;
const WEEKDAYS = 7;
const LEAST_TRACE = 1e-6;

/**
 * p-value of *no hour of the day differs from another*. Each day is taken about its own mean, so that only its course counts. 1 where there are
 * fewer than two days.
 *
 * The days' courses are vectors with a covariance of their own; the ratio of mean squares is taken for an F variable with its degrees of
 * freedom times the effective number of hours, tr(S)²/tr(S²) of the covariance (Box 1954, Annals of Mathematical Statistics 25; Shen &
 * Faraway 2004, Statistica Sinica 14). Estimated from few days that number comes out low, which errs on the side of no rhythm.
 */
export function dailyRhythm(days: readonly DayOfScores[]): number {
  if (days.length < 2) return 1;
  return betweenGroups(
    scaled(
      days,
      days.map(({ events, sums }) => {
        const mean = sumOf(sums) / Math.max(1, sumOf(events));
        return Float64Array.from({ length: HOURS }, (_, hour) => (sums[hour] ?? 0) - mean * (events[hour] ?? 0));
      }),
    ),
    null,
  );
}

/**
 * p-value of *no day of the week differs from another* in its level, above what hours of the day differ by. Of whole weeks only; 1 where there
 * are fewer than two. An F test of the days' sums, exact whatever the dependence within a day; slow changes make it say less.
 */
export function weeklyRhythm(days: readonly DayOfScores[]): number {
  const weeks = Math.floor(days.length / WEEKDAYS);
  if (weeks < 2) return 1;
  const whole = days.slice(0, weeks * WEEKDAYS);
  const events = new Float64Array(HOURS);
  const sums = new Float64Array(HOURS);
  for (const one of whole) {
    for (let hour = 0; hour < HOURS; hour++) {
      events[hour] = (events[hour] ?? 0) + (one.events[hour] ?? 0);
      sums[hour] = (sums[hour] ?? 0) + (one.sums[hour] ?? 0);
    }
  }
  const levels = whole.map((one) => {
    let level = 0;
    for (let hour = 0; hour < HOURS; hour++) {
      const ofDay = (sums[hour] ?? 0) / Math.max(1, events[hour] ?? 0);
      level += (one.sums[hour] ?? 0) - ofDay * (one.events[hour] ?? 0);
    }
    return Float64Array.of(level);
  });
  return betweenGroups(
    levels,
    whole.map(({ day }) => weekdayOf(day)),
  );
}

/** Each hour over the root of its mean number of events, so that an hour counts by what it can tell. */
function scaled(days: readonly DayOfScores[], courses: readonly Float64Array[]): readonly Float64Array[] {
  const roots = Float64Array.from({ length: HOURS }, (_, hour) => {
    const mean = days.reduce((sum, { events }) => sum + (events[hour] ?? 0), 0) / days.length;
    return Math.sqrt(mean);
  });
  return courses.map((course) =>
    course.map((value, hour) => ((roots[hour] ?? 0) > 0 ? value / (roots[hour] ?? 1) : 0)),
  );
}

/**
 * p-value of the means of the groups being one and the same; of the mean being zero where there are no groups.
 *
 * @param groups of each vector
 */
function betweenGroups(vectors: readonly Float64Array[], groups: readonly number[] | null): number {
  const numbers = groups ?? vectors.map(() => 0);
  const length = vectors[0]?.length ?? 0;
  const means = new Map<number, Float64Array>();
  const sizes = new Map<number, number>();
  for (const [index, vector] of vectors.entries()) {
    const group = numbers[index] ?? 0;
    const mean = means.get(group) ?? new Float64Array(length);
    means.set(group, mean);
    sizes.set(group, (sizes.get(group) ?? 0) + 1);
    for (let place = 0; place < length; place++) mean[place] = (mean[place] ?? 0) + (vector[place] ?? 0);
  }
  let between = 0;
  for (const [group, mean] of means) {
    const size = sizes.get(group) ?? 1;
    for (let place = 0; place < length; place++) {
      mean[place] = (mean[place] ?? 0) / size;
      between += size * (mean[place] ?? 0) ** 2;
    }
  }
  const rest = vectors.map((vector, index) => {
    const mean = means.get(numbers[index] ?? 0);
    return vector.map((value, place) => value - (mean?.[place] ?? 0));
  });
  const betweenFreedom = groups === null ? 1 : means.size - 1;
  const restFreedom = vectors.length - means.size;
  const { trace, traceOfSquare } = covarianceTraces(rest);
  // Independent events give a trace of about one per day and hour; next to nothing is what rounding leaves of a stream that never varies.
  if (betweenFreedom < 1 || restFreedom < 1 || !(trace > LEAST_TRACE * vectors.length)) return 1;
  const effective = trace ** 2 / traceOfSquare;
  const ratio = between / betweenFreedom / (trace / restFreedom);
  return fisherUpperTail(ratio, effective * betweenFreedom, effective * restFreedom);
}

/** Of the sum of the vectors' outer products, and of its square. */
function covarianceTraces(vectors: readonly Float64Array[]): { trace: number; traceOfSquare: number } {
  let trace = 0;
  let traceOfSquare = 0;
  const length = vectors[0]?.length ?? 0;
  for (let row = 0; row < length; row++) {
    for (let column = 0; column <= row; column++) {
      let product = 0;
      for (const vector of vectors) product += (vector[row] ?? 0) * (vector[column] ?? 0);
      if (row === column) trace += product;
      traceOfSquare += (row === column ? 1 : 2) * product ** 2;
    }
  }
  return { trace, traceOfSquare };
}

/** P(F > ratio); the degrees of freedom need not be whole. */
function fisherUpperTail(ratio: number, numerator: number, denominator: number): number {
  return incompleteBeta(denominator / (denominator + numerator * ratio), denominator / 2, numerator / 2);
}

function sumOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index] ?? 0;
  return sum;
}
