/** What the online detectors of a model watch, and the options, units and limits that they do it with. */
import { createHash } from "node:crypto";
import { onlineDetectors } from "../../../detectors/online/index.ts";
import { canonicalJson } from "../../config/canonical-json.ts";
import { ERROR_STREAM, type OnlineDetectorConfig, onlineDetectorsOf } from "../../config/detectors.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { DriftlineError } from "../../core/errors.ts";
import { type SequentialDetector, takesAnyNumber } from "../../core/sequential-detector.ts";
import { isLocal } from "../../core/window-grid.ts";
import { type StreamUnit, type WatchedStream, watchStream } from "../../sequential/watched-stream.ts";
import { LEAST_COVERAGE } from "../kpis/kpi-value.ts";

/** One entry of the list: a detector on a metric, or on the errors. */
export interface OnlineWatch {
  /** The detector's name, which is the metric of its rows. */
  readonly name: string;
  /** The watched metric, or `error`. */
  readonly on: string;
  /** null: all subjects that have the metric. */
  readonly subjects: ReadonlySet<string> | null;
  /** Share of labels below which a window's value of a metric is passed over. */
  readonly leastCoverage: number;
  /** A stream from its start, or as it was saved. */
  open(saved?: unknown): WatchedStream;
}

export interface OnlinePlan {
  /** Of all that the states depend on: with another one the streams begin anew. */
  readonly planId: string;
  /** Of the model's other references: versions that have those have streams of their own. */
  readonly others: readonly string[];
  /** Distinct names of the detectors. */
  readonly names: readonly string[];
  readonly watches: readonly OnlineWatch[];
}

/** Changes with the meaning of stored states. */
const STATE_VERSION = 1;
/** Values that the unit of a stream is learned from. */
const WINDOWS_LEARNED = 30;
const ERRORS_LEARNED = 1000;

/** null where the model lists none. */
export function planOnline(
  config: ModelConfig,
  referenceId: string,
  references: readonly string[] = [],
): OnlinePlan | null {
  const written = onlineDetectorsOf(config);
  if (written.length === 0) return null;
  return {
    planId: planIdOf(config, referenceId, written),
    others: references.filter((id) => id !== referenceId).map((id) => planIdOf(config, id, written)),
    names: [...new Set(written.map(({ use }) => use))],
    watches: written.map((detector) => watchOf(config, detector)),
  };
}

function planIdOf(config: ModelConfig, referenceId: string, written: readonly OnlineDetectorConfig[]): string {
  const { pane, dedupe_within, anchor, task, classes, min_rows, estimates, fairness, windows, timezone } = config;
  const content = {
    version: STATE_VERSION,
    written,
    referenceId,
    pane,
    dedupe_within,
    anchor,
    task,
    classes: classes ?? [],
    min_rows,
    estimates,
    fairness: fairness ?? null,
    // Where the windows of days begin, whose values are watched.
    ...(windows.some((window) => window.kind === "time" && isLocal(window.ms, timezone)) ? { timezone } : {}),
    watched: [...new Set(written.map(({ on }) => on))].sort().map((metric) => watchedParts(config, metric)),
  };
  return createHash("sha256").update(canonicalJson(content)).digest("hex").slice(0, 16);
}

/** What a watched metric's values come from; its limits are no part of it. */
function watchedParts({ detectors, kpis }: ModelConfig, metric: string): unknown {
  const parts = kpis.filter((kpi) => ("use" in kpi ? kpi.use : kpi.name) === metric).map(withoutLimits);
  return { metric, kpis: parts, detectors: (detectors ?? []).filter(({ use }) => use === metric) };
}

function withoutLimits(kpi: ModelConfig["kpis"][number]): unknown {
  const { min: _, max: __, for: ___, clear: ____, clear_after: _____, severity: ______, ...rest } = kpi;
  return rest;
}

/** The detector of an entry with its own options, and the unit that these are in. */
export function boundDetector(
  config: ModelConfig,
  written: OnlineDetectorConfig,
): { readonly detector: SequentialDetector; readonly options: unknown; readonly unit: StreamUnit } {
  const detector = onlineDetectors.find(({ name }) => name === written.use);
  if (detector === undefined)
    throw new DriftlineError("config_invalid", `model ${config.name}: there is no online detector "${written.use}"`);
  const { use: _use, on, subjects: _subjects, unit, ...options }: Readonly<Record<string, unknown>> = written;
  return { detector, options, unit: typeof unit === "number" ? unit : unitOf(config, detector, on === ERROR_STREAM) };
}

function unitOf({ task }: ModelConfig, detector: SequentialDetector, isError: boolean): StreamUnit {
  if (!takesAnyNumber(detector) || (isError && task !== "regression")) return 1;
  return { learnFrom: isError ? ERRORS_LEARNED : WINDOWS_LEARNED };
}

function watchOf(config: ModelConfig, written: OnlineDetectorConfig): OnlineWatch {
  const { detector, options, unit } = boundDetector(config, written);
  // Errors of the options are errors of the configuration: they are found now and not with the first event.
  detector.bind(options);
  const kpi = config.kpis.find((one) => ("use" in one ? one.use : one.name) === written.on);
  return {
    name: written.use,
    on: written.on,
    subjects: written.subjects === undefined ? null : new Set(written.subjects),
    leastCoverage: kpi?.min_coverage ?? LEAST_COVERAGE,
    open: (saved) => watchStream(detector, options, unit, saved),
  };
}
