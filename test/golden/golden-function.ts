/** What a kind of golden case is bound to: a function from its inputs and parameters to the numbers that its file names. */

export interface Given {
  /** Series (see test/support/golden.ts), counts and tables by their name in the file. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The result has at least the keys of `expected`; NaN and the infinities stand as numbers there, as strings in the file. */
export type GoldenFunction = (given: Given) => Readonly<Record<string, unknown>>;

/** The functions of a family of kinds, by kind. */
export type Family = Readonly<Record<string, GoldenFunction>>;
