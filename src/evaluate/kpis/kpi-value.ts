/** What a family of KPIs answers for one window. */

type DetailValue = number | string | boolean | null | readonly (readonly number[])[] | DetailObject;
interface DetailObject {
  readonly [key: string]: DetailValue;
}

export type KpiValue =
  | {
      readonly status: "ok";
      readonly value: number;
      readonly lower?: number | undefined;
      readonly upper?: number | undefined;
      /** Rows that bear on it. */
      readonly n: number;
      /** What the value must not fall below where the user has set no limit. */
      readonly floor?: number | undefined;
      /** What the value must not rise above where the user has set no limit. */
      readonly ceiling?: number | undefined;
      /** Of an estimate: how far from the realised value it may lie without being wrong. */
      readonly tolerance?: number | undefined;
      readonly detail?: Readonly<Record<string, DetailValue>> | undefined;
    }
  | {
      readonly status: "insufficient" | "error";
      readonly n: number;
      readonly reason: string;
      readonly detail?: Readonly<Record<string, number | string | null>> | undefined;
    };

export const undefinedKpi = (n: number, reason: string): KpiValue => ({ status: "insufficient", n, reason });

/** Share of labels from which a value that needs them is judged, where the user has set nothing. */
export const LEAST_COVERAGE = 0.8;

/** Why a value is shown and not judged: too few labels. */
export const notJudged = (coverage: number, needed: number): { readonly not_judged: string } => ({
  not_judged: `${coverage} of the predictions have a label; ${needed} are needed.`,
});

/** 97.5 % point of the normal distribution, for intervals of 95 %. */
export const Z95 = 1.959963984540054;

/** A number of fixed point that SQL has summed exactly, as text. */
export const fromFixed = (sum: string, scale: number): number => Number(BigInt(sum)) / scale;
