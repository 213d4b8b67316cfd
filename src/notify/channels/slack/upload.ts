/** Puts a picture into the thread of a message. The message has been sent by then, so nothing here makes it fail. */
import type { WebClient } from "@slack/web-api";

/** The file's title and content. */
export interface Upload {
  readonly name: string;
  readonly title: string;
  readonly png: Buffer;
}

/**
 * @returns whether it is there
 * @throws what Slack's client throws, where the app may not upload (`files:write`) or Slack can't be reached
 */
export async function uploadToThread(
  client: WebClient,
  { name, title, png }: Upload,
  place: { readonly channel: string; readonly ts: string },
  signal: AbortSignal,
): Promise<boolean> {
  const { upload_url: address, file_id: id } = await client.files.getUploadURLExternal({
    filename: name,
    length: png.length,
    alt_text: title,
  });
  if (address === undefined || id === undefined) return false;
  const answer = await fetch(address, {
    method: "POST",
    body: new Uint8Array(png),
    headers: { "content-type": "application/octet-stream" },
    redirect: "manual",
    signal,
  });
  await answer.body?.cancel();
  if (!answer.ok) return false;
  await client.files.completeUploadExternal({
    files: [{ id, title }],
    channel_id: place.channel,
    thread_ts: place.ts,
  });
  return true;
}
