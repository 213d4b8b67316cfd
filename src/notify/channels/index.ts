// Written by scripts/generate.mjs from the files of this folder: do not edit.
import type { Target } from "../../core/delivery.ts";
import { alertmanager } from "./alertmanager.ts";
import { cloudevents } from "./cloudevents.ts";
import { email } from "./email.ts";
import { kafka } from "./kafka.ts";
import { log } from "./log.ts";
import { pagerduty } from "./pagerduty.ts";
import { slack } from "./slack.ts";
import { teams } from "./teams.ts";
import { webhook } from "./webhook.ts";

export const channels: readonly [Target, ...Target[]] = [
  alertmanager,
  cloudevents,
  email,
  kafka,
  log,
  pagerduty,
  slack,
  teams,
  webhook,
];
