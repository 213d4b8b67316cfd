/** What people are told of retrainings: that one waits for their approval, and what has gone wrong with one. */
import { plainName, plainTime } from "../alert/incident-text.ts";
import type { Notification, PlannedDelivery } from "../core/delivery.ts";
import { contentUuid } from "../core/identity.ts";
import type { Incident } from "../core/incident.ts";
import type { Link, MessageContent } from "../core/message.ts";
import type { Retraining } from "../core/retraining.ts";
import type { NamedAction } from "./named-actions.ts";

const channelTarget = (name: string): string => `channel ${name}`;

const purposeWord = ({ rules }: NamedAction): string => (rules.does === "retrain" ? "Retraining" : "Rollback");

/** Asks a channel for approval. The link holds a token: it is the only place where it stands. */
export function approvalMessage(of: {
  readonly channel: string;
  readonly action: NamedAction;
  /** As far as it is the model's. */
  readonly incident: Incident;
  readonly sequence: number;
  readonly link: string;
  readonly until: number;
}): PlannedDelivery {
  const { incident, sequence } = of;
  const { name } = of.action;
  const target = channelTarget(of.channel);
  const deliveryId = contentUuid("approval", incident.incident_id, of.action.target, target);
  return {
    deliveryId,
    kind: "channel",
    target,
    sequence,
    notification: {
      idempotencyKey: deliveryId,
      transition: "retraining",
      incident,
      title: `Approve ${purposeWord(of.action).toLowerCase()} of ${plainName(incident.model)}? ${incident.title}`,
      lines: [
        `The action ${plainName(name)} waits for your approval until ${plainTime(of.until)}.`,
        "The link can be used once; whoever opens it is asked before anything happens.",
      ],
      link: of.link,
      content: contentOf(`The action ${plainName(name)} waits for your approval.`, [
        { label: "Approve or reject", url: of.link },
      ]),
    },
  };
}

/** A message about an incident without its picture: what moved is told elsewhere. */
function contentOf(summary: string, links: readonly Link[]): MessageContent {
  return { summary, facts: [], moved: [], movedCount: 0, changed: [], why: [], links, pictures: [] };
}

/** News of a retraining, once a channel and kind of news. */
export function newsMessage(of: {
  readonly channel: string;
  readonly retraining: Retraining;
  readonly action: NamedAction;
  readonly news: "waiting" | "given_up" | "timed_out" | "failed" | "expired";
  readonly text: string;
  readonly notification: Notification;
  readonly sequence: number;
}): PlannedDelivery {
  const target = channelTarget(of.channel);
  const { retraining_id, model, action } = of.retraining;
  const what = purposeWord(of.action);
  const deliveryId = contentUuid("retraining news", retraining_id, of.news, target);
  const { incident, link } = of.notification;
  return {
    deliveryId,
    kind: "channel",
    target,
    sequence: of.sequence,
    notification: {
      idempotencyKey: deliveryId,
      transition: "retraining",
      incident,
      title: `${what} of ${plainName(model)} (${plainName(action)}): ${of.text}`,
      lines: [`Because of: ${incident.title}`],
      link,
      content: contentOf(`${of.text}.`, link === "" ? [] : [{ label: "Open the incident", url: link }]),
    },
  };
}
