/**
 * What a message about an incident says, in parts and in plain text: each channel lays them out, escapes and cuts for its own medium.
 * All of it is made from the incident as it was when it was told, so that a retry says the same.
 */
import type { Picture } from "./picture/picture.ts";

export interface Fact {
  readonly label: string;
  readonly value: string;
}

/** A rule on a subject that takes part: a line of the message's table. */
export interface MovedSubject {
  /** "jensen-shannon of RELP", "accuracy". */
  readonly name: string;
  /** "0.71", "12.4 %"; "–" where there is none. */
  readonly value: string;
  /** "below 0.8". */
  readonly limit: string;
  /** The value as a part of the greatest one by the same measure in this message, 0..1; null where a length says nothing. */
  readonly part: number | null;
  /** One sentence that says all of it. */
  readonly sentence: string;
  readonly firing: boolean;
}

/** A value, or a range of values, whose share of the rows has changed. Shares are 0..1. */
export interface ChangedValue {
  readonly what: string;
  readonly before: number;
  readonly after: number;
}

export interface Link {
  readonly label: string;
  /** http or https. */
  readonly url: string;
}

export interface MessageContent {
  /** One sentence or two: what is wrong, without the transition. */
  readonly summary: string;
  /** Since when, how sure, how much it matters. */
  readonly facts: readonly Fact[];
  /** What takes part, the most telling first; all of it up to a limit. */
  readonly moved: readonly MovedSubject[];
  /** How many take part, those beyond the limit included. */
  readonly movedCount: number;
  readonly changed: readonly ChangedValue[];
  /** Sentences that explain. */
  readonly why: readonly string[];
  /** The incident's page first. */
  readonly links: readonly Link[];
  readonly pictures: readonly Picture[];
}
