/**
 * A model made ready for ingestion and evaluation: its configuration, reference, schema, and detectors with their options checked. Versions that
 * have references of their own are made ready each by itself, as if each reference had a model of its own.
 */
import { monitorHash } from "../config/monitor-hash.ts";
import { trailingWarning } from "../config/references.ts";
import type { ModelConfig } from "../config/schema.ts";
import { classLabel } from "../core/class-label.ts";
import type { Clock } from "../core/clock.ts";
import { DriftlineError } from "../core/errors.ts";
import type { FeatureColumn, ModelSchema } from "../core/model-schema.ts";
import { partNames, type VectorProjection, withoutReference } from "../core/vector.ts";
import { ensureModelTables } from "../store/model-tables.ts";
import type { Lane } from "../store/store.ts";
import { type BoundDetector, type LabelDelayWatch, watchLabelDelay, windowDetectors } from "./bound-detectors.ts";
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
import { currentReference } from "./references/current-reference.ts";
import { holdingTable } from "./references/held-tables.ts";
import type { LoadedReference } from "./references/load-reference.ts";
import type { SegmentReference } from "./segments/segment.ts";
import { segmentReference } from "./segments/segment-reference.ts";
import { openTrailing, type TrailingReferences } from "./trailing/trailing-references.ts";
import { storedConstant } from "./vectors/stored-projections.ts";
import { withVectorParts } from "./vectors/vector-values.ts";
import { covers, everyVersion, type ReferenceScope, scopeText, type VersionScope } from "./version-scope.ts";

export interface PreparedModel {
  readonly config: ModelConfig;
  readonly schema: ModelSchema;
  /** The versions that it is for: all, but for those that have references of their own. */
  readonly versions: VersionScope;
  /** The model with each of its other references, for the versions that these are for; empty on those themselves. */
  readonly others: readonly PreparedModel[];
  /** All references of the model and what each is for, this one's included. */
  readonly references: readonly ReferenceScope[];
  /** null where the model names no reference: then only KPIs and the volume are computed. */
  readonly reference: LoadedReference | null;
  /** '' without a reference. */
  readonly referenceId: string;
  readonly monitorHash: string;
  readonly detectors: readonly BoundDetector[];
  /** Whether labels come later than they did; null where it is not watched. */
  readonly labelDelay: LabelDelayWatch | null;
  /** Those of several features together. */
  readonly sampleDetectors: readonly BoundSampleDetector[];
  /** Those that read a stream of numbers; null where none is listed. */
  readonly online: OnlinePlan | null;
  /** What window detectors compare with instead, where the model asks for a trailing reference; else null. */
  readonly trailing: TrailingReferences | null;
  /** How KPIs are estimated before their labels come, or why they are not. */
  readonly estimation: Estimation;
  /** What the page tier watches; null where it is off or has nothing to watch. */
  readonly pageTier: PageTierPlan | null;
  /** Whose KPIs are computed by themselves; null where the model names no segments or has no reference to find them in. */
  readonly segments: SegmentReference | null;
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
  /** The same of versions' own references. */
  readonly origins?: ReadonlyMap<string, string>;
}

/** The model with the reference that a version is compared with. */
export const preparedFor = (model: PreparedModel, version: string): PreparedModel =>
  [model, ...model.others].find(({ versions }) => covers(versions, version)) ?? model;

/** A reference, the configuration that names it, and the versions that it is for. */
interface Part {
  readonly config: ModelConfig;
  readonly reference: LoadedReference | null;
  readonly versions: VersionScope;
}

