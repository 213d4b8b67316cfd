/** Sends one e-mail per notification over SMTP, as plain text with the same in HTML. The Message-ID is made from the delivery's id. */
import { createTransport } from "nodemailer";
import { z } from "zod";
import { type Delivery, defineTarget, type Notification } from "../../core/delivery.ts";

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
  description: "Sends an e-mail over SMTP.",
  options,
  open: ({ host, port, tls, user, password, from, to }) => {
    const domain = /@([^\s@<>]+)>?$/.exec(from)?.[1] ?? "driftline.invalid";
    return async (notification, signal) => {
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
      const abort = () => transport.close();
      signal.addEventListener("abort", abort, { once: true });
      try {
        const sending = transport.sendMail({
          from,
          to: [...to],
          subject: subject(notification),
          text: text(notification),
          html: html(notification),
          messageId: `<${notification.idempotencyKey}@${domain}>`,
          headers: {
            "X-Driftline-Incident": notification.incident.incident_id,
            "Auto-Submitted": "auto-generated",
          },
        });
        const info = await Promise.race([sending, aborted(signal)]);
        if (info === null) {
          sending.catch(() => undefined);
          return { status: "failed", retryable: true, reason: "no answer in time" };
        }
        const refused = info.rejected.length;
        return {
          status: "delivered",
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
function subject({ title }: Notification): string {
  const line = title.replace(/[\s\p{Cc}]+/gu, " ").trim();
  return line.length > SUBJECT_MAX ? `${line.slice(0, SUBJECT_MAX - 1)}…` : line;
}

function text({ title, lines, link }: Notification): string {
  return [title, "", ...lines, ...(link === "" ? [] : ["", link])].join("\n");
}

function html({ title, lines, link }: Notification): string {
  const items = lines.map((line) => `<li>${escapeHtml(line)}</li>`).join("");
  const more = /^https?:\/\//.test(link) ? `<p><a href="${escapeHtml(link)}">Open in Driftline</a></p>` : "";
  return `<!doctype html><meta charset="utf-8"><body style="font:15px/1.5 system-ui,sans-serif"><h1 style="font-size:18px">${escapeHtml(title)}</h1><ul>${items}</ul>${more}`;
}

function escapeHtml(raw: string): string {
  return raw
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    .replace(/'/g, "&#39;");
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
