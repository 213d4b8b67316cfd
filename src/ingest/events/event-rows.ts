/**
 * Where decoded events are put: columns that are filled row by row and kept between batches, because one small object per event
 * would cost more than reading it. A row counts once `rows` is raised; until then it may be written over.
 */
import type { DeadLetter, MessageEnvelope, Position } from "../../core/event.ts";
import type { HalfSide } from "../../core/half.ts";
import type { FeatureColumn, ModelSchema } from "../../core/model-schema.ts";

export type Pairs<Value> = readonly (readonly [string, Value])[];

const NONE: readonly never[] = [];
const FIRST_CAPACITY = 1024;

const NO_VECTOR = new Float32Array(0);

/** Values of one feature: numbers with NaN for missing, text with null for missing, or vectors, of which a missing one is empty. */
export class FeatureValues {
  readonly feature: FeatureColumn;
  readonly numeric: boolean;
  readonly categorical: boolean;
  numbers: Float64Array;
  texts: (string | null)[] = [];
  /** In 32 bits, so that a batch of vectors takes no more than their text. */
  vectors: Float32Array[] = [];

  constructor(feature: FeatureColumn) {
    this.feature = feature;
    this.numeric = feature.kind === "numeric";
    this.categorical = feature.kind === "categorical";
    this.numbers = new Float64Array(this.numeric ? FIRST_CAPACITY : 0);
  }

  setMissing(row: number): void {
    if (this.numeric) this.numbers[row] = Number.NaN;
    else if (this.categorical) this.texts[row] = null;
    else this.vectors[row] = NO_VECTOR;
  }

  /** Lets go of what a stored batch held; numbers are written over. */
  clear(): void {
    this.vectors = [];
  }

  reserve(rows: number): void {
    if (!this.numeric || this.numbers.length >= rows) return;
    const grown = new Float64Array(Math.max(rows, this.numbers.length * 2));
    grown.set(this.numbers);
    this.numbers = grown;
  }
}

/** Notes where a row came from. */
export function placeRow(
  rows: RowOrigins,
  row: number,
  { source, partition, offset }: Position,
  message: number,
): void {
  rows.message[row] = message;
  rows.source[row] = source;
  rows.partition[row] = partition;
  rows.offset[row] = offset;
}

/** Where each row came from. `message` is the index in the batch of the message it was read from. */
interface RowOrigins {
  readonly message: number[];
  readonly source: string[];
  readonly partition: number[];
  readonly offset: number[];
}

/** The predictions of one model in a batch. Arrays may be longer than `rows`. */
export class PredictionRows implements RowOrigins {
  readonly schema: ModelSchema;
  readonly features: readonly FeatureValues[];
  rows = 0;
  readonly message: number[] = [];
  readonly source: string[] = [];
  readonly partition: number[] = [];
  readonly offset: number[] = [];
  readonly id: string[] = [];
  readonly version: string[] = [];
  readonly variant: string[] = [];
  /** '' where the event has none; used only where the model's labels are joined by entity. */
  readonly entity: string[] = [];
  readonly timestamp: number[] = [];
  readonly prediction: number[] = [];
  readonly predictionText: string[] = [];
  readonly score: number[] = [];
  readonly probabilities: Pairs<number>[] = [];
  readonly segments: Pairs<string>[] = [];
  readonly attributions: Pairs<number>[] = [];
  readonly invalid: (readonly string[])[] = [];
  readonly extra: Pairs<string>[] = [];
  /** False while every row is empty: such a column need not be sent. */
  readonly used = { probabilities: false, segments: false, attributions: false, invalid: false, extra: false };

  constructor(schema: ModelSchema) {
    this.schema = schema;
    this.features = schema.features.map((feature) => new FeatureValues(feature));
  }

  /** Makes the next row writable, with nothing in its optional columns. */
  begin(): number {
    const row = this.rows;
    this.probabilities[row] = NONE;
    this.segments[row] = NONE;
    this.attributions[row] = NONE;
    this.invalid[row] = NONE;
    this.extra[row] = NONE;
    const first = this.features[0];
    // All features grow at once, so the first one is looked at for all, unless it is text.
    if (first !== undefined && (!first.numeric || first.numbers.length <= row))
      for (const feature of this.features) feature.reserve(row + 1);
    return row;
  }

  clear(): void {
    this.rows = 0;
    for (const feature of this.features) feature.clear();
    this.used.probabilities = false;
    this.used.segments = false;
    this.used.attributions = false;
    this.used.invalid = false;
    this.used.extra = false;
  }
}

/** The labels of all models in a batch. `id` is that of the prediction, or the key of the entity where labels are joined by it. */
export class LabelRows implements RowOrigins {
  rows = 0;
  readonly message: number[] = [];
  readonly source: string[] = [];
  readonly partition: number[] = [];
  readonly offset: number[] = [];
  readonly model: string[] = [];
  readonly version: string[] = [];
  readonly id: string[] = [];
  readonly timestamp: number[] = [];
  readonly label: number[] = [];
  readonly labelText: string[] = [];

  clear(): void {
    this.rows = 0;
  }
}

/** The halves of calls in a batch: one message each. */
export class HalfRows implements RowOrigins {
  rows = 0;
  readonly message: number[] = [];
  readonly source: string[] = [];
  readonly partition: number[] = [];
  readonly offset: number[] = [];
  readonly exchange: string[] = [];
  readonly id: string[] = [];
  readonly side: HalfSide[] = [];
  readonly timestamp: number[] = [];
  readonly format: string[] = [];
  /** What it says of the events, as JSON. */
  readonly body: string[] = [];

  clear(): void {
    this.rows = 0;
  }
}

/** A dead letter and the message of the batch that it was. */
export interface DeadRow extends DeadLetter {
  readonly message: number;
}

/** All rows of a batch. */
export class EventRows {
  readonly predictions: ReadonlyMap<string, PredictionRows>;
  readonly labels = new LabelRows();
  /** Labels that carry no id. */
  readonly entityLabels = new LabelRows();
  readonly halves = new HalfRows();
  readonly dead: DeadRow[] = [];
  /** Features beyond what one event may bring along unasked (see feature-reader.ts), in all events of the batch. */
  droppedExtras = 0;

  constructor(schemas: Iterable<ModelSchema>) {
    this.predictions = new Map([...schemas].map((schema) => [schema.model, new PredictionRows(schema)]));
  }

  /** Puts a message, or one event of it, among the dead letters. `raw` is cut to what may be kept of it. */
  bury(
    position: Position & MessageEnvelope,
    message: number,
    why: Pick<DeadLetter, "item" | "format" | "reason" | "detail" | "raw">,
  ): void {
    const { source, partition, offset, receivedMs, headers, key, identity } = position;
    const { item, format, reason, detail, raw } = why;
    // Where nothing is kept of the content, nothing is of what came with it.
    const envelope: MessageEnvelope =
      raw.length === 0
        ? {}
        : {
            ...(receivedMs === undefined ? {} : { receivedMs }),
            ...(headers === undefined ? {} : { headers }),
            ...(key === undefined ? {} : { key }),
            ...(identity === undefined ? {} : { identity }),
          };
    this.dead.push({ source, partition, offset, message, item, format, reason, detail, raw, envelope });
  }

  get events(): number {
    let rows = this.labels.rows + this.entityLabels.rows + this.halves.rows;
    for (const model of this.predictions.values()) rows += model.rows;
    return rows;
  }

  clear(): void {
    for (const model of this.predictions.values()) model.clear();
    this.labels.clear();
    this.entityLabels.clear();
    this.halves.clear();
    this.dead.length = 0;
    this.droppedExtras = 0;
  }
}
