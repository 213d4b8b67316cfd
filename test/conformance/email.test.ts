/** What an e-mail is: both parts, pictures inside, one conversation per incident, and legible in a real browser, light and dark, wide and narrow. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { simpleParser } from "mailparser";
import type { Notification } from "../../src/core/delivery.ts";
import { createDrawPng } from "../../src/core/picture/png.ts";
import { email } from "../../src/notify/channels/email.ts";
import { openBrowser } from "../support/browser.ts";
import { exampleFall } from "../support/notification.ts";
import { startSmtpReceiver } from "../support/smtp-receiver.ts";

const draw = createDrawPng(assert.fail);

async function mailOf(notification: Notification, { thread, drawn = true }: { thread?: string; drawn?: boolean } = {}) {
  await using server = await startSmtpReceiver();
  const options = { host: "127.0.0.1", port: server.port, tls: "never", from: "d@example.com", to: ["a@example.com"] };
  const answer = await email.open(options, drawn ? { draw } : {})(notification, AbortSignal.timeout(20_000), thread);
  assert.ok(answer.status === "delivered", JSON.stringify(answer));
  const raw = server.raw[0] ?? Buffer.alloc(0);
  return { answer, mail: await simpleParser(raw, { skipImageLinks: true }), shown: server.mails[0]?.html ?? "" };
}

test("both parts say what moved, since when, how sure, how much it matters, which values changed, and where to look", async () => {
  const { mail } = await mailOf(exampleFall());
  // Numbers keep to their units.
  for (const part of [mail.text ?? "", String(mail.html).replaceAll("\u00a0", " ")])
    for (const words of [
      "estimated_f1",
      "2017-12-01 00:00 UTC",
      "How sure",
      "0.833 to 0.766",
      "9.1 %",
      "https://driftline.example/incidents/1",
    ])
      assert.ok(part.includes(words), words);
});

test("each picture lies in the mail on light and on dark paper, is referred to, and has words for those who can't see it", async () => {
  const { mail } = await mailOf(exampleFall());
  const html = String(mail.html);
  assert.equal(mail.attachments.length, 4);
  for (const { cid, contentType, contentDisposition, content } of mail.attachments) {
    assert.deepEqual([contentType, contentDisposition], ["image/png", "inline"]);
    assert.ok(html.includes(`src="cid:${cid ?? "none"}"`));
    assert.equal(content.subarray(1, 4).toString("latin1"), "PNG");
  }
  assert.equal(html.match(/<img\b[^>]* alt="[^"]{10,}"/g)?.length, 4);
  assert.doesNotMatch(html, /https?:\/\/(?!driftline\.example)/, "nothing is fetched from elsewhere");
});

test("without pictures the mail is whole", async () => {
  const { mail } = await mailOf(exampleFall(), { drawn: false });
  assert.equal(mail.attachments.length, 0);
  assert.doesNotMatch(String(mail.html), /<img|cid:/);
});

test("later mails of an incident answer the first", async () => {
  const first = await mailOf(exampleFall());
  assert.equal(first.answer.thread, first.mail.messageId);
  assert.equal(first.mail.inReplyTo, undefined);
  const later = exampleFall({ transition: "resolved", idempotencyKey: "second" });
  const { answer, mail } = await mailOf(later, { thread: first.mail.messageId ?? "" });
  assert.deepEqual(
    [mail.inReplyTo, mail.references, answer.thread],
    [first.mail.messageId, first.mail.messageId, first.mail.messageId],
  );
  assert.notEqual(mail.messageId, first.mail.messageId);
});

test("in a browser: no sideways scrolling, pictures as wide as the text, the dark ones in the dark, and enough contrast", async (context) => {
  const browser = await openBrowser();
  if (browser === null) return context.skip("no Chromium starts on this machine");
  try {
    const { shown } = await mailOf(exampleFall());
    for (const colorScheme of ["light", "dark"] as const)
      for (const width of [680, 360]) {
        const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
        await page.setContent(shown);
        const seen = await page.evaluate(readPage);
        assert.ok(seen.scrollWidth <= width, `${colorScheme} ${width}: ${seen.scrollWidth} wide`);
        assert.deepEqual(
          seen.pictures.map(({ dark }) => dark),
          [colorScheme === "dark", colorScheme === "dark"],
        );
        assert.ok(seen.pictures.every((picture) => picture.loaded && picture.width > Math.min(560, width - 48)));
        assert.ok(
          seen.leastContrast >= 4.5,
          `${colorScheme}: a contrast of ${seen.leastContrast} in "${seen.faintest}"`,
        );
        await page.close();
      }
  } finally {
    await browser.close();
  }
});

/** Runs in the page. The least contrast of a text against what lies behind it, as WCAG counts it. */
function readPage() {
  const numbers = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const light = (colour: string) => {
    const [r = 0, g = 0, b = 0] = numbers(colour).map((value) => {
      const part = value / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (from: Element): string => {
    for (let element: Element | null = from; element !== null; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  let leastContrast = 21;
  let faintest = "";
  for (const element of document.querySelectorAll("h1, span, p, li, th, td, a, b")) {
    const words = [...element.childNodes]
      .filter((node) => node.nodeType === 3)
      .map((node) => node.textContent?.trim() ?? "");
    if (words.join("") === "" || element.getClientRects().length === 0) continue;
    const [front, back] = [light(getComputedStyle(element).color), light(behind(element))];
    const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (contrast < leastContrast) [leastContrast, faintest] = [contrast, words.join(" ")];
  }
  const pictures = [...document.querySelectorAll("img")]
    .filter((image) => image.getClientRects().length > 0)
    .map((image) => ({
      loaded: image.complete && image.naturalWidth > 0,
      width: image.getBoundingClientRect().width,
      dark: image.closest(".dark") !== null,
    }));
  return { scrollWidth: document.documentElement.scrollWidth, leastContrast, faintest, pictures };
}
