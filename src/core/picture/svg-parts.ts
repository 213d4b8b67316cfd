/** Pieces that every picture is made of. */
import { cutText } from "../plain-text.ts";
import type { Palette } from "./palette.ts";

/** Pixels: what fits the text column of an e-mail. */
export const WIDTH = 560;

export interface Frame {
  readonly colours: Palette;
  /** Pixels of paper around the picture. */
  readonly margin: number;
}

/** A whole picture of `height` pixels, and its margin around it. */
export function svg({ colours, margin }: Frame, height: number, parts: readonly string[]): string {
  const [wide, high] = [WIDTH + 2 * margin, height + 2 * margin];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${high}" viewBox="${-margin} ${-margin} ${wide} ${high}" font-family="Inter"><rect x="${-margin}" y="${-margin}" width="${wide}" height="${high}" fill="${colours.paper}"/>${parts.join("")}</svg>`;
}

interface TextStyle {
  readonly fill: string;
  readonly size: number;
  readonly anchor?: "start" | "middle" | "end";
  readonly bold?: boolean;
  /** Pixels that it may take: cut to about that. */
  readonly width?: number;
  /** Drawn around it in this colour, so that it can be read on a line. */
  readonly halo?: string;
}

/** About the width of a character over its size; names are cut by it, so it may be too large and not too small. */
const CHARACTER = 0.62;

export function text(x: number, y: number, words: string, style: TextStyle): string {
  const { fill, size, anchor = "start", bold = false, width, halo } = style;
  const cut = width === undefined ? words : cutText(words, Math.floor(width / (size * CHARACTER)));
  const around =
    halo === undefined ? "" : ` stroke="${halo}" stroke-width="4" stroke-linejoin="round" paint-order="stroke"`;
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" fill="${fill}" text-anchor="${anchor}"${bold ? ' font-weight="600"' : ""}${around}>${escapeXml(cut)}</text>`;
}

/** Characters that XML has no place for are left out: one of them would make the whole picture unreadable. */
function escapeXml(raw: string): string {
  return raw
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}
