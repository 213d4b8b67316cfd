/**
 * Posts an Adaptive Card to a Microsoft Teams workflow ("when a webhook request is received"). Texts are runs, which Teams shows as they
 * are: in its other blocks a name from an event could be Markdown.
 */
import { z } from "zod";
import { defineTarget, isDigest, isOver, type Notification, type TargetTools } from "../../core/delivery.ts";
import {
  type DigestMessage,
  deadLetterSentence,
  groupsOf,
  HEADS_WORDS,
  headText,
  quietSentence,
} from "../../core/digest.ts";
import { postOnce } from "../../core/http-delivery.ts";
import { secretUrl } from "../../core/http-options.ts";
import type { Link } from "../../core/message.ts";
import { pictureWords, share } from "../../core/picture/picture.ts";
import { cutText } from "../../core/plain-text.ts";

/** Teams takes about 28 KB in all; some is left for what the workflow adds. */
const BYTES_MAX = 26_000;
const TEXT_MAX = 1000;
const NAMED_MAX = 20;
const CHANGED_MAX = 6;
const DIGEST_MODELS_MAX = 30;
const DIGEST_ENTRIES_MAX = 8;
const SMALL = { size: "small", isSubtle: true } as const;

export const teams = defineTarget({
  name: "teams",
  title: "Microsoft Teams",
  description:
    "Posts an Adaptive Card (1.4) to the address of a Teams workflow that begins with a webhook request. Teams can't update a card: each change is a card of its own.",
  options: z.strictObject({
    url: secretUrl("Address of the workflow; it holds a signature, so it is shown nowhere."),
  }),
  takes: ["incident", "digest"],
  open: ({ url }, tools) => {
    return async (told, signal) => {
      const body = isDigest(told) ? fittingDigest(told) : await fittingMessage(told, tools);
      return await postOnce(
        fetch,
        { url, headers: { "content-type": "application/json", "idempotency-key": told.idempotencyKey }, body },
        signal,
      );
    };
  },
});

/** As much as fits: the picture goes first, then names. */
async function fittingMessage(notification: Notification, tools: TargetTools): Promise<string> {
  const picture = await pictureBlock(notification, tools);
  let named = NAMED_MAX;
  let text = message(card(notification, named, picture));
  if (Buffer.byteLength(text) > BYTES_MAX) text = message(card(notification, named, []));
  while (Buffer.byteLength(text) > BYTES_MAX && named > 0) {
    named = Math.floor(named / 2);
    text = message(card(notification, named, []));
  }
  return text;
}

const message = (content: Record<string, unknown>): string =>
  JSON.stringify({
    type: "message",
    attachments: [{ contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content }],
  });

type Block = Readonly<Record<string, unknown>>;

function card(notification: Notification, named: number, picture: readonly Block[]): Record<string, unknown> {
  const { title, lines, content, incident } = notification;
  const colour = isOver(notification) ? "good" : incident.severity === "page" ? "attention" : "warning";
  const sentences = content?.moved.map(({ sentence }) => sentence) ?? lines;
  const shown = sentences.slice(0, named);
  const left = (content?.movedCount ?? sentences.length) - shown.length;
  return adaptiveCard(
    [
      paragraph([run(title, { weight: "bolder", size: "large", color: colour })]),
      ...(content === undefined ? [] : [paragraph([run(content.summary)])]),
      ...(content?.facts ?? []).map(({ label, value }) =>
        paragraph([run(`${label}: `, { weight: "bolder" }), run(value)]),
      ),
      ...picture,
      ...list("What takes part", [...shown, ...(left > 0 ? [`and ${left} more`] : [])]),
      ...list(
        "What changed",
        (content?.changed ?? [])
          .slice(0, CHANGED_MAX)
          .map(({ what, before, after }) => `${what}: ${share(before)} to ${share(after)}`),
      ),
      ...list("Why", content?.why ?? []),
    ],
    content?.links ?? [],
  );
}

function adaptiveCard(body: readonly Block[], links: readonly Link[]): Record<string, unknown> {
  const actions = links.map(({ label, url }) => ({ type: "Action.OpenUrl", title: label, url }));
  return {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    msteams: { width: "Full" },
    body,
    ...(actions.length === 0 ? {} : { actions }),
  };
}

/** As many models, and of each as many entries, as fit. */
function fittingDigest(digest: DigestMessage): string {
  let [models, entries] = [DIGEST_MODELS_MAX, DIGEST_ENTRIES_MAX];
  let text = message(digestCard(digest, models, entries));
  while (Buffer.byteLength(text) > BYTES_MAX && models > 0) {
    if (entries > 1) entries = Math.ceil(entries / 2);
    else models = Math.floor(models / 2);
    text = message(digestCard(digest, models, entries));
  }
  return text;
}

function digestCard(
  { title, period, digest }: DigestMessage,
  models: number,
  entries: number,
): Record<string, unknown> {
  const shown = digest.models.items.slice(0, models);
  const left = digest.models.count - shown.length;
  const rest = [
    ...(left > 0 ? [`and ${left} more ${left === 1 ? "model" : "models"}`] : []),
    quietSentence(digest.quiet, entries),
    deadLetterSentence(digest.dead_letters),
  ].filter((sentence) => sentence !== "");
  return adaptiveCard(
    [
      paragraph([run(title, { weight: "bolder", size: "large" })]),
      paragraph([run(period)]),
      paragraph([run(digest.summary)]),
      ...shown.flatMap((model) => [
        paragraph([run(model.model, { weight: "bolder", size: "medium" })], "large"),
        ...groupsOf(model, entries).flatMap(({ heading, entries: told, more }) =>
          list(heading, [...told.map(({ sentence }) => sentence), ...(more > 0 ? [`and ${more} more`] : [])]),
        ),
      ]),
      ...rest.map((sentence) => paragraph([run(sentence)], "medium")),
      ...(digest.audit_heads.length === 0 ? [] : [paragraph([run(HEADS_WORDS, SMALL)], "large")]),
      ...digest.audit_heads.map((head) => paragraph([run(headText(head), SMALL)], "none")),
    ],
    digest.links,
  );
}

const run = (text: string, style: Readonly<Record<string, string | boolean>> = {}): Block => ({
  type: "TextRun",
  text: cutText(text, TEXT_MAX),
  ...style,
});
const paragraph = (inlines: readonly Block[], spacing = "small"): Block => ({
  type: "RichTextBlock",
  spacing,
  inlines,
});

function list(heading: string, items: readonly string[]): Block[] {
  if (items.length === 0) return [];
  return [
    paragraph([run(heading, { weight: "bolder" })], "medium"),
    ...items.map((item) => paragraph([run(`• ${item}`)], "none")),
  ];
}

/** Inside the card, since Teams reaches no picture that lies with the service; at half the pixels, for the limit. */
async function pictureBlock({ content }: Notification, { draw }: TargetTools): Promise<Block[]> {
  const picture = content?.pictures[0];
  const png = picture === undefined ? null : ((await draw?.(picture, "light", { scale: 1, margin: 12 })) ?? null);
  if (picture === undefined || png === null) return [];
  return [
    {
      type: "Image",
      url: `data:image/png;base64,${png.toString("base64")}`,
      altText: pictureWords(picture),
      width: "584px",
    },
  ];
}
