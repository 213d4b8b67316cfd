/** The frame of every view: head, bar, and nothing that needs a script. */
import type { ComponentChildren } from "preact";
import { renderToString } from "preact-render-to-string";
import { moment } from "./format.ts";

export interface Frame {
  /** What goes before "· Driftline" in the title. */
  readonly title: string;
  readonly current: "overview" | "incidents" | "dead-letters" | null;
  /** null where the store can't be asked. */
  readonly openIncidents: number | null;
  /** Newest event time, null before the first event or where the store can't be asked. */
  readonly newestEvent: number | null;
}

/** A whole document. Text is escaped by the renderer; there is no way around it here. */
export function renderPage(frame: Frame, children: ComponentChildren): string {
  return `<!doctype html>\n${renderToString(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{frame.title} · Driftline</title>
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/assets/style.css" />
        <script src="/assets/theme.js" defer />
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <Bar frame={frame} />
        <main id="main">{children}</main>
      </body>
    </html>,
  )}\n`;
}

/** A document that stands alone: no script, no other file. Links lead to the service at `url`. */
export function renderDocument(title: string, style: string, url: string, children: ComponentChildren): string {
  const document = renderToString(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        {/* Ours, and no markup can be in it. */}
        <style dangerouslySetInnerHTML={{ __html: style }} />
      </head>
      <body>
        <main id="main">{children}</main>
      </body>
    </html>,
  );
  // Quotes in texts are escaped, so this is an attribute's beginning and nothing else.
  return `<!doctype html>\n${document.replaceAll('href="/', `href="${encodeURI(url)}/`)}\n`;
}

function Bar({ frame }: { readonly frame: Frame }) {
  const { current, openIncidents, newestEvent } = frame;
  return (
    <header class="bar">
      <a class="brand" href="/">
        <svg viewBox="0 0 20 16" aria-hidden="true">
          <path
            d="M1 13c3 0 3.2-9 6-9s3 9 6 9"
            fill="none"
            stroke="currentColor"
            stroke-opacity=".38"
            stroke-width="2"
          />
          <path d="M6 13c3 0 3.2-11 6.4-11S16 13 19 13" fill="none" stroke="currentColor" stroke-width="2" />
        </svg>
        Driftline
      </a>
      <nav aria-label="Main">
        <a href="/" aria-current={current === "overview" ? "page" : undefined}>
          Overview
        </a>
        <a href="/incidents" aria-current={current === "incidents" ? "page" : undefined}>
          Incidents
          {openIncidents !== null && openIncidents > 0 && (
            <span class="count" aria-label={`${openIncidents} open`}>
              {openIncidents}
            </span>
          )}
        </a>
        <a class="wide" href="/dead-letters" aria-current={current === "dead-letters" ? "page" : undefined}>
          Dead letters
        </a>
      </nav>
      <div class="right">
        {newestEvent !== null && <span class="wide">newest event {moment(newestEvent)} UTC</span>}
        <button class="theme" type="button" hidden>
          Theme
        </button>
      </div>
    </header>
  );
}
