/**
 * Pictures that go along with a message, as numbers: they are small, are kept with the message, and are drawn where they are needed.
 * The same numbers draw the same picture, so that a retry shows what the first attempt showed.
 */

/** A window's numbers over the reference's: shares of events in equally wide columns. */
export interface HistogramPicture {
  readonly kind: "histogram";
  readonly title: string;
  readonly from: number;
  readonly to: number;
  readonly reference: readonly number[];
  readonly window: readonly number[];
}

/** The values of a category whose shares moved most. */
export interface CategoriesPicture {
  readonly kind: "categories";
  readonly title: string;
  readonly rows: readonly { readonly label: string; readonly reference: number; readonly window: number }[];
}

/** A number per window over time. Times in milliseconds since 1970 UTC. */
export interface SeriesPicture {
  readonly kind: "series";
  readonly title: string;
  readonly points: readonly { readonly at: number; readonly value: number | null }[];
  readonly limit: number | null;
  /** What the reference showed. */
  readonly reference: number | null;
  /** An estimate before labels is drawn as one. */
  readonly estimated: boolean;
  /** Since when it is so. */
  readonly onset: number | null;
}

export type Picture = HistogramPicture | CategoriesPicture | SeriesPicture;

/** One sentence for those who can't see it. */
export function pictureWords(picture: Picture): string {
  if (picture.kind === "series") {
    const known = picture.points.flatMap(({ value }) => (value === null ? [] : [value]));
    const [first, last] = [known[0], known.at(-1)];
    const way = first === undefined || last === undefined ? "" : ` from ${figure(first)} to ${figure(last)}`;
    return `${picture.title}${way}${picture.limit === null ? "" : `; the limit is ${figure(picture.limit)}`}`;
  }
  if (picture.kind === "categories") {
    const moved = picture.rows.slice(0, 3).map((row) => `${row.label} ${share(row.reference)} to ${share(row.window)}`);
    return `${picture.title}: ${moved.join(", ")}`;
  }
  return `${picture.title}, from ${figure(picture.from)} to ${figure(picture.to)}`;
}

/** At most four significant digits. */
export function figure(value: number): string {
  const rounded = Number(value.toPrecision(4));
  return String(Number.isFinite(rounded) ? rounded : value);
}

/** A share in per cent: whole ones from 10 % on, one decimal below; what is not zero never reads 0 %. */
export function share(value: number): string {
  const percent = value * 100;
  if (value > 0 && percent < 0.05) return "< 0.1 %";
  return `${percent >= 9.95 ? Math.round(percent) : Number(percent.toFixed(1))} %`;
}
