// Written by scripts/generate.mjs from the files of this folder: do not edit.
import type { Target } from "../../core/delivery.ts";
import { webhook } from "./webhook.ts";

export const actions: readonly [Target, ...Target[]] = [webhook];
