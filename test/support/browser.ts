/** A real browser for page tests: the Chromium that comes as a package, or the machine's own. */
import { execFileSync } from "node:child_process";
import { type Browser, chromium as playwright } from "playwright-core";

/** null where no Chromium starts on this machine. */
export async function openBrowser(): Promise<Browser | null> {
  for (const choice of [packagedBrowser, machineBrowser]) {
    const options = await choice();
    if (options === null) continue;
    try {
      return await playwright.launch({ ...options, headless: true });
    } catch {
      // The next choice may start; the caller skips aloud when none does.
    }
  }
  return null;
}

interface LaunchOptions {
  readonly executablePath: string;
  readonly args: string[];
}

async function packagedBrowser(): Promise<LaunchOptions | null> {
  try {
    const { default: packaged } = await import("@sparticuz/chromium");
    // Not its own arguments: they are for one page in one process, and switch the browser's own checks off.
    return { executablePath: await packaged.executablePath(), args: ["--no-sandbox", "--disable-gpu"] };
  } catch {
    return null;
  }
}

async function machineBrowser(): Promise<LaunchOptions | null> {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      const executablePath = execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
      return { executablePath, args: ["--no-sandbox"] };
    } catch {
      // Not on this machine under this name.
    }
  }
  return null;
}
