/** The formats of files that are read, and the endings that tell them: sources and references read the same. */
import path from "node:path";

export type FileFormat = "Parquet" | "CSVWithNames" | "JSONEachRow";

const ENDINGS: Readonly<Record<string, FileFormat>> = {
  ".parquet": "Parquet",
  ".csv": "CSVWithNames",
  ".ndjson": "JSONEachRow",
  ".jsonl": "JSONEachRow",
  ".json": "JSONEachRow",
};

/** The format that a file's ending tells, or undefined. */
export const formatByEnding = (file: string): FileFormat | undefined => ENDINGS[path.extname(file).toLowerCase()];
