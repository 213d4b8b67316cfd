/** A local SMTP server that keeps every mail it accepts, parsed. */
import type { Socket } from "node:net";
import { simpleParser } from "mailparser";
import { SMTPServer, type SMTPServerSession } from "smtp-server";
import { until } from "./http-receiver.ts";

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly messageId: string;
  readonly headers: readonly string[];
}

export interface SmtpReceiver extends AsyncDisposable {
  readonly port: number;
  readonly mails: readonly ReceivedMail[];
  /** The same as they came over the wire. */
  readonly raw: readonly Buffer[];
  /** Connections so far, those that came to nothing included. */
  connections(): number;
  waitFor(count: number, ms?: number): Promise<void>;
}

/** What becomes of the n-th mail (from 0): accepted, refused with an SMTP status, cut off, or left without an answer. */
export type SmtpAnswer = "accept" | number | "reset" | "hang";

export async function startSmtpReceiver(answer: (index: number) => SmtpAnswer = () => "accept"): Promise<SmtpReceiver> {
  const mails: ReceivedMail[] = [];
  const raws: Buffer[] = [];
  let connections = 0;
  const keep = async (raw: Buffer, { envelope }: SMTPServerSession) => {
    raws.push(raw);
    const mail = await simpleParser(raw);
    mails.push({
      from: envelope.mailFrom === false ? "" : envelope.mailFrom.address,
      to: envelope.rcptTo.map((recipient) => recipient.address),
      subject: mail.subject ?? "",
      text: mail.text ?? "",
      html: typeof mail.html === "string" ? mail.html : "",
      messageId: mail.messageId ?? "",
      headers: mail.headerLines.map((header) => header.key),
    });
  };
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS"],
    authOptional: true,
    disableReverseLookup: true,
    closeTimeout: 100,
    onConnect(_session, callback) {
      const what = answer(connections++);
      if (what === "hang" || what === "reset") return;
      callback();
    },
    onAuth(_auth, _session, callback) {
      callback(Object.assign(new Error("no such user"), { responseCode: 535 }));
    },
    onData(stream, session, callback) {
      const what = answer(connections - 1);
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        if (typeof what === "number") return callback(Object.assign(new Error("refused"), { responseCode: what }));
        // The server is answered from outside the promise, so that what it throws is not taken for a parser's error.
        void keep(Buffer.concat(chunks), session).finally(() => setImmediate(callback));
      });
    },
  });
  server.on("error", () => undefined);
  let accepted = 0;
  server.server.on("connection", (socket: Socket) => {
    if (answer(accepted++) === "reset") socket.resetAndDestroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.server.address();
  if (address === null || typeof address === "string") throw new Error("the receiver has no port");
  return {
    port: address.port,
    mails,
    raw: raws,
    connections: () => connections,
    waitFor: (count, ms = 20_000) =>
      until(
        () => mails.length >= count,
        ms,
        () => `${count} mails; there were ${mails.length}`,
      ),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
