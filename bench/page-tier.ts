/**
 * What a step of the page tier costs for a model of 1,000 features, each with a stream of values and its missing and invalid rates, and how
 * many bytes its state takes. `npm run bench:page-tier`.
 */
import { countIntoEdges, numericEdges } from "../src/math/numeric-edges.ts";
import { seededRandom } from "../src/math/seeded-random.ts";
import { fitPagePlan } from "../src/sequential/fit-page-plan.ts";
import { numericStream, rateStream, type StreamReference } from "../src/sequential/stream-reference.ts";
import { advance, initialState, type TiltState } from "../src/sequential/tilt-detector.ts";
import { noticePlan, type TiltPlan } from "../src/sequential/tilt-plan.ts";
import { rowOfState } from "../src/sequential/tilt-state-row.ts";
import { DEFAULT_IGNORE_BELOW } from "../src/sequential/tolerance.ts";

const FEATURES = 1000;
const REFERENCE_ROWS = 10_000;
const EVENTS = 1000;
const STEPS = 200;
/** The first steps warm the compiler up. */
const WARM_UP = 20;
const SEED = 20_260_302;
const DAYS_OF_A_MINUTE = 1 / 1440;

interface Running {
  readonly plan: TiltPlan;
  readonly state: TiltState;
  /** The panes that it takes in turn. */
  readonly panes: readonly Float64Array[];
}

const draw = seededRandom(SEED);
const streams = Array.from({ length: FEATURES }, () => featureStreams()).flat();
const page = streams.map(({ stream, panes }) =>
  start(fitPagePlan(stream, { ignoreBelow: DEFAULT_IGNORE_BELOW }), panes),
);
const notice = streams.map(({ stream, panes }) => start(noticePlan(stream, { fading: 7 / 4 }), panes));
process.stdout.write(
  `${FEATURES} features, ${streams.length} streams, panes of ${EVENTS} events, ${STEPS} steps, seed ${SEED}, Node ${process.version}\n`,
);
report("page", page);
report("notice", notice);

function report(tier: string, running: readonly Running[]): void {
  const times: number[] = [];
  let used = process.cpuUsage();
  for (let index = 0; index < WARM_UP + STEPS; index++) {
    if (index === WARM_UP) used = process.cpuUsage();
    const from = process.hrtime.bigint();
    for (const { plan, state, panes } of running) {
      advance(plan, state, { counts: panes[index % panes.length] ?? [], weight: DAYS_OF_A_MINUTE });
    }
    if (index >= WARM_UP) times.push(Number(process.hrtime.bigint() - from) / 1e6);
  }
  const cpu = process.cpuUsage(used).user / 1000 / STEPS;
  times.sort((a, b) => a - b);
  const at = (part: number) => (times[Math.floor(part * (times.length - 1))] ?? 0).toFixed(1);
  const bytes = running.reduce((sum, { state }) => sum + 8 * rowOfState(state).length, 0) / FEATURES;
  process.stdout.write(
    `${tier}: a step takes ${at(0.5)} ms (median; 99 %: ${at(0.99)} ms; CPU: ${cpu.toFixed(1)} ms), state: ${bytes.toFixed(0)} bytes a feature\n`,
  );
}

function featureStreams(): { stream: StreamReference; panes: Float64Array[] }[] {
  const sorted = Array.from({ length: REFERENCE_ROWS }, draw).sort((a, b) => a - b);
  const edges = numericEdges(sorted);
  const values = numericStream(edges, countIntoEdges(sorted, edges));
  const missing = rateStream("missing", 100, REFERENCE_ROWS);
  const invalid = rateStream("invalid", 0, REFERENCE_ROWS);
  const rates = [missing, invalid].flatMap((stream) => ("weights" in stream ? [stream] : []));
  const valuePanes = Array.from({ length: 4 }, () =>
    Float64Array.from(countIntoEdges(Array.from({ length: EVENTS }, draw), edges)),
  );
  const ratePanes = (share: number) =>
    Array.from({ length: 4 }, () => {
      const events = Array.from({ length: EVENTS }, draw).filter((at) => at < share).length;
      return Float64Array.of(events, EVENTS - events);
    });
  return [
    { stream: values, panes: valuePanes },
    ...rates.map((stream, index) => ({ stream, panes: ratePanes(index === 0 ? 0.01 : 0) })),
  ];
}

function start(plan: TiltPlan, panes: readonly Float64Array[]): Running {
  return { plan, state: initialState(plan), panes };
}
