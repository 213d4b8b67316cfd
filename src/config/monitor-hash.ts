/**
 * The hash of all that bears on a model's numbers. Rows with another hash belong to another epoch; who is told, and when, is no part of it,
 * so that a changed channel changes no row's key.
 */
import { createHash } from "node:crypto";
import { classLabel } from "../core/class-label.ts";
import { isLocal } from "../core/window-grid.ts";
import { canonicalJson } from "./canonical-json.ts";
import { detectorChoices } from "./detectors.ts";
import { featureParts } from "./features.ts";
import { columnsOfReference } from "./references.ts";
import type { ModelConfig } from "./schema.ts";

/**
 * 16 hexadecimal digits. The order of keys, of detectors, KPIs and windows does not bear on it, nor does writing down what is the default.
 *
 * @param mapping where the fields of the model's events lie, where the caller knows it
 */
export function monitorHash(model: ModelConfig, referenceId: string, mapping: unknown = null): string {
  return digestOf({ ...partsOf(model, referenceId, mapping), kpis: sorted(model.kpis.map(kpiParts)) });
}

/** The same without the limits of KPIs: of two configurations with one such hash the values agree, if not what counts as a breach. */
export function valuesHash(model: ModelConfig, referenceId: string, mapping: unknown = null): string {
  const kpis = model.kpis.map((kpi) => kpiParts({ ...kpi, min: undefined, max: undefined }));
  return digestOf({ ...partsOf(model, referenceId, mapping), kpis: sorted(kpis) });
}

const digestOf = (parts: unknown): string =>
  createHash("sha256").update(canonicalJson(parts)).digest("hex").slice(0, 16);

/** All that bears on the numbers but the KPIs. */
function partsOf(model: ModelConfig, referenceId: string, mapping: unknown) {
  const {
    name,
    task,
    features,
    pane,
    windows,
    anchor,
    allowed_lateness,
    max_future,
    dedupe_within,
    label_horizon,
    min_rows,
    estimates,
    fairness,
    weigh_labels_by,
    privacy,
    season_timezone,
    join_labels,
    timezone,
    segments,
    kpis,
  } = model;
  return {
    name,
    task,
    features: featureParts(features),
    pane,
    anchor,
    allowed_lateness,
    max_future,
    dedupe_within,
    label_horizon,
    min_rows,
    estimates,
    fairness: fairness === undefined ? null : { ...fairness, groups: sorted(fairness.groups) },
    ...(weigh_labels_by === undefined ? {} : { weigh_labels_by }),
    ...(privacy === undefined ? {} : { privacy: { ...privacy, key: undefined } }),
    // By which KPIs are computed.
    ...(segments === undefined || segments.length === 0 || kpis.length === 0 ? {} : { segments: sorted(segments) }),
    // The hours of the week by which volumes are compared.
    ...(season_timezone === "UTC" ? {} : { season_timezone }),
    ...(join_labels.by === "id" ? {} : { join_labels }),
    // Where days begin, if there is a window of days.
    ...(windows.some((window) => window.kind === "time" && isLocal(window.ms, timezone)) ? { timezone } : {}),
    mapping,
    referenceId,
    reference: referenceParts(model),
    classes: (model.classes ?? (task === "binary" ? [0, 1] : [])).map(classLabel),
    windows: sorted(windows),
    detectors: sorted(effectiveDetectors(model)),
  };
}

/** Which columns are read and how. Where the file lies does not bear on its content, which `referenceId` stands for. */
function referenceParts({ reference }: ModelConfig): unknown {
  if (reference === undefined) return null;
  const { ignore, features, ...columns } = columnsOfReference(reference);
  const { trailing } = reference;
  return {
    ...columns,
    ...(trailing === undefined ? {} : { trailing }),
    ignore: sorted(ignore),
    features: features === undefined ? null : sorted(features),
  };
}

/** Each with all of its options; those that are on by default where the model lists none. */
function effectiveDetectors({ detectors: written, min_rows }: ModelConfig): unknown[] {
  if (written !== undefined)
    return written.map(({ subjects, ...options }) => ({
      ...options,
      subjects: subjects === undefined ? null : sorted(subjects),
    }));
  return detectorChoices
    .filter((detector) => detector.byDefault)
    .map((detector) => ({ use: detector.name, subjects: null, ...detector.options.parse({ min_rows }) }));
}

/** The limits bear on `breached`; what comes of a breach does not. */
function kpiParts(kpi: ModelConfig["kpis"][number]): unknown {
  const { for: _, clear: __, clear_after: ___, keep_firing: _____, severity: ____, on_failure: ______, ...rest } = kpi;
  return rest;
}

/** By their canonical text. */
const sorted = (items: readonly unknown[]): unknown[] =>
  items
    .map((item) => ({ item, text: canonicalJson(item) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ item }) => item);