/**
 * Loads the references, stores what is new, and makes the model's tables. A version whose own reference is not to be read from a file has
 * none yet.
 *
 * @throws DriftlineError `reference_refused` where a file is refused and no earlier reference in its place is stored
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
  const [first, ...rest] = await loadParts(lane, config, clock, options, warnings);
  const schema = schemaOf(config, first.reference);
  for (const part of rest) addFeatures(schema, part);
  await ensureModelTables(lane, schema);
  const references = [first, ...rest].map(({ reference, versions }) => ({
    referenceId: reference?.referenceId ?? "",
    ...versions,
  }));
  const memory: DedupeOptions["memory"] = new Map();
  const preparedOf = (part: Part) => preparePart({ lane, clock, options, warnings, schema, references, memory }, part);
  const main = await preparedOf(first);
  const others: PreparedModel[] = [];
  for (const part of rest) others.push(await preparedOf(part));
  await writePlanNotes(lane, config.name, [main, ...others], clock.now());
  return { ...main, others, warnings };
}

/** Of the model first, then of the versions that have another one, each reference once. */
async function loadParts(
  lane: Lane,
  config: ModelConfig,
  clock: Clock,
  options: PrepareOptions,
  warnings: string[],
): Promise<readonly [Part, ...Part[]]> {
  const named = Object.keys(config.references).sort();
  const place = { lane, readLane: options.readLane ?? lane, clock, warnings };
  const except = { only: null, except: named };
  const reference = await currentReference(place, config, except, options.origin);
  const rest: { config: ModelConfig; reference: LoadedReference | null; only: string[] }[] = [];
  for (const version of named) {
    const own = { ...config, reference: config.references[version] };
    const found = await currentReference(place, own, { only: [version], except: [] }, options.origins?.get(version));
    const id = found?.referenceId ?? "";
    if (id === (reference?.referenceId ?? "")) continue;
    const same = rest.find((one) => (one.reference?.referenceId ?? "") === id);
    if (same === undefined) rest.push({ config: own, reference: found, only: [version] });
    else same.only.push(version);
  }
  const taken = rest.flatMap(({ only }) => only).sort();
  const versions = taken.length === 0 ? everyVersion : { only: null, except: taken };
  return [
    { config, reference, versions },
    ...rest.map(({ only, ...part }) => ({ ...part, versions: { only, except: [] } })),
  ];
}

/** Adds the features that only another reference has; one of two kinds can have no column. */
function addFeatures(schema: WritableSchema, { config, reference, versions }: Part): void {
  const kinds = new Map(schema.features.map(({ name, kind }) => [name, kind]));
  for (const feature of featuresOf(config, reference)) {
    const known = kinds.get(feature.name);
    if (known === undefined) schema.features.push(feature);
    else if (known !== feature.kind)
      throw new DriftlineError(
        "reference_refused",
        `model ${schema.model}: the feature ${feature.name} is ${feature.kind} in the reference of ${scopeText(versions)} and ${known} in another; say which it is under features`,
      );
  }
}

interface Workshop {
  readonly lane: Lane;
  readonly clock: Clock;
  readonly options: PrepareOptions;
  readonly warnings: string[];
  readonly schema: ModelSchema;
  readonly references: readonly ReferenceScope[];
  readonly memory: DedupeOptions["memory"];
}

async function preparePart(
  { lane, clock, options, warnings, schema, references, memory }: Workshop,
  { config, reference, versions }: Part,
): Promise<PreparedModel> {
  const readLane = options.readLane ?? lane;
  const referenceId = reference?.referenceId ?? "";
  const estimation = estimationOf(config, reference);
  const noted: string[] = [];
  const planned = await preparePageTier(lane, config, reference, estimation, readLane, noted);
  const pageTier = planned === null ? null : { ...planned, comparisons: ownComparisons(planned, versions) };
  if (reference !== null) noted.push(...(await alarmsOnReference(readLane, config)));
  const named = reference === null ? undefined : config.reference;
  const trailing = named === undefined ? null : openTrailing(lane, readLane, named, clock);
  const warning = named === undefined ? null : trailingWarning(named);
  if (warning !== null) noted.push(warning);
  const name = nameOf(config, versions);
  warnings.push(...noted.map((note) => `${name}: ${note}`));
  const hash = monitorHash(config, referenceId);
  await recordMonitor(lane, { config, referenceId, monitorHash: hash }, clock.now());
  return {
    config,
    schema,
    versions,
    others: [],
    references,
    reference,
    referenceId,
    monitorHash: hash,
    detectors: windowDetectors(config),
    labelDelay: watchLabelDelay(config),
    sampleDetectors: bindSampleDetectors(config, reference?.subjects ?? []),
    online: planOnline(
      config,
      referenceId,
      references.map((one) => one.referenceId),
    ),
    trailing,
    estimation,
    pageTier,
    segments: pageTier?.segments?.reference ?? (await segmentsOfReference(lane, readLane, config, reference)),
    notes: (pageTier?.seasons ?? []).map((note) => `${name}: ${note}`),
    dedupe: {
      model: config.name,
      dedupeWithin: config.dedupe_within,
      pane: config.pane,
      memory,
      versions,
      columns: withVectorParts(vectorsOf(config, reference), (vector) =>
        storedConstant(config.name, referenceId, vector),
      ),
    },
    warnings,
  };
}

