/**
 * SVG into PNG with resvg and the font Inter, which come as optional packages: where they are not installed, or have no build for the
 * machine, messages go without a picture, and that is said once.
 */
import { createRequire } from "node:module";
import path from "node:path";
import type { Theme } from "./palette.ts";
import type { Picture } from "./picture.ts";
import { pictureSvg } from "./svg.ts";

/** Code points that Inter does not draw: for these the machine's own fonts are looked through, which takes longer. */
const BEYOND_INTER = /[^\t\n\r\u0020-\u052f\u1e00-\u1fff\u2000-\u20cf\u2100-\u22ff]/;

export type DrawPng = (picture: Picture, theme: Theme, look?: Look) => Promise<Buffer | null>;

export interface Look {
  /** Pixels of the PNG per pixel of the picture; 2, so that it is sharp on dense screens. */
  readonly scale?: number;
  /** Pixels of paper around the picture; none, where the text around it leaves room. */
  readonly margin?: number;
}

type Resvg = typeof import("@resvg/resvg-js");
interface Renderer {
  readonly resvg: Resvg;
  readonly fontFiles: string[];
}

/**
 * Draws pictures; null where that is not possible, and never throws: a message without a picture is better than none.
 *
 * @param problem told once, in one sentence, where pictures can't be drawn on this machine
 * @param load what draws and with which fonts; throws where it is not installed
 */
export function createDrawPng(problem: (sentence: string) => void, load = loadRenderer): DrawPng {
  let loading: Promise<Renderer | null> | null = null;
  let told = false;
  const tell = (thrown: unknown) => {
    if (told) return null;
    told = true;
    const code = thrown instanceof Error && "code" in thrown ? ` (${String(thrown.code)})` : "";
    problem(`pictures can't be drawn on this machine, messages go without them${code}`);
    return null;
  };
  return async (picture, theme, { scale = 2, margin = 0 } = {}) => {
    loading ??= load().catch(tell);
    const renderer = await loading;
    if (renderer === null) return null;
    try {
      const svg = pictureSvg(picture, theme, margin);
      const image = await renderer.resvg.renderAsync(svg, {
        fitTo: { mode: "zoom", value: scale },
        font: { loadSystemFonts: BEYOND_INTER.test(svg), fontFiles: renderer.fontFiles, defaultFontFamily: "Inter" },
      });
      return image.asPng();
    } catch (thrown) {
      return tell(thrown);
    }
  };
}

async function loadRenderer(): Promise<Renderer> {
  const resvg = await import("@resvg/resvg-js");
  const fonts = path.dirname(createRequire(import.meta.url).resolve("@expo-google-fonts/inter/package.json"));
  const fontFiles = ["400Regular/Inter_400Regular.ttf", "600SemiBold/Inter_600SemiBold.ttf"];
  return { resvg, fontFiles: fontFiles.map((file) => path.join(fonts, file)) };
}
