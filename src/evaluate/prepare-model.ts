/** A model made ready for ingestion and evaluation: its configuration, reference, schema, and detectors with their options checked. */
import { detectors as registry } from "../../detectors/index.ts";
import { sampleDetectors } from "../../detectors/multivariate/index.ts";
import { onlineDetectors } from "../../detectors/online/index.ts";
import type { DetectorConfig } from "../config/detectors.ts";
import { monitorHash } from "../config/monitor-hash.ts";
import type { ModelConfig } from "../config/schema.ts";
import { classLabel } from "../core/class-label.ts";
import type { Clock } from "../core/clock.ts";
import type { Compare, Detector } from "../core/detector.ts";
import { DriftlineError } from "../core/errors.ts";
import type { FeatureColumn, ModelSchema } from "../core/model-schema.ts";
import type { ReferenceSubject, SubjectKind } from "../core/summary.ts";
import { partNames, type VectorProjection, withoutReference } from "../core/vector.ts";
import { ensureModelTables } from "../store/model-tables.ts";
import type { Lane } from "../store/store.ts";
import { type Estimation, estimationOf } from "./estimates/estimated-kpis.ts";
import type { DedupeOptions } from "./kept-rows.ts";
import { recordMonitor } from "./monitors.ts";
import { type BoundSampleDetector, bindSampleDetectors } from "./multivariate/bound-detectors.ts";
import { type OnlinePlan, planOnline } from "./online/plan.ts";
import { replayReference, replayText } from "./online/reference-replay.ts";
import { kpiBounds } from "./page-tier/kpi-bounds.ts";
import { writePlanNotes } from "./page-tier/plan-notes.ts";
import { prepareSegments } from "./page-tier/prepare-segments.ts";
import { measureDependence, readDependence } from "./page-tier/reference-dependence.ts";
import { noSeasons } from "./page-tier/reference-seasons.ts";
import { measureAndStoreSeasons, readSeasons } from "./page-tier/stored-seasons.ts";
import { type PageTierPlan, planPageTier } from "./page-tier/watched-streams.ts";
import { holdingTable } from "./references/held-tables.ts";
import { type LoadedReference, loadReference } from "./references/load-reference.ts";
import { hasReferenceRows, writeReferenceRows } from "./references/reference-rows.ts";
import { readReference, writeReference } from "./references/stored-reference.ts";
import { storedConstant } from "./vectors/stored-projections.ts";
import { withVectorParts } from "./vectors/vector-values.ts";

export interface BoundDetector {
  readonly name: string;
  readonly compare: Compare;
  watches(subject: Pick<ReferenceSubject, "subjectKind" | "subject" | "kind">): boolean;
}

export interface PreparedModel {
  readonly config: ModelConfig;
  readonly schema: ModelSchema;
  /** null where the model names no reference: then only KPIs and the volume are computed. */
  readonly reference: LoadedReference | null;
  /** '' without a reference. */
  readonly referenceId: string;
  readonly monitorHash: string;
  readonly detectors: readonly BoundDetector[];
  /** Those of several features together. */
  readonly sampleDetectors: readonly BoundSampleDetector[];
  /** Those that read a stream of numbers; null where none is listed. */
  readonly online: OnlinePlan | null;
  /** How KPIs are estimated before their labels come, or why they are not. */
  readonly estimation: Estimation;
  /** What the page tier watches; null where it is off or has nothing to watch. */
  readonly pageTier: PageTierPlan | null;
  /** How copies of an event are told. */
  readonly dedupe: DedupeOptions;
  /** How the page tier compares, in sentences. */
  readonly notes: readonly string[];
  /** What a person should know: a reference that was refused while the old one stays in force. */
  readonly warnings: readonly string[];
}

export interface PrepareOptions {
  /** Sees the disk that the reference lies on; the same lane where it is left out (embedded engine). */
  readonly readLane?: Lane;
  /** Where its rows come from, in words; left out: the file's name. */
  readonly origin?: string;
}

/**
 * Loads the reference, stores it if it is new, and makes the model's tables.
 *
 * @throws DriftlineError `reference_refused` where the file is refused and no earlier reference of the model is stored
 */
export function prepareModel(
  lane: Lane,
  config: ModelConfig,
  clock: Clock,
  options: PrepareOptions = {},
): Promise<PreparedModel> {
  return holdingTable(config, () => prepare(lane, config, clock, options));
}

