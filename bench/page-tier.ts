/**
 * `npm run bench:page-tier`: what a step of the sequential tiers costs, for a model of a thousand features with a stream for the values of each
 * and two for its missing and its invalid ones; and how large their state is. It needs neither a broker nor a store.
 */
import { Command, InvalidArgumentError } from "commander";
import { directionsOf } from "../src/sequential/directions.ts";
import { evidenceShares } from "../src/sequential/evidence-shares.ts";
import { decide } from "../src/sequential/model-decision.ts";
import { mergeCounts } from "../src/sequential/stream-reference.ts";
import { advance, initialState, type TiltState } from "../src/sequential/tilt-detector.ts";
import { noticePlan, pagePlan, type TiltPlan } from "../src/sequential/tilt-plan.ts";
import { rowOfState } from "../src/sequential/tilt-state-row.ts";
import { DEFAULT_IGNORE_BELOW, tolerancesOf } from "../src/sequential/tolerance.ts";
import { rateStreamOf, streamOfSubject } from "../test/support/streams.ts";
import { numericReference } from "../test/support/summaries.ts";
import { type Random, seededRandom } from "./detectors/random.ts";

interface Options {
  readonly features: number;
  readonly events: number;
  readonly steps: number;
  readonly json?: true;
}

const options = new Command("bench:page-tier")
  .description("CPU time of a step of the page and the notice tier, and the size of their state.")
  .option("--features <n>", "features of the model", wholeNumber, 1000)
  .option("--events <n>", "events of a pane", wholeNumber, 1000)
  .option("--steps <n>", "steps that are timed", wholeNumber, 100)
  .option("--json", "print the figures as JSON")
  .parse()
  .opts<Options>();

const REFERENCE_ROWS = 10_000;
const SEED = 20_260_302;
/** A step of a busy process is compiled code; the first ones are not. */
const WARM_UP = 20;
/** One false alarm in thirty days, with a pane a minute. */
const THRESHOLD_DAYS = 30;
const PANE_DAYS = 1 / 1440;

interface Watched {
  readonly subject: string;
  readonly name: string;
  readonly share: number;
  readonly plan: TiltPlan;
  readonly state: TiltState;
  /** Stored counts of some panes, which are taken in turn. */
  readonly panes: readonly Float64Array[];
}

interface Cost {
  readonly tier: "page" | "notice";
  readonly millisecondsMedian: number;
  readonly milliseconds95: number;
  readonly bytesPerFeature: number;
  readonly jsonBytesPerFeature: number;
}

const costs = (["page", "notice"] as const).map(costOf);
process.stdout.write(`${options.json === true ? JSON.stringify({ ...options, costs }) : text()}\n`);

function costOf(tier: Cost["tier"]): Cost {
  const streams = watched(tier);
  const milliseconds: number[] = [];
  for (let step = 0; step < WARM_UP + options.steps; step++) {
    const started = process.cpuUsage();
    takeStep(streams, step);
    const { user, system } = process.cpuUsage(started);
    if (step >= WARM_UP) milliseconds.push((user + system) / 1000);
  }
  milliseconds.sort((a, b) => a - b);
  const at = (part: number) => milliseconds[Math.floor(part * (milliseconds.length - 1))] ?? Number.NaN;
  const perFeature = (sizeOf: (state: TiltState) => number) =>
    streams.reduce((sum, { state }) => sum + sizeOf(state), 0) / options.features;
  return {
    tier,
    millisecondsMedian: at(0.5),
    milliseconds95: at(0.95),
    bytesPerFeature: perFeature((state) => 8 * rowOfState(state).length),
    jsonBytesPerFeature: perFeature((state) => JSON.stringify(rowOfState(state)).length),
  };
}

/** As the evaluation does: stored counts into the stream's bins, the step of every stream, one decision for the model. */
function takeStep(streams: readonly Watched[], step: number): void {
  const evidence = streams.map(({ subject, name, share, plan, state, panes }) => {
    const counts = mergeCounts(plan.stream, panes[step % panes.length] ?? []);
    return {
      subject,
      stream: name,
      share,
      logEvidence: advance(plan, state, { counts, weight: PANE_DAYS, mark: step }),
    };
  });
  decide(evidence, { threshold: THRESHOLD_DAYS, weight: PANE_DAYS });
}

/** Normal values, 1 % of them missing, 0.1 % invalid. */
function watched(tier: Cost["tier"]): readonly Watched[] {
  const subjects = Array.from({ length: options.features }, (_, index) => `feature ${index}`);
  const random = seededRandom(SEED, tier, 0);
  const subject = numericReference(Array.from({ length: REFERENCE_ROWS }, random.normal));
  const values = streamOfSubject(subject);
  const streams = {
    values: { stream: values, draw: () => countsOf(subject.bins, random) },
    missing: { stream: rateStreamOf("missing", 100, REFERENCE_ROWS), draw: () => countsOf([100, 9900], random) },
    invalid: { stream: rateStreamOf("invalid", 10, REFERENCE_ROWS), draw: () => countsOf([10, 9990], random) },
  };
  const names = Object.keys(streams);
  const shares = evidenceShares({ features: subjects.map((one) => ({ subject: one, streams: names })) });
  return shares.flatMap(({ subject: one, stream: name, share }) => {
    const found = Object.entries(streams).find(([known]) => known === name);
    if (found === undefined) return [];
    const [, { stream, draw }] = found;
    // A plan of its own for each feature, as in life: its tables have to come from memory.
    const plan = planOf(tier, stream);
    return { subject: one, name, share, plan, state: initialState(plan), panes: [draw(), draw(), draw()] };
  });
}

function planOf(tier: Cost["tier"], stream: TiltPlan["stream"]): TiltPlan {
  if (tier === "notice") return noticePlan(stream, { fading: THRESHOLD_DAYS / 4 });
  const tolerances = tolerancesOf(stream, directionsOf(stream), { ignoreBelow: DEFAULT_IGNORE_BELOW });
  return pagePlan(stream, [{ weights: stream.weights, tolerances: tolerances.map(({ value }) => value) }]);
}

/** A pane's events over bins of these shares. */
function countsOf(rows: readonly number[], { uniform }: Random): Float64Array {
  const upTo = rows.map((_, bin) => rows.slice(0, bin + 1).reduce((sum, count) => sum + count, 0));
  const all = upTo.at(-1) ?? 1;
  const counts = new Float64Array(rows.length);
  for (let event = 0; event < options.events; event++) {
    const drawn = uniform() * all;
    const bin = upTo.findIndex((edge) => drawn < edge);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

function text(): string {
  return costs
    .map(
      (cost) =>
        `${cost.tier}: a step of ${options.features} features takes ${cost.millisecondsMedian.toFixed(1)} ms of CPU (95 %: ${cost.milliseconds95.toFixed(1)}); ` +
        `state per feature ${Math.round(cost.bytesPerFeature)} bytes, ${Math.round(cost.jsonBytesPerFeature)} as JSON`,
    )
    .join("\n");
}

function wholeNumber(given: string): number {
  if (!/^[1-9]\d*$/.test(given)) throw new InvalidArgumentError("a whole number above 0.");
  return Number(given);
}
