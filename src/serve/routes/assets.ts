/** The page's few files, read once. They lie beside this code, in the sources and in the build alike. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { getRoute, noInput } from "../route.ts";

const folder = path.join(import.meta.dirname, "..", "assets");

export const styleSheet = (): string => readFileSync(path.join(folder, "style.css"), "utf8");

const TYPES = [
  ["style.css", "text/css; charset=utf-8"],
  ["theme.js", "text/javascript; charset=utf-8"],
  ["icon.svg", "image/svg+xml"],
] as const;

export const assetRoutes = TYPES.map(([file, type]) => {
  const text = readFileSync(path.join(folder, file), "utf8");
  return getRoute({
    path: `/assets/${file}`,
    summary: `The page's ${file}.`,
    audience: "page",
    produces: type,
    params: noInput,
    query: noInput,
    handle: () => ({ status: 200, type, body: text, headers: { "Cache-Control": "max-age=300" } }),
  });
});
