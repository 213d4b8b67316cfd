/** What was understood, in lines for the terminal. Pure. */
import { roles } from "./find-fields.ts";
import type { Understood, UnderstoodModel } from "./understand.ts";

/** What the decoders of the service made of the sample. */
export interface Tried {
  readonly sampled: number;
  readonly predictions: number;
  readonly labels: number;
  /** Why messages could not be read: how often, and the first such sentence. */
  readonly refused: readonly { readonly reason: string; readonly count: number; readonly detail: string }[];
  /** Halves of calls whose other half is not in the sample. */
  readonly unpaired: number;
}

const percent = (share: number): string => `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
const LISTED = 12;
const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]+/gu, " ").slice(0, 300);
const some = (names: readonly string[]): string =>
  plain(names.slice(0, LISTED).join(", ")) + (names.length > LISTED ? ` and ${names.length - LISTED} more` : "");

export function explainSource(title: string, format: string, understood: Understood, tried: Tried): string[] {
  const { fields, shares, features, objects } = understood;
  const found = roles.flatMap((role) => {
    const field = fields[role];
    if (field === undefined)
      return role === "prediction" || role === "id" || role === "timestamp" ? [absent(role)] : [];
    const others = field.others.length === 0 ? "" : `  (or ${some(field.others)}?)`;
    return [`  ${role.padEnd(13)} ${plain(field.path).padEnd(28)} ${percent(shares[role] ?? 0).padStart(7)}${others}`];
  });
  return [
    `${plain(title)}: ${tried.sampled} messages, read as ${format}`,
    ...found,
    ...Object.entries(objects).map(([role, path]) => `  ${role.padEnd(13)} ${plain(path)}`),
    `  ${"features".padEnd(13)} ${features.features.length === 0 ? "none found" : featuresText(understood)}`,
    ...features.leftOut
      .slice(0, LISTED)
      .map(({ path, reason }) => `  ${"left out".padEnd(13)} ${plain(path)}: ${reason}`),
    ...triedLines(tried),
  ];
}

const absent = (role: string): string =>
  `  ${role.padEnd(13)} ${role === "prediction" ? "none: labels alone" : role === "id" ? "none: the place of the message is its id, so labels can't find it" : "none: the time at which Kafka took the message"}`;

function featuresText({ features }: Understood): string {
  const { mapping } = features;
  const where = mapping === "*" ? "the other fields" : typeof mapping === "string" ? `in ${plain(mapping)}` : "by name";
  return `${features.features.length} ${where}: ${some(features.features.map(({ name }) => name))}`;
}

function triedLines({ sampled, predictions, labels, refused, unpaired }: Tried): string[] {
  const dead = refused.reduce((sum, { count }) => sum + count, 0);
  return [
    `  ${"read".padEnd(13)} ${predictions} predictions, ${labels} labels`,
    ...(unpaired === 0 ? [] : [`  ${"half of a call".padEnd(13)} ${unpaired}: the other half is not in the sample`]),
    ...(dead === 0 ? [] : [`  ${"not read".padEnd(13)} ${dead} (${percent(dead / Math.max(1, sampled))})`]),
    ...refused.slice(0, LISTED).map(({ reason, count, detail }) => `    ${count} × ${reason}: ${plain(detail)}`),
  ];
}

export function explainModel(model: UnderstoodModel): string[] {
  const { name, task, classes, seen, versions, features, predictions, labels } = model;
  const numeric = features.filter(({ kind }) => kind === "numeric").map((feature) => feature.name);
  const categorical = features.filter(({ kind }) => kind === "categorical").map((feature) => feature.name);
  const vectors = features.filter(({ kind }) => kind === "vector").map((feature) => feature.name);
  const outcome =
    classes !== undefined
      ? `, positive class ${plain(classes[1] ?? "")}`
      : seen.length > 0
        ? `, classes ${some(seen)}`
        : "";
  return [
    `model ${plain(name)}: ${task}${outcome}; ${versions.length === 0 ? "no version" : `versions ${some(versions)}`}; ${predictions} predictions, ${labels} labels`,
    ...(numeric.length === 0 ? [] : [`  ${"numeric".padEnd(13)} ${some(numeric)}`]),
    ...(categorical.length === 0 ? [] : [`  ${"categorical".padEnd(13)} ${some(categorical)}`]),
    ...(vectors.length === 0 ? [] : [`  ${"vectors".padEnd(13)} ${some(vectors)}`]),
  ];
}