async function prepare(lane: Lane, config: ModelConfig, clock: Clock, options: PrepareOptions): Promise<PreparedModel> {
  const warnings: string[] = [];
  const reference = await currentReference(lane, config, clock, options, warnings);
  const schema = schemaOf(config, reference);
  const estimation = estimationOf(config, reference);
  const pageTier = await preparePageTier(
    lane,
    config,
    reference,
    estimation,
    clock,
    options.readLane ?? lane,
    warnings,
  );
  if (reference !== null) warnings.push(...(await alarmsOnReference(options.readLane ?? lane, config)));
  await ensureModelTables(lane, schema);
  const referenceId = reference?.referenceId ?? "";
  const hash = monitorHash(config, referenceId);
  await recordMonitor(lane, { config, referenceId, monitorHash: hash }, clock.now());
  return {
    config,
    schema,
    reference,
    referenceId,
    monitorHash: hash,
    detectors: bindDetectors(config),
    sampleDetectors: bindSampleDetectors(config, reference?.subjects ?? []),
    online: planOnline(config, referenceId),
    estimation,
    pageTier,
    notes: (pageTier?.seasons ?? []).map((note) => `model ${config.name}: ${note}`),
    dedupe: {
      model: config.name,
      dedupeWithin: config.dedupe_within,
      pane: config.pane,
      memory: new Map(),
      columns: withVectorParts(vectorsOf(config, reference), (vector) =>
        storedConstant(config.name, referenceId, vector),
      ),
    },
    warnings,
  };
}

/** The page tier's plan, with what was measured of the reference in the order of time: at its first start, later as stored. */
async function preparePageTier(
  lane: Lane,
  config: ModelConfig,
  reference: LoadedReference | null,
  estimation: Estimation,
  clock: Clock,
  readLane: Lane,
  warnings: string[],
): Promise<PageTierPlan | null> {
  const kpis = kpiBounds(config, reference, estimation);
  if (reference === null || config.false_alarms === null) return planPageTier(config, reference, kpis);
  const { referenceId } = reference;
  let dependence = await readDependence(lane, { model: config.name, referenceId, pane: config.pane });
  let seasons = await readSeasons(lane, config, referenceId);
  try {
    const plain = dependence === null || seasons === null ? planPageTier(config, reference, kpis) : null;
    if (plain !== null) {
      dependence ??= await measureDependence(lane, readLane, config, reference, plain);
      seasons ??= await measureAndStoreSeasons(lane, readLane, config, reference, plain);
    }
  } catch (thrown) {
    // The file is gone and the stored reference stays in force.
    if (!(thrown instanceof DriftlineError) || thrown.code !== "reference_refused") throw thrown;
  }
  const known = { effects: dependence?.effects ?? new Map<string, readonly number[]>(), seasons: seasons ?? noSeasons };
  const segments = await prepareSegments({ lane, readLane, config, reference, kpis, ...known });
  const plan = planPageTier(config, reference, kpis, segments.effects, known.seasons, segments.reference);
  const notes = [...(plan?.limits ?? []), ...(dependence?.notes ?? []), ...segments.notes];
  warnings.push(...[...new Set(notes)].map((note) => `model ${config.name}: ${note}`));
  if (plan !== null) await writePlanNotes(lane, config.name, plan, clock.now());
  return plan;
}

/** What online detectors find in the reference itself, where they find anything. */
async function alarmsOnReference(readLane: Lane, config: ModelConfig): Promise<string[]> {
  try {
    const alarming = (await replayReference(readLane, config)).filter(({ alarms }) => alarms > 0);
    if (alarming.length === 0) return [];
    return [
      `model ${config.name}: online detectors find changes in the reference itself: ${replayText(alarming)}; expect false alarms at that rate, or make them stricter`,
    ];
  } catch (thrown) {
    // The file is gone and the stored reference stays in force.
    if (!(thrown instanceof DriftlineError) || thrown.code !== "reference_refused") throw thrown;
    return [];
  }
}

async function currentReference(
  lane: Lane,
  config: ModelConfig,
  clock: Clock,
  { readLane = lane, origin }: PrepareOptions,
  warnings: string[],
): Promise<LoadedReference | null> {
  if (config.reference === undefined) return null;
  try {
    const read = await loadReference(readLane, config, async ({ referenceId }, readRows) => {
      if (await hasReferenceRows(lane, config.name, referenceId)) return;
      const sample = await readRows();
      if (sample !== null) await writeReferenceRows(lane, config.name, referenceId, sample);
    });
    const loaded = { ...read, origin: origin ?? read.origin };
    const stored = await readReference(lane, config.name);
    if (stored?.referenceId !== loaded.referenceId) await writeReference(lane, loaded, clock.now());
    return loaded;
  } catch (thrown) {
    if (!(thrown instanceof DriftlineError) || thrown.code !== "reference_refused") throw thrown;
    const stored = await readReference(lane, config.name);
    if (stored === null)
      throw new DriftlineError("reference_refused", `model ${config.name}: ${thrown.message}`, { cause: thrown });
    warnings.push(`model ${config.name}: ${thrown.message}; the reference ${stored.referenceId} stays in force`);
    return stored;
  }
}

