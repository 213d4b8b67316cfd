/**
 * Decompresses the record batches of Kafka: gzip, snappy (raw, and in the framing that Java producers write), lz4
 * frames and zstd. Output is bounded, so that a small batch can't blow up the memory.
 */
import { gunzipSync } from "node:zlib";
import { Decompress } from "fzstd";
import { decompressBlock } from "lz4js";
import { uncompress } from "snappyjs";

/** A batch that grows beyond this is refused: brokers take 1 MB compressed by default, and text shrinks 5-20 times. */
const maxOutputBytes = 256 * 1024 * 1024;

/** By the codec's number, as the attributes of a record batch carry it. */
const codecs: readonly (((input: Buffer) => Buffer) | undefined)[] = [
  undefined,
  (input) => gunzipSync(input, { maxOutputLength: maxOutputBytes }),
  snappy,
  lz4,
  zstd,
];

/** Decompresses what `codec` (1-4) compressed. Throws on broken input, an unknown codec and too large an output. */
export function decompress(codec: number, input: Buffer): Buffer {
  const decode = codecs[codec];
  if (decode === undefined) throw new Error(`unknown compression codec ${codec}; known are gzip, snappy, lz4 and zstd`);
  return decode(input);
}

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const xerialHeaderBytes = 16;

/** Java's snappy stream is a header and then blocks, each with its length before it; other producers send one block. */
function snappy(input: Buffer): Buffer {
  if (!input.subarray(0, xerialMagic.length).equals(xerialMagic)) return uncompress(input, maxOutputBytes);
  const blocks: Buffer[] = [];
  let bytes = 0;
  for (let at = xerialHeaderBytes; at < input.length; ) {
    const length = input.readInt32BE(at);
    const block = input.subarray(at + 4, at + 4 + length);
    if (length <= 0 || block.length !== length) throw new Error("broken snappy block");
    const plain = uncompress(block, maxOutputBytes - bytes);
    bytes += plain.length;
    blocks.push(plain);
    at += 4 + length;
  }
  return Buffer.concat(blocks, bytes);
}

const lz4Magic = 0x184d2204;
const lz4BlockBytes: Readonly<Record<number, number>> = { 4: 65_536, 5: 262_144, 6: 1_048_576, 7: 4_194_304 };

/** The frame is read here, because lz4js expects a block's checksum before the block; the blocks are lz4js's. */
function lz4(input: Buffer): Buffer {
  if (input.readUInt32LE(0) !== lz4Magic) throw new Error("not an lz4 frame");
  const flags = input.readUInt8(4);
  const blockBytes = lz4BlockBytes[(input.readUInt8(5) >> 4) & 7];
  if (flags >> 6 !== 1 || blockBytes === undefined) throw new Error("unknown version of the lz4 frame");
  const blockChecksum = (flags & 0x10) === 0 ? 0 : 4;
  const start = 7 + ((flags & 0x08) === 0 ? 0 : 8) + ((flags & 0x01) === 0 ? 0 : 4);
  const blocks: { at: number; length: number; plain: boolean }[] = [];
  for (let at = start; ; ) {
    const word = input.readUInt32LE(at);
    if (word === 0) break;
    const length = word & 0x7fffffff;
    blocks.push({ at: at + 4, length, plain: word >= 0x80000000 });
    at += 4 + length + blockChecksum;
    if (at > input.length) throw new Error("broken lz4 block");
  }
  if (blocks.length * blockBytes > maxOutputBytes) throw new Error("lz4 batch is too large");
  const output = Buffer.allocUnsafe(blocks.length * blockBytes);
  let end = 0;
  for (const { at, length, plain } of blocks) {
    if (plain) end += input.copy(output, end, at, at + length);
    else end = decompressBlock(input, output, at, length, end);
    if (end > output.length) throw new Error("broken lz4 block");
  }
  return output.subarray(0, end);
}

function zstd(input: Buffer): Buffer {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const stream = new Decompress((chunk) => {
    bytes += chunk.length;
    if (bytes > maxOutputBytes) throw new Error("zstd batch is too large");
    chunks.push(chunk);
  });
  stream.push(input, true);
  return Buffer.concat(chunks, bytes);
}
