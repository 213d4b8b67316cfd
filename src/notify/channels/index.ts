// Written by scripts/generate.mjs from the files of this folder: do not edit.
import type { Target } from "../../core/delivery.ts";
import { email } from "./email.ts";
import { log } from "./log.ts";
import { slack } from "./slack.ts";
import { webhook } from "./webhook.ts";

export const channels: readonly [Target, ...Target[]] = [email, log, slack, webhook];