/** The vector features: of the reference, then pinned ones that it lacks, of which lengths alone are known. */
function vectorsOf(config: ModelConfig, reference: LoadedReference | null): readonly VectorProjection[] {
  const known = reference?.projections ?? [];
  const pinned = Object.entries(config.features).flatMap(([feature, pin]) =>
    pin.kind === "vector" && !known.some((one) => one.feature === feature)
      ? [withoutReference(feature, pin.dimension)]
      : [],
  );
  return [...known, ...pinned];
}

/** Features of the reference, then pinned ones that it lacks. What is made of a vector has no column of its own. */
export function schemaOf(config: ModelConfig, reference: LoadedReference | null): ModelSchema {
  const vectors = vectorsOf(config, reference);
  const made = new Set(vectors.flatMap(partNames));
  const features: FeatureColumn[] = [
    ...(reference?.subjects ?? [])
      .filter(({ subjectKind, subject }) => subjectKind === "feature" && !made.has(subject))
      .map(({ subject, kind }) => ({ name: subject, kind })),
    ...vectors.map(vectorFeature),
  ];
  const known = new Set([...features.map((feature) => feature.name), ...made]);
  for (const [feature, { kind }] of Object.entries(config.features)) {
    if (kind !== "ignore" && !known.has(feature)) features.push({ name: feature, kind });
  }
  const entity = config.join_labels.by === "entity" ? { entity: config.join_labels.entity } : {};
  return { model: config.name, task: config.task, classes: classesOf(config), features, ...entity };
}

const vectorFeature = (vector: VectorProjection): FeatureColumn => ({
  name: vector.feature,
  kind: "vector",
  parts: partNames(vector),
  ...(vector.dimension === null ? {} : { dimension: vector.dimension }),
});

function classesOf(config: ModelConfig): readonly string[] {
  if (config.task === "regression") return [];
  if (config.classes === undefined) return config.task === "binary" ? ["0", "1"] : [];
  return config.classes.map(classLabel).filter((label) => label !== null);
}

function bindDetectors(config: ModelConfig): BoundDetector[] {
  const byName = new Map(registry.map((detector) => [detector.name, detector]));
  const chosen: readonly (DetectorConfig | { readonly use: string })[] =
    config.detectors ?? registry.filter((detector) => detector.byDefault).map((detector) => ({ use: detector.name }));
  const others = new Set([...sampleDetectors, ...onlineDetectors].map((detector) => detector.name));
  return chosen
    .filter(({ use }) => !others.has(use))
    .map((choice) => {
      const detector = byName.get(choice.use);
      if (detector === undefined)
        throw new DriftlineError("config_invalid", `model ${config.name}: there is no detector "${choice.use}"`);
      const { use: _use, subjects, ...options }: Readonly<Record<string, unknown>> = choice;
      return bound(
        detector,
        { ...options, min_rows: options["min_rows"] ?? config.min_rows },
        Array.isArray(subjects) ? new Set<unknown>(subjects) : null,
      );
    });
}

/** A feature that never mattered has attributions of 0, all of them. */
const NOT_OF_ATTRIBUTIONS: ReadonlySet<string> = new Set(["missing-rate", "invalid-rate", "constant-value"]);

function bound(detector: Detector, options: unknown, subjects: ReadonlySet<unknown> | null): BoundDetector {
  const kinds: ReadonlySet<SubjectKind> = new Set(detector.subjectKinds);
  return {
    name: detector.name,
    compare: detector.bind(options),
    watches: ({ subjectKind, subject, kind }) =>
      // Labels are watched like the predictions that they judge, attributions like scores; of these none is ever missing or invalid.
      kinds.has(subjectKind === "label" ? "prediction" : subjectKind === "attribution" ? "score" : subjectKind) &&
      !(subjectKind === "attribution" && NOT_OF_ATTRIBUTIONS.has(detector.name)) &&
      detector.featureKinds.includes(kind) &&
      (subjects === null || subjectKind === "model" || subjects.has(subject)),
  };
}
