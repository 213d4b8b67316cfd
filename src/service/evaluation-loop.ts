/**
 * The beat of the service: looks for closed windows, judges them, and wakes the outbox. Models with a schedule are evaluated when
 * it is due instead. A beat that fails is told once and repeated by the next. While ingestion works off a backlog, a beat rests after
 * each evaluation for the whole of `every`; once it has caught up, what has just come in is looked at as soon as `every` allows.
 */
import { schedule as cronSchedule, type ScheduledTask } from "node-cron";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { type CronExpression, dueTimes, parseCron } from "../core/schedule.ts";
import type { Log } from "../telemetry/log.ts";

export interface EvaluationLoopOptions {
  readonly models: readonly {
    readonly name: string;
    readonly schedule?: { readonly cron: string; readonly timezone: string } | undefined;
  }[];
  /** What all models need before they are evaluated; one that fails is told and holds up none of them. */
  readonly prepare?: () => Promise<void>;
  /** Evaluates and judges one model. */
  readonly evaluate: (model: string) => Promise<void>;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface EvaluationLoop {
  start(): void;
  /** Ingestion has caught up with its sources: what is stored now is all there is, so waiting gains nothing. */
  caughtUp(): void;
  /** Lets a beat under way end. */
  stop(): Promise<void>;
  /** Why the newest beat of a model failed, or null. */
  problem(model: string): string | null;
  /** When the newest beat ended, clock time in ms; null before the first. */
  cameRoundAt(): number | null;
}

interface Schedule {
  readonly cron: CronExpression;
  readonly timezone: string;
  /** Instant up to which due times have been honoured. */
  through: number;
}

export function createEvaluationLoop(options: EvaluationLoopOptions): EvaluationLoop {
  const { clock, log } = options;
  const schedules = openSchedules(options);
  const problems = new Map<string, string>();
  const stopping = new AbortController();
  let nap = new AbortController();
  let endedAt: number | null = null;
  let beganAt = Number.NEGATIVE_INFINITY;
  /** Something was stored since the beat at hand began, and nothing is on its way. */
  let news = false;
  /** A model's schedule is due. */
  let due = false;
  let unprepared: string | null = null;
  let running: Promise<void> | null = null;
  const tickers: ScheduledTask[] = [];

  const beat = async () => {
    if (options.prepare !== undefined) unprepared = await problemOf(options.prepare, log);
    for (const model of options.models) {
      if (stopping.signal.aborted || !schedules.isDue(model.name)) continue;
      try {
        await options.evaluate(model.name);
        problems.delete(model.name);
      } catch (thrown) {
        problems.set(model.name, messageOf(thrown));
        schedules.again(model.name);
        log.error("evaluation failed; it will be repeated", { model: model.name, error: thrown });
      }
    }
  };

  const rest = async () => {
    const endsAt = clock.now() + options.everyMs;
    while (!due && !stopping.signal.aborted) {
      const ms = (news ? Math.min(endsAt, beganAt + options.everyMs) : endsAt) - clock.now();
      if (ms <= 0) return;
      nap = new AbortController();
      await clock.sleep(ms, AbortSignal.any([nap.signal, stopping.signal]));
    }
  };

  const run = async () => {
    while (!stopping.signal.aborted) {
      beganAt = clock.now();
      news = false;
      due = false;
      await beat();
      endedAt = clock.now();
      await rest();
    }
  };

  const punctually = () => {
    due = true;
    nap.abort();
  };

  return {
    start() {
      tickers.push(...openTickers(options.models, punctually));
      running ??= run();
    },
    caughtUp() {
      news = true;
      nap.abort();
    },
    async stop() {
      stopping.abort();
      for (const ticker of tickers) await ticker.destroy();
      await running;
    },
    problem: (model) => problems.get(model) ?? unprepared,
    cameRoundAt: () => endedAt,
  };
}

/** node-cron makes a scheduled evaluation punctual; what it skips or repeats across daylight saving `isDue` puts right. */
function openTickers(models: EvaluationLoopOptions["models"], punctually: () => void): ScheduledTask[] {
  return models.flatMap(({ name, schedule }) =>
    schedule === undefined ? [] : [cronSchedule(schedule.cron, punctually, { timezone: schedule.timezone, name })],
  );
}

/** Does what comes before the models; why it failed, or null. */
async function problemOf(work: () => Promise<void>, log: Log): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (thrown) {
    log.error("halves of calls were not paired; they will be", { error: thrown });
    return messageOf(thrown);
  }
}

interface Schedules {
  /** Whether a model is to be evaluated now: always where it has no schedule, else once for the times that have passed. */
  isDue(model: string): boolean;
  /** The evaluation failed: it is due at once. */
  again(model: string): void;
}

function openSchedules({ models, clock }: EvaluationLoopOptions): Schedules {
  const schedules = new Map<string, Schedule>();
  for (const { name, schedule } of models) {
    // Due at the start too: a time that passed while the service was down is made up for.
    if (schedule !== undefined)
      schedules.set(name, {
        cron: parseCron(schedule.cron),
        timezone: schedule.timezone,
        through: Number.NEGATIVE_INFINITY,
      });
  }
  return {
    isDue(model) {
      const schedule = schedules.get(model);
      if (schedule === undefined) return true;
      const now = clock.now();
      const due =
        schedule.through === Number.NEGATIVE_INFINITY ||
        dueTimes(schedule.cron, schedule.timezone, schedule.through, now).length > 0;
      if (due) schedule.through = now;
      return due;
    },
    again(model) {
      const schedule = schedules.get(model);
      if (schedule !== undefined) schedule.through = Number.NEGATIVE_INFINITY;
    },
  };
}
