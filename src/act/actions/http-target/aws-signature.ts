/** Signature Version 4 of AWS: the one way of signing that no header of a configuration can hold. */
import { createHash, createHmac } from "node:crypto";

export interface SigningKey {
  readonly region: string;
  readonly service: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

interface Signable {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();

/** RFC 3986: of `encodeURIComponent`'s exceptions only the unreserved ones stay. */
const encoded = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * The headers that a request needs beside its own: `x-amz-date`, `authorization`, and the session's token.
 *
 * @param nowMs the time of the attempt; AWS refuses what is five minutes off
 */
export function awsHeaders(request: Signable, key: SigningKey, nowMs: number): Record<string, string> {
  const url = new URL(request.url);
  const stamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = stamp.slice(0, 8);
  const added = {
    "x-amz-date": stamp,
    ...(key.sessionToken === undefined ? {} : { "x-amz-security-token": key.sessionToken }),
  };
  const all = new Map(
    Object.entries({ ...request.headers, ...added, host: url.host })
      .map(([name, value]): [string, string] => [name.toLowerCase(), value.trim().replace(/ +/g, " ")])
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
  const signed = [...all.keys()].join(";");
  const query = [...url.searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join("&");
  const canonical = [
    request.method,
    url.pathname.split("/").map(encoded).join("/"),
    query,
    ...[...all].map(([name, value]) => `${name}:${value}`),
    "",
    signed,
    sha256(request.body ?? ""),
  ].join("\n");
  const scope = `${day}/${key.region}/${key.service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", stamp, scope, sha256(canonical)].join("\n");
  const signingKey = [key.region, key.service, "aws4_request"].reduce(
    (secret, part) => hmac(secret, part),
    hmac(`AWS4${key.secretAccessKey}`, day),
  );
  const signature = createHmac("sha256", signingKey).update(toSign).digest("hex");
  return {
    ...added,
    authorization: `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
  };
}
