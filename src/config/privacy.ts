/** `privacy:` of a model — fields that are left out, or kept as keyed hashes, before anything is stored. */
import { z } from "zod";
import { globMatches } from "../core/glob.ts";
import { privateText } from "../core/private-text.ts";
import type { Path, Problem } from "./problem.ts";
import type { ModelConfig } from "./schema.ts";
import { secret } from "./secret.ts";

const way = z.enum(["drop", "hash"]).describe("`drop` leaves the field out, `hash` keeps a keyed hash of its value.");

export const privacySchema = z
  .strictObject({
    key: secret()
      .optional()
      .describe("Key of the hashes, 16 characters or more. With another key every hash is another one."),
    id: z.literal("hash").optional().describe("Keep ids as hashes, of predictions and labels alike."),
    features: z
      .record(z.string(), way)
      .prefault({})
      .describe(
        "By the name of a feature, in which `*` stands for any (`customer.*`). A hashed feature is a category; features that the model does not know are meant too.",
      ),
    segments: z.record(z.string(), way).prefault({}).describe("The same for keys of the events' `segments`."),
    attributions: z
      .record(z.string(), z.literal("drop").describe("Leaves the attribution out."))
      .prefault({})
      .describe(
        "Attributions that are left out, by the name of the feature; those of dropped features are in any case.",
      ),
  })
  .optional()
  .describe(
    "What is left out, or kept as a keyed hash (HMAC-SHA-256), of events and of the reference, before anything is stored. Messages that can't be read are then kept without their content.",
  );

type Written = NonNullable<ModelConfig["privacy"]>;
export type Way = z.output<typeof way>;

/** What is done with the fields of a model's events. */
export interface Privacy {
  readonly hash: (text: string) => string;
  readonly hashesIds: boolean;
  /** null: kept as it is. */
  feature(name: string): Way | null;
  segment(name: string): Way | null;
  attribution(name: string): "drop" | null;
}

export function privacyOf({ privacy }: Pick<ModelConfig, "privacy">): Privacy | null {
  if (privacy === undefined) return null;
  const feature = chooser(privacy.features);
  const attribution = chooser(privacy.attributions);
  return {
    hash: privateText(privacy.key ?? ""),
    hashesIds: privacy.id === "hash",
    feature,
    segment: chooser(privacy.segments),
    attribution: (name) => (attribution(name) === "drop" || feature(name) === "drop" ? "drop" : null),
  };
}

/** What is done where it is not known yet which of these a field falls under: what one of them drops or hashes is dropped. */
export function strictest(all: readonly Privacy[]): Privacy {
  const dropped = (wayOf: (privacy: Privacy) => Way | null) => (all.some((one) => wayOf(one) !== null) ? "drop" : null);
  return {
    hash: privateText(""),
    hashesIds: false,
    feature: (name) => dropped((one) => one.feature(name)),
    segment: (name) => dropped((one) => one.segment(name)),
    attribution: (name) => dropped((one) => one.attribution(name)),
  };
}

/**
 * How the ids of calls are kept, whose two sides may not both know their model and must have one id: as hashes once any model's are, all under
 * one of the keys, whatever the order of the models. null: as they are.
 */
export function callIdHash(all: readonly (Privacy | null)[]): ((id: string) => string) | null {
  const hashes = all.flatMap((one) => (one?.hashesIds === true ? [{ hash: one.hash, order: one.hash("") }] : []));
  return hashes.sort((a, b) => (a.order < b.order ? -1 : 1))[0]?.hash ?? null;
}

/** The name itself before patterns; of several patterns the first. Remembers names, which come with every event. */
function chooser(written: Readonly<Record<string, Way>>): (name: string) => Way | null {
  const known = new Map<string, Way | null>();
  const choose = (name: string) => {
    if (Object.hasOwn(written, name)) return written[name] ?? null;
    return Object.entries(written).find(([pattern]) => globMatches(pattern, name))?.[1] ?? null;
  };
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const chosen = choose(name);
    if (known.size < 10_000) known.set(name, chosen);
    return chosen;
  };
}

const KEY_CHARACTERS_MIN = 16;

export function checkPrivacy(model: ModelConfig, path: Path): Problem[] {
  const { privacy } = model;
  if (privacy === undefined) return [];
  const at = [...path, "privacy"];
  const problems: Problem[] = [];
  if (hashes(privacy) && privacy.key === undefined)
    problems.push({
      path: at,
      message: "hashes need a key: without one anybody could guess what they stand for",
      atKey: true,
    });
  if (privacy.key !== undefined && privacy.key.length < KEY_CHARACTERS_MIN)
    problems.push({ path: [...at, "key"], message: `at least ${KEY_CHARACTERS_MIN} characters` });
  const ways = privacyOf(model);
  const entity = model.join_labels.by === "entity" ? model.join_labels.entity : null;
  if (entity !== null && [ways?.feature(entity), ways?.segment(entity)].includes("drop"))
    problems.push({
      path: [...path, "join_labels", "entity"],
      message: `"${entity}" is dropped (privacy), so labels could not be joined by it; hash it instead`,
    });
  for (const [feature, { kind }] of Object.entries(model.features))
    if ((kind === "numeric" || kind === "vector") && ways?.feature(feature) === "hash")
      problems.push({
        path: [...path, "features", feature],
        message: `is hashed (privacy.features), and a hash is no ${kind === "vector" ? "vector; drop it" : "number; make it categorical, or drop it"}`,
      });
  return problems;
}

const hashes = ({ id, features, segments }: Written) =>
  id !== undefined || [...Object.values(features), ...Object.values(segments)].includes("hash");
