/** Takes the content codings off a captured body, away from the event loop. */
import { promisify } from "node:util";
import zlib from "node:zlib";

/** Bytes of a body that is taken out of its coding, at most: a small body can be made to unfold to gigabytes. */
const DECODED_BYTES_MAX = 32 * 1024 * 1024;

const limits = { maxOutputLength: DECODED_BYTES_MAX };
const decoders: Readonly<Record<string, (body: Buffer) => Promise<Buffer>>> = {
  gzip: (body) => promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip)(body, limits),
  deflate: (body) => promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflate)(body, limits),
  br: (body) => promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress)(body, limits),
};

/** The body without its codings; null where one is unknown, or the body is not what it says. */
export async function decodeBody(body: Buffer, contentEncoding: string): Promise<Buffer | null> {
  const codings = contentEncoding
    .toLowerCase()
    .split(",")
    .map((coding) => coding.trim().replace(/^x-gzip$/, "gzip"))
    .filter((coding) => coding !== "" && coding !== "identity");
  let decoded = body;
  for (const coding of codings.reverse()) {
    const decode = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined;
    if (decode === undefined) return null;
    try {
      decoded = await decode(decoded);
    } catch {
      // Torn, or too long: counted by the caller.
      return null;
    }
  }
  return decoded;
}
