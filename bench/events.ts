/**
 * The events of the benchmarks: predictions of a fraud model with 8 or 20 features, drawn from a seed, so that every run on
 * every machine reads the same bytes. Ids are UUIDs because that is what inference services send, and they compress badly.
 */
import { seededRandom } from "../src/math/seeded-random.ts";

/** A source of numbers in [0, 1). */
type Random = () => number;

interface Feature {
  readonly name: string;
  /** A value as JSON text. */
  readonly draw: (random: Random) => string;
}

export type Width = 8 | 20;

/** The model that the events name. */
export const modelName = "fraud";
/** The feature that no event lacks: its counts are the counts of the events. */
export const countedFeature = "amount";
/** Event time rises by this from event to event: 30,000 events a minute. */
export const stepMs = 2;
/** Start of the event time, on a boundary of every window. */
export const startMs = Date.UTC(2026, 0, 5);

/** Yields events as JSON text, in the order of their time. */
export function* jsonEvents(width: Width, count: number, seed = 1): Generator<string> {
  const random = seededRandom(seed);
  const features = featuresOf(width);
  for (let index = 0; index < count; index += 1) {
    yield eventText(features, random, startMs + index * stepMs);
  }
}

/** One event at a time of the caller's choice. */
export function jsonEventAt(width: Width, timestampMs: number, seed: number): string {
  return eventText(featuresOf(width), seededRandom(seed), timestampMs);
}

/** Rows of a reference file (NDJSON): the same features from another seed. */
export function* referenceRows(width: Width, count: number): Generator<string> {
  const random = seededRandom(20_251_231);
  const features = featuresOf(width);
  for (let index = 0; index < count; index += 1) {
    const time = new Date(startMs - (count - index) * 60_000).toISOString();
    yield `{"timestamp":"${time}",${fields(features, random)},${outcome(random)}}`;
  }
}

function eventText(features: readonly Feature[], random: Random, timestampMs: number): string {
  const time = new Date(timestampMs).toISOString();
  const head = `{"type":"prediction","id":"${uuid(random)}","model":"${modelName}","version":"7","timestamp":"${time}"`;
  return `${head},"features":{${fields(features, random)}},${outcome(random)}}`;
}

function fields(features: readonly Feature[], random: Random): string {
  let text = "";
  for (const feature of features) {
    text += `${text === "" ? "" : ","}"${feature.name}":${feature.draw(random)}`;
  }
  return text;
}

function outcome(random: Random): string {
  const score = random() ** 3;
  return `"prediction":${score > 0.5 ? 1 : 0},"score":${decimal(score, 1000)}`;
}

const decimal = (value: number, digits: number): string => String(Math.round(value * digits) / digits);

/** Skewed like money: the exponential of a nearly normal number. */
const amount = (scale: number) => (random: Random) =>
  decimal(scale * Math.exp(random() + random() + random() - 1.5), 100);
const whole = (limit: number) => (random: Random) => String(Math.floor(random() ** 2 * limit));
const share = (random: Random) => decimal(random(), 1000);
const oneOf = (values: readonly string[]) => {
  const quoted = values.map((value) => JSON.stringify(value));
  // Squared, so that the first values are frequent and the last ones rare.
  return (random: Random) => quoted[Math.floor(random() ** 2 * quoted.length)] ?? "null";
};
/** Nothing in one of a hundred events. */
const sometimes = (draw: (random: Random) => string) => (random: Random) => (random() < 0.01 ? "null" : draw(random));

const countries = ["de", "fr", "it", "es", "nl", "pl", "at", "be", "se", "dk", "pt", "cz", "ie", "fi", "gr", "hu"];

const eightFeatures: readonly Feature[] = [
  { name: countedFeature, draw: amount(50) },
  { name: "age", draw: whole(90) },
  { name: "balance", draw: sometimes(amount(1500)) },
  { name: "tenure", draw: whole(240) },
  { name: "risk", draw: share },
  { name: "logins", draw: sometimes(whole(40)) },
  { name: "country", draw: oneOf(countries) },
  { name: "device", draw: oneOf(["ios", "android", "web"]) },
];

const twelveMore: readonly Feature[] = [
  { name: "velocity_1h", draw: whole(20) },
  { name: "velocity_24h", draw: whole(200) },
  { name: "distance_km", draw: sometimes(amount(12)) },
  { name: "ratio_30d", draw: share },
  { name: "limit_used", draw: share },
  { name: "days_open", draw: whole(4000) },
  { name: "refunds", draw: whole(5) },
  { name: "mean_30d", draw: amount(80) },
  { name: "max_30d", draw: sometimes(amount(400)) },
  { name: "merchant", draw: oneOf(["grocery", "travel", "fuel", "games", "dining", "health", "other"]) },
  { name: "entry", draw: oneOf(["chip", "tap", "online", "swipe"]) },
  { name: "currency", draw: sometimes(oneOf(["eur", "usd", "gbp", "sek", "pln"])) },
];

function featuresOf(width: Width): readonly Feature[] {
  return width === 8 ? eightFeatures : [...eightFeatures, ...twelveMore];
}

const hexWords = Array.from({ length: 65_536 }, (_, index) => index.toString(16).padStart(4, "0"));

/** A random UUID (version 4) out of seeded numbers. */
function uuid(random: Random): string {
  const word = (bits: number, fixed = 0) => hexWords[Math.floor(random() * 2 ** bits) + fixed] ?? "0000";
  return `${word(16)}${word(16)}-${word(16)}-${word(12, 0x4000)}-${word(14, 0x8000)}-${word(16)}${word(16)}${word(16)}`;
}
