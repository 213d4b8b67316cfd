/** The page in a real browser: what a reader sees, on a desk and on a phone, with and without scripts. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { openBrowser } from "../support/browser.ts";
import { at, fillCensus, metricRowOf } from "../support/census-rows.ts";
import { deadLetterRows, INCIDENT_ID } from "../support/incident-rows.ts";
import { startWebServer, type WebServer } from "../support/web-server.ts";

const VIEWS = [
  "/",
  "/models/census",
  "/models/census/features/RELP?at=2017-10-01T00:00:00Z",
  "/models/census/features/AGEP?at=2017-10-01T00:00:00Z",
  "/models/census/outputs/score",
  "/models/fraud",
  "/incidents",
  `/incidents/${INCIDENT_ID}`,
  "/dead-letters",
  "/models/nobody",
];

/** Names that would run, break out of an attribute, or widen the page. */
const HOSTILE = [
  "<img src=x onerror=\"document.title='run'\">",
  "\"'><script>document.title='run'</script>",
  "a".repeat(300),
  "..",
  "\u202eright to left",
];

let folder: string;
let store: Store;
let web: WebServer;
let browser: Browser | null;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-browser-"));
  store = await openStore({ embedded: folder });
  await fillCensus(store);
  const lane = store.lane("control");
  await lane.insertRows("dead_letters", deadLetterRows(Date.now()));
  const window = { window_start: at("2018-08-03T22:00:00Z"), window_end: at("2018-11-15T23:00:00Z") };
  await lane.insertRows(
    "metrics",
    HOSTILE.map((subject) =>
      metricRowOf({
        ...window,
        subject_kind: "feature",
        subject,
        metric: "total-variation",
        value: 0.4,
        threshold: 0.05,
        breached: true,
      }),
    ),
  );
  web = await startWebServer(store);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await web[Symbol.asyncDispose]();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs with a page that collects what the browser complains of: scripts or styles that the policy stopped, errors, lost files. */
async function withPage(
  options: BrowserContextOptions,
  look: (page: Page, complaints: string[]) => Promise<void>,
): Promise<void> {
  assert.ok(browser);
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().includes("404")) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("requestfailed", (request) => complaints.push(request.url()));
    await look(page, complaints);
  } finally {
    await context.close();
  }
}

const noBrowser = () => (browser === null ? "no Chromium starts on this machine" : false);

for (const [name, options] of [
  ["1440 px, light", { viewport: { width: 1440, height: 900 }, colorScheme: "light" }],
  ["1440 px, dark", { viewport: { width: 1440, height: 900 }, colorScheme: "dark" }],
  ["390 px", { viewport: { width: 390, height: 844 }, colorScheme: "light" }],
] as const) {
  test(`every view fits its screen, complains of nothing and runs nothing from a name (${name})`, async (t) => {
    if (noBrowser() !== false) return t.skip(String(noBrowser()));
    await withPage(options, async (page, complaints) => {
      for (const view of VIEWS) {
        await page.goto(web.url + view);
        const [wide, room] = await page.evaluate(
          () => [document.documentElement.scrollWidth, document.documentElement.clientWidth] as const,
        );
        assert.ok(wide <= room, `${view} is ${wide} px wide on a screen of ${room}`);
        assert.notEqual(await page.title(), "run", view);
        assert.deepEqual(complaints, [], view);
      }
    });
  });
}

test("every view is complete without scripts", async (t) => {
  if (noBrowser() !== false) return t.skip(String(noBrowser()));
  await withPage({ javaScriptEnabled: false }, async (page) => {
    await page.goto(`${web.url}/`);
    await page.getByRole("link", { name: /^RELP, 24 Sep 2017/ }).click();
    assert.match(await page.locator("p.lead").innerText(), /24\.4\s% of events/);
    await page.getByRole("link", { name: /^3/ }).first().click();
    assert.match(page.url(), /at=2016-07-30/);
    assert.equal(await page.getByRole("button", { name: "Theme" }).count(), 0);
  });
});

test("what a screen reader needs is there: one heading, landmarks, scopes, names for pictures and links", async (t) => {
  if (noBrowser() !== false) return t.skip(String(noBrowser()));
  await withPage({}, async (page) => {
    for (const view of VIEWS) {
      await page.goto(web.url + view);
      const wrong = await page.evaluate(() => {
        const faults: string[] = [];
        if (document.querySelectorAll("h1").length !== 1) faults.push("h1");
        if (document.querySelectorAll("main").length !== 1 || document.querySelector("html")?.lang !== "en")
          faults.push("main or lang");
        for (const cell of document.querySelectorAll("th"))
          if (!cell.hasAttribute("scope")) faults.push(`th ${cell.textContent}`);
        for (const picture of document.querySelectorAll("svg[role=img]"))
          if (!picture.getAttribute("aria-label")) faults.push("svg without a name");
        for (const link of document.querySelectorAll("a"))
          if (!link.textContent?.trim() && !link.getAttribute("aria-label")) faults.push(`link ${link.href}`);
        for (const id of document.querySelectorAll("[aria-describedby]"))
          if (!document.getElementById(id.getAttribute("aria-describedby") ?? "")) faults.push("aria-describedby");
        const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
        if (new Set(ids).size !== ids.length) faults.push("an id twice");
        for (const link of document.querySelectorAll('a[href^="#"]'))
          if (!document.getElementById(link.getAttribute("href")?.slice(1) ?? ""))
            faults.push(`nowhere: ${link.getAttribute("href")}`);
        return faults;
      });
      assert.deepEqual(wrong, [], view);
    }
  });
});

test("text stands out from its ground by 4.5 to 1 in both themes", async (t) => {
  if (noBrowser() !== false) return t.skip(String(noBrowser()));
  for (const colorScheme of ["light", "dark"] as const) {
    await withPage({ colorScheme, viewport: { width: 1440, height: 900 } }, async (page) => {
      for (const view of VIEWS.slice(0, 3)) {
        await page.goto(web.url + view);
        assert.deepEqual(await page.evaluate(lowContrast), [], `${view} ${colorScheme}`);
      }
    });
  }
});

/** Runs in the browser: words of HTML text whose contrast is too low. */
function lowContrast(): string[] {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (canvas === null) return ["no canvas"];
  const rgba = (color: string): number[] => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (color: string): number =>
    rgba(color)
      .slice(0, 3)
      .map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4))
      .reduce((sum, value, index) => sum + value * ([0.2126, 0.7152, 0.0722][index] ?? 0), 0);
  const ground = (element: Element | null): string => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((rgba(color)[3] ?? 0) > 250) return color;
    }
    return getComputedStyle(document.documentElement).colorScheme.startsWith("dark") ? "black" : "white";
  };
  const faults = new Set<string>();
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = words.nextNode(); node !== null; node = words.nextNode()) {
    const element = node.parentElement;
    if (
      element === null ||
      element.closest("svg, .visually-hidden, .skip, [hidden]") !== null ||
      !node.textContent?.trim()
    )
      continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faults.add(`${node.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return [...faults];
}

test("the theme button changes the theme and remembers it", async (t) => {
  if (noBrowser() !== false) return t.skip(String(noBrowser()));
  await withPage({ colorScheme: "light" }, async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.goto(`${web.url}/`);
    const before = await ground();
    await page.getByRole("button", { name: "Theme" }).click();
    const dark = await ground();
    assert.notEqual(dark, before);
    await page.goto(`${web.url}/incidents`);
    assert.equal(await ground(), dark);
  });
});
