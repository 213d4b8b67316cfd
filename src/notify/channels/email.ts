/**
 * Sends one e-mail per message over SMTP, as plain text and as HTML with its pictures inside. The Message-ID is made from the
 * delivery's id; later mails of an incident answer the first, so that mail programs show them as one conversation.
 */
import { createTransport } from "nodemailer";
import { z } from "zod";
import { type Delivery, defineTarget, type HumanMessage, isDigest, type Notification } from "../../core/delivery.ts";
import { pictureWords } from "../../core/picture/picture.ts";
import type { DrawPng } from "../../core/picture/png.ts";
import { cutText, oneLine } from "../../core/plain-text.ts";
import { digestHtml } from "./email/digest-html.ts";
import { digestText } from "./email/digest-text.ts";
import { type InlinePicture, mailHtml } from "./email/html.ts";
import { mailText } from "./email/text.ts";

const SUBJECT_MAX = 200;
const CONNECT_MS = 10_000;

const address = z
  .string()
  .regex(
    /^[^\r\n\0]*[^\s@<>\r\n\0]+@[^\s@<>\r\n\0]+>?$/,
    'an address such as oncall@example.com or "Name <oncall@example.com>"',
  )
  .describe("E-mail address.");

const options = z.strictObject({
  host: z.string().min(1).describe("SMTP server."),
  port: z.int().min(1).max(65535).default(587).describe("Its port."),
  tls: z
    .enum(["starttls", "always", "never"])
    .default("starttls")
    .describe(
      "`starttls` refuses a server that does not offer it, `always` is TLS from the first byte (port 465), `never` sends in the clear.",
    ),
  user: z.string().optional().describe("User, where the server asks for one."),
  password: z.string().min(1).meta({ secret: true }).optional().describe("Password."),
  from: address.describe("Sender."),
  to: z.array(address).min(1).max(100).describe("Recipients; all see each other."),
});

export const email = defineTarget({
  name: "email",
  title: "E-mail",
  description: "Sends an e-mail over SMTP, as text and as HTML with the pictures inside, for light and dark screens.",
  options,
  takes: ["incident", "digest"],
  open: ({ host, port, tls, user, password, from, to }, { draw }) => {
    const domain = /@([^\s@<>]+)>?$/.exec(from)?.[1] ?? "driftline.invalid";
    return async (message, signal, thread) => {
      const messageId = `<${message.idempotencyKey}@${domain}>`;
      const transport = createTransport({
        host,
        port,
        secure: tls === "always",
        requireTLS: tls === "starttls",
        ignoreTLS: tls === "never",
        connectionTimeout: CONNECT_MS,
        greetingTimeout: CONNECT_MS,
        socketTimeout: CONNECT_MS,
        ...(user === undefined
          ? {}
          : {
              auth: {
                user,
                pass: password ?? "",
              },
            }),
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      const body = await bodyOf(message, draw);
      const abort = () => transport.close();
      signal.addEventListener("abort", abort, { once: true });
      try {
        const sending = transport.sendMail({
          from,
          to: [...to],
          subject: subject(message),
          messageId,
          ...(thread === undefined ? {} : { inReplyTo: thread, references: thread }),
          ...body,
        });
        const info = await Promise.race([sending, aborted(signal)]);
        if (info === null) {
          sending.catch(() => undefined);
          return { status: "failed", retryable: true, reason: "no answer in time" };
        }
        const refused = info.rejected.length;
        return {
          status: "delivered",
          thread: thread ?? messageId,
          receipt: refused === 0 ? info.response.slice(0, 200) : `${refused} of ${to.length} recipients were refused`,
        };
      } catch (thrown) {
        return failure(thrown);
      } finally {
        signal.removeEventListener("abort", abort);
        transport.close();
      }
    };
  },
});

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(null);
    signal.addEventListener("abort", () => resolve(null), { once: true });
  });
}

/** One line: a line break in a name must not begin a header. */
const subject = ({ title }: HumanMessage): string => cutText(oneLine(title), SUBJECT_MAX);

async function bodyOf(message: HumanMessage, draw: DrawPng | undefined) {
  const automatic = { "Auto-Submitted": "auto-generated" };
  if (isDigest(message)) {
    const headers = { "X-Driftline-Digest": oneLine(message.digest.name), ...automatic };
    return { text: digestText(message), html: digestHtml(message), headers };
  }
  const { pictures, attachments } = await inlinePictures(message, draw);
  return {
    text: mailText(message),
    html: mailHtml(message, pictures),
    attachments,
    headers: { "X-Driftline-Incident": message.incident.incident_id, ...automatic },
  };
}

/** Each picture twice, on light and on dark paper; none where they can't be drawn. */
async function inlinePictures({ content, idempotencyKey }: Notification, draw: DrawPng | undefined) {
  const pictures: InlinePicture[] = [];
  const attachments: Attachment[] = [];
  for (const [index, picture] of (content?.pictures ?? []).entries()) {
    const light = (await draw?.(picture, "light")) ?? null;
    const dark = (await draw?.(picture, "dark")) ?? null;
    if (light === null || dark === null) continue;
    const attach = (png: Buffer, name: string): string => {
      const cid = `${name}-${index + 1}-${idempotencyKey}@driftline`;
      attachments.push({
        cid,
        content: png,
        filename: `${name}-${index + 1}.png`,
        contentType: "image/png",
        contentDisposition: "inline",
      });
      return cid;
    };
    pictures.push({
      light: attach(light, picture.kind),
      dark: attach(dark, `${picture.kind}-dark`),
      words: pictureWords(picture),
    });
  }
  return { pictures, attachments };
}

interface Attachment {
  readonly cid: string;
  readonly content: Buffer;
  readonly filename: string;
  readonly contentType: string;
  readonly contentDisposition: "inline";
}

/** SMTP: 4xx passes, 5xx does not; what never got an answer may pass. Only codes are told: answers may repeat addresses and users. */
function failure(thrown: unknown): Delivery {
  const code = thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
  const status =
    thrown instanceof Error && "responseCode" in thrown && typeof thrown.responseCode === "number"
      ? thrown.responseCode
      : 0;
  if (status >= 400)
    return { status: "failed", retryable: status < 500, reason: `SMTP ${status}${code === "" ? "" : ` (${code})`}` };
  const lasting = code === "EAUTH" || code === "EENVELOPE" || code === "EMESSAGE";
  return {
    status: "failed",
    retryable: !lasting,
    reason: code === "" ? "the message could not be sent" : `the message could not be sent (${code})`,
  };
}