/** "model fraud", "model fraud, version 8". */
const nameOf = ({ name }: ModelConfig, versions: VersionScope): string =>
  versions.only === null ? `model ${name}` : `model ${name}, ${scopeText(versions)}`;

/** A challenger is compared with its champion once, under the challenger's reference. */
const ownComparisons = ({ comparisons }: PageTierPlan, versions: VersionScope): PageTierPlan["comparisons"] =>
  comparisons.filter(({ challenger: { version } }) =>
    version === undefined ? versions.only === null : covers(versions, version),
  );

/** The page tier's plan, with what was measured of the reference in the order of time: at its first start, later as stored. */
async function preparePageTier(
  lane: Lane,
  config: ModelConfig,
  reference: LoadedReference | null,
  estimation: Estimation,
  readLane: Lane,
  noted: string[],
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
  noted.push(...new Set(notes));
  return plan;
}

/** Of a model whose page tier watches none. */
async function segmentsOfReference(
  lane: Lane,
  readLane: Lane,
  config: ModelConfig,
  reference: LoadedReference | null,
): Promise<SegmentReference | null> {
  if (reference === null || config.kpis.length === 0) return null;
  try {
    return await segmentReference(lane, readLane, config, reference);
  } catch (thrown) {
    // The file is gone and the stored reference stays in force.
    if (!(thrown instanceof DriftlineError) || thrown.code !== "reference_refused") throw thrown;
    return null;
  }
}

/** What online detectors find in the reference itself, where they find anything. */
async function alarmsOnReference(readLane: Lane, config: ModelConfig): Promise<string[]> {
  try {
    const alarming = (await replayReference(readLane, config)).filter(({ alarms }) => alarms > 0);
    if (alarming.length === 0) return [];
    return [
      `online detectors find changes in the reference itself: ${replayText(alarming)}; expect false alarms at that rate, or make them stricter`,
    ];
  } catch (thrown) {
    // The file is gone and the stored reference stays in force.
    if (!(thrown instanceof DriftlineError) || thrown.code !== "reference_refused") throw thrown;
    return [];
  }
}

interface WritableSchema extends ModelSchema {
  readonly features: FeatureColumn[];
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

/** The features of a reference that have columns; what is made of a vector has none of its own. */
function featuresOf(config: ModelConfig, reference: LoadedReference | null): FeatureColumn[] {
  const vectors = vectorsOf(config, reference);
  const made = new Set(vectors.flatMap(partNames));
  return [
    ...(reference?.subjects ?? [])
      .filter(({ subjectKind, subject }) => subjectKind === "feature" && !made.has(subject))
      .map(({ subject, kind }) => ({ name: subject, kind })),
    ...vectors.map(vectorFeature),
  ];
}

/** Features of the reference, then pinned ones that it lacks. */
export function schemaOf(config: ModelConfig, reference: LoadedReference | null): WritableSchema {
  const features = featuresOf(config, reference);
  const known = new Set(features.flatMap(({ name, parts = [] }) => [name, ...parts]));
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
