// Written by scripts/generate.mjs from the files of this folder: do not edit.
import type { Target } from "../../core/delivery.ts";
import { log } from "./log.ts";

export const channels: readonly [Target, ...Target[]] = [log];
